"""What a reading stands for: the time since the one before it, as far as anybody can know that this time was measured.

Contiguous numbers prove that nothing is missing between two readings. At level 0, where a burst of lines may carry any
times, all of the time between belongs to them as long as the link was up. A board without numbers proves nothing: its
readings stand until they would be called stale. A board with a clock and a stated interval is held to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.model import I64

STALE_S = 2.0
STALE_INTERVALS = 3
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


def holds(step_us: I64, next_number: NDArray[np.bool_], interval_us: float, most_us: float | None) -> I64:
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
    interval = round(interval_us)
    short: I64 = np.where(step_us >= 0, np.minimum(step_us, interval), interval)
    return np.where(whole, step_us, short).astype(np.int64)
