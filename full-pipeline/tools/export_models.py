"""Export trained weights: see ``export_models.py --help`` and docs/exports.md."""

import sys

from captcha_ocr.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
