"""Labelled pictures: where they lie (``stores``), how a model gets them (``prepare``, ``ocr``,
``sampler``, ``augment``), how a set is made of pictures of one's own (``label_rows``,
``importing``), and the ``styles`` that generators here draw."""
