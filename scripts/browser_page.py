"""Build the page that reads in the browser alone, a folder for any static server.

    make browser-page        # or: python scripts/browser_page.py
    python -m http.server --bind 127.0.0.1 --directory hf_spaces/static/dist

It puts together the served page's own files, the readers in hf_spaces/static, the models, the
sample pictures, and onnxruntime-web, which npm (of Node 18 or newer) brings into
hf_spaces/static/node_modules.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import missing

with missing.in_one_line():
    from captcha_ocr.cli.common import Arguments, command
    from captcha_ocr.model_info import WEIGHTS_DIR, find_models
    from captcha_ocr.predictor import load_predictors
    from captcha_ocr.web import catalogue
    from captcha_ocr.web.access import SECURITY_HEADERS
    from captcha_ocr.web.settings import Settings

SOURCE = Path(__file__).resolve().parents[1] / "hf_spaces" / "static"
RUNTIME = SOURCE / "node_modules" / "onnxruntime-web" / "dist"
RUNTIME_FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
SERVER_PARTS = re.compile(r"\s*<!-- server:begin -->.*?<!-- server:end -->", re.DOTALL)


def install_runtime() -> None:
    """What package-lock.json names, unless that is there already."""
    lock, installed = SOURCE / "package-lock.json", SOURCE / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("error: npm is missing: install Node 18 or newer (Debian: apt-get install npm)")
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(install, cwd=SOURCE, check=False).returncode:
        sys.exit("error: npm could not install onnxruntime-web; its reason is above")


def make_room(out: Path) -> None:
    """An earlier build goes; any other folder stays, and is an error."""
    if out.is_dir() and any(out.iterdir()):
        marks = ("index.html", "reader/worker.js")  # SOURCE has only one of them
        if not all((out / mark).is_file() for mark in marks):
            sys.exit(f"error: {out} holds something else; name an empty folder or a new one")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)


def page() -> str:
    """The served page's HTML: without what only servers offer, with their policy in its head."""
    html = (catalogue.STATIC / "index.html").read_text(encoding="utf-8")
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    in_html = "; ".join(part for part in policy.split("; ") if "frame-ancestors" not in part)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{in_html}">'
    return SERVER_PARTS.sub("", html).replace("<head>", f"<head>\n  {meta}", 1)


def build(out: Path, weights: Path) -> None:
    predictors = load_predictors(folder=weights)  # or an earlier build stays
    make_room(out)
    (out / "index.html").write_text(page(), encoding="utf-8")
    # With the time of now: from a file server that names no other limit, a browser keeps a file
    # for a tenth of its age, and would run old scripts in a new page.
    not_here = shutil.ignore_patterns("index.html")
    shutil.copytree(catalogue.STATIC, out / "static", ignore=not_here, copy_function=shutil.copy)
    for name in ("api.js", "strings-here.js"):
        shutil.copy(SOURCE / name, out / "static")
    shutil.copytree(SOURCE / "reader", out / "reader", copy_function=shutil.copy)
    shutil.copy(SOURCE / "README.md", out)
    for folder, files in {
        "ort": [RUNTIME / name for name in RUNTIME_FILES],
        "models": [
            f for onnx in find_models(weights).values() for f in (onnx, onnx.with_suffix(".json"))
        ],
    }.items():
        (out / folder).mkdir()
        for file in files:
            shutil.copy(file, out / folder)
    default = catalogue.default_model(predictors)
    answers = {
        "models": catalogue.describe_models(predictors, default, "onnxruntime-web"),
        "samples": catalogue.samples(),
        "version": catalogue.version(Settings()),
    }
    (out / "api").mkdir()
    for name, answer in answers.items():
        (out / "api" / f"{name}.json").write_text(answer.model_dump_json(), encoding="utf-8")


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=SOURCE / "dist", help="default: %(default)s")
    parser.add_argument("--weights", type=Path, default=WEIGHTS_DIR, help="folder of the models")
    args = parser.parse_args(argv)
    install_runtime()
    build(args.out, args.weights)
    size = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    serve = f"python -m http.server --bind 127.0.0.1 --directory {args.out}"
    print(f"{args.out}: {size / (1 << 20):.1f} MiB; {serve}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
