"""Deleting what is older than the retention, or more than the size limit: in small steps between the commits.

A pass moves a device's horizon, which takes effect at once (queries and new readings respect it); the rows before it are
then deleted at leisure, whatever happens in between. Horizons are whole minutes, so that every tier stays exact.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import msgspec
import numpy as np

from services.storage.database import Connection, transaction, used_bytes
from services.storage.rows import Run, id_range
from services.storage.schema import BUCKET_BITS, BUCKET_MASK, MARKED_TIERS, MINUTE_TIER, MINUTE_US, SEQ_BITS, TIERS

log = logging.getLogger(__name__)

STEP_ROWS = 2000
STEP_S = 0.015  # a step ends after this, and the next waits for its turn
PASS_SHARE = 0.1  # the most of all readings that one pass lets go
SIZE_HIGH, SIZE_LOW = 0.95, 0.93  # of max_bytes: where deleting begins, and where it ends
LEAP_GRACE_S = 3600.0  # a start long after the newest reading may be a wrong clock: time to set it right
LEAP_US = 60_000_000
FREE_SHARE = 0.25  # of the file: with more pages free than this it is shrunk
VACUUM_PAGES = 128
MINUTE_BYTES = 120  # what a one-minute rollup takes on the disk, measured
MINUTES_SHARE = 0.5  # of max_bytes: more one-minute rollups than that are not kept, whatever `compact_us` says

# Each device's minutes that still have readings; CROSS keeps the range per device, without it every minute is looked at.
_OF_DEVICES = f"""FROM devices AS d CROSS JOIN rollup_60s AS m
    ON m.id >= (d.device_id << {BUCKET_BITS} | (d.horizon_us + {MINUTE_US - 1}) / {MINUTE_US})
    AND m.id < (d.device_id + 1 << {BUCKET_BITS})"""
_MINUTES = f"SELECT m.id & {BUCKET_MASK}, sum(m.n + m.marked) {_OF_DEVICES} GROUP BY 1 ORDER BY 1"
_ROWS = f"SELECT coalesce(sum(m.n + m.marked), 0) {_OF_DEVICES}"
_FIRST = "SELECT min(id) FROM rollup_60s WHERE id >= ? AND id < ?"


class Limits(msgspec.Struct):
    """How long and how much; `first_pass_s` after the start nothing is deleted.

    One object for all who go by it: how long and how much may be set anew while the program runs, each by itself.
    """

    retention_us: int
    compact_us: int = 0  # one-minute rollups are kept this much longer
    max_bytes: int | None = None
    first_pass_s: float = 60.0
    pass_s: float = 60.0


def kept(conn: Connection) -> tuple[int, int, int]:
    """Readings, minutes of which only the rollup is left (at most; holes count too), and devices."""
    devices = conn.execute("SELECT device_id, horizon_us FROM devices").fetchall()
    minutes = sum(_compacted(conn, device_id, horizon_us) for device_id, horizon_us in devices)
    return int(conn.execute(_ROWS).fetchone()[0]), minutes, len(devices)


def _compacted(conn: Connection, device_id: int, horizon_us: int) -> int:
    """Minutes from the first rollup to the horizon."""
    base = device_id << BUCKET_BITS
    first = conn.execute(_FIRST, (base, base + (1 << BUCKET_BITS))).fetchone()[0]
    return 0 if first is None else max(0, horizon_us // MINUTE_US - (first & BUCKET_MASK))


class Task(msgspec.Struct, frozen=True):
    """Rows to delete, STEP_ROWS at a time."""

    table: str
    where: str
    values: tuple[int | str, ...]


class Retention:
    """Call `step` when the writer has nothing better to do; it returns whether there is more to do at once."""

    def __init__(self, limits: Limits, moved: Callable[[int, int], None], forget_runs: Callable[[], None]) -> None:
        self._limits = limits
        self._moved = moved
        self._forget_runs = forget_runs
        self._tasks: deque[Task] = deque()
        self._runs: list[tuple[int, int]] = []  # (device_id, horizon_us) of the pass, whose empty runs go at its end
        self._started_s: float | None = None
        self._next_s = 0.0
        self._grace_s = 0.0
        self._even_us = 0.0  # now minus the monotonic clock, at the last step
        self._shrinking = False
        self.deleted = 0

    def step(self, conn: Connection, now_us: int, monotonic: Callable[[], float]) -> bool:
        """At most about STEP_ROWS rows or STEP_S seconds of work."""
        now_s = monotonic()
        if self._started_s is None:
            self._start(conn, now_s, now_us)
        self._watch_clock(now_s, now_us)
        if self._tasks or self._runs:
            self._work(conn, now_s + STEP_S, monotonic)
            self._shrinking = not (self._tasks or self._runs)
            return True
        if self._shrinking:
            self._shrinking = self._shrink(conn)
            return self._shrinking
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._limits.pass_s
        with transaction(conn):
            horizons = self._plan(conn, now_us, now_s)
        for device_id, cuts in horizons.items():
            self._tasks.extend(_tasks(conn, device_id, *cuts))
        self._runs = [(device_id, horizon_us) for device_id, (horizon_us, _) in horizons.items()]
        return bool(self._tasks)

    def _start(self, conn: Connection, now_s: float, now_us: int) -> None:
        self._started_s = now_s
        self._next_s = now_s + self._limits.first_pass_s
        newest = conn.execute("SELECT max(last_us) FROM runs").fetchone()[0]
        if newest is not None and now_us - newest > self._limits.retention_us:
            self._grace_s = now_s + LEAP_GRACE_S
            log.info("the newest reading is older than the retention: nothing is deleted for an hour, in case the clock is wrong")

    def _watch_clock(self, now_s: float, now_us: int) -> None:
        """A clock that leapt ahead may be wrong, and new readings with it: nothing is deleted by its word for a while."""
        ahead_us = now_us - (now_s * 1e6 + self._even_us)
        if self._even_us and ahead_us > LEAP_US:
            self._grace_s = now_s + LEAP_GRACE_S
            log.info("the clock leapt ahead by %.0f s: nothing is deleted for an hour, in case it is wrong", ahead_us / 1e6)
        self._even_us = now_us - now_s * 1e6

    # --- deciding

    def _plan(self, conn: Connection, now_us: int, now_s: float) -> dict[int, tuple[int, int]]:
        """Move the horizons of a pass; returns them per device, with that of the one-minute rollups."""
        newest = conn.execute("SELECT max(last_us) FROM runs").fetchone()[0]
        if newest is None:
            return {}
        cut_us = 0 if now_s < self._grace_s else min(now_us, newest) - self._limits.retention_us
        devices = conn.execute("SELECT device_id, horizon_us, compact_us FROM devices").fetchall()
        horizon_us = max(cut_us, self._size_cut(conn, newest)) // MINUTE_US * MINUTE_US
        horizon_us = min(horizon_us, self._share_cut(conn))
        longest_us = self._compact_us(len(devices))
        planned = {}
        for device_id, known_us, compacted_us in devices:
            raw_us = max(known_us, horizon_us)
            kept_us = max(compacted_us, (raw_us - longest_us) // MINUTE_US * MINUTE_US)
            planned[device_id] = (raw_us, kept_us)
            if (raw_us, kept_us) != (known_us, compacted_us):
                conn.execute(
                    "UPDATE devices SET horizon_us = ?, compact_us = ? WHERE device_id = ?", (*planned[device_id], device_id)
                )
                self._moved(device_id, raw_us)
        return planned

    def _compact_us(self, devices: int) -> int:
        """How much longer one-minute rollups stay: as set, and no longer than the size limit has room for."""
        if self._limits.max_bytes is None:
            return self._limits.compact_us
        room = int(self._limits.max_bytes * MINUTES_SHARE / MINUTE_BYTES / max(1, devices))
        return min(self._limits.compact_us, room * MINUTE_US)

    def _minutes(self, conn: Connection) -> tuple[np.ndarray, np.ndarray]:
        """Every minute that still has readings, and how many, oldest first, all devices together."""
        table = np.array(conn.execute(_MINUTES).fetchall(), np.int64).reshape(-1, 2)
        return table[:, 0] * MINUTE_US, table[:, 1]

    def _share_cut(self, conn: Connection) -> int:
        """How far one pass may go: a tenth of the readings, or one minute if that is more."""
        minutes, counts = self._minutes(conn)
        if not len(minutes):
            return 1 << 62
        full = np.cumsum(counts)
        last = max(1, int(np.searchsorted(full, full[-1] * PASS_SHARE, side="right")))
        return int(minutes[last - 1]) + MINUTE_US

    def _size_cut(self, conn: Connection, newest_us: int) -> int:
        """How far the size limit wants to go; the newest minutes always stay."""
        limit = self._limits.max_bytes
        if limit is None:
            return 0
        used = used_bytes(conn)
        if used <= limit * SIZE_HIGH:
            return 0
        self._next_s -= self._limits.pass_s * SIZE_HIGH  # look again soon
        minutes, counts = self._minutes(conn)
        full = np.cumsum(counts)
        if not len(full):
            return 0
        last = int(np.searchsorted(full, full[-1] * (used - limit * SIZE_LOW) / used))
        return min(int(minutes[min(last, len(minutes) - 1)]) + MINUTE_US, newest_us - MINUTE_US)

    # --- deleting

    def _work(self, conn: Connection, end_s: float, monotonic: Callable[[], float]) -> None:
        with transaction(conn):
            rows = 0
            while self._tasks and rows < STEP_ROWS:
                gone = _delete(conn, self._tasks[0])
                rows += gone
                if gone < STEP_ROWS:
                    self._tasks.popleft()
                if monotonic() >= end_s:
                    break
            self.deleted += rows
            if not self._tasks:
                self._drop_runs(conn)

    def _drop_runs(self, conn: Connection) -> None:
        """Runs that lie before the horizon as a whole are forgotten, but for each device's newest."""
        for device_id, horizon_us in self._runs:
            gone = conn.execute(
                """DELETE FROM runs WHERE device_id = ?1 AND last_us < ?2
                AND run_id < (SELECT max(run_id) FROM runs WHERE device_id = ?1)
                AND NOT EXISTS (SELECT 1 FROM gaps WHERE gaps.run_id = runs.run_id)""",
                (device_id, horizon_us),
            ).rowcount
            conn.execute(
                "UPDATE runs SET first_us = ?2 WHERE device_id = ?1 AND first_us < ?2 AND last_us >= ?2", (device_id, horizon_us)
            )
            if gone:
                self._forget_runs()
        self._runs = []

    def _shrink(self, conn: Connection) -> bool:
        """Give pages back to the file system when very many are free; otherwise they are used again."""
        pages, free = (conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        if pages < 1000 or free < pages * FREE_SHARE:
            return False
        conn.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")  # execute() would free a single page
        return True


def _tasks(conn: Connection, device_id: int, horizon_us: int, compact_us: int) -> list[Task]:
    """Everything of a device that lies before its horizon."""
    tasks = []
    runs = conn.execute(
        "SELECT last_us, run_id, boot, t0_us, disorder_us FROM runs WHERE device_id = ? AND first_us < ?", (device_id, horizon_us)
    ).fetchall()
    for last_us, *columns in runs:
        run = Run(*columns)
        end = run.end_id if last_us < horizon_us else id_range(conn, run, run.t0_us, horizon_us)[1]
        tasks.append(Task("readings", "id >= ? AND id < ? AND time_us < ?", (run.first_id, end, horizon_us - run.t0_us)))
        tasks.append(Task("rejected_seqs", "id >= ? AND id < ?", (run.run_id << SEQ_BITS, end)))
    for tier, (table, width) in enumerate(TIERS):
        until_us = compact_us if tier == MINUTE_TIER else horizon_us
        span = (device_id << BUCKET_BITS, device_id << BUCKET_BITS | until_us // width)
        tasks += [Task(name, "id >= ? AND id < ?", span) for name in (table, MARKED_TIERS[tier])]
    tasks.append(Task("overlaps", "device_id = ? AND t1_us < ?", (device_id, horizon_us)))
    tasks.append(Task("gaps", "device_id = ? AND t1_us < ?", (device_id, horizon_us)))
    tasks.append(Task("tallies", "device_id = ? AND second_us < ?", (device_id, horizon_us)))
    tasks.append(Task("rejected_lines", "device_id = ? AND time_us < ?", (device_id, horizon_us)))
    name = conn.execute("SELECT name FROM devices WHERE device_id = ?", (device_id,)).fetchone()[0]
    tasks.append(Task("events", "device IN (?, '') AND time_us < ?", (name, horizon_us)))
    return tasks


_KEYS = {"overlaps": "device_id, t0_us", "gaps": "run_id, first", "tallies": "device_id, second_us, kind"}


def _delete(conn: Connection, task: Task) -> int:
    keys = _KEYS.get(task.table, "id")
    chosen = " ".join(("SELECT", keys, "FROM", task.table, "WHERE", task.where, "LIMIT", str(STEP_ROWS)))
    return conn.execute(" ".join(("DELETE FROM", task.table, f"WHERE ({keys}) IN ({chosen})")), task.values).rowcount
