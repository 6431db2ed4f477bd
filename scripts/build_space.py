"""Lay out a Hugging Face Space: hf_spaces/ at the root, the package beside it, nothing above.

    python scripts/build_space.py build/space        # Python 3.11 or newer, nothing installed

A Space installs its requirements before it has its files, so that the package cannot be among
them: app.py imports the copy beside it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit("error: this needs Python 3.11 or newer, which reads pyproject.toml by itself")
import tomllib

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "hf_spaces"
PACKAGE = REPOSITORY / "full-pipeline" / "captcha_ocr"
# The Space reads the ONNX models; safetensors are to train from.
IGNORED = shutil.ignore_patterns("__pycache__", "*.py[cod]", "*.safetensors")


def settings(readme: str) -> str:
    """The lines between the first two ``---``; the page below them has links into this clone."""
    mark, header, _ = readme.split("---\n", 2)
    if mark:
        raise ValueError("README.md does not begin with the Space's settings between two ---")
    return f"---\n{header}---\n"


def requirements() -> list[str]:
    """What the package and its extra ``space`` need."""
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["space"]]


def build(target: Path) -> None:
    """Raises FileExistsError when there is something in the way."""
    target.mkdir(parents=True)
    shutil.copy(SOURCE / "app.py", target)
    shutil.copytree(SOURCE / "space", target / "space", ignore=IGNORED)
    shutil.copytree(PACKAGE, target / "captcha_ocr", ignore=IGNORED)
    files = {
        "README.md": settings((SOURCE / "README.md").read_text(encoding="utf-8")),
        "requirements.txt": "\n".join(requirements()) + "\n",
    }
    for name, text in files.items():
        (target / name).write_text(text, encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("target", type=Path, help="a folder that is made")
    target = parser.parse_args(argv).target
    try:
        build(target)
    except FileExistsError:
        sys.exit(f"error: {target} is there already; remove it or name another")
    except OSError as error:
        sys.exit(f"error: {error}")
    print(f"{target}: {sum(path.is_file() for path in target.rglob('*'))} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
