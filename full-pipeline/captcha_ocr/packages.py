"""The Python packages that pyproject.toml asks for, and what to do about a missing one."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

DISTRIBUTION = "captcha-ocr"
NOT_FOR_HERE = "pyproject.toml has none for this Python on this system"
# Import names that differ from the name pip knows, or from that of what brings them.
_PIP_NAMES = {"PIL": "pillow", "cv2": "albumentations", "multipart": "python-multipart"}
_PIP_NAMES |= {"yaml": "pyyaml", "werkzeug": "flask"}
_PIP_NAMES |= dict.fromkeys(("pydantic", "starlette"), "fastapi")


def requirements() -> dict[str, dict[str, bool]]:
    """What pyproject.toml asks for, by extra ("" is the base install); {} when not installed.

    Names are pip's, normalised, with whether pip installs them for this Python and this system:
    ``{"": {"numpy": True, ...}, "serve": {"fastapi": True, ...}}``.
    """
    try:
        from packaging.requirements import Requirement  # onnxruntime brings it

        lines = importlib.metadata.requires(DISTRIBUTION) or []
    except (ImportError, importlib.metadata.PackageNotFoundError):
        return {}
    found: dict[str, dict[str, bool]] = {}
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        asked = re.search(r'extra == "([\w-]+)"', str(marker))
        extra = asked[1] if asked else ""
        if requirement.name != DISTRIBUTION:
            offered = marker is None or marker.evaluate({"extra": extra})
            found.setdefault(extra, {})[_normalised(requirement.name)] = offered
    return found


def missing_package(module: str) -> str:
    """The message for an import that failed, with the pip line that mends it."""
    package = module.partition(".")[0]
    pip_name = _normalised(_PIP_NAMES.get(package, package))
    needs, everything = f"this needs the Python package {pip_name!r}", requirements()
    asked = {extra: names for extra, names in everything.items() if pip_name in names}
    extras = [extra for extra, names in asked.items() if names[pip_name]]
    if asked and not extras:
        return f"{needs}; {NOT_FOR_HERE}"
    if everything and not asked:  # such as duckdb, which a script compares with
        return f"{needs}, which is not installed; pyproject.toml does not ask for it"
    target = f'".[{extras[0]}]"' if extras and extras[0] else "."
    return (
        f"{needs}, which is not installed; in the folder "
        f"of pyproject.toml run: {Path(sys.executable).name} -m pip install -e {target}"
    )


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
