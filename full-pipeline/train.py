"""Train a recogniser: the same as ``captcha-ocr train``. See ``python train.py --help``."""

import sys

from captcha_ocr.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
