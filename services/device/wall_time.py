"""When a reading was measured, by a board that stamps its readings with Unix time itself (wire level 0)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.model import I64

LEAST_TS = 1e9  # Unix seconds below this: the board has no wall clock
GREATEST_TS = 1e11  # and above it none that microseconds in an int64 could hold
APART_US = 5_000_000


class WallTime:
    """`wall_time_us` for the readings of one boot, as they come.

    A board that gives the same whole second twice counts seconds only: its stamps would bunch readings at the start
    of each second, so they are not used until one has a fraction.
    """

    def __init__(self, last_us: int | None = None) -> None:
        self._last_us = last_us
        self._last_ts: float | None = None
        self._whole = False

    def shift(self, us: int) -> None:
        """The host's clock was set by so much."""
        self._last_us = None if self._last_us is None else self._last_us + us

    def times_us(self, ts: Sequence[float | None], otherwise_us: I64) -> I64:
        """`time_us` for a batch; `otherwise_us`: when each was measured as far as anybody else can say."""
        if any(stamp is not None for stamp in ts):
            stamped = zip(ts, otherwise_us.tolist(), strict=True)
            return np.array([self.time_us(*row) for row in stamped], np.int64)
        if not len(otherwise_us):
            return otherwise_us
        times: I64 = np.maximum.accumulate(otherwise_us)
        if self._last_us is not None:
            times = np.maximum(times, self._last_us)
        self._last_us = int(times[-1])
        return times

    def time_us(self, ts: float | None, received_us: int) -> int:
        """Host time of the next reading; never before the one before it."""
        if ts is not None:
            whole = ts == ts // 1
            self._whole = whole and (self._whole or ts == self._last_ts)
            self._last_ts = ts
        self._last_us = wall_time_us(None if self._whole else ts, received_us, self._last_us)
        return self._last_us


def wall_time_us(ts: float | None, received_us: int, last_us: int | None) -> int:
    """When a board with a wall clock measured: its own stamp where that can be right, else when the line was received.

    Right: a Unix time within 5 s of ours, not before the last reading, and no whole second given twice.
    The result is never before `last_us`.
    """
    floor_us = received_us if last_us is None else last_us
    if ts is None or not ts >= LEAST_TS or ts > GREATEST_TS:
        return max(received_us, floor_us)
    stamp_us = round(ts * 1e6)
    before = last_us is not None and (stamp_us < last_us or (stamp_us == last_us and stamp_us % 1_000_000 == 0))
    if before or abs(stamp_us - received_us) > APART_US:
        return max(received_us, floor_us)
    return stamp_us
