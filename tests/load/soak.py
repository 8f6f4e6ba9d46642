"""`python -m tests.load.soak`: eight hours at 100 readings/s, in minutes. What must stay flat is printed at steps.

The board's lines come through a pseudo-terminal as fast as they are taken, and the program's clock shows the time at which
they would have come. Exit code 1 when a reading was lost or something grew.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from services.clock import Clock
from services.device.device import Device
from services.settings import Settings
from services.storage.storage import Storage
from tests.load.feeder import board, pieces
from tests.load.measuring import memory_mb
from tests.mock.serving import wait_for

READINGS = 8 * 3600 * 100
RATE = 100.0
STEPS = 12
START_NS = 1_700_000_000 * 10**9
COMMIT_S = 30.0  # at most this long for what is appended to reach the disk
QUEUED_MOST = 20_000  # readings that may wait for it: the program's clock must not outrun the writer by hours
GROWTH = 1.05
FULL = 450_000  # readings until the windows and the database's page cache have filled
WAL_MB = 64.0


class Step(msgspec.Struct, frozen=True):
    """How the process and its files are after so many readings."""

    readings: int
    memory_mb: float
    descriptors: int
    threads: int
    wal_mb: float
    file_mb: float
    per_s: float

    @property
    def bytes_each(self) -> float:
        return (self.file_mb + self.wal_mb) * 2**20 / max(1, self.readings)


class Report(msgspec.Struct, frozen=True):
    """The steps, and how many readings are not in the database (or are there and were never sent)."""

    steps: list[Step]
    lost: int
    strange: int

    def problems(self) -> list[str]:
        """What did not stay as it was, from where everything is full that fills once."""
        found = [f"{self.lost} readings are lost"] if self.lost else []
        found += [f"{self.strange} rows are not what was sent"] if self.strange else []
        last = self.steps[-1]
        first = next((step for step in self.steps if step.readings >= FULL), last)
        for name, limit in (
            ("memory_mb", first.memory_mb * GROWTH),
            ("descriptors", first.descriptors),
            ("threads", first.threads),
        ):
            if getattr(last, name) > limit:
                found.append(f"{name} grew from {getattr(first, name):g} to {getattr(last, name):g}")
        if last.bytes_each > first.bytes_each * GROWTH:
            found.append(f"a reading takes {last.bytes_each:.1f} bytes instead of {first.bytes_each:.1f}")
        if max(step.wal_mb for step in self.steps) > WAL_MB:
            found.append(f"the write-ahead log grew beyond {WAL_MB:g} MB")
        return found


class Soak:
    """Takes in a board's readings by a clock that follows them."""

    def __init__(self, database: Path, rate: float) -> None:
        self.database = database
        self._rate = rate
        self._now_ns = START_NS
        clock = Clock(wall_ns=lambda: self._now_ns, monotonic_ns=lambda: self._now_ns)
        self._storage = Storage(database, clock)
        self._storage.start()
        self._device = Device("soak", "loop://", Settings(), self._storage, clock)
        self._device.opened()

    def take(self, data: Iterator[bytes], every: int) -> Iterator[int]:
        """Feeds everything; gives the number of readings taken so far, each time `every` more are on disk."""
        taken, due, waiting = -1, every, 0  # the hello is a line too
        for piece in data:
            count = piece.count(b"\n")
            self._now_ns += int(count * 1e9 / self._rate)
            self._device.received(piece)
            self._device.tick()
            taken, waiting = taken + count, waiting + count
            if waiting > QUEUED_MOST or taken >= due:
                waiting = self._flush()
            if taken >= due:
                due += every
                yield taken
        self._flush()
        yield taken

    def stop(self) -> None:
        self._storage.stop(COMMIT_S)

    def _flush(self) -> int:
        """Waits until everything accepted is on disk; how many are not."""
        self._storage.nudge()
        wait_for(lambda: self._storage.health().queued == 0, COMMIT_S)
        return 0


def measure(readings: int, per_s: float, database: Path) -> Step:
    """This process and its database now."""
    status = Path("/proc/self/status").read_text()
    threads = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Threads"))
    wal = database.with_name(database.name + "-wal")
    wal_mb = wal.stat().st_size / 2**20 if wal.exists() else 0.0
    descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    file_mb = database.stat().st_size / 2**20
    return Step(
        readings, round(memory_mb(os.getpid()), 1), descriptors, threads, round(wal_mb, 1), round(file_mb, 1), round(per_s)
    )


def soak(database: Path, readings: int, rate: float, steps: int) -> Iterator[Step]:
    """A step whenever another part of the readings is on disk."""
    running = Soak(database, rate)
    try:
        with board(readings, rate) as fd:
            before, began = 0, time.perf_counter()
            for taken in running.take(pieces(fd, readings), max(1, readings // steps)):
                if taken > before:
                    yield measure(taken, (taken - before) / (time.perf_counter() - began), database)
                before, began = taken, time.perf_counter()
    finally:
        running.stop()


def account(database: Path, readings: int) -> tuple[int, int]:
    """(readings that are not in the database, rows that were not sent or are there twice)."""
    sent = "SELECT count(DISTINCT seq) FROM power_log WHERE device = 'soak' AND seq >= 0 AND seq < ?"
    with closing(sqlite3.connect(database)) as connection:
        there = int(connection.execute(sent, (readings,)).fetchone()[0])
        rows = int(connection.execute("SELECT count(*) FROM power_log").fetchone()[0])
    return readings - there, rows - there


COLUMNS = ("readings", "memory_mb", "descriptors", "threads", "wal_mb", "file_mb", "bytes_each", "per_s")


def line(step: Step) -> str:
    """One line of the table under COLUMNS."""
    return " ".join(f"{round(getattr(step, name), 1):>11}" for name in COLUMNS)


def run(folder: Path, readings: int, rate: float, steps: int) -> Report:
    """Prints as it goes."""
    print(" ".join(f"{name.replace('_', ' '):>11}" for name in COLUMNS))
    done = []
    for step in soak(folder / "soak.db", readings, rate, steps):
        print(line(step), flush=True)
        done.append(step)
    return Report(done, *account(folder / "soak.db", readings))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=READINGS)
    parser.add_argument("--rate", type=float, default=RATE, help="readings per second of the time that is played")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--folder", type=Path, help="where the database is made (default: a temporary folder)")
    parser.add_argument("--json", type=Path, help="write the report there, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        report = run(Path(name), options.readings, options.rate, options.steps)
    if options.json:
        options.json.write_bytes(msgspec.json.encode(report))
    hours = options.readings / options.rate / 3600
    print(f"{hours:g} h at {options.rate:g}/s: " + ("; ".join(report.problems()) or "nothing lost, nothing grew"))
    return 1 if report.problems() else 0


if __name__ == "__main__":
    sys.exit(main())
