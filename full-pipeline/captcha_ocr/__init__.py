"""CAPTCHA OCR: the shared core of the tutorial. Importing it imports nothing heavy."""

__version__ = "0.1.0"
