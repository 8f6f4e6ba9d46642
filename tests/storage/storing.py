"""What the storage tests share: columns made by hand, and waiting with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from services.model import Event, EventKind, Readings, Reason, Rejected, Tally, Write
from services.storage.storage import Storage

SECOND = 1_000_000
T0 = 1_700_000_000_000_000  # a time like today's, in the middle of a minute


def readings(
    time_us: Any,
    seq: Any = None,
    *,
    v: Any = 5.0,
    a: Any = 0.25,
    w: Any = 1.25,
    hold_us: Any = 100_000,
    flags: Any = 0,
    boot: Any = 1,
) -> Readings:
    """Columns from lists or single values."""
    times = np.atleast_1d(np.asarray(time_us, np.int64))
    n = len(times)

    def column(value: Any, kind: Any) -> Any:
        return np.broadcast_to(np.asarray(value, kind), n).copy()

    numbers = np.arange(n) if seq is None else seq
    return Readings(
        column(boot, np.int64), column(numbers, np.int64), times, column(hold_us, np.int64),
        column(v, np.float64), column(a, np.float64), column(w, np.float64), column(flags, np.uint16),
    )  # fmt: skip


def write(rows: Readings | None = None, device: str = "bench", **more: Any) -> Write:
    return Write(device, rows, **more)


def until(condition: Callable[[], Any], limit_s: float = 20.0) -> Any:
    """Poll until the condition is true; what it answered."""
    end = time.monotonic() + limit_s
    while not (answer := condition()):
        if time.monotonic() > end:
            raise AssertionError("it did not happen in time")
        time.sleep(0.002)
    return answer


def commit(storage: Storage) -> None:
    """Wait until everything appended is committed."""
    storage.nudge()
    until(lambda: storage.health().queued == 0 and not len(storage._writer.backlog))


def seqs(storage: Storage) -> list[int]:
    return [seq for page in storage.pages("bench", 0, 1 << 60) for seq in page.seq.tolist()]


def one(n: int) -> Write:
    """Reading number n, acknowledged up to itself, with one of everything beside it."""
    time_us = T0 + n * SECOND
    return write(
        readings([time_us], [n]),
        boot=1,
        ack=n,
        events=(Event("bench", time_us, EventKind.LINK, str(n)),),
        rejected=(Rejected("bench", time_us, Reason.NOT_JSON, str(n)),),
        tallies=(Tally(T0 // SECOND * SECOND, "duplicates", 1),),
    )
