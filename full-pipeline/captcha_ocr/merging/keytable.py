"""What is known of every picture, in a SQLite file: memory stays bounded, sorting spills to disk.

SQLite is part of Python. Filling and sorting the table takes a few percent of the time that
decoding the pictures takes (docs/merging.md has the figures, and those of DuckDB).
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from captcha_ocr.labels import LABELS_FILE, MANIFEST_FILE
from captcha_ocr.merging.config import TEST, TRAIN
from captcha_ocr.merging.rules import LIMIT, UNKNOWN, Copy, Fate
from captcha_ocr.merging.shards import OTHER_RECORD, Bad, Hashed, Row, Spare

_SCHEMA = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536;
CREATE TABLE rows (id INTEGER PRIMARY KEY, {", ".join(Row._fields)}, pixels, fate, kept);
CREATE TABLE bad ({", ".join(Bad._fields)});
CREATE TABLE spare ({", ".join(Spare._fields)});
"""
# Shuffled or not, equal inputs give one order.
_ORDER = {True: "place, source, line", False: "source, line"}
_CHUNK = 10_000  # rows fetched or written at once


@contextmanager
def key_table(path: Path) -> Iterator[KeyTable]:
    """A new table. What SQLite says of a full disk is an OSError, as it is of every other file."""
    try:
        with closing(KeyTable(path)) as table:
            yield table
    except sqlite3.OperationalError as error:
        raise OSError(f"cannot write {path}: {error}") from error


class KeyTable:
    """The table, and the questions that a merge asks it."""

    def __init__(self, path: Path) -> None:
        # No journal: the table is scratch, and a merge that dies starts anew.
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def add(self, hashed: Hashed) -> None:
        marks = ", ".join("?" * len(Row._fields))
        columns = ", ".join(Row._fields)
        self._many(f"INSERT INTO rows ({columns}) VALUES ({marks})", hashed.rows)
        self._many("INSERT INTO bad VALUES (?, ?, ?, ?, ?, ?)", hashed.bad)
        self._many("INSERT INTO spare VALUES (?, ?, ?, ?)", hashed.spare)

    def match_spare_records(self) -> int:
        """Give rows the manifest records that stood elsewhere; how many belong to no row. One that
        says other than the row's own is bad."""
        if not self.one("SELECT COUNT(*) FROM spare"):
            return 0
        self._db.execute("CREATE INDEX spare_file ON spare (source, file)")
        self._db.execute(
            """UPDATE rows SET fields = (SELECT fields FROM spare
               WHERE spare.source = rows.source AND spare.file = rows.file)
               WHERE fields IS NULL"""
        )
        written_otherwise = self.ask(
            """SELECT DISTINCT rows.split, spare.source, spare.line, spare.file,
               rows.fields, spare.fields FROM spare JOIN rows
               ON spare.source = rows.source AND spare.file = rows.file
               WHERE spare.fields <> rows.fields"""
        )
        self._many(
            "INSERT INTO bad VALUES (?, ?, ?, ?, ?, ?)",
            [
                Bad(split, source, MANIFEST_FILE, line, file, OTHER_RECORD)
                for split, source, line, file, own, other in written_otherwise
                if json.loads(own) != json.loads(other)
            ],
        )
        return self.one(
            """SELECT COUNT(*) FROM spare WHERE (source, file) NOT IN
               (SELECT source, file FROM rows UNION ALL SELECT source, file FROM bad)"""
        )

    def sharing_a_band(self) -> Iterator[tuple[int, int, str]]:
        """(id, source, file) of the pictures that another one may equal."""
        return self.ask(
            """SELECT id, source, file FROM rows WHERE band IN
               (SELECT band FROM rows GROUP BY band HAVING COUNT(*) > 1)"""
        )

    def set_pixel_keys(self, found: Iterable[tuple[bytes | None, str, int]]) -> None:
        good = [(key, number) for key, _, number in found if key is not None]
        self._many("UPDATE rows SET pixels = ? WHERE id = ?", good)

    def move_to_bad(self, number: int, problem: str) -> None:
        self._db.execute(
            """INSERT INTO bad SELECT split, source, ?, line, file, ? FROM rows WHERE id = ?""",
            (LABELS_FILE, problem, number),
        )
        self._db.execute("DELETE FROM rows WHERE id = ?", (number,))

    def equal_pictures(self) -> Iterator[tuple[bytes, Copy]]:
        """(pixel key, copy), equal keys one after another; only keys that stand twice."""
        rows = self.ask(
            """SELECT pixels, id, split, source, line, label FROM rows WHERE pixels IN
               (SELECT pixels FROM rows WHERE pixels IS NOT NULL GROUP BY pixels
                HAVING COUNT(*) > 1) ORDER BY pixels"""
        )
        return ((row[0], Copy(*row[1:])) for row in rows)

    def near_hashes(self) -> Iterator[tuple[Copy, bytes]]:
        """(copy, hash) of the pictures that stay so far, equal labels together."""
        rows = self.ask(
            """SELECT near, id, split, source, line, label FROM rows
               WHERE fate IS NULL ORDER BY label"""
        )
        return ((Copy(*row[1:]), row[0]) for row in rows)

    def set_fates(self, fates: Iterable[Fate]) -> None:
        rows = [(fate.reason, fate.kept, fate.id) for fate in fates]
        self._many("UPDATE rows SET fate = ?, kept = ? WHERE id = ?", rows)

    def limit(self, per: str, split: str, most: int, *, shuffle: bool) -> None:
        """Keep the first ``most`` of each value of the column ``per``, in the target's order.

        0 keeps all.
        """
        if not most:
            return
        self._db.execute(
            f"""UPDATE rows SET fate = ? WHERE id IN (SELECT id FROM
                (SELECT id, ROW_NUMBER() OVER (PARTITION BY {per} ORDER BY {_ORDER[shuffle]})
                 AS number FROM rows WHERE fate IS NULL AND split = ?) WHERE number > ?)""",
            (LIMIT, split, min(most, sys.maxsize)),  # SQLite counts no further
        )

    def characters(self, split: str) -> set[str]:
        """All characters of the labels that stay in ``split``."""
        found: set[str] = set()
        for (label,) in self.ask(
            "SELECT DISTINCT label FROM rows WHERE fate IS NULL AND split = ?", (split,)
        ):
            found.update(label)
        return found

    def characters_only_in_test(self) -> list[str]:
        return sorted(self.characters(TEST) - self.characters(TRAIN))

    def having(self, characters: Iterable[str], split: str) -> Iterator[tuple[int, int, str, str]]:
        """(source, line, file, label) of the rows that stay in ``split`` and hold one of these."""
        wanted = set(characters)
        for source, line, file, label in self.ask(
            """SELECT source, line, file, label FROM rows WHERE fate IS NULL AND split = ?
               ORDER BY source, line""",
            (split,),
        ):
            if not wanted.isdisjoint(label):
                yield source, line, file, label

    def mark_unknown(self, characters: Iterable[str]) -> None:
        """Take test pictures with one of ``characters`` out."""
        for character in characters:
            self._db.execute(
                """UPDATE rows SET fate = ? WHERE fate IS NULL AND split = ?
                   AND instr(label, ?) > 0""",
                (UNKNOWN, TEST, character),
            )

    def staying(self, split: str, *, shuffle: bool) -> Iterator[tuple[Any, ...]]:
        """The rows of a target: source, file, label, suffix, width, height, file_size, fields."""
        return self.ask(
            f"""SELECT source, file, label, suffix, width, height, file_size, fields
                FROM rows WHERE fate IS NULL AND split = ? ORDER BY {_ORDER[shuffle]}""",
            (split,),
        )

    def one(self, question: str) -> Any:
        return self._db.execute(question).fetchone()[0]

    def ask(self, question: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Answers one at a time. Each question has its own cursor: the table may change meanwhile
        only in columns that the question does not ask for."""
        cursor = self._db.execute(question, values)
        while True:
            rows = cursor.fetchmany(_CHUNK)
            if not rows:
                return
            yield from rows

    def _many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(statement, rows)
        self._db.execute("COMMIT")
