"""ONNX: python read_onnx.py exports/onnx/vanilla_crnn.onnx picture.png   (pip install onnxruntime)

The same for exports/onnx-int8.
"""

import sys

import onnxruntime
from reading import decode, describe, prepare

weights, picture = sys.argv[1:]
info = describe(weights)
session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
(logits,) = session.run(None, {"images": prepare(picture, info)})  # (1, T, classes)
print(decode(logits[0], info))
