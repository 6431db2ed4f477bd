"""The benchmark: what `scripts/benchmark.py` measures and writes (see docs/benchmark.md)."""
