"""The interface of `captcha_ocr.predictor.Predictor` over other runtimes than ONNX Runtime.

Each module says in its first line which package it needs; importing this package imports none.
"""
