"""What is in the file, read with SQL and nothing of the program's."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import NamedTuple

from tests.model.board import Measured, Truth

MICRO = 1e6
SEQ_BITS = 40
SEQ_MASK = (1 << SEQ_BITS) - 1


class Row(NamedTuple):
    run_id: int
    seq: int
    time_us: int
    v_uv: int
    a_ua: int
    w_uw: int
    hold_us: int
    flags: int


class Disk:
    """The committed state, read again whenever the program has committed."""

    def __init__(self, path: Path, truth: Truth) -> None:
        self._path, self._truth = path, truth
        self._at: object = None
        self._known: dict[int, tuple[Row, Measured] | None] = {}  # None: nothing that was measured
        self._lines = 0
        self.rows: list[tuple[Row, Measured]] = []
        self.twice: list[Measured] = []
        self.foreign: list[Row] = []  # nothing that was measured
        self.vanished: list[Measured] = []  # was there and is not any more
        self.settled: set[int] = set()  # keys that are stored, marked or refused with a reason, or were
        self.boots: dict[int, int] = {}  # run → boot as stored

    def read(self, at: object) -> Disk:
        """`at`: changes whenever the file may have changed."""
        if at != self._at:
            self._at = at
            self._read()
        return self

    def _read(self) -> None:
        if not self._path.exists():
            return
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        try:
            ids = {number for (number,) in connection.execute("SELECT id FROM readings")}
            fresh = ids - self._known.keys()
            if fresh:
                self._take_all(connection, fresh)
            refused = connection.execute("SELECT id, line FROM rejected_lines WHERE id > ?", (self._lines,)).fetchall()
        except sqlite3.OperationalError:  # no tables yet
            return
        finally:
            connection.close()
        self._gone(self._known.keys() - ids)
        for number, line in refused:
            self._lines = number
            key = self._refused(line)
            if key is not None:
                self.settled.add(key)
        if fresh or len(self.rows) > len(ids):
            self.rows = [found for _, found in sorted(self._known.items()) if found is not None]

    def _take_all(self, connection: sqlite3.Connection, fresh: set[int]) -> None:
        runs = {run_id: (boot, t0_us) for run_id, boot, t0_us in connection.execute("SELECT run_id, boot, t0_us FROM runs")}
        self.boots = {run_id: boot for run_id, (boot, _) in runs.items()}
        query = "SELECT id, time_us, v_uv, a_ua, w_uw, hold_us, flags FROM readings WHERE id >= ? ORDER BY id"
        for number, time_us, *rest in connection.execute(query, (min(fresh),)):
            if number in fresh:
                run_id = number >> SEQ_BITS
                self._take(number, Row(run_id, number & SEQ_MASK, time_us + runs[run_id][1], *rest))

    def _take(self, number: int, row: Row) -> None:
        reading = self._truth.by_key.get(key_of(row.v_uv / MICRO))
        if reading is None or not _same(row, reading):
            self.foreign.append(row)
            self._known[number] = None
            return
        if reading.key in self.settled:
            self.twice.append(reading)
        self.settled.add(reading.key)
        self._known[number] = (row, reading)

    def _gone(self, numbers: set[int]) -> None:
        for number in numbers:
            found = self._known.pop(number)
            if found is not None:
                self.vanished.append(found[1])

    def _refused(self, line: str) -> int | None:
        """Which reading without a value a refused line was: it names itself. Those with a value have a row."""
        named = re.search(r'"key":(\d+)', line)
        return int(named[1]) if named else None


def key_of(v: float) -> int:
    """Which reading a voltage stands for, as the board makes them."""
    return round((v - 30) * 1e4) if v >= 30 else round((v - 1) * 1e5)


def _same(row: Row, reading: Measured) -> bool:
    values = abs(row.a_ua / MICRO - reading.a) < 2e-6 and abs(row.w_uw / MICRO - reading.w) < 2e-6
    if not reading.life.numbered:
        return values
    return values and (reading.life.first_seq + reading.n - row.seq) % (1 << 32) == 0
