"""Read pictures: the same as ``captcha-ocr infer``. See ``python infer.py --help``."""

import sys

from captcha_ocr.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["infer", *sys.argv[1:]]))
