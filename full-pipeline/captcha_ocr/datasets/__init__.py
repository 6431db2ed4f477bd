"""Labelled pictures: where they lie (``stores``), how a model gets them (``ocr``, ``sampler``)."""
