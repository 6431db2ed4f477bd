"""Measure the merge's key table, and DuckDB doing the same: processor time a row, memory, disk.

    python scripts/bench_keytable.py sqlite --rows 1000000
    pip install duckdb pyarrow && python scripts/bench_keytable.py duckdb --rows 1000000

No pictures are needed: rows with random keys go into a temporary folder.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import missing

with missing.in_one_line():
    from captcha_ocr.benchmarking.machine import peak_memory_mb
    from captcha_ocr.cli.common import Arguments, at_least, command
    from captcha_ocr.merging.keytable import KeyTable
    from captcha_ocr.merging.shards import Hashed, Row

FIELDS = '{"file":"1.gif","label":"GYSGNW","style":"easy","kind":"gif","font":"Inter Bold"}' * 2
SHARED = """SELECT id, source, file FROM rows WHERE band IN
    (SELECT band FROM rows GROUP BY band HAVING COUNT(*) > 1)"""
ORDERED = "SELECT source, file, label, fields FROM rows ORDER BY place, source, line"


def make_rows(count: int, size: int) -> Iterator[list[Row]]:
    rng = random.Random(1)
    for start in range(0, count, size):
        yield [
            Row(
                *("train", 0, n, f"{n:08d}.png", "abcd", False, ".png", 160, 60, 8000),
                *(rng.getrandbits(128).to_bytes(16, "big"), None),
                *(rng.getrandbits(64).to_bytes(8, "big"), FIELDS),
            )
            for n in range(start, min(start + size, count))
        ]


def measure_sqlite(path: Path, count: int) -> tuple[float, float]:
    table, filling = KeyTable(path), 0.0
    for rows in make_rows(count, 500):
        start = time.process_time()
        table.add(Hashed(rows, [], []))
        filling += time.process_time() - start
    start = time.process_time()
    sum(1 for _ in table.sharing_a_band())
    sum(1 for _ in table.staying("train", shuffle=True))
    reading = time.process_time() - start
    table.close()  # Windows removes no file that is open
    return filling, reading


def measure_duckdb(path: Path, count: int) -> tuple[float, float]:
    import duckdb
    import pyarrow

    database, filling = duckdb.connect(str(path)), 0.0
    database.execute("SET memory_limit = '512MB'")
    for number, rows in enumerate(make_rows(count, 10_000)):
        start = time.process_time()
        columns = {name: list(values) for name, values in zip(Row._fields, zip(*rows))}
        columns["id"] = list(range(number * 10_000, number * 10_000 + len(rows)))
        chunk = pyarrow.table(columns)
        database.register("chunk", chunk)
        what = "INSERT INTO rows" if number else "CREATE TABLE rows AS"
        database.execute(f"{what} SELECT * FROM chunk")
        filling += time.process_time() - start
    start = time.process_time()
    for question in (SHARED, ORDERED):
        answer = database.execute(question)
        while answer.fetchmany(10_000):
            pass
    reading = time.process_time() - start
    database.close()
    return filling, reading


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("engine", choices=("sqlite", "duckdb"))
    parser.add_argument("--rows", type=at_least(1), default=1_000_000)
    args = parser.parse_args(argv)
    measure = {"sqlite": measure_sqlite, "duckdb": measure_duckdb}[args.engine]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keys"
        filling, reading = measure(path, args.rows)
        peak = peak_memory_mb()
        memory = "" if peak is None else f", {peak * 1e6 / 2**20:.0f} MiB at the peak"
        print(
            f"{args.engine}, {args.rows:,} rows: fill {filling / args.rows * 1e6:.1f} and read "
            f"{reading / args.rows * 1e6:.1f} us a row, {path.stat().st_size / 2**20:.0f} MiB on "
            f"disk{memory}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
