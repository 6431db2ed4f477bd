"""How much of the weights that a run began with its model should keep.

    python scripts/blend_weights.py RUN                         # what each share reads
    python scripts/blend_weights.py RUN --keep 0.4 --out DIR    # and a finished run of one of them

RUN is the folder of a run with --init-from and without --blend. Exact match in per cent, case
folded, over the pictures that chose its weights, by the columns of the benchmark. With --blend 0.4
training keeps that share by itself; this tells beforehand which one.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sys
from pathlib import Path

import yaml
from captcha_ocr.benchmarking.columns import COLUMNS, column_of
from captcha_ocr.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from captcha_ocr.cli.common import Arguments, command
from captcha_ocr.config import ConfigError, TrainConfig
from captcha_ocr.datasets.stores import open_store
from captcha_ocr.distributed import pick_device
from captcha_ocr.evaluation import evaluate
from captcha_ocr.finishing import finish, predictor_of
from captcha_ocr.metrics import score_by
from captcha_ocr.optimisation import blend_weights
from captcha_ocr.run_folder import RunFolder

SHARES = (0.0, 0.2, 0.4, 1.0)


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--shares", type=float, nargs="*", default=SHARES, help="of the start")
    parser.add_argument("--keep", type=float, metavar="SHARE", help="finish a run with this one")
    parser.add_argument("--out", type=Path, metavar="DIR", help="DIR/<arch> is that run's folder")
    args = parser.parse_args(argv)
    if (args.keep is None) != (args.out is None):
        parser.error("--keep and --out go together")
    if args.shares:
        print("share", *COLUMNS, "all", sep="\t")
    for share in args.shares:
        figures = measure(args.run, share)
        shown = (f"{100 * figures[key]:.1f}" for key in (*COLUMNS, "all"))
        print(share, *shown, sep="\t", flush=True)
    if args.out:
        keep(args.run, args.keep, args.out)
    return 0


def blended(run: Path, share: float) -> tuple[Checkpoint, TrainConfig]:
    """The run's best weights with ``share`` of those that it began with, and its settings."""
    values = yaml.safe_load((run / "args.yaml").read_text(encoding="utf-8"))
    config = TrainConfig.from_dict(values)
    if config.blend or not config.init_from:
        raise ConfigError(f"{run} must be a run with --init-from and without --blend")
    tuned, start = (
        load_checkpoint(run / "best.safetensors"),
        load_checkpoint(Path(config.init_from)),
    )
    state = blend_weights(tuned.state, start.state, share)
    return dataclasses.replace(tuned, state=state), config


def measure(run: Path, share: float) -> dict[str, float]:
    """Column -> exact match, case folded, and ``all`` over all pictures."""
    checkpoint, config = blended(run, share)
    store = open_store(Path(config.val_root))
    try:
        columns = [column_of(record) for record in store.records]
    except ValueError as error:  # pictures of one's own have no such columns
        raise ConfigError(f"{config.val_root}: {error}") from None
    evaluation = evaluate(predictor_of(checkpoint, pick_device(config.device)), store)
    texts, targets = evaluation.texts, evaluation.targets
    scores = score_by(texts, targets, columns)
    figures = {key: scores[key].exact_match_folded for key in COLUMNS}
    return {**figures, "all": evaluation.score().exact_match_folded}


def keep(run: Path, share: float, out: Path) -> None:
    """Calibrate, measure and export the blend as ``train`` does at the end of a run."""
    checkpoint, config = blended(run, share)
    config = dataclasses.replace(config, blend=share)
    folder = RunFolder.create(out, config.arch)
    for name in ("last.pt", "metrics.csv"):  # how the weights came about
        shutil.copyfile(run / name, folder.path / name)
    settings = dataclasses.asdict(config)
    (folder.path / "args.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    save_checkpoint(folder.best, dataclasses.replace(checkpoint, train_config=settings))
    finish(config, folder)
    print(f"{folder.path} holds the model; scripts/ship_model.py puts it into the package")


if __name__ == "__main__":
    sys.exit(main())
