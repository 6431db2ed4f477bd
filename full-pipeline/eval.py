"""Measure models on labelled pictures: the same as ``captcha-ocr eval``. See ``--help``."""

import sys

from captcha_ocr.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["eval", *sys.argv[1:]]))
