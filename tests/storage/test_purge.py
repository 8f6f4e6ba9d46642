"""Deleting is never in the way: bounded steps between the commits, room that is used again, limits that hold."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.clock import Clock
from services.storage import retention, writer
from services.storage.database import open_reader, open_writer
from services.storage.retention import MINUTE_BYTES, Limits, Retention
from services.storage.schema import MINUTE_US
from services.storage.storage import Storage
from tests.storage.storing import T0, commit, readings, until, write

START = T0 // MINUTE_US * MINUTE_US
STEPS_BETWEEN = 2  # steps of deleting that a commit which is due waits for, at most: the one under way, and one begun meanwhile
ROWS_A_STEP = 2 * retention.STEP_ROWS


def test_a_purge_of_a_million_readings_never_keeps_a_commit_waiting_for_more_than_two_steps(
    make: Callable[..., Storage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in steps: how long one takes is the disk's affair, STEP_S ends it."""
    total, step_us, old = 1_150_000, 1000, 1_040_000
    storage = make()
    for part in np.array_split(np.arange(total), 23):
        storage.append(write(readings(START + part * step_us, part, hold_us=step_us)))
    storage.stop()
    steps, sizes, begun_at, waited = [0], [0], [0], [0]
    original = Retention.step

    def counted(self: Retention, *args: Any) -> bool:
        steps[0] += 1
        before = self.deleted
        more = original(self, *args)
        sizes.append(self.deleted - before)
        return more

    monkeypatch.setattr(Retention, "step", counted)
    monkeypatch.setattr(writer, "PAUSE_S", 0.0)
    committed = threading.Event()

    def told(_: object) -> None:
        waited.append(steps[0] - begun_at[0])
        committed.set()

    clock = Clock(wall_ns=lambda: (START + total * step_us) * 1000)
    left_h = (total - old) * step_us / 3.6e9
    storage = make(retention_h=left_h, purge_after_s=0.0, purge_every_s=0.0, on_commit=told, commit_s=60.0, clock=clock)
    n = 0
    while sum(sizes) < 1_000_000:
        committed.clear()
        begun_at[0] = steps[0]
        storage.append(write(readings([START + total * step_us + n], [n]), "new", boot=1, ack=n))
        storage.nudge()
        assert committed.wait(20)
        n += 1
    assert n > 100 and max(waited) <= STEPS_BETWEEN
    assert max(sizes) <= ROWS_A_STEP


def test_room_that_became_free_is_used_again(make: Callable[..., Storage], path: Path) -> None:
    """The file of a retention that is full does not grow: what goes makes room for what comes."""
    sizes = []
    for minute in range(0, 100, 5):
        numbers = np.arange(minute * 6000, (minute + 5) * 6000)
        storage = make()
        storage.append(write(readings(START + numbers * 10_000, numbers, hold_us=10_000)))
        storage.stop()
        purge(path, START + (minute + 5) * MINUTE_US, 20 * MINUTE_US)
        sizes.append(path.stat().st_size)
    assert sizes[4] > 3 * sizes[0]
    assert max(sizes[13:]) <= sizes[12] * 1.01  # before that the times, counted from the first, grew by a byte


def purge(path: Path, now_us: int, retention_us: int) -> None:
    """All that the retention wants, at once."""
    conn, now_s = open_writer(path, "OFF"), 0.0
    keeper = Retention(Limits(retention_us, first_pass_s=0.0), lambda *_: None, lambda: None)
    for _ in range(12):
        while keeper.step(conn, now_us, lambda: now_s):  # noqa: B023
            pass
        now_s += 3600
    conn.close()


def test_one_minute_rollups_take_at_most_half_of_the_size_limit(make: Callable[..., Storage], path: Path) -> None:
    """Else a long compaction would leave the readings no room at all."""
    minutes = 400
    storage = make()
    storage.append(write(readings(START + np.arange(minutes * 6) * 10_000_000, hold_us=10_000_000)))
    storage.stop()
    conn, now_s = open_writer(path, "OFF"), 0.0
    room = 100 * MINUTE_BYTES
    limits = Limits(MINUTE_US * 60, MINUTE_US * 10_000, 2 * room, 0.0)
    keeper = Retention(limits, lambda *_: None, lambda: None)
    for _ in range(40):
        while keeper.step(conn, START + minutes * MINUTE_US, lambda: now_s):  # noqa: B023
            pass
        now_s += 3600
    kept = retention.kept(conn)
    assert 90 <= kept[1] <= 100 and kept[0] >= 6
    conn.close()


def test_what_is_kept_is_counted_without_looking_at_compacted_minutes(make: Callable[..., Storage], path: Path) -> None:
    storage = make()
    storage.append(write(readings(START + np.arange(600) * 1_000_000, hold_us=1_000_000)))
    storage.stop()
    conn = open_reader(path)
    plan = " ".join(row[3] for row in conn.execute("EXPLAIN QUERY PLAN " + retention._ROWS))
    assert "SCAN m" not in plan and "SEARCH m USING INTEGER PRIMARY KEY" in plan
    assert retention.kept(conn) == (600, 0, 1)
    conn.close()


def test_the_predicted_size_counts_the_compacted_minutes_too(make: Callable[..., Storage]) -> None:
    def predicted(**options: Any) -> int:
        storage = make(**options)
        if not storage.devices():
            storage.append(write(readings(START + np.arange(50_000) * 20_000, hold_us=20_000)))
        else:
            storage.append(write(readings([START + 10**10], [10**6], hold_us=20_000)))
        commit(storage)
        bytes_ = until(lambda: storage.health().predicted_bytes)
        storage.stop()
        return int(bytes_)

    predicted()
    assert predicted(compact_days=365, retention_h=0.01) > 365 * 1440 * MINUTE_BYTES
