"""`python -m tests.storage.power_cuts --count 10000`: power cuts at any write of the program's own storage.

The product's schema, pragmas, ingest and retention write through a file system that records every write and flush.
At a random step the power goes: flushed writes are on the disk, of the others any part. Then the file is opened as the
program opens it: it must be whole, and hold every reading whose commit had returned.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from bisect import bisect_right
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from services.model import Event, EventKind, Reason, Rejected, Tally, Write
from services.storage import database
from services.storage.ingest import Ingest
from services.storage.retention import Limits, Retention
from tests.storage.recording_vfs import Disk, Recorder, write_out
from tests.storage.storing import T0, readings

COMMITS = 120  # of one recording
CHECKPOINT_PAGES = 40  # instead of 1000: cuts during a checkpoint should be frequent
STEP_US = 200_000
CUTS = 100  # of one recording


class Rows(list[tuple[Any, ...]]):
    """What a statement answered, as sqlite3's cursor gives it."""

    rowcount = -1

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.pop(0) if self else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self)


class ThroughRecorder:
    """As much of sqlite3.Connection as the storage uses, on a connection of apsw, which lets us have a file system."""

    def __init__(self, path: Path, vfs: str) -> None:
        self._conn = apsw.Connection(str(path), vfs=vfs)

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> Rows:
        rows = Rows(self._conn.execute(sql, values))
        rows.rowcount = self._conn.changes()
        return rows

    def executemany(self, sql: str, rows: Any) -> None:
        self._conn.executemany(sql, rows)

    def executescript(self, sql: str) -> None:
        self._conn.execute(sql).fetchall()

    @property
    def in_transaction(self) -> bool:
        return self._conn.in_transaction

    def close(self) -> None:
        self._conn.close()


class Recording:
    """A recording's steps, and after which of them how many readings were acknowledged."""

    def __init__(self, folder: Path, seed: int, synchronous: str) -> None:
        self.path = folder / "powermon.db"
        self.chance = random.Random(seed)
        name = f"recorder-{seed}-{time.monotonic_ns()}"
        recorder = Recorder(name)
        self.acknowledged_at: list[int] = []  # steps
        self.acknowledged: list[int] = []  # readings 0 … n-1
        self.deleted_before: list[int] = []
        with _opened_through(self.path, name, synchronous) as conn:
            self._record(conn, recorder)
        self.steps = recorder.steps
        recorder.unregister()

    def _record(self, conn: Any, recorder: Recorder) -> None:
        conn.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        ingest = Ingest(conn)
        limits = Limits(60_000_000, 3_600_000_000, None, 0.0, 0.0)
        retention = Retention(limits, ingest.horizon_moved, ingest.forget_runs)
        count, now_s = 0, 0.0
        for commit in range(COMMITS):
            more = self.chance.randint(1, 30)
            with database.transaction(conn):
                ingest.store([some(count, more)])
            count += more
            self._acknowledge(recorder, conn, count)
            if commit % 4 == 0:
                now_s += 100.0
                retention.step(conn, T0 + count * STEP_US, lambda: now_s)  # noqa: B023 - called at once
                self._acknowledge(recorder, conn, count)

    def _acknowledge(self, recorder: Recorder, conn: Any, count: int) -> None:
        self.acknowledged_at.append(len(recorder.steps))
        self.acknowledged.append(count)
        self.deleted_before.append(conn.execute("SELECT coalesce(max(horizon_us), 0) FROM devices").fetchone()[0])


def some(first: int, count: int) -> Write:
    """Readings in the order of their numbers, with one of everything beside them."""
    times = T0 + np.arange(first, first + count) * STEP_US
    time_us = int(times[0])
    return Write(
        "bench",
        readings(times, np.arange(first, first + count), v=np.arange(first, first + count) % 97 / 10, hold_us=STEP_US),
        rejected=(Rejected("bench", time_us, Reason.NOT_JSON, "x" * (first % 200)),),
        events=(Event("bench", time_us, EventKind.LINK, str(first)),),
        tallies=(Tally(time_us // 1_000_000 * 1_000_000, "corrupt", 1),),
        boot=1,
        ack=first + count - 1,
    )


@contextmanager
def _opened_through(path: Path, vfs: str, synchronous: str) -> Any:
    """`open_writer` as it is, with apsw where it says sqlite3.connect."""
    original = database.sqlite3
    stand_in = type("sqlite3", (), {"connect": lambda *_, **__: ThroughRecorder(path, vfs), "Error": sqlite3.Error})
    database.sqlite3 = stand_in  # type: ignore[assignment,misc]
    try:
        conn = database.open_writer(path, synchronous)
    finally:
        database.sqlite3 = original  # type: ignore[misc]
    with closing(conn):
        yield conn


def verdict(files: dict[str, bytes], recording: Recording, cut: int, folder: Path) -> str:
    """`ok`, `lost` or `corrupt`."""
    for old in folder.iterdir():
        old.unlink()
    path = write_out(files, folder, recording.path)
    place = bisect_right(recording.acknowledged_at, cut) - 1
    acknowledged = recording.acknowledged[place] if place >= 0 else 0
    try:
        with closing(database.open_writer(path, "OFF")) as conn:
            return _looked_at(conn, acknowledged)
    except sqlite3.DatabaseError:
        return "corrupt"


def _looked_at(conn: sqlite3.Connection, acknowledged: int) -> str:
    if conn.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
        return "corrupt"
    horizon_us = conn.execute("SELECT coalesce(max(horizon_us), 0) FROM devices").fetchone()[0]
    first = max(0, -(-(horizon_us - T0) // STEP_US))
    seqs = [row[0] for row in conn.execute("SELECT id & 4294967295 FROM readings ORDER BY id")]
    kept = [seq for seq in seqs if seq >= first]
    if kept != list(range(first, first + len(kept))):
        return "torn"  # a commit is there in part
    counted = conn.execute("SELECT coalesce(sum(n), 0) FROM rollup_60s WHERE (id & 1099511627775) * 60000000 >= ?", (horizon_us,))
    if counted.fetchone()[0] != len(kept):
        return "torn"  # rollups and readings are of different commits
    return "ok" if first + len(kept) >= acknowledged else "lost"


def cut_power(count: int, seed: int, synchronous: str = "FULL") -> Counter[str]:
    """How often each verdict was reached."""
    found: Counter[str] = Counter()
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        folder = Path(name)
        while found.total() < count:
            (folder / "a").mkdir()
            recording = Recording(folder / "a", seed, synchronous)
            (folder / "b").mkdir()
            seed += 1
            wanted = min(CUTS, count - found.total())
            for cut, disk in _cuts(recording, wanted):
                found[verdict(disk.after_power_cut(recording.chance), recording, cut, folder / "b")] += 1
            for used in (folder / "a", folder / "b"):
                for file in used.iterdir():
                    file.unlink()
                used.rmdir()
    return found


def _cuts(recording: Recording, count: int) -> Any:
    """The disk at random steps, ascending."""
    disk = Disk()
    at = 0
    for cut in sorted(recording.chance.choices(range(len(recording.steps) + 1), k=count)):
        for step in recording.steps[at:cut]:
            disk.do(step)
        at = cut
        yield cut, disk


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--synchronous", default="FULL", help="NORMAL shows what the test can see")
    options = parser.parse_args()
    begin = time.monotonic()
    found = cut_power(options.count, options.seed, options.synchronous)
    print(f"{found.total()} power cuts in {time.monotonic() - begin:.0f} s: {dict(found)}")
    return 0 if found["ok"] == found.total() else 1


if __name__ == "__main__":
    sys.exit(main())
