"""NCNN: python read_ncnn.py exports/ncnn/vanilla_crnn.param picture.png

(pip install "ncnn>=1.0.20261020") vanilla_crnn.bin lies beside it. The calls are those of C++.
"""

import sys
from pathlib import Path

import ncnn
import numpy as np
from reading import decode, describe, prepare

weights, picture = sys.argv[1:]
info = describe(weights)
net = ncnn.Net()
# Half precision would change the logits, on processors that have it.
net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
net.opt.use_winograd_convolution = False  # it rounds the logits of deep networks more
net.load_param(weights)
net.load_model(str(Path(weights).with_suffix(".bin")))
extractor = net.create_extractor()
image = prepare(picture, info)[0]  # (C, H, W): no batches here
extractor.input("in0", ncnn.Mat(image))  # a view: the array has to outlive it, so it has a name
_, logits = extractor.extract("out0")  # (T, classes)
print(decode(np.array(logits), info))
