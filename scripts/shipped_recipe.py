"""How the shipped weights were made: the sets of pictures, and the stages that learned from them.

`train_models.py` does it again; docs/recipe.md says what each part brought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generators import EASY_CONFIG, TOOLS

Sets = Mapping[str, Mapping[str, tuple[int, int]]]  # split -> source -> pictures, seed
# Pictures of each style, and the seed they are drawn with. dev chooses weights and temperature;
# the benchmark's pictures come from other seeds and take no part in this.
SETS: Sets = {
    "train": {"easy": (240_000, 101), "ctext": (240_000, 102), "ruoyi": (40_000, 103)},
    "dev": {"easy": (3_000, 201), "ctext": (2_000, 202), "ruoyi": (1_000, 203)},
}
CHINESE, SUMS, FRESH, FRESHER = "chinese", "sums", "fresh", "fresher"
FRESHEST, NEWEST, FRESH_SUMS = "freshest", "newest", "fresh-sums"
HARD_FONTS, LATEST = "hard-fonts", "latest"
SEEDS_180, SEEDS_190 = "seeds-180", "seeds-190"
STYLES = {CHINESE: "easy", HARD_FONTS: "ruoyi"}  # of the sources that are not named by their style
SETTINGS: Mapping[str, Mapping[str, Any]] = {  # of a source
    CHINESE: {"config": EASY_CONFIG.with_name("config-chinese.json")},
    HARD_FONTS: {"fonts": TOOLS / "fonts-hard.txt", "options": ("--other-share", "1")},
}
# Chinese has 487 characters, and in SETS a tenth of the pictures; all of RuoYi's are sums.
MORE_CHINESE = {**SETS["train"], CHINESE: (100_000, 104), "ctext": (80_000, 102)}
MORE_SUMS = {**MORE_CHINESE, "ruoyi": (80_000, 103)}


def unseen(
    seed: int, *, easy: int, chinese: int, ctext: int, ruoyi: int, hard_fonts: int = 0
) -> Sets:
    """So many pictures of each source, with the seeds after ``seed``."""
    train = {
        "easy": (easy, seed + 1),
        CHINESE: (chinese, seed + 4),
        "ctext": (ctext, seed + 2),
        "ruoyi": (ruoyi, seed + 3),
    }
    if hard_fonts:
        train[HARD_FONTS] = (hard_fonts, seed + 5)
    return {"train": train, "dev": SETS["dev"]}


FOLDERS: Mapping[str, Sets] = {  # what a stage learns from, by the name of its folder
    ".": SETS,
    CHINESE: {"train": MORE_CHINESE, "dev": SETS["dev"]},
    SUMS: {"train": MORE_SUMS, "dev": SETS["dev"]},
    # After some passes a model knows pictures by heart; each of these sets has only new ones.
    FRESH: unseen(110, easy=200_000, chinese=80_000, ctext=120_000, ruoyi=100_000),
    FRESHER: unseen(120, easy=240_000, chinese=100_000, ctext=140_000, ruoyi=120_000),
    FRESHEST: unseen(130, easy=240_000, chinese=100_000, ctext=140_000, ruoyi=120_000),
    NEWEST: unseen(140, easy=240_000, chinese=100_000, ctext=140_000, ruoyi=120_000),
    FRESH_SUMS: unseen(150, easy=160_000, chinese=90_000, ctext=110_000, ruoyi=240_000),
    # More sums did not mend RuoYi's misread ones: they are of a few fonts. Nor did these.
    HARD_FONTS: unseen(
        160, easy=70_000, chinese=40_000, ctext=60_000, ruoyi=30_000, hard_fonts=80_000
    ),
    LATEST: unseen(
        170, easy=160_000, chinese=80_000, ctext=140_000, ruoyi=50_000, hard_fonts=30_000
    ),
    SEEDS_180: unseen(
        180, easy=150_000, chinese=90_000, ctext=160_000, ruoyi=60_000, hard_fonts=60_000
    ),
    SEEDS_190: unseen(
        190, easy=140_000, chinese=40_000, ctext=70_000, ruoyi=15_000, hard_fonts=15_000
    ),
}
MIDDLE, HIGH = "--imgH 40 --imgW 320", "--imgH 48 --imgW 384"
# Twice the height for the first layer alone; all behind it see that of the stages before.
FROM_64, FROM_80, FROM_96 = (
    f"--imgH {height} --imgW {8 * height} --detail 16" for height in (64, 80, 96)
)
# What is read already is kept by a low rate and without new auxiliary heads. The last stages
# learn pictures as they are (--aug 0), and then some of them distorted.
LOW = "--batch 32 --batch-start 32 --flat 0 --aux-weight 0"
LAST, HALF = (f"{LOW} --aug {share} --fold-case" for share in (0.2, 0.5))
RECIPE = "--batch 128 --amp auto --eval-every 65000 --select-on val --aug"


@dataclass(frozen=True)
class Stage:
    """A run of ``train``; from the second on it starts from the weights of the one before."""

    epochs: float
    options: str  # that differ from RECIPE and from the defaults
    sets: str = "."  # a key of FOLDERS


# Low pictures cost a fraction of high ones, and teach the letters as well: the height comes last.
# The last stages are what docs/recipe.md found since: small batches to the end.
STAGES = {
    "vanilla_crnn": (
        Stage(1.75, "--batch-start 16 --grow-steps 1500"),
        Stage(1.6, f"{MIDDLE} --batch 16 --lr 7e-4 --seed 3"),
        Stage(1.4, f"{MIDDLE} --batch 16 --lr 7e-4 --flat 0.4 --seed 5"),
        Stage(1.6, f"{MIDDLE} --batch 16 --lr 7e-4 --flat 0.4 --blend 0.4 --seed 9", CHINESE),
        Stage(0.7, f"{MIDDLE} {LOW} --lr 2e-4 --seed 16", SUMS),
        Stage(0.4, f"{MIDDLE} {LOW} --lr 1.5e-4 --blend 0.4 --aug 0 --seed 17", SUMS),
        Stage(0.84, f"{MIDDLE} {LOW} --lr 2.5e-4 --blend 0.5 --aug 0.2 --seed 22", FRESH),
        Stage(0.98, f"{MIDDLE} {LOW} --lr 3e-4 --aug 0.2 --seed 24", FRESHER),
        Stage(0.55, f"{MIDDLE} {LAST} --lr 3e-4 --blend 0.5 --seed 34", FRESH_SUMS),
        Stage(1.0, f"{FROM_80} {LAST} --lr 3e-4 --blend 0.3 --seed 42", SEEDS_180),
        Stage(1.6, f"{FROM_80} {HALF} --lr 3e-4 --blend 0.5 --seed 45", SEEDS_190),
    ),
    "crnn_resnet34": (
        Stage(2.25, "--early 0.4 --batch-start 16 --grow-steps 3000 --flat 0.67 --lr-end 0.3"),
        Stage(0.6, f"{HIGH} --batch-start 64 --grow-steps 1500 --lr 6e-4 --flat 0.1"),
        Stage(0.85, f"{HIGH} --batch 32 --batch-start 32 --lr 8e-4 --seed 3"),
        Stage(0.46, f"{HIGH} --batch 32 --grow-steps 3187 --lr 8e-4 --flat 0.4 --seed 7"),
        Stage(0.42, f"{HIGH} --batch 32 --batch-start 32 --lr 8e-4 --blend 0.4 --seed 9", CHINESE),
        Stage(
            0.73,
            f"{HIGH} --batch 32 --batch-start 32 --lr 8e-4 --flat 0.4 --blend 0.4 --seed 11",
            SUMS,
        ),
        Stage(0.164, f"{HIGH} {LOW} --lr 1e-4 --blend 0.3 --seed 13", SUMS),
        Stage(0.75, f"{HIGH} {LOW} --lr 2e-4 --seed 14", SUMS),
        Stage(0.42, f"{HIGH} {LOW} --lr 2e-4 --aug 0 --seed 17", SUMS),
        Stage(0.17, f"{HIGH} {LOW} --lr 2e-4 --blend 0.5 --aug 0.5 --seed 18", SUMS),
        Stage(  # wider where strokes are seen
            0.5,
            f"{HIGH} {LAST} --early 0.6 --lr 5e-4 --flat 0.1 --blend 0.3 --seed 28",
            FRESHEST,
        ),
        Stage(1.333, f"{HIGH} {LAST} --lr 5e-4 --blend 0.3 --seed 29", FRESHER),
        Stage(0.78, f"{HIGH} {LAST} --lr 5e-4 --blend 0.5 --seed 30", NEWEST),
        Stage(0.78, f"{HIGH} {LAST} --lr 5e-4 --blend 0.5 --seed 32", FRESH_SUMS),
        Stage(0.85, f"{FROM_96} {LAST} --lr 5e-4 --blend 0.3 --seed 43", SEEDS_180),
        Stage(1.25, f"{FROM_96} {LAST} --lr 5e-4 --blend 0.3 --seed 46", SEEDS_190),
    ),
    "svtr_tiny": (
        Stage(1.75, "--batch-start 16 --grow-steps 3000"),
        Stage(0.5, "--batch 32 --batch-start 32 --lr 7e-4 --seed 3"),
        Stage(0.65, "--batch 16 --lr 8e-4 --flat 0.4 --seed 5"),
        Stage(0.42, "--batch 16 --lr 8e-4 --flat 0.58 --seed 7"),
        Stage(0.55, "--batch 16 --lr 8e-4 --flat 0.4 --blend 0.4 --seed 9", CHINESE),
        Stage(0.62, "--batch 16 --lr 8e-4 --flat 0.4 --blend 0.4 --seed 11", SUMS),
        Stage(
            0.515,
            "--batch 32 --batch-start 32 --lr 4e-4 --flat 0.2 --blend 0.4 --seed 13",
            SUMS,
        ),
        Stage(0.67, f"{LOW} --lr 2e-4 --seed 15", SUMS),
        Stage(0.84, f"{LOW} --lr 2e-4 --blend 0.2 --aug 0 --seed 16", SUMS),
        Stage(0.37, f"{LOW} --lr 2e-4 --blend 0.5 --aug 0.5 --seed 18", SUMS),
        Stage(0.7, f"{LOW} --lr 2e-4 --blend 0.4 --aug 0.2 --seed 21", FRESH),
        Stage(0.47, f"{LOW} --lr 3e-4 --blend 0.3 --aug 0.2 --seed 23", FRESH),
        Stage(0.98, f"{LOW} --lr 3e-4 --blend 0.3 --aug 0.2 --seed 25", FRESHER),
        Stage(0.98, f"{LAST} --lr 3e-4 --blend 0.3 --seed 27", FRESHEST),
        Stage(1.0, f"{FROM_64} {LAST} --lr 4e-4 --blend 0.3 --seed 40", SEEDS_180),
    ),
}
