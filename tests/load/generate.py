"""`python -m tests.load.generate FILE --rate 10 --hours 48`: a database with that much history, through the real storage."""

from __future__ import annotations

import argparse
import threading
import time
from pathlib import Path

import numpy as np

from services.clock import Clock
from services.model import Readings, Write
from services.storage.storage import Storage
from services.storage.store import Durable

BATCH = 100_000
DEVICE = "load"


def batch(first: int, count: int, t0_us: int, step_us: int) -> Readings:
    """Readings `first`… of one boot: a slow wave with spikes, whole micro-units."""
    seq = np.arange(first, first + count, dtype=np.int64)
    a = np.round(0.3 + 0.2 * np.sin(seq / 997) + (seq % 7919 == 0) * 2.0, 6)
    v = np.round(5.0 - a * 0.05, 6)
    hold = np.full(count, step_us, np.int64)
    boot, flags = np.ones(count, np.int64), np.zeros(count, np.uint16)
    return Readings(boot, seq, t0_us + seq * step_us, hold, v, a, np.round(v * a, 6), flags)


def generate(path: Path, rate: float, hours: float) -> int:
    """Write the history that ends now; the number of readings."""
    clock, step_us, total = Clock(), round(1e6 / rate), round(hours * 3600 * rate)
    arrived = threading.Event()
    want = [0]

    def committed(durable: list[Durable]) -> None:
        if any(done.ack >= want[0] for done in durable):
            arrived.set()

    storage = Storage(path, clock, retention_h=hours * 2, commit_s=0.05, on_commit=committed, purge_after_s=1e9)
    storage.start()
    t0_us = clock.now_us() - total * step_us
    for first in range(0, total, BATCH):
        count = min(BATCH, total - first)
        want[0] = first + count - 1
        arrived.clear()
        storage.append(Write(DEVICE, readings=batch(first, count, t0_us, step_us), boot=1, ack=want[0]))
        storage.nudge()
        if not arrived.wait(60):
            raise RuntimeError(storage.health().problem or "the storage does not commit")
    storage.stop(60)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--hours", type=float, default=48.0)
    options = parser.parse_args()
    began = time.perf_counter()
    count = generate(options.file, options.rate, options.hours)
    print(f"{count} readings in {options.file}, {count / (time.perf_counter() - began):.0f} a second")


if __name__ == "__main__":
    main()
