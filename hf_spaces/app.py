"""The Gradio app: ``python app.py``, then http://127.0.0.1:7860.

GRADIO_SERVER_NAME and GRADIO_SERVER_PORT choose another address; a Space sets the first to
0.0.0.0. The settings of the servers apply too:
CAPTCHA_OCR_WEIGHTS=../training-ready/runs/vanilla_crnn python app.py
"""

import os
import sys

# Read when Gradio is imported: no telemetry, no question for newer versions.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from captcha_ocr.config import ConfigError
from captcha_ocr.model_info import ModelError
from space.page import build, launch
from space.reading import Reader


def main() -> int:
    try:
        reader = Reader.from_env()
    except (ConfigError, ModelError) as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    launch(build(reader), reader)
    return 0


if __name__ == "__main__":
    sys.exit(main())
