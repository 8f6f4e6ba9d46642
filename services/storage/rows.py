"""Rows of readings by their time: those between two moments, page by page.

The table is ordered by (run, sequence number); within a run time follows the numbers but for the run's
`disorder_us`, so a span of time is a span of ids, found by bisection and then filtered.
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

import msgspec
import numpy as np

from services.model import I64, Readings
from services.storage.database import Connection
from services.storage.schema import SEQ_BITS, SEQ_MASK

_PROBE = "SELECT id, time_us FROM readings WHERE id >= ? AND id < ? ORDER BY id LIMIT 1"
_ROWS = """SELECT id, time_us, v_uv, a_ua, w_uw, hold_us, flags FROM readings
    WHERE id >= ? AND id < ? AND time_us >= ? AND time_us < ?"""
_NEXT = "SELECT time_us FROM readings WHERE id >= ? AND id < ? AND time_us >= ? ORDER BY id LIMIT 1"
_RUNS = """SELECT run_id, boot, t0_us, disorder_us FROM runs
    WHERE device_id = ? AND last_us >= ? AND first_us < ? ORDER BY first_us, run_id"""
MICRO = 1e6


class Run(NamedTuple):
    """One boot of one device, as far as finding its readings goes."""

    run_id: int
    boot: int
    t0_us: int
    disorder_us: int

    @property
    def first_id(self) -> int:
        return self.run_id << SEQ_BITS

    @property
    def end_id(self) -> int:
        return self.run_id + 1 << SEQ_BITS


class Rows(msgspec.Struct, frozen=True):
    """Stored readings as integer columns; `time_us` is UTC."""

    id: I64
    time_us: I64
    v_uv: I64
    a_ua: I64
    w_uw: I64
    hold_us: I64
    flags: I64

    def __len__(self) -> int:
        return len(self.id)

    def take(self, index: slice | I64) -> Rows:
        return Rows(*(getattr(self, name)[index] for name in self.__struct_fields__))

    def by_time(self) -> Rows:
        """Ascending in time; those of one instant in the order of run and number."""
        if (np.diff(self.time_us) >= 0).all():
            return self
        return self.take(np.argsort(self.time_us, kind="stable"))

    def readings(self, boots: dict[int, int]) -> Readings:
        """In volts, amperes and watts; `boots` names each run's boot."""
        run_ids = self.id >> SEQ_BITS
        boot = np.empty(len(self), np.int64)
        for run_id, number in boots.items():
            boot[run_ids == run_id] = number
        v, a, w = self.v_uv / MICRO, self.a_ua / MICRO, self.w_uw / MICRO
        return Readings(boot, self.id & SEQ_MASK, self.time_us, self.hold_us, v, a, w, self.flags.astype(np.uint16))


def runs_between(conn: Connection, device_id: int, t0_us: int, t1_us: int) -> list[Run]:
    """The runs that may have readings in [t0, t1)."""
    return [Run(*row) for row in conn.execute(_RUNS, (device_id, t0_us, t1_us))]


def id_range(conn: Connection, run: Run, t0_us: int, t1_us: int) -> tuple[int, int]:
    """Ids [low, high) that hold every reading of the run with time in [t0, t1), and few others."""
    low = _bisect(conn, run.first_id, run.end_id, t0_us - run.t0_us - run.disorder_us)
    return low, _bisect(conn, low, run.end_id, t1_us - run.t0_us + run.disorder_us)


def _bisect(conn: Connection, low: int, high: int, time_us: int) -> int:
    """An id with a reading before `time_us` just below it and readings not before it from there on, as far as probed.

    That is enough: what lies below an id whose reading is disorder_us before t0 lies before t0, and likewise above.
    """
    row = conn.execute("SELECT max(id) FROM readings WHERE id >= ? AND id < ?", (low, high)).fetchone()
    if row[0] is None:
        return low
    high = int(row[0]) + 1
    while low < high:
        middle = (low + high) // 2
        probe = conn.execute(_PROBE, (middle, high)).fetchone()
        if probe is None or probe[1] >= time_us:
            high = middle
        else:
            low = int(probe[0]) + 1
    return low


def run_rows(conn: Connection, run: Run, t0_us: int, t1_us: int) -> Rows:
    """The run's readings with time in [t0, t1), ascending in number."""
    low, high = id_range(conn, run, t0_us, t1_us)
    cursor = conn.execute(_ROWS, (low, high, t0_us - run.t0_us, t1_us - run.t0_us))
    table = np.fromiter(chain.from_iterable(cursor), np.int64).reshape(-1, 7).T
    return Rows(table[0], table[1] + run.t0_us, *table[2:])


def rows_of_runs(conn: Connection, runs: list[Run], t0_us: int, t1_us: int) -> Rows:
    """All their readings with time in [t0, t1), ascending in time."""
    parts = [run_rows(conn, run, t0_us, t1_us) for run in runs]
    if len(parts) == 1:
        return parts[0].by_time()
    if not parts:
        return Rows(*[np.empty(0, np.int64)] * 7)
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in Rows.__struct_fields__)).by_time()


def rows_between(conn: Connection, device_id: int, t0_us: int, t1_us: int) -> Rows:
    """The device's readings with time in [t0, t1), ascending in time."""
    return rows_of_runs(conn, runs_between(conn, device_id, t0_us, t1_us), t0_us, t1_us)


def readings_between(conn: Connection, device_id: int, t0_us: int, t1_us: int) -> Readings:
    """The same in volts, amperes and watts."""
    runs = runs_between(conn, device_id, t0_us, t1_us)
    return rows_of_runs(conn, runs, t0_us, t1_us).readings({run.run_id: run.boot for run in runs})


def most_rows(conn: Connection, device_id: int, t0_us: int, t1_us: int, enough: int) -> int:
    """At least as many as the device has readings in [t0, t1); stops counting at `enough`."""
    total = 0
    for run in runs_between(conn, device_id, t0_us, t1_us):
        low, high = id_range(conn, run, t0_us, t1_us)
        total += high - low
        if total >= enough:
            break
    return total


def next_time(conn: Connection, device_id: int, t0_us: int, t1_us: int) -> int | None:
    """A time not after the first reading in [t0, t1), and close to it; None when there is none."""
    found = (_first_after(conn, run, t0_us, t1_us) for run in runs_between(conn, device_id, t0_us, t1_us))
    return min((time for time in found if time is not None), default=None)


def _first_after(conn: Connection, run: Run, t0_us: int, t1_us: int) -> int | None:
    low, _ = id_range(conn, run, t0_us, t0_us)
    row = conn.execute(_NEXT, (low, run.end_id, t0_us - run.t0_us)).fetchone()
    if row is None or row[0] + run.t0_us >= t1_us + run.disorder_us:
        return None
    return max(t0_us, int(row[0]) + run.t0_us - run.disorder_us)
