"""TorchScript: python read_torchscript.py exports/torchscript/vanilla_crnn.torchscript picture.png

(pip install torch) Legacy: torch.jit is deprecated. Such a file holds code: load only your own.
"""

import sys

import torch
from reading import decode, describe, prepare

weights, picture = sys.argv[1:]
info = describe(weights)
module = torch.jit.load(weights).eval()
with torch.inference_mode():
    logits = module(torch.from_numpy(prepare(picture, info)))  # (1, T, classes)
print(decode(logits[0].numpy(), info))
