"""CAPTCHA OCR: the shared core of the tutorial. Importing it imports nothing heavy.

Where to begin, by what you want to know:

- how a picture becomes text: ``imaging`` (bytes to pixels), ``models`` (pixels to logits),
  ``decoding`` (logits to text), ``constraints`` (what the text may be); ``predictor`` joins them;
- how a model learns: ``datasets``, ``training``, ``checkpoint``;
- how well it reads: ``metrics``, ``evaluation``, ``calibration``, ``report``, ``plots``;
- where pictures come from: ``labels``, ``merging``, ``data_report``;
- how it is used: ``exporting`` and ``runtimes``, ``web``; ``cli`` has a module for each command.
"""

__version__ = "0.1.0"
