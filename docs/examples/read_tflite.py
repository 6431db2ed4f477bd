"""TFLite: python read_tflite.py exports/tflite/vanilla_crnn.tflite picture.png

(pip install ai-edge-litert) There is a signature for each width; the picture is filled up with 2,
a value that no pixel has: the model takes it for what is not picture.
"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from reading import decode, describe, prepare

weights, picture = sys.argv[1:]
info = describe(weights)
image = prepare(picture, info)
width = image.shape[3]
interpreter = Interpreter(weights)
runners = {}  # width of the signature -> name of its input, and what runs it
for signature in interpreter.get_signature_list():
    runner = interpreter.get_signature_runner(signature)
    (name, details), *_ = runner.get_input_details().items()
    runners[details["shape"][3]] = name, runner
wide = min(each for each in runners if each >= width)
name, runner = runners[wide]
filled = np.pad(image, [(0, 0), (0, 0), (0, 0), (0, wide - width)], constant_values=2)
(logits,) = runner(**{name: filled}).values()  # (1, T, classes)
print(decode(logits[0, : width // info["width_stride"]], info))
