"""Step 1 with Flask: ``python server_flask.py --host 0.0.0.0 --port 8001``.

It reads pictures itself, or lets a FastAPI server do it: ``--upstream http://127.0.0.1:8000``.
"""

import sys

from captcha_ocr.cli.serve import flask_main

if __name__ == "__main__":
    sys.exit(flask_main())
