"""``captcha-ocr eval``: measure models on a labelled set, with torch or without."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from captcha_ocr.calibration import reliability_bins
from captcha_ocr.cli.common import (
    OK,
    Arguments,
    at_least,
    command,
    make_room,
    program,
    refuse_read_only,
)
from captcha_ocr.cli.reading import add_constraints, build_constraint, load_models
from captcha_ocr.constraints import Constraint
from captcha_ocr.datasets.stores import Store, open_store, spread
from captcha_ocr.evaluation import Evaluation, evaluate
from captcha_ocr.files import write_json
from captcha_ocr.model_info import DEFAULT_ARCH
from captcha_ocr.predictor import Predictor
from captcha_ocr.report import (
    build_report,
    choose_groups,
    count_confusions,
    is_right,
    write_predictions,
)
from captcha_ocr.report_tables import render, score_table

STDOUT = "-"


@command
def main(argv: Arguments = None) -> int:
    args = build_parser().parse_args(argv)
    if args.out:
        prepare_folder(args.out)
    make_room(Path(args.json) if args.json not in (None, STDOUT) else None)
    predictors = load_models(args)
    store = open_store(args.data)
    if args.limit is not None:
        store = spread(store, args.limit)
    by = choose_groups(store.records, args.by)
    tables = args.json != STDOUT
    if tables and args.by:
        tell_missing(args.by, by)
    reports = {}
    for arch, predictor in predictors.items():
        charset = predictor.info.charset
        constraint = build_constraint(args, charset)
        evaluation, seconds = measure(predictor, store, constraint, args.beam)
        report = build_report(
            evaluation, charset, by=by, fold_case=args.fold_case, constraint=constraint
        )
        report = {"arch": arch, "params": predictor.info.params, **report}
        report["pictures_per_second"] = len(store) / seconds
        reports[arch] = report
        if tables:
            print(f"{arch} on {args.data}")
            print(render(report) + "\n", flush=True)
        if args.out:
            folder = args.out / arch if len(predictors) > 1 else args.out
            write_folder(evaluation, report, folder, args.fold_case)
    if tables and len(reports) > 1:
        print(score_table("model", reports))
    write_reports(reports, args)
    return OK


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("eval"), description="Measure models on labelled pictures: EM and CER."
    )
    parser.add_argument(
        *("--data", "--val-root", "--test-root"),
        type=Path,
        required=True,
        metavar="ROOT",
        help="images/ and labels.txt, or Parquet shards",
    )
    parser.add_argument(
        "--limit", type=at_least(1), metavar="N", help="only N pictures, spread over the set"
    )
    model = parser.add_argument_group("which model (default: the one that comes along)")
    model.add_argument("--checkpoint", type=Path, help="best.safetensors of a run; needs torch")
    model.add_argument(
        "--weights", type=Path, metavar="DIR", help="<arch>.onnx and <arch>.json, without torch"
    )
    model.add_argument("--arch", help=f"a name, or all (default: {DEFAULT_ARCH})")
    model.add_argument("--threads", type=at_least(0), default=0, help="0: one a core")
    allowed = parser.add_argument_group("how it reads")
    allowed.add_argument(
        "--beam", type=at_least(0), default=0, metavar="N", help="prefixes kept; 0: greedy"
    )
    add_constraints(allowed)
    add_output_options(parser)
    return parser


def add_output_options(parser: argparse.ArgumentParser) -> None:
    output = parser.add_argument_group("output")
    output.add_argument(
        "--by",
        metavar="FIELDS",
        help="comma-separated, of style,kind,size,length,font or any field of the manifest "
        "(default: all but font)",
    )
    output.add_argument(
        "--fold-case",
        action="store_true",
        help="case does not count in ECE, accuracy, confusions and pictures",
    )
    output.add_argument("--json", metavar="FILE", help="all figures; - is standard output")
    output.add_argument(
        "--out", type=Path, metavar="DIR", help="pictures, predictions.csv and report.json"
    )


def prepare_folder(out: Path) -> None:
    """Before the first picture: a missing matplotlib or a folder that cannot be made or written to
    should not show only after minutes of reading."""
    import captcha_ocr.plots  # noqa: F401

    out.mkdir(parents=True, exist_ok=True)
    refuse_read_only(out)


def measure(
    predictor: Predictor, store: Store, constraint: Constraint | None, beam: int
) -> tuple[Evaluation, float]:
    """Read the set; the seconds include opening the files."""
    predictor.warm_up()
    started = time.perf_counter()
    shown = sys.stderr.isatty()

    def on_progress(done: int) -> None:
        if shown:
            rate = done / (time.perf_counter() - started)
            print(f"\r{done:,} of {len(store):,}, {rate:.0f}/s", end="\033[K", file=sys.stderr)

    evaluation = evaluate(
        predictor, store, constraint=constraint, beam_width=beam, on_progress=on_progress
    )
    if shown:
        print("\r", end="\033[K", file=sys.stderr, flush=True)
    return evaluation, time.perf_counter() - started


def tell_missing(asked: str, by: list[str]) -> None:
    names = [name.strip() for name in asked.split(",") if name.strip()]
    missing = [name for name in names if name not in by]
    if missing:
        print(f"no manifest.jsonl says the {', '.join(missing)} of a picture here\n")


def write_folder(
    evaluation: Evaluation, report: Mapping[str, Any], folder: Path, fold_case: bool
) -> None:
    from captcha_ocr import plots

    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "report.json", report)
    write_predictions(evaluation, folder / "predictions.csv")
    bins = reliability_bins(evaluation.confidences, is_right(evaluation, fold_case))
    plots.plot_reliability(bins, folder / "reliability.png")
    plots.plot_confusions(count_confusions(evaluation, fold_case), folder / "confusion.png")
    plots.plot_worst(evaluation, folder / "worst.png", fold_case=fold_case)


def write_reports(reports: Mapping[str, Any], args: argparse.Namespace) -> None:
    """``--json``: one object for the command, whether it measured one model or several."""
    if args.json is None:
        return
    value = {"data": str(args.data), "models": list(reports.values())}
    if args.json == STDOUT:
        json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        write_json(Path(args.json), value)
