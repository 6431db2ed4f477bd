"""``captcha-ocr doctor``: what is installed, which device, which models, and what is missing."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import importlib.metadata
import json
import os
import platform
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from captcha_ocr import __version__
from captcha_ocr.cli.common import FAILURE, OK, Arguments, command, program
from captcha_ocr.cores import usable_cores
from captcha_ocr.model_info import WEIGHTS_DIR, ModelError, find_models
from captcha_ocr.packages import NOT_FOR_HERE, missing_package, requirements
from captcha_ocr.tables import pad

# What reading a picture imports. Written down here too, because a broken or copied installation
# has no metadata to ask.
READING = {
    "numpy": "numpy",
    "pillow": "PIL",
    "onnxruntime": "onnxruntime",
    "rapidfuzz": "rapidfuzz",
}
INSTALL = "run: python -m pip install -e . in the folder of pyproject.toml"
FONT_FOLDERS = {
    "Windows": ("~/AppData/Local/Microsoft/Windows/Fonts", "C:/Windows/Fonts"),
    "Darwin": ("~/Library/Fonts", "/Library/Fonts", "/System/Library/Fonts"),
    "Linux": ("~/.fonts", "~/.local/share/fonts", "/usr/local/share/fonts", "/usr/share/fonts"),
}
FONT_SUFFIXES = (".ttf", ".otf", ".ttc")
# Parts of the file names of the usual Chinese fonts, lower case.
CHINESE_FONTS = ("cjk", "wqy", "msyh", "simsun", "simhei", "pingfang", "hiragino", "uming", "ukai")


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    part: str  # reading | serve | train | ... | device | models | generators
    name: str
    status: str  # ok | missing | broken
    detail: str = ""  # version, place, or what to do
    needed: bool = False  # reading a picture fails without it


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(prog=program("doctor"), description=__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS_DIR, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args(argv)
    findings = list(examine(args.weights))
    healthy = all(finding.status == "ok" for finding in findings if finding.needed)
    if args.json:
        record = {"healthy": healthy, "findings": [dataclasses.asdict(f) for f in findings]}
        print(json.dumps(record, ensure_ascii=False, indent=2))
    else:
        _print_table(findings, healthy)
    return OK if healthy else FAILURE


def examine(weights: Path) -> Iterator[Finding]:
    """All findings, what reading needs first."""
    yield Finding("reading", "captcha-ocr", "ok", f"{__version__}, {Path(__file__).parents[1]}")
    yield Finding("reading", "python", "ok", f"{platform.python_version()}, {platform.platform()}")
    reading = [_import(name, module) for name, module in READING.items()]
    yield from reading
    for extra, names in requirements().items():
        if extra:
            yield from (_installed(extra, name, offered) for name, offered in names.items())
    cores = f"{usable_cores()} of {os.cpu_count()} threads may be used, {platform.machine()}"
    yield Finding("device", "processor", "ok", cores)
    yield _gpu()
    if all(finding.status == "ok" for finding in reading):
        yield from _models(weights)
    else:
        yield Finding("models", "all", "broken", "not tried: see above", needed=True)
    yield from (_program(name) for name in ("java", "javac", "mvn"))
    yield _fonts()


def _import(name: str, module: str) -> Finding:
    """Import it: a package may be there and still not start (a missing DLL, a wrong build)."""
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError:
        return Finding("reading", name, "missing", INSTALL, needed=True)
    except Exception as error:  # whatever a broken extension module raises is what we report
        return Finding("reading", name, "broken", f"{type(error).__name__}: {error}", needed=True)
    return Finding("reading", name, "ok", _version(name, found), needed=True)


def _version(name: str, module: ModuleType) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # it came as onnxruntime-gpu, say
        return str(getattr(module, "__version__", "version unknown"))


def _installed(extra: str, name: str, offered: bool) -> Finding:
    """``offered``: whether pip would install it here, when asked for the extra."""
    try:
        return Finding(extra, name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        todo = f'pip install -e ".[{extra}]"' if offered else NOT_FOR_HERE
        return Finding(extra, name, "missing", todo)


def _gpu() -> Finding:
    try:
        import torch
    except ModuleNotFoundError:
        return Finding("device", "training", "missing", "torch is not installed; reading is fine")
    except (ImportError, OSError) as error:
        return Finding("device", "training", "broken", f"torch does not start: {error}")
    if torch.cuda.is_available():
        return Finding("device", "training", "ok", f"cuda: {torch.cuda.get_device_name()}")
    from captcha_ocr.training.precision import has_fast_bf16

    speed = "fast" if has_fast_bf16(torch.device("cpu")) else "slow"
    threads = torch.get_num_threads()
    return Finding("device", "training", "ok", f"cpu, {threads} torch threads, bf16 is {speed}")


def _models(weights: Path) -> Iterator[Finding]:
    """Load each model, which verifies its checksum, and run it once."""
    from captcha_ocr.predictor import load_predictor

    try:
        found = find_models(weights)
    except ModelError as error:
        yield Finding("models", "all", "missing", str(error), needed=True)
        return
    for name, file in found.items():
        try:
            predictor = load_predictor(file)
            milliseconds = 1000 * min(predictor.warm_up() for _ in range(3))
        except ModuleNotFoundError as error:  # the runtime of another format than ONNX
            todo = missing_package(error.name or str(error))
            yield Finding("models", name, "missing", todo, needed=True)
            continue
        except ModelError as error:
            yield Finding("models", name, "broken", str(error), needed=True)
            continue
        except Exception as error:  # as above: a runtime raises its own types
            detail = f"{type(error).__name__}: {error}"
            yield Finding("models", name, "broken", detail, needed=True)
            continue
        symbols = len(predictor.info.charset.symbols)
        yield Finding(
            "models",
            name,
            "ok",
            f"checksum verified, {symbols} characters, {file.stat().st_size / 1e6:.1f} MB, "
            f"{milliseconds:.1f} ms a picture here and now",
            needed=True,
        )


def _program(name: str) -> Finding:
    place = shutil.which(name)
    status = "ok" if place else "missing"
    return Finding("generators", name, status, place or "only to draw new pictures")


def _fonts() -> Finding:
    """Generators draw with the fonts of the system; Chinese text needs a Chinese font."""
    names = list(_font_files(FONT_FOLDERS.get(platform.system(), FONT_FOLDERS["Linux"])))
    chinese = [name for name in names if any(part in name for part in CHINESE_FONTS)]
    detail = f"{len(names)} font files, {len(chinese)} of them known to be Chinese"
    return Finding("generators", "fonts", "ok" if names else "missing", detail)


def _font_files(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        for _, _, files in os.walk(Path(folder).expanduser()):
            yield from (name.lower() for name in files if name.lower().endswith(FONT_SUFFIXES))


def _print_table(findings: list[Finding], healthy: bool) -> None:
    part = ""
    for finding in findings:
        if finding.part != part:
            part = finding.part
            print(part)
        print(f"  {pad(finding.name, 18)} {pad(finding.status, 8)} {finding.detail}".rstrip())
    print("\nReady to read pictures." if healthy else "\nCannot read pictures: see what is not ok.")
