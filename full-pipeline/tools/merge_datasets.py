"""Merge sets of labelled pictures: see ``merge_datasets.py --help`` and docs/merging.md."""

import sys

from captcha_ocr.cli.merge import main

if __name__ == "__main__":  # worker processes import this file again on Windows and macOS
    sys.exit(main())
