"""How much of the weights that a run began with its model should keep.

    python scripts/blend_weights.py RUN                         # what each share reads
    python scripts/blend_weights.py RUN --distorted 100         # and of distorted pictures
    python scripts/blend_weights.py RUN --keep 0.4 --out DIR    # and a finished run of one of them

RUN is the folder of a run with --init-from and without --blend. Exact match in per cent, case
folded, over the pictures that chose its weights, by the columns of the benchmark; with --distorted
N also over the first N of each column after each distortion of the benchmark, the mean of its
levels but the first, which leaves a picture as it is, and the last. With --blend 0.4 training
keeps that share by itself; this tells beforehand which one.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean

import missing

with missing.in_one_line():
    import yaml
    from captcha_ocr.benchmarking.columns import COLUMNS, column_of
    from captcha_ocr.benchmarking.distortions import DISTORTIONS
    from captcha_ocr.benchmarking.robustness import balanced, distort
    from captcha_ocr.checkpoint import (
        Checkpoint,
        load_checkpoint,
        load_state,
        save_checkpoint,
        save_state,
    )
    from captcha_ocr.cli.common import Arguments, command
    from captcha_ocr.config import ConfigError, TrainConfig
    from captcha_ocr.datasets.prepare import settle_selection
    from captcha_ocr.datasets.stores import Store, open_store
    from captcha_ocr.device import pick_device
    from captcha_ocr.evaluation import evaluate
    from captcha_ocr.metrics import score_by
    from captcha_ocr.predictor import Predictor
    from captcha_ocr.runtimes.torch import TorchPredictor
    from captcha_ocr.training.finishing import finish
    from captcha_ocr.training.optimisation import blend_weights
    from captcha_ocr.training.run_folder import RunFolder

SHARES = (0.0, 0.2, 0.4, 1.0)


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--shares", type=float, nargs="*", default=SHARES, help="of the start")
    parser.add_argument("--distorted", type=int, default=0, metavar="N", help="of each column")
    parser.add_argument("--keep", type=float, metavar="SHARE", help="finish a run with this one")
    parser.add_argument("--out", type=Path, metavar="DIR", help="DIR/<arch> is that run's folder")
    args = parser.parse_args(argv)
    if (args.keep is None) != (args.out is None):
        parser.error("--keep and --out go together")
    if args.shares:
        distortions = DISTORTIONS if args.distorted else ()
        print("share", *COLUMNS, "all", *distortions, sep="\t")
    for share, figures in zip(args.shares, measure(args.run, args.shares, args.distorted)):
        shown = (f"{100 * figure:.1f}" for figure in figures.values())
        print(share, *shown, sep="\t", flush=True)
    if args.out:
        keep(args.run, args.keep, args.out)
    return 0


def settings_of(run: Path) -> TrainConfig:
    """Those of a run that can be blended."""
    values = yaml.safe_load((run / "args.yaml").read_text(encoding="utf-8"))
    config = TrainConfig.from_dict(values)
    if config.blend or not config.init_from:
        raise ConfigError(f"{run} must be a run with --init-from and without --blend")
    if settle_selection(config) != "val":
        raise ConfigError(
            f"{run} chose its weights on a part of its training set, and a test set may choose "
            "nothing; train it with --val-root DIR --select-on val"
        )
    return config


def blended(run: Path, share: float) -> Checkpoint:
    """The run's best weights with ``share`` of those that it began with. What those did not have,
    new symbols and channels, stays as it is."""
    start = load_checkpoint(Path(settings_of(run).init_from))
    tuned = load_checkpoint(run / "best.safetensors")
    return dataclasses.replace(tuned, state=blend_weights(tuned.state, start.state, share))


def measure(run: Path, shares: Iterable[float], distorted: int = 0) -> Iterator[dict[str, float]]:
    """For each share column -> exact match, case folded, ``all`` over all pictures, and by
    distortion where ``distorted`` is not 0."""
    config = settings_of(run)
    store = open_store(Path(config.val_root))
    columns = columns_of(store, config.val_root)
    few = balanced(store, distorted)
    for share in shares:
        predictor = TorchPredictor(blended(run, share), pick_device(config.device))
        evaluation = evaluate(predictor, store)
        scores = score_by(evaluation.texts, evaluation.targets, columns)
        figures = {key: scores[key].exact_match_folded for key in COLUMNS}
        figures["all"] = evaluation.score().exact_match_folded
        if distorted:
            figures.update(measure_distorted(predictor, few))
        yield figures


def columns_of(store: Store, root: str) -> list[str]:
    """The benchmark's column of each picture. ConfigError unless every column has one."""
    try:
        columns = [column_of(record) for record in store.records]
    except ValueError as error:  # pictures of one's own have no such columns
        raise ConfigError(f"{root}: {error}") from None
    absent = [key for key in COLUMNS if key not in columns]
    if absent:
        raise ConfigError(f"{root} has no picture of {', '.join(absent)}; add some")
    return columns


def measure_distorted(predictor: Predictor, store: Store) -> dict[str, float]:
    """Distortion -> the mean of what is read at its levels between none and the strongest."""
    return {
        key: mean(
            evaluate(predictor, distort(store, distortion, level)).score().exact_match_folded
            for level in distortion.levels[1:-1]
        )
        for key, distortion in DISTORTIONS.items()
    }


def keep(run: Path, share: float, out: Path) -> None:
    """Calibrate, measure and export the blend as ``train`` does at the end of a run."""
    checkpoint = blended(run, share)
    config = dataclasses.replace(settings_of(run), blend=share)
    folder = RunFolder.create(out, config.arch)
    shutil.copyfile(run / "metrics.csv", folder.path / "metrics.csv")  # how they came about
    state = load_state(run / "last.pt")
    state["average"]["start"] = load_checkpoint(Path(config.init_from)).state
    save_state(folder.last, state)
    settings = dataclasses.asdict(config)
    (folder.path / "args.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    save_checkpoint(folder.best, dataclasses.replace(checkpoint, train_config=settings))
    finish(config, folder)
    print(f"{folder.path} holds the model; scripts/ship_model.py puts it into the package")


if __name__ == "__main__":
    sys.exit(main())
