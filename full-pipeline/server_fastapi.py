"""The FastAPI server: ``uvicorn server_fastapi:app --host 0.0.0.0 --port 8000``.

``python server_fastapi.py --help`` shows every setting. Under ``uvicorn`` they come from the
environment: CAPTCHA_OCR_MAX_FILES=16 uvicorn server_fastapi:app
"""

import sys

from captcha_ocr.cli.serve import fastapi_app, fastapi_main

if __name__ == "__main__":
    sys.exit(fastapi_main())

app = fastapi_app()
