"""``captcha-ocr COMMAND``: one door to all commands.

A command's module is imported when it is called, so that reading a picture never waits for
torch, and works where torch is not installed.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from captcha_ocr import __version__
from captcha_ocr.cli.common import USAGE, Arguments, command

# Module of captcha_ocr.cli -> what it does. A new command is a file there and a line here.
COMMANDS = {
    "train": "train one architecture, or all",
    "merge": "merge labelled pictures into a training and a test set, without leakage",
    "data": "make a data set of labelled pictures; report on one: counts, problems, pictures",
    "eval": "measure models on labelled pictures: EM, CER, by style, confusions, pictures",
    "export": "write trained weights for other runtimes: ONNX, NCNN, TFLite, TorchScript",
    "infer": "read pictures: a file, a folder or standard input",
    "serve": "answer over HTTP, with a page for drag and drop",
    "doctor": "say what is installed, which device and which models are there",
}


@command
def main(argv: Arguments = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        module = importlib.import_module(f"captcha_ocr.cli.{arguments[0]}")
        return module.main(arguments[1:])
    parser = build_parser()
    parser.parse_args(arguments)  # answers --help and --version, refuses what is unknown
    parser.print_help(sys.stderr)
    return USAGE


def build_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:{width}}  {what}" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="captcha-ocr",
        description="Train, measure and use recognisers for CAPTCHA pictures.",
        epilog=f"commands:\n{commands}\n\ncaptcha-ocr COMMAND --help tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"captcha-ocr {__version__}")
    parser.add_argument(
        "command", nargs="?", choices=tuple(COMMANDS), metavar="COMMAND", help="one of those below"
    )
    return parser
