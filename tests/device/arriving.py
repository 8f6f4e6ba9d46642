"""A level 0 board whose lines arrive when the test says: how much of the time it covers, and how well its times are known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from services.device.boot import Boot
from services.device.sequence import SequenceTracker
from services.model import F64, I64, Readings
from services.wire.decoders import ReadingLine

START_US = 1_700_000_000_000_000


class Arrival(NamedTuple):
    """Lines that are read at one moment: their numbers, and when each was measured."""

    arrived_us: int
    seqs: Sequence[int | None]
    values_w: Sequence[float]


def watts(measured_us: int) -> float:
    """A load that changes within a second, and whose mean is far from what any one moment says."""
    return 5.0 + 4.0 * float(np.sin(measured_us / 1e6 * 2 * np.pi / 0.7)) + (3.0 if measured_us // 250_000 % 3 == 0 else 0.0)


def bridged(count: int, interval_us: int, lines: int, late_us: Sequence[int]) -> list[Arrival]:
    """A board behind a bridge that gathers `lines`; each burst comes `late_us` after its last line was measured."""
    found = []
    for burst, first in enumerate(range(0, count, lines)):
        seqs = range(first, min(first + lines, count))
        arrived_us = START_US + seqs[-1] * interval_us + late_us[burst % len(late_us)]
        found.append(Arrival(arrived_us, seqs, [watts(START_US + seq * interval_us) for seq in seqs]))
    return found


def received(arrivals: Iterable[Arrival]) -> tuple[Boot, list[Readings]]:
    """What a boot makes of them, batch by batch."""
    boot = Boot(1, SequenceTracker(retransmits=False), wire=None)
    batches = []
    for arrived_us, seqs, values in arrivals:
        lines = [ReadingLine(5.0, w / 5.0, w, seq=seq) for seq, w in zip(seqs, values, strict=True)]
        boot.mark()
        batches.append(boot.take(lines, arrived_us, arrived_us / 1e6).readings)
    return boot, batches


def joined(batches: Sequence[Readings]) -> Readings:
    return Readings(*(np.concatenate([getattr(part, name) for part in batches]) for name in Readings.__struct_fields__))


def trapezoid_ws(times_us: I64, watt: F64) -> float:
    """Energy by the trapezoid over times."""
    return float((np.diff(times_us) / 1e6 * (watt[1:] + watt[:-1]) / 2).sum())
