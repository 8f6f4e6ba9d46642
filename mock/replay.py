"""A recording as a source of samples. Read row by row: its size does not matter."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple, TextIO

from mock.columns import Layout, find_layout
from mock.patterns import Sample

HEADER_WITHIN = 40  # lines of preface that other programs write
MAX_WAIT_US = 3_600_000_000  # a recording's night is not slept through
MAX_STATUS = 32
SAMPLE_ROWS = 200


class ReplayError(Exception):
    """The file cannot be replayed; the message says what was found in it."""


class Row(NamedTuple):
    time_us: float | None
    v: float
    a: float
    w: float
    status: str


class ReplaySource:
    """`voltage`: for recordings that have none. Without a time column the board's interval is kept."""

    def __init__(self, path: Path, speed: float = 1.0, voltage: float | None = None) -> None:
        self._path = path
        self._speed = speed
        self._voltage = voltage
        self.skipped = 0
        self.interval_us = self._usual_wait_us()
        self.skipped = 0  # counted from the first row again
        self._rows = self._read()
        self._ahead = next(self._rows, None)
        if self._ahead is None:
            raise ReplayError(f"{path}: no row below the header has numbers in it")

    def next(self, elapsed_us: int) -> Sample | None:  # noqa: ARG002 - the recording has its own times
        row = self._ahead
        if row is None:
            return None
        self._ahead = next(self._rows, None)
        return Sample(row.v, row.a, row.w, row.status, self._wait_us(row, self._ahead))

    def _usual_wait_us(self) -> int | None:
        """How far apart the first readings are, so that the board can say what a reading stands for; None without times."""
        rows = list(islice(self._read(), SAMPLE_ROWS))
        waits = sorted(wait for pair in pairwise(rows) if (wait := self._wait_us(*pair)))
        return waits[len(waits) // 2] if waits else None

    def _wait_us(self, row: Row, after: Row | None) -> int | None:
        if after is None or row.time_us is None or after.time_us is None:
            return None
        wait = (after.time_us - row.time_us) / self._speed
        return round(min(max(wait, 0.0), MAX_WAIT_US))

    def _read(self) -> Iterator[Row]:
        try:
            with self._path.open(encoding="utf-8-sig", errors="replace") as file:
                layout = self._layout(file)
                for line in file:
                    row = self._row(layout, line)
                    if row is not None:
                        yield row
                    elif line.strip():
                        self.skipped += 1
        except OSError as error:
            raise ReplayError(f"{self._path}: {error.strerror}") from None

    def _layout(self, file: TextIO) -> Layout:
        """The first line that names what we need."""
        wanted = {"a"} if self._voltage is not None else {"v", "a"}
        best = ""
        for line, _ in zip(file, range(HEADER_WITHIN), strict=False):
            layout = find_layout(line)
            if layout and wanted <= layout.columns.keys():
                return layout
            best = best or (line if len(line.split()) > 1 or "," in line or layout else "")
        advice = "" if self._voltage is not None else "; give --voltage V for a recording of the current alone"
        raise ReplayError(
            f"{self._path}: no columns for voltage and current. Found: {best.strip() or 'nothing'}. "
            f"Known are names such as voltage_v, Voltage(V), V, mV and current_a, Current(mA), A, mA{advice}"
        )

    def _row(self, layout: Layout, line: str) -> Row | None:
        cells = layout.cells(line)
        try:
            v, a, w = (layout.value(cells, name) for name in ("v", "a", "w"))
            v = self._voltage if v is None else v
            time_us = layout.time_us(cells)
            status = cells[layout.columns["status"].index] if "status" in layout.columns else "ok"
        except (ValueError, IndexError):
            return None
        if v is None or a is None:
            return None
        w = v * a if w is None else w
        if not all(math.isfinite(x) for x in (v, a, w, time_us or 0.0)):
            return None
        return Row(time_us, round(v, 6), round(a, 6), round(w, 6), status[:MAX_STATUS] or "ok")
