"""The documents' way from generators to a data set, as it is written there, with small numbers."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from captcha_ocr.arithmetic import solve
from captcha_ocr.charset import Charset
from captcha_ocr.labels import (
    CHARSET_FILE,
    IMAGES_DIR,
    LABELS_FILE,
    MANIFEST_FILE,
    read_labels,
    read_manifest,
)
from test_docs import ENGLISH, commands

pytestmark = [pytest.mark.java, pytest.mark.slow]

PIPELINE = ENGLISH.parent / "full-pipeline"
TOOLS = PIPELINE / "tools" / "java_captcha"
PICTURES = 12
BUILT = ("EasyCaptcha/lib", "CalculateCaptch/CalculateCaptcha-1.1.jar")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of ``full-pipeline/tools`` with the generators built: the commands write into it."""
    if not all((TOOLS / name).exists() for name in BUILT):
        maven = str(shutil.which("mvn"))
        subprocess.run([maven, "-B", "-q", "package", "-DskipTests"], cwd=TOOLS, check=True)
    copy = tmp_path_factory.mktemp("pipeline")
    left_out = shutil.ignore_patterns("target", "images", "*.class")
    shutil.copytree(PIPELINE / "tools", copy / "tools", ignore=left_out)
    return copy


def readme_lines(*starts: str) -> list[list[str]]:
    """The README's commands that begin so, with the path separator of this system."""
    lines = [words for words in commands(ENGLISH) if words[0] in starts]
    return [[word.replace(".;", f".{os.pathsep}") for word in words] for words in lines]


def run(words: list[str], folder: Path) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False, timeout=900)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, f"{shlex.join(words)}\n{said}"
    return said


def small(words: list[str]) -> list[str]:
    """``... easy_train 200000 --threads 8`` -> 12 pictures, two threads."""
    text = re.sub(r"(_train) \d+", rf"\1 {PICTURES}", " ".join(map(shlex.quote, words)))
    return shlex.split(text.replace("--threads 8", "--threads 2"))


def test_generate_and_merge_as_the_readme_says(pipeline: Path) -> None:
    tools = pipeline / "tools" / "java_captcha"
    for words in readme_lines("javac", "java"):
        easy = "EasyCaptcha" in " ".join(words)
        folder = tools / ("EasyCaptcha" if easy else "CalculateCaptch")
        said = run(small(words), folder)
        if words[-1] == "list":
            assert len(said.splitlines()) == 13
        for name in (word for word in words if word.endswith("_train")):
            test = [word.replace(name, name.replace("train", "test")) for word in small(words)]
            run([*test, "--seed", "2"], folder)
    roots = sorted(path.parent for path in tools.rglob(LABELS_FILE))
    assert [root.name for root in roots if root.name.endswith(("_train", "_test"))] == [
        *("ctext_test", "ctext_train", "ruoyi_test", "ruoyi_train"),
        *("easy_test", "easy_train"),
    ]
    for root in roots:
        check_root(root, PICTURES if "out_all" not in root.name else 18 * 10)

    (merge,) = (w for w in commands(ENGLISH) if w[:2] == ["python", "tools/merge_datasets.py"])
    # So few pictures cannot show every character in both sets.
    run([sys.executable, *merge[1:], "--on-unknown", "drop"], pipeline)
    dataset = pipeline / "dataset"
    assert len(read_labels(dataset / "train" / LABELS_FILE)) == 3 * PICTURES
    records = read_manifest(dataset / "train" / MANIFEST_FILE).values()
    assert {record["style"] for record in records} == {"easy", "ctext", "ruoyi"}
    assert not overlap(dataset / "train", dataset / "test")
    charset = Charset.read(dataset / "train" / CHARSET_FILE)
    for split in ("train", "test"):
        for label in read_labels(dataset / split / LABELS_FILE):
            assert not charset.unknown(label.text)


def test_a_fourth_style_is_one_class(pipeline: Path) -> None:
    examples = pipeline / "tools" / "java_captcha" / "examples"
    (draw,) = (w for w in commands(ENGLISH.parent / "CONTRIBUTING.md") if w[0] == "java")
    run(small(draw), examples)
    root = examples / "images" / "digits_train"
    check_root(root, PICTURES)
    out = pipeline / "digits"
    merge = [sys.executable, "tools/merge_datasets.py", "--train-dest", str(out)]
    run([*merge, "--train-src", "digits", str(root)], pipeline)
    assert len(read_labels(out / LABELS_FILE)) == PICTURES


def overlap(train: Path, test: Path) -> set[bytes]:
    return {file.read_bytes() for file in (train / IMAGES_DIR).rglob("*.*")} & {
        file.read_bytes() for file in (test / IMAGES_DIR).rglob("*.*")
    }


def check_root(root: Path, count: int) -> None:
    labels = read_labels(root / LABELS_FILE)
    assert len(labels) == count
    manifest = read_manifest(root / MANIFEST_FILE)
    for label in labels:
        assert (root / IMAGES_DIR / label.file).is_file()
        record = manifest[label.file]
        assert record["label"] == label.text
        # Every sum has an answer, and nothing else does.
        assert (solve(label.text) is not None) is (record["kind"] == "arith"), label
