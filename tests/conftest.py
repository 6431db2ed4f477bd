"""Fixtures that several test files share; drawing.py and tiny_model.py make what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawing import write_sample_set


@pytest.fixture
def sample_set(tmp_path: Path) -> Path:
    """A data set root with 24 easily read pictures of two styles; see `write_sample_set`."""
    return write_sample_set(tmp_path / "sample")


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with one model, ``vanilla_crnn``, that reads `draw_barcode` pictures.

    Shared by all tests: to break something, write a model of your own with `write_tiny_model`.
    """
    pytest.importorskip("onnx", reason="the export extra builds the tiny model")
    from tiny_model import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("weights")).parent
