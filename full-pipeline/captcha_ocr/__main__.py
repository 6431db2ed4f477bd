"""``python -m captcha_ocr COMMAND``: the same as ``captcha-ocr COMMAND``."""

import sys

from captcha_ocr.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
