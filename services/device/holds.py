"""What a reading stands for: the time since the one before it, as far as anybody can know that this time was measured.

Contiguous numbers prove that nothing is missing between two readings. At level 0, where a burst of lines may carry any
times, all of the time between belongs to them as long as the link was up. A board without numbers proves nothing: its
readings stand until they would be called stale. A board with a clock and a stated interval is held to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.model import I64

STALE_S = 2.0
STALE_INTERVALS = 3
FAR = 1 << 62
CLOCKED_INTERVALS = 3  # of a board with a clock: a longer pause between two numbers was not measured


def stale_us(interval_us: float) -> float:
    """A newest reading older than this is stale."""
    return max(STALE_S * 1e6, STALE_INTERVALS * interval_us)


def steps(column: I64, before: int) -> I64:
    """What each is more than the one before it."""
    found = np.empty_like(column)
    found[0] = column[0] - before
    np.subtract(column[1:], column[:-1], out=found[1:])
    return found


def neighbours(seq: I64, time_us: I64, known: Sequence[tuple[int, int]]) -> tuple[I64, NDArray[np.bool_], I64]:
    """For readings that came in any order, among themselves and those `known` as (number, time): µs since the nearest lower
    number (-1 without any); whether that is the number before; µs until the next number (FAR where it is not there).
    """
    if not len(seq):
        return time_us, np.zeros(0, np.bool_), time_us
    numbers = np.concatenate((seq, [number for number, _ in known])).astype(np.int64)
    times = np.concatenate((time_us, [time for _, time in known])).astype(np.int64)
    order = np.argsort(numbers, kind="stable")
    step, step_us = np.diff(numbers[order]), np.diff(times[order])
    since_us, is_next, until_us = np.full(len(order), -1), np.zeros(len(order), np.bool_), np.full(len(order), FAR)
    since_us[order[1:]], is_next[order[1:]] = step_us, step == 1
    until_us[order[:-1]] = np.where((step == 1) & (step_us > 0), step_us, FAR)
    return since_us[: len(seq)], is_next[: len(seq)], until_us[: len(seq)]


def holds(step_us: I64, next_number: NDArray[np.bool_], interval_us: float | I64, most_us: float | None) -> I64:
    """µs that each reading stands for.

    `step_us`: since the reading before it; `next_number`: that one has the number before and the link was up between;
    `most_us`: where even then the time ends to be measured, None for never. Elsewhere it is one interval, or less where
    less time has passed.
    """
    whole = next_number & (step_us >= 0)
    if most_us is not None:
        whole &= step_us <= most_us
    if whole.all():
        return step_us
    interval = np.rint(interval_us).astype(np.int64)
    short: I64 = np.where(step_us >= 0, np.minimum(step_us, interval), interval)
    return np.where(whole, step_us, short).astype(np.int64)


def holds_by_number(seq: I64, time_us: I64, known: Sequence[tuple[int, int]], broken: int | None, interval_us: float) -> I64:
    """The same for readings of a board with a clock that came in any order, and others `known` as (number, time).

    `broken`: a number before which the link was down. The board's interval may have been another when an old one was
    measured: where the reading before it is not known, the one after it tells.
    """
    step_us, next_number, until_us = neighbours(seq, time_us, known)
    if broken is not None:
        next_number &= seq != broken
    return holds(step_us, next_number, np.minimum(round(interval_us), until_us), CLOCKED_INTERVALS * interval_us)
