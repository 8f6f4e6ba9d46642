"""Old readings go in small steps, whole minutes at a time, and never because a clock is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.clock import Clock
from services.model import Event, EventKind, Gap, GapState, Reason, Rejected, Tally
from services.storage import retention
from services.storage.database import open_reader, open_writer
from services.storage.retention import Limits, Retention
from services.storage.schema import MINUTE_TIER, MINUTE_US, TIERS
from services.storage.storage import Storage
from tests.storage.storing import T0, commit, readings, until, write
from tests.storage.test_rollup_tiers import assert_tiers_are_right

START = T0 // MINUTE_US * MINUTE_US
HOUR = 60 * MINUTE_US
SECOND = 1_000_000


def clock_at(time_us: int) -> Clock:
    return Clock(wall_ns=lambda: time_us * 1000)


def fill(storage: Storage, minutes: int, per_minute: int = 600, device: str = "bench", boot: int = 1) -> None:
    n = minutes * per_minute
    step = MINUTE_US // per_minute
    for part in np.array_split(np.arange(n), max(1, n // 20_000)):
        storage.append(write(readings(START + part * step, part, hold_us=step, boot=boot), device))
    commit(storage)


class Steps:
    """Retention driven by hand on a closed storage's file, with a clock of its own."""

    def __init__(self, path: Path, now_us: int, **limits: Any) -> None:
        self.conn = open_writer(path, "OFF")
        self.now_us, self.now_s = now_us, 1000.0
        self.retention = Retention(Limits(**{"retention_us": HOUR, "first_pass_s": 0.0} | limits), lambda *_: None, lambda: None)
        self.sizes: list[int] = []

    def one(self) -> bool:
        before = self.retention.deleted
        more = self.retention.step(self.conn, self.now_us, lambda: self.now_s)
        self.sizes.append(self.retention.deleted - before)
        return more

    def a_pass(self) -> int:
        """To the end of a pass; how many readings are left."""
        while self.one():
            pass
        self.now_s += 60
        return self.left()

    def left(self) -> int:
        return int(self.conn.execute("SELECT count(*) FROM readings").fetchone()[0])


@pytest.fixture
def record(make: Callable[..., Storage]) -> Callable[..., None]:
    def filled(minutes: int, **how: Any) -> None:
        storage = make()
        fill(storage, minutes, **how)
        storage.stop()

    return filled


def test_what_is_older_than_the_retention_goes_and_nothing_else(record: Callable[..., None], path: Path) -> None:
    record(100)
    steps = Steps(path, START + 100 * MINUTE_US)
    for _ in range(20):
        steps.a_pass()
    newest = START + 100 * MINUTE_US - MINUTE_US // 600
    oldest = (newest - HOUR) // MINUTE_US * MINUTE_US
    assert steps.left() == 600 * ((START + 100 * MINUTE_US - oldest) // MINUTE_US)
    for name, width in TIERS:
        assert (
            steps.conn.execute(f"SELECT min(id & 1099511627775) FROM {name}").fetchone()[0] or oldest // width
        ) * width >= oldest
    steps.conn.close()
    assert_tiers_are_right(path)


def test_one_pass_deletes_at_most_a_tenth(record: Callable[..., None], path: Path) -> None:
    record(100)
    steps = Steps(path, START + 1000 * HOUR)
    assert steps.a_pass() == 60_000  # so long after the newest reading the clock may be wrong
    steps.now_s += 3600
    assert steps.a_pass() == 54_000
    assert steps.a_pass() == 48_600


def test_every_step_is_small(record: Callable[..., None], path: Path) -> None:
    record(100)
    steps = Steps(path, START + 100 * MINUTE_US)
    for _ in range(6):
        steps.a_pass()
    assert max(steps.sizes) <= 2 * retention.STEP_ROWS
    assert sum(steps.sizes) > 20_000


def test_queries_see_a_pass_at_once_as_a_whole(record: Callable[..., None], path: Path, make: Callable[..., Storage]) -> None:
    record(100)
    steps = Steps(path, START + 100 * MINUTE_US)
    steps.one()
    steps.one()
    assert 54_000 < steps.left() < 60_000
    steps.conn.close()
    storage = make()
    assert sum(map(len, storage.pages("bench", 0, 1 << 60))) == storage.span_stats("bench", 0, 1 << 60).count == 54_000
    assert storage.curve("bench", START, START + 100 * MINUTE_US, 200).count.sum() == 54_000
    extent = storage.extent("bench")
    assert extent is not None and extent[0] == START + 10 * MINUTE_US


def test_a_pass_that_was_cut_off_is_finished_later(record: Callable[..., None], path: Path) -> None:
    record(100)
    steps = Steps(path, START + 100 * MINUTE_US)
    steps.one()
    steps.conn.close()
    steps = Steps(path, START + 100 * MINUTE_US, retention_us=1000 * HOUR)
    assert steps.a_pass() == 54_000


@pytest.mark.parametrize("years", [10, -10])
def test_a_clock_that_is_ten_years_wrong_deletes_nothing(record: Callable[..., None], path: Path, years: int) -> None:
    record(50)
    steps = Steps(path, START + years * 365 * 24 * HOUR)
    for _ in range(30):
        assert steps.a_pass() == 30_000


def test_a_clock_that_leaps_ahead_while_it_records_deletes_nothing_for_an_hour(
    record: Callable[..., None], path: Path
) -> None:
    record(50)
    steps = Steps(path, START + 50 * MINUTE_US)
    assert steps.a_pass() == 30_000
    steps.now_us += 10 * 365 * 24 * HOUR
    steps.conn.execute("UPDATE runs SET last_us = ?", (steps.now_us,))  # readings follow the clock
    for _ in range(50):
        steps.now_us += MINUTE_US
        assert steps.a_pass() == 30_000
    steps.now_us, steps.now_s = steps.now_us + HOUR, steps.now_s + 3600
    assert 0 < steps.a_pass() < 30_000, "the clock was right after all"


def test_nothing_is_deleted_in_the_first_minute(record: Callable[..., None], path: Path) -> None:
    record(100)
    steps = Steps(path, START + 100 * MINUTE_US, first_pass_s=60.0)
    assert not steps.one() and steps.left() == 60_000
    steps.now_s += 59
    assert not steps.one() and steps.left() == 60_000
    steps.now_s += 2
    assert steps.a_pass() < 60_000


def test_one_minute_rollups_can_be_kept_longer(record: Callable[..., None], path: Path, make: Callable[..., Storage]) -> None:
    record(100)
    steps = Steps(path, START + 100 * MINUTE_US, compact_us=1000 * HOUR)
    for _ in range(20):
        steps.a_pass()
    assert steps.left() == 61 * 600
    assert steps.conn.execute("SELECT count(*) FROM rollup_60s").fetchone() == (100,)
    assert steps.conn.execute(f"SELECT count(*) FROM {TIERS[MINUTE_TIER - 1][0]}").fetchone() == (61 * 3,)
    steps.conn.close()
    storage = make(compact_days=1000)
    stats = storage.span_stats("bench", START, START + 100 * MINUTE_US)
    assert stats.count == 60_000 and stats.coverage_s == 6000.0
    assert storage.span_stats("bench", START + 10 * MINUTE_US, START + 12 * MINUTE_US).count == 1200
    assert storage.curve("bench", START, START + 100 * MINUTE_US, 2000).count.sum() == 60_000
    assert storage.curve("bench", START + 5 * MINUTE_US, START + 7 * MINUTE_US, 2000).count.tolist() == [600, 600]
    assert storage.extent("bench") is not None and storage.extent("bench")[0] == START  # type: ignore[index]


def test_what_belongs_to_old_readings_goes_with_them(make: Callable[..., Storage], path: Path) -> None:
    storage = make()
    old, new = START + SECOND, START + 5 * HOUR
    for boot, time_us in ((1, old), (2, new)):
        storage.append(
            write(
                readings([time_us], [1], boot=boot),
                rejected=(Rejected("bench", time_us, Reason.OVERFLOW, "x", "", boot, 2),),
                gaps=(Gap("bench", boot, 3, 3, time_us, time_us + 1, GapState.LOST),),
                events=(Event("bench", time_us, EventKind.REBOOT, "boot"),),
                tallies=(Tally(time_us // SECOND * SECOND, "corrupt", 1),),
            )
        )
    storage.stop()
    steps = Steps(path, new)
    for _ in range(3):
        steps.a_pass()
    for table in ("readings", "rejected_seqs", "rejected_lines", "gaps", "events", "tallies", "runs", "rollup_60s"):
        assert steps.conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,), table
    assert steps.conn.execute("SELECT boot FROM runs").fetchone() == (2,)
    steps.conn.close()
    restored = make().restored("bench")
    assert restored is not None and restored.highest_boot == 2


def test_late_readings_from_before_the_horizon_are_not_stored_again(
    record: Callable[..., None], path: Path, make: Callable[..., Storage]
) -> None:
    record(100)
    steps = Steps(path, START + 100 * MINUTE_US)
    left = steps.a_pass()
    steps.conn.close()
    storage = make()
    fill(storage, 100)
    assert sum(map(len, storage.pages("bench", 0, 1 << 60))) == left
    assert_tiers_are_right(path)


def test_the_size_limit_deletes_the_oldest(record: Callable[..., None], path: Path) -> None:
    record(200)
    size = path.stat().st_size
    steps = Steps(path, START + 200 * MINUTE_US, retention_us=1000 * HOUR, max_bytes=size // 2)
    for _ in range(40):
        steps.a_pass()
    pages, free = (steps.conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
    assert (pages - free) * 4096 < size // 2 < (pages - free) * 4096 * 1.2
    assert pages * 4096 < size * 0.8  # and the file itself was shrunk
    oldest = steps.conn.execute("SELECT min(timestamp), max(timestamp) FROM power_log").fetchone()
    assert START + 80 * MINUTE_US < oldest[0] < oldest[1] == START + 200 * MINUTE_US - MINUTE_US // 600
    steps.conn.close()
    assert_tiers_are_right(path)


def test_recording_goes_on_while_old_readings_go(make: Callable[..., Storage], path: Path) -> None:
    storage = make()
    fill(storage, 30, device="old")
    storage.stop()
    storage = make(retention_h=0.25, purge_after_s=0.0, purge_every_s=0.05, clock=clock_at(START + 30 * MINUTE_US))
    for n in range(100):
        storage.append(write(readings([START + 30 * MINUTE_US + n], [n]), "new"))
    commit(storage)
    assert sum(map(len, storage.pages("new", 0, 1 << 60))) == 100
    conn = open_reader(path)

    def oldest_us() -> int:
        """Of the first device, in the readings and in every tier."""
        found = [
            conn.execute(f"SELECT min(id & 1099511627775) FROM {name} WHERE id < 2 << 40").fetchone()[0] for name, _ in TIERS
        ]
        starts = [start * width for start, (_, width) in zip(found, TIERS, strict=True) if start is not None]
        return min(*starts, conn.execute("SELECT min(timestamp) FROM power_log").fetchone()[0])

    until(lambda: oldest_us() == START + 15 * MINUTE_US)
    conn.close()
    assert sum(map(len, storage.pages("old", 0, 1 << 60))) == 15 * 600
    assert_tiers_are_right(path)
