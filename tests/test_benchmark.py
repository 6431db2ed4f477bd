"""The benchmark's parts against cases counted by hand, and a whole run on a few pictures."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmark_set import write_benchmark_set
from captcha_ocr.benchmarking import machine, sections, speed
from captcha_ocr.benchmarking.columns import COLUMNS, column_of, set_digest
from captcha_ocr.benchmarking.distortions import DISTORTIONS, Distortion
from captcha_ocr.benchmarking.folding import folded, strict
from captcha_ocr.benchmarking.overlap import find_equal
from captcha_ocr.benchmarking.pages import replace_block, table, update_page
from captcha_ocr.benchmarking.peers import (
    PEERS,
    Peer,
    PeerFailedError,
    PeerMissingError,
    PeerRun,
    as_png,
    run_peer,
)
from captcha_ocr.benchmarking.quality import measure_quality
from captcha_ocr.benchmarking.robustness import balanced_indices, distort, measure_robustness
from captcha_ocr.benchmarking.run import QUICK, Run
from captcha_ocr.benchmarking.sections import compare_models, compare_peers, compared
from captcha_ocr.benchmarking.tables import group_tables, latencies, measured, reading, throughput
from captcha_ocr.benchmarking.wording import LANGUAGES, words
from captcha_ocr.config import ConfigError
from captcha_ocr.datasets.stores import Store, Subset, open_store
from captcha_ocr.datasets.styles import STYLES
from captcha_ocr.imaging import open_image
from captcha_ocr.merging.engines import SerialEngine
from captcha_ocr.predictor import load_predictors
from drawing import draw_barcode

import benchmark

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_benchmark_set(tmp_path_factory.mktemp("set") / "benchmark")


# What counts as the same text


@pytest.mark.parametrize(
    ("text", "label", "arithmetic", "same"),
    [
        ("aB c\n", "Abc", False, True),  # case and white space
        ("ＡＢ１２", "ab12", False, True),  # full width
        ("3x4", "3*4", False, False),  # letters stay letters outside sums
        ("3x4", "3*4=?", True, True),
        ("3 × 4 =", "3x4=?", True, True),
        ("3X4＝？", "3*4=?", True, True),
        ("8÷2=?", "8/2=?", True, True),
        ("8−2", "8-2=?", True, True),
        ("3x4=7", "3x4=?", True, True),  # ? read as 7: what follows = is always the same
        ("3x4?", "3x4=?", True, True),
        ("3x47", "3x4=?", True, False),  # another sum
        ("a=b", "a", False, False),
        ("3+4", "3x4=?", True, False),
        ("34=?", "3x4=?", True, False),
        ("", "3x4=?", True, False),
        ("己", "已", False, False),  # like, and yet another character
    ],
)
def test_folding(text: str, label: str, arithmetic: bool, same: bool) -> None:
    assert (folded(text, arithmetic=arithmetic) == folded(label, arithmetic=arithmetic)) is same


def test_strict_ignores_white_space_alone() -> None:
    assert strict(" a B\n") == "aB" == strict("aB")
    assert strict("ab") != strict("aB")
    assert strict("Ａ") != strict("A")
    assert strict("e\u0301") == strict("é")  # one character, written two ways


# Parts and columns


def test_every_kind_is_in_one_column() -> None:
    for style in STYLES.values():
        for kind in style.kinds:
            holders = [c.key for c in COLUMNS.values() if c.style == style.key and kind in c.kinds]
            assert holders == [column_of({"style": style.key, "kind": kind})]


def test_pictures_of_other_sets_are_refused(sample_set: Path, tiny_weights: Path) -> None:
    predictor = load_predictors(folder=tiny_weights)["vanilla_crnn"]
    with pytest.raises(ValueError, match=r"this is no benchmark set; scripts/make_benchmark\.py"):
        measure_quality(predictor, open_store(sample_set))


def test_columns_take_turns(root: Path) -> None:
    store = open_store(root)
    chosen = balanced_indices(store, 2, part="test")
    keys = [column_of(store.records[i]) for i in chosen]
    assert keys == [*COLUMNS, *COLUMNS]
    hard = balanced_indices(store, 1, part="difficulty", level=1.0)
    assert {store.records[i]["difficulty"] for i in hard} == {1.0}


def test_digest_changes_with_a_label(root: Path, tmp_path: Path) -> None:
    copy = write_benchmark_set(tmp_path / "copy")
    assert set_digest(copy) == set_digest(root)
    labels = copy / "labels.txt"
    labels.write_text(labels.read_text(encoding="utf-8").replace("Ab12", "Ab13"), encoding="utf-8")
    assert set_digest(copy) != set_digest(root)


# Figures


def test_quality_counts_by_hand(root: Path, tiny_weights: Path) -> None:
    """The tiny model reads every bar; one picture is replaced by another text of other case."""
    store = open_store(root)
    replace_picture(store, "Ab12", "ab12")
    parts = measure_quality(load_predictors(folder=tiny_weights)["vanilla_crnn"], store)
    assert list(parts) == ["test", "heldout", "unrelated", "sizes"]
    text = parts["test"]["columns"]["easy-text"]
    assert (text["n"], text["exact_match"], text["exact_match_folded"]) == (2, 0.5, 1.0)
    assert text["cer"] == 1 / 8
    assert text["calibration_error"] == pytest.approx(0.5, abs=0.01)  # sure, and of the wrong case
    assert text["unambiguous"]["n"] == 1  # the other one holds an A, which its font draws twice
    assert parts["test"]["all"]["n"] == 10
    assert parts["test"]["all"]["exact_match"] == 0.9
    assert parts["heldout"]["all"]["exact_match"] == 1.0
    assert parts["unrelated"]["all"]["n"] == 5  # the other five hold a letter of Arimo
    assert parts["test"]["groups"]["length"]["5"]["n"] == 4


def replace_picture(store: Store, label: str, text: str) -> None:
    """The first picture of a label shows another text from now on."""
    changed = store.labels.index(next(x for x in store.labels if x.text == label))
    read, picture = store.read, _png(text)
    store.read = lambda index: picture if index == changed else read(index)  # type: ignore[method-assign]


def _png(text: str) -> bytes:
    out = io.BytesIO()
    draw_barcode(text).save(out, format="PNG")
    return out.getvalue()


@pytest.mark.parametrize("key", DISTORTIONS)
def test_distortions(key: str) -> None:
    """The first level changes nothing; a later one does, always in the same way."""
    distortion, picture = DISTORTIONS[key], draw_barcode("A1b2")

    def at(level: float) -> np.ndarray:
        return np.asarray(open_image(distortion.apply(picture, level, np.random.default_rng(3))))

    pixels = np.asarray(picture)
    np.testing.assert_array_equal(at(distortion.levels[0]), pixels)
    np.testing.assert_array_equal(at(distortion.levels[2]), at(distortion.levels[2]))
    strong = at(distortion.levels[-1])
    assert strong.shape != pixels.shape or (strong != pixels).any()


def test_noise_has_its_deviation() -> None:
    grey = open_image(np.full((200, 200, 3), 128, np.uint8))
    noisy = DISTORTIONS["noise"].apply(grey, 20, np.random.default_rng(0))
    assert abs(np.asarray(open_image(noisy)).std() - 20) < 0.5


def test_rotation_keeps_the_corners() -> None:
    picture = open_image(np.full((40, 120, 3), 255, np.uint8))
    turned = open_image(DISTORTIONS["rotation"].apply(picture, 10, np.random.default_rng(0)))
    assert turned.width > 120 and turned.height > 40
    assert (np.asarray(turned) == 255).all()  # filled with the picture's own background


def test_robustness_of_the_tiny_model(root: Path, tiny_weights: Path) -> None:
    """It reads grey levels: bars survive the first step of each curve, strong noise they do not."""
    store = open_store(root)
    replace_picture(store, "Ab12", "ab12")  # case does not count
    curves = measure_robustness(load_predictors(folder=tiny_weights), store, 2)
    found = curves["vanilla_crnn"]
    assert list(found) == [*DISTORTIONS, "difficulty"]
    assert all(curve["all"][0] == 1.0 and curve["n"][0] == 10 for curve in found.values())
    assert found["noise"]["all"][-1] < 0.5
    assert found["difficulty"]["levels"] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert set(found["noise"]["columns"]) == set(COLUMNS)


def test_a_picture_meets_the_same_chance_at_every_level(root: Path) -> None:
    """So a curve compares like with like; other pictures and curves have a chance of their own."""
    store = Subset(open_store(root), [0, 1])

    def drawn(key: str, level: float) -> list[bytes]:
        die = Distortion(key, (0, 1), lambda image, level, rng: rng.bytes(8))
        return distort(store, die, level).pictures

    assert drawn("noise", 0) == drawn("noise", 1)
    assert len({*drawn("noise", 0), *drawn("rotation", 0)}) == 4


def test_quantiles_and_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    assert speed._quantiles([1.0, 2.0, 3.0, 4.0, 105.0]) == {"p50": 3.0, "p95": pytest.approx(84.8)}
    clock = iter(np.arange(0, 100, 0.5))  # each look at the clock is half a second later
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    work: list[list[int]] = []
    rate = speed._rate([[1, 2], [3, 4]], work.append, seconds=1.25)
    assert len(work) == 2 + 2 * 2  # a round that is not counted, then two
    assert rate == 8 / 1.5


def test_batches_are_full_and_of_one_width(tiny_weights: Path) -> None:
    predictor = load_predictors(folder=tiny_weights)["vanilla_crnn"]
    texts = ["1", "2", "12", "3", "21", "34", "43", "45", "54"]  # three and six of a width
    pictures = {_png(text): text for text in texts}
    batches = speed._batches(predictor, list(pictures), 4)
    found = [[pictures[data] for data in batch] for batch in batches]
    assert found == [["1", "2", "3", "1"], ["12", "21", "34", "43"]]


def test_memory_is_counted() -> None:
    before = speed.peak_memory_mb()
    if before is None:
        pytest.skip("this system does not say how much memory a process had")
    block = np.ones(30_000_000, np.uint8)
    after = speed.peak_memory_mb()
    assert after is not None and after >= before and after > block.nbytes / 1e6


def test_the_load_is_that_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Own work does not count, that of others does, by the second."""
    others = iter([100.0, 101.5])
    monkeypatch.setattr(machine, "_seconds_of_others", lambda: next(others))
    clock = iter([7.0, 9.0])
    monkeypatch.setattr(machine.time, "perf_counter", lambda: next(clock))
    assert machine.OtherLoad().cores() == 0.8  # 1.5 seconds of processor time in 2 seconds
    monkeypatch.undo()
    if Path("/proc/stat").is_file():
        started = machine._seconds_of_others()
        assert started is not None and started > 0


def test_a_device_that_is_not_there_has_no_figures(
    tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if speed.GPU in speed.devices().values():
        pytest.skip("this onnxruntime has a GPU provider")
    weights = tiny_weights / "vanilla_crnn.onnx"
    assert speed.latency_on(speed.GPU, weights, [_png("A1")]) is None
    assert "not measured on CUDAExecutionProvider" in capsys.readouterr().err
    figures = speed.latency_on(speed.CPU, weights, [_png("A1"), _png("B2")])
    assert figures is not None and figures["n"] == 2
    assert 0 < figures["model_ms"]["p50"] <= figures["model_ms"]["p95"]


def test_a_gpu_has_columns_only_where_it_was_there() -> None:
    size = {"a": {"params": 2_000_000, "macs": 171_000_000, "megabytes": 6.0}}
    quantiles = {"model_ms": {"p50": 1.0, "p95": 2.0}, "end_to_end_ms": {"p50": 3.0, "p95": 4.0}}
    say = words("en")
    cpu = latencies(size, {"a": {"latency": {"cpu": quantiles}, "load": 0.1}}, say)
    assert "| `a` | 2.00 M | 171 M | 6.0 | 1.0 / 2.0 | 3.0 / 4.0 | 0.1 |" in cpu
    assert "GPU" not in cpu
    assert "GPU" in latencies(size, {"a": {"latency": {"cpu": quantiles, "gpu": quantiles}}}, say)


PERFECT = {
    "n": 2000,
    "exact_match": 0.9,
    "exact_match_interval": (0.88, 0.92),
    "exact_match_folded": 0.95,
    "exact_match_folded_interval": (0.94, 0.96),
    "cer": 0.0123,
    "unambiguous": {"n": 1500, "exact_match": 0.97},
    "calibration_error": 0.0042,
    "accuracy_at_90_coverage": 0.999,
}


def test_every_figure_stands_in_its_column() -> None:
    """Columns, all of the test part, then the other parts; groups by name, numbers in order."""
    unclear = {**PERFECT, "unambiguous": None}
    sizes = {"160x60": PERFECT, "90x30": PERFECT}
    test = {"all": PERFECT, "columns": {"ruoyi": unclear}, "groups": {"size": sizes}}
    unseen = {"all": PERFECT, "groups": {"size": {"100x40": PERFECT}}}
    fewer = {"test": {**test, "groups": {"size": {"90x30": PERFECT}}}}
    say = words("en")
    lines = reading({"a": {"parts": {"test": test, "sizes": unseen}}}, say).splitlines()[2:]
    figures = "2,000 | 95.00 | 94.00 – 96.00 | 90.00 | 97.00 (1,500) | 1.23 | 0.42 | 99.90 |"
    assert lines == [
        "| `a` | RuoYi | " + figures.replace("97.00 (1,500)", "–"),
        "| `a` | all of them | " + figures,
        "| `a` | unseen sizes | " + figures,
    ]
    quality = {"a": {"parts": {"test": test, "sizes": unseen}}, "b": {"parts": fewer}}
    (groups,) = group_tables(quality, say)
    assert groups.splitlines()[2:] == [
        "| 90x30 | 2,000 | 95.0 (90.0) | 95.0 (90.0) |",
        "| 100x40 | 2,000 | 95.0 (90.0) | – |",
        "| 160x60 | 2,000 | 95.0 (90.0) | – |",
    ]
    at = {"end_to_end": 1234.5, "model": 99.0, "peak_mb": 250.4}
    rates = throughput({"a": {"throughput": {"8": at, "32": {**at, "peak_mb": None}}}}, say)
    assert rates.splitlines()[2:] == [
        "| `a` | 8 | 1,234 | 99 | 250 |",
        "| `a` | 32 | 1,234 | 99 | – |",
    ]


def test_what_was_measured_together_is_said_once() -> None:
    at = {"date": "2026-01-31", "machine": "M", "command": "c"}
    there = {**at, "pictures": {"name": "set", "n": 1234}}
    section = {"a": {"measured": there}, "b": {"measured": there}, "c": {"measured": at}}
    assert measured(section, words("en")) == (
        "Measured 2026-01-31 on M with `c`; the set is `set`, of 1,234 pictures. "
        "Measured 2026-01-31 on M with `c`."
    )


def test_equal_pictures_are_found(tmp_path: Path) -> None:
    for name, text in (("a", "A1"), ("b", "B2"), ("again", "A1"), ("other", "A1"), ("c", "12")):
        draw_barcode(text).save(tmp_path / f"{name}.png")
    paths = {path.stem: path for path in tmp_path.iterdir()}
    own = [paths["a"], paths["b"], paths["again"], paths["c"]]
    assert find_equal(own, [], SerialEngine()) == {paths["again"]: paths["a"]}
    equal = find_equal(own, [paths["other"]], SerialEngine())
    assert set(equal) == {paths["a"], paths["again"]}


# Documents


def test_a_block_is_replaced_and_nothing_else() -> None:
    page = "head\n<!-- x:begin -->\nold\n<!-- x:end -->\ntail\n"
    new = replace_block(page, "x", "| new |")
    assert new == "head\n<!-- x:begin -->\n| new |\n<!-- x:end -->\ntail\n"
    assert replace_block(new, "x", "| new |") == new
    for broken in ("", "<!-- x:end --><!-- x:begin -->", page + page):
        with pytest.raises(ValueError, match="each once and in this order"):
            replace_block(broken, "x", "")


def test_a_page_without_markers_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("no markers", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"README\.md: it needs <!-- benchmark:begin -->"):
        update_page(page, {"benchmark": "text"})
    assert page.read_text(encoding="utf-8") == "no markers"


def test_a_table_escapes_bars() -> None:
    assert table(["a", "b"], [["x|y", "1"]]) == "| a | b |\n| --- | --: |\n| x\\|y | 1 |"


def test_both_languages_have_all_words() -> None:
    texts = [words(language) for language in LANGUAGES]
    assert all(text for found in texts for text in found.values())
    fields = [{key: text.count("{") for key, text in found.items()} for found in texts]
    assert fields[0] == fields[1]


# Peers


def test_a_missing_peer_is_named_and_has_no_figure(root: Path, tmp_path: Path) -> None:
    store = open_store(root)
    worker = tmp_path / "worker.py"
    worker.write_text("raise SystemExit(3)", encoding="utf-8")
    with as_png(store) as paths:
        with pytest.raises(PeerMissingError, match="make bench-peers"):
            run_peer(PEERS["ddddocr"], tmp_path / "python", worker, store, paths, 1)
        with pytest.raises(PeerMissingError, match="not installed for"):
            run_peer(PEERS["ddddocr"], Path(sys.executable), worker, store, paths, 1)
        worker.write_text("raise SystemExit('it broke')", encoding="utf-8")
        with pytest.raises(PeerFailedError, match="it broke"):
            run_peer(PEERS["ddddocr"], Path(sys.executable), worker, store, paths, 1)


def run_worker(code: str, store: Store, folder: Path, timed: int) -> PeerRun:
    """What a stand-in for the worker reads."""
    worker = folder / "worker.py"
    worker.write_text(code, encoding="utf-8")
    with as_png(store) as paths:
        return run_peer(PEERS["rapidocr"], Path(sys.executable), worker, store, paths, timed)


def test_a_peer_reads_the_whole_set(root: Path, tmp_path: Path) -> None:
    """The worker's contract, with a reader that knows one answer."""
    store = open_store(root)
    code = (
        "import json, pathlib, sys\n"
        "print(json.dumps({'name': sys.argv[1], 'version': '1', 'megabytes': 2.5}))\n"
        "for number, line in enumerate(sys.stdin):\n"
        "    path = pathlib.Path(line.strip())\n"
        "    assert path.read_bytes().startswith(b'\\x89PNG')\n"
        "    print(json.dumps({'file': path.name, 'text': 'Ab12', 'ms': number + 1}))\n"
    )
    found = run_worker(code, store, tmp_path, timed=3)
    assert set(found.texts) == {label.file for label in store.labels}
    assert (found.latency_ms, found.megabytes) == (2, 2.5)


def test_a_peer_gets_every_picture_wherever_it_lies(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real worker, on a system that is not UTF-8, with a package of another name."""
    folder = tmp_path / "验证码"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    package = (
        "import importlib.metadata\n"
        "importlib.metadata.version = lambda name: '1'\n"
        "class DdddOcr:\n"
        "    def __init__(self, **options): ...\n"
        "    def classification(self, data): return '中\\u2028' + str(len(data))\n"
    )
    (tmp_path / "ddddocr.py").write_text(package, encoding="utf-8")
    (tmp_path / "common_old.onnx").write_bytes(b"")
    store = open_store(root)
    store.labels = [
        dataclasses.replace(label, file=f"{i}/same.{'gif' if i % 2 else 'png'}")
        for i, label in enumerate(store.labels)
    ]
    worker = REPOSITORY / "scripts" / "peer_worker.py"
    with as_png(store) as paths:
        found = run_peer(PEERS["ddddocr"], Path(sys.executable), worker, store, paths, 3)
        sizes = [path.stat().st_size for path in paths]
    expected = [f"中\u2028{size}" for size in sizes]
    assert found.texts == {label.file: text for label, text in zip(store.labels, expected)}
    assert found.latency_ms is not None and found.latency_ms > 0


def test_calls_that_were_not_timed_have_no_latency(root: Path, tmp_path: Path) -> None:
    """Tesseract's first calls are not; a set of few pictures has no others."""
    store = Subset(open_store(root), [0])
    code = (
        "import json\n"
        "print(json.dumps({'version': '1', 'megabytes': 2.5}))\n"
        "print(json.dumps({'file': '0.png', 'text': '', 'ms': None}))\n"
    )
    assert run_worker(code, store, tmp_path, timed=1).latency_ms is None


# A whole run


def test_a_quick_run_writes_everything(
    root: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    common = ["--weights", str(tiny_weights), "--shipped", str(root), "--out", str(out), "--quick"]
    common += ["--peers-python", str(tmp_path / "none")]
    assert benchmark.main(common) == 0
    printed = capsys.readouterr().out
    assert "left out: ddddocr: there is no" in printed
    results = json.loads((out / "benchmark" / "results.json").read_text(encoding="utf-8"))
    assert set(results["sections"]) == {"size", "quality", "robustness", "speed"}
    entry = results["sections"]["quality"]["vanilla_crnn"]
    assert entry["parts"]["test"]["all"]["exact_match"] == 1.0
    assert entry["measured"]["pictures"]["name"] == "benchmark"
    rows = json.loads((out / "benchmark" / "leaderboard.json").read_text(encoding="utf-8"))["rows"]
    mine = next(row for row in rows if row["name"] == "vanilla_crnn")
    assert mine["latency_ms"] > 0
    assert mine["figures"]["heldout"] == {"n": 10, "strict": 1.0, "folded": 1.0}
    for page in ("README.md", "README.zh-CN.md", "docs/benchmark.md", "docs/benchmark.zh-CN.md"):
        text = (out / page).read_text(encoding="utf-8")
        assert re.search(r"`vanilla_crnn`[^|]* \| 100\.0 \(100\.0\)", text), page
    assert (out / "assets" / "benchmark-robustness.png").stat().st_size > 10_000

    before = (out / "docs" / "benchmark.md").read_text(encoding="utf-8")
    assert benchmark.main([*common, "--only"]) == 0  # from the JSON alone
    assert (out / "docs" / "benchmark.md").read_text(encoding="utf-8") == before


def test_quick_figures_stay_out_of_the_repository(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    for arguments in (["--quick"], ["--quick", "--out", "."]):
        assert benchmark.main([*arguments, "--only"]) == 2
        assert "--out" in capsys.readouterr().err


def run_on(root: Path, weights: Path, out: Path) -> Run:
    nobody = out / "none"
    return Run(weights, ["all"], root, root, out, "benchmark", nobody, nobody, QUICK)


def test_a_set_without_test_pictures_is_refused(
    root: Path, sample_set: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="this is no benchmark set"):
        run_on(sample_set, tiny_weights, tmp_path).open(sample_set)
    copy = shutil.copytree(root, tmp_path / "set")
    manifest = copy / "manifest.jsonl"
    records = manifest.read_text(encoding="utf-8").replace('"test"', '"sizes"')
    manifest.write_text(records, encoding="utf-8")
    with pytest.raises(ConfigError, match="has no picture of the part 'test'"):
        run_on(copy, tiny_weights, tmp_path).open(copy)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 1, "sections": 5}'])
def test_a_broken_record_is_named(
    text: str, root: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "results.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"results\.json is no record of a benchmark"):
        run_on(root, tiny_weights, tmp_path)


def test_a_row_holds_figures_of_one_machine(
    root: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_on(root, tiny_weights, tmp_path)
    about = run.about(run.open(root), root)
    timed = {"load": 0.1, "latency": {"cpu": {"end_to_end_ms": {"p50": 4.5}}}}
    for machine_, expected in ((about["machine"], 4.5), ("another", None)):
        run.put("speed", {**about, "machine": machine_}, {"vanilla_crnn": timed})
        compare_models(run)
        (row,) = run.rows()
        assert row["latency_ms"] == expected
    assert "timed on another machine" in capsys.readouterr().out


def test_figures_of_other_weights_and_other_pictures_are_left_out(
    root: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of readers that are not ours stay, until the pictures change."""
    run = run_on(root, tiny_weights, tmp_path)
    about = run.about(run.open(root), root)
    run.put("size", about, {"vanilla_crnn": {"macs": 1}})
    run.put("size", about, {"vanilla_crnn": {"macs": 2}})
    compare_models(run)
    run.put("speed", about, {"vanilla_crnn": {"load": 1}})
    (mine,) = run.rows()
    for changes in (
        {"name": "a model that is gone"},
        {"name": "peer", "kind": "peer"},
        {"name": "old", "kind": "peer", "set": "0"},
    ):
        run.put_row({**mine, **changes})
    capsys.readouterr()
    assert {row["name"] for row in run.rows()} == {"vanilla_crnn", "peer"}
    assert capsys.readouterr().out.count("left out of the tables: old, ") == 1
    run.put_row({**mine, "version": "earlier"})
    assert {row["name"] for row in run.rows()} == {"peer"}

    results = json.loads(run.results_file.read_text(encoding="utf-8"))
    assert run_on(root, tiny_weights, tmp_path).results == results["sections"]
    assert results["sections"]["size"]["vanilla_crnn"]["macs"] == 2
    results["sections"]["speed"]["vanilla_crnn"]["sha256"] = "of other weights"
    run.results_file.write_text(json.dumps(results), encoding="utf-8")
    again = run_on(root, tiny_weights, tmp_path)
    assert again.results == {"size": results["sections"]["size"], "speed": {}}
    again.digests["another"] = "of its weights"
    again.put("size", about, {"another": {"macs": 3}})
    assert [*again.results["size"]] == ["another", "vanilla_crnn"]


def test_a_set_has_the_name_of_its_folder(root: Path, tiny_weights: Path, tmp_path: Path) -> None:
    """Drawn whole, it lies in ``full/`` of a folder that has the name."""
    full = shutil.copytree(root, tmp_path / "drawn" / "full")
    run = run_on(root, tiny_weights, tmp_path)
    names = [run.about(run.open(path), path)["pictures"]["name"] for path in (root, full)]
    assert names == ["benchmark", "drawn/full"]


def test_peers_are_timed_on_the_pictures_that_models_are(
    root: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_on(root, tiny_weights, tmp_path)
    store, timed = compared(run)
    first = Subset(open_store(root), balanced_indices(open_store(root), 2, part="test"))
    assert [label.file for label in store.labels[:timed]] == [label.file for label in first.labels]
    assert {record["part"] for record in store.records} == {"test", "heldout"}
    assert len({label.file for label in store.labels}) == len(store) == 20

    def read(peer: Peer, *given: Any) -> PeerRun:
        if peer.key != "rapidocr":
            raise PeerMissingError("not here")
        assert given[-1] == timed
        texts = {label.file: label.text.upper() for label in store.labels}
        return PeerRun("1.2", 10.5, texts, 4.5)

    monkeypatch.setattr(sections, "run_peer", read)
    compare_peers(run)
    (row,) = run.rows()
    assert (row["name"], row["kind"], row["version"]) == (PEERS["rapidocr"].name, "peer", "1.2")
    assert (row["latency_ms"], row["megabytes"]) == (4.5, 10.5)
    assert row["figures"]["easy-text"] == {"n": 2, "strict": 0.0, "folded": 1.0}
