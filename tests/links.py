"""Symbolic links, where this account may make them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


def link(path: Path, target: str | os.PathLike[str], *, to_folder: bool = False) -> None:
    """Make ``path`` a link, or skip the test: Windows lets only some accounts do so."""
    try:
        path.symlink_to(target, target_is_directory=to_folder)
    except OSError:
        if sys.platform != "win32":
            raise
        pytest.skip("this account may not make links")
