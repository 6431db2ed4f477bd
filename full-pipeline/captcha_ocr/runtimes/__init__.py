"""The interface of `captcha_ocr.predictor.Predictor` over other runtimes than ONNX Runtime.

Each module needs the package that it is named after, and nothing here imports one by itself.
"""
