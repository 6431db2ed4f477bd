"""For what a script imports at its top: a package that is missing ends it in one line.

    with missing.in_one_line():
        import torch

``command`` of captcha_ocr.cli.common says the same of what is imported later.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

PROJECT = "captcha_ocr"
NO_PROJECT = (
    "this needs captcha_ocr, which this Python does not have: another environment is active, or "
    "none; to install it, in the folder of pyproject.toml run: python -m pip install -e ."
)


@contextlib.contextmanager
def in_one_line() -> Iterator[None]:
    """End the script with the command that installs what cannot be imported here."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(f"{PROJECT}."):
            raise  # a defect of ours
        sys.exit(f"error: {what_to_do(error)}")


def what_to_do(error: ModuleNotFoundError) -> str:
    if error.name == PROJECT:
        return NO_PROJECT
    try:
        from captcha_ocr.packages import missing_package
    except ModuleNotFoundError:
        return NO_PROJECT
    return missing_package(error.name or str(error))
