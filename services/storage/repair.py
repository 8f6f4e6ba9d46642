"""Reading back what can be read of a damaged file, in small helpings, into the new one."""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from services.model import Write
from services.storage.backlog import Backlog
from services.storage.database import Connection, has_bytes, open_reader, set_setting, transaction
from services.storage.rows import Rows, Run
from services.storage.schema import BUCKET_BITS, BUCKET_MASK, MINUTE_US
from services.storage.status_words import status_words

log = logging.getLogger(__name__)

SALVAGE = "salvage"  # the setting that names the damaged file while it is being read back
HELPING = 2000
FEW = 20_000  # helpings wait while more readings than this do: those of the board come first
TRIES = 200  # spots in the middle of a broken stretch of one boot at which reading is tried again
LEAST = 100  # numbers: a shorter stretch is not searched, it is about one page
_COLUMNS = "SELECT id, time_us, v_uv, a_ua, w_uw, hold_us, flags FROM readings WHERE id >= ? AND id < ?"
_UP = " ".join((_COLUMNS, "ORDER BY id LIMIT ?"))
_DOWN = " ".join((_COLUMNS, "ORDER BY id DESC LIMIT ?"))
_RUNS = "SELECT d.name, r.run_id, r.boot, r.t0_us FROM runs AS r JOIN devices AS d USING (device_id) ORDER BY r.run_id DESC"
# A horizon beyond the newest reading is broken, and would keep new readings out.
_HORIZONS = """SELECT device_id, name, horizon_us, compact_us FROM devices
    WHERE horizon_us BETWEEN 1 AND (SELECT max(last_us) FROM runs WHERE runs.device_id = devices.device_id)"""
_TABLES = ("rollup_60s", "marked_60s")  # what is left of the time before a horizon
_MINUTES = {name: f"SELECT * FROM {name} WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT ?" for name in _TABLES}  # noqa: S608

Moved = Callable[[int, int], None]
T = TypeVar("T")


class Minutes(NamedTuple):
    """A helping of one-minute rollups: rows of a table, by the names of their columns."""

    table: str
    names: tuple[str, ...]
    rows: list[tuple[int, ...]]


class Salvage:
    """From both ends of each boot up to where the file is broken, and what can be found between; then the one-minute
    rollups of the time whose readings were gone already. A bounded step at a time; `moved` is told of new horizons."""

    def __init__(self, damaged: Path, backlog: Backlog, moved: Moved) -> None:
        self._damaged = damaged
        self._backlog = backlog
        self._moved = moved
        self._writes = _unbroken(self._read())
        self._minutes: Iterator[Minutes] | None = None
        self._last = 0  # of the backlog's readings: when it is committed, all are
        self.readings = 0

    def step(self, conn: Connection) -> bool:
        """One helping; True when there is nothing more to be had and all of it is on disk."""
        if self._minutes is None:
            self._minutes = _unbroken(self._old_minutes(conn))
        if minutes := next(self._minutes, None):
            _store(conn, minutes)
            return False
        if self._backlog.readings > FEW:
            return False
        write = next(self._writes, None)
        if write is not None and write.readings is not None:
            if self._backlog.append(write):
                self.readings += len(write.readings)
            self._last = self._backlog.accepted
            return False
        if self._backlog.accepted - self._backlog.readings < self._last:
            return False
        log.warning("%d readings were read back from %s", self.readings, self._damaged.name)
        set_setting(conn, SALVAGE, "")
        return True

    def _read(self) -> Iterator[Write]:
        with _opened(self._damaged) as conn:
            words = _words(conn)
            for device, run_id, boot, t0_us in conn.execute(_RUNS).fetchall():
                for write in _run(conn, device, Run(run_id, boot, t0_us, 0)):
                    yield msgspec.structs.replace(write, words=words)

    # --- one-minute rollups

    def _old_minutes(self, conn: Connection) -> Iterator[Minutes]:
        """Rows for the new file's devices, which get the old one's horizons: before them there are no readings."""
        with _opened(self._damaged) as old:
            for old_id, name, horizon_us, compact_us in old.execute(_HORIZONS).fetchall():
                new_id = _adopt(conn, name, horizon_us, compact_us)
                self._moved(new_id, horizon_us)
                for table in _TABLES:
                    yield from _minutes(old, table, old_id, new_id, horizon_us)


def _minutes(old: Connection, table: str, old_id: int, new_id: int, horizon_us: int) -> Iterator[Minutes]:
    """One device's, newest first, under its new number. The damaged file may be of an older version: columns have names."""
    if old.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is None:
        return
    high = old_id << BUCKET_BITS | horizon_us // MINUTE_US
    while True:
        found = old.execute(_MINUTES[table], (old_id << BUCKET_BITS, high, HELPING))
        names, rows = tuple(column[0] for column in found.description), found.fetchall()
        if not rows:
            return
        high = min(high - 1, rows[-1][0])
        yield Minutes(table, names, [(new_id << BUCKET_BITS | row[0] & BUCKET_MASK, *row[1:]) for row in rows])


def _adopt(conn: Connection, name: str, horizon_us: int, compact_us: int) -> int:
    with transaction(conn):
        conn.execute("INSERT OR IGNORE INTO devices (name) VALUES (?)", (name,))
        conn.execute(
            "UPDATE devices SET horizon_us = max(horizon_us, ?), compact_us = max(compact_us, ?) WHERE name = ?",
            (horizon_us, compact_us, name),
        )
    return int(conn.execute("SELECT device_id FROM devices WHERE name = ?", (name,)).fetchone()[0])


def _words(old: Connection) -> tuple[str, ...]:
    """The boards' own words, which flags name by number; none where that part of the file is broken or was not yet there."""
    try:
        return status_words(old)
    except sqlite3.Error:
        return ()


def _store(conn: Connection, minutes: Minutes) -> None:
    known = {row[1] for row in conn.execute(f"PRAGMA table_info({minutes.table})")}
    if not known.issuperset(minutes.names):
        log.warning("%d one-minute rollups of the damaged file have columns that nobody knows", len(minutes.rows))
        return
    names, places = ", ".join(minutes.names), ", ".join("?" * len(minutes.names))
    statement = f"INSERT OR IGNORE INTO {minutes.table} ({names}) VALUES ({places})"  # noqa: S608 - names of our own
    try:
        with transaction(conn):
            conn.executemany(statement, minutes.rows)
    except (sqlite3.IntegrityError, OverflowError) as error:
        log.warning("%d one-minute rollups of the damaged file make no sense: %s", len(minutes.rows), error)


def _opened(path: Path) -> closing[Connection]:
    if not has_bytes(path):  # SQLite would throw its write-ahead log away
        raise sqlite3.DatabaseError("the file is empty")
    return closing(open_reader(path))


def _unbroken(found: Iterator[T]) -> Iterator[T]:
    """What can be had; what is broken is the end of it."""
    try:
        yield from found
    except sqlite3.Error as error:
        log.debug("the damaged file gives no more: %s", error)


# --- readings of one boot


def _run(conn: Connection, device: str, run: Run) -> Iterator[Write]:
    """From below, from above, and from the middles of what is left, the widest first."""
    for rows in _stretches(conn, run):
        yield Write(device, rows.readings({run.run_id: run.boot}))


def _stretches(conn: Connection, run: Run) -> Iterator[Rows]:
    low = yield from _climb(conn, run, run.first_id, run.end_id)
    high = yield from _descend(conn, run, low, run.end_id)
    broken = deque([(low, high)])
    for _ in range(TRIES):
        if not broken:
            return
        low, high = broken.popleft()
        if high - low < LEAST:
            continue
        middle = (low + high) // 2
        upper = yield from _climb(conn, run, middle, high)
        lower = yield from _descend(conn, run, low, middle)
        broken += ((low, lower), (upper, high))


def _climb(conn: Connection, run: Run, low: int, high: int) -> Generator[Rows, None, int]:
    """Upwards from `low`; returns where it ended, `high` if nothing is broken."""
    try:
        while len(rows := _helping(conn, _UP, low, high, run)):
            reached = int(rows.id.max()) + 1
            if reached <= low:  # a broken page may answer with anything
                return low
            yield rows
            low = reached
    except sqlite3.Error:
        return low
    return high


def _descend(conn: Connection, run: Run, low: int, high: int) -> Generator[Rows, None, int]:
    """Downwards from `high`; returns where it ended, `low` if nothing is broken."""
    try:
        while len(rows := _helping(conn, _DOWN, low, high, run)):
            reached = int(rows.id.min())
            if reached >= high:
                return high
            yield rows
            high = reached
    except sqlite3.Error:
        return high
    return low


def _helping(conn: Connection, statement: str, low: int, high: int, run: Run) -> Rows:
    found = chain.from_iterable(conn.execute(statement, (low, high, HELPING)))
    table = np.fromiter(found, np.int64).reshape(-1, 7).T
    return Rows(table[0], table[1] + run.t0_us, *table[2:])
