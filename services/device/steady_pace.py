"""When a board without a clock measured: arrivals smoothed, where it measures at a steady pace (wire level 0). Pure.

Lines of such a board arrive late, in bursts, and never early. At a steady pace the arrivals of its numbers therefore lie
on or above a straight line, and the fastest of them on it: that line is when each number was measured. Steady is
believed while the slopes of four quarters of the last arrivals agree and enough of them touch the line.

Here r is an arrival minus what the pace says of its number, in µs.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np

from services.device.fastest_arrivals import lower_slope
from services.model import F64, I64

LEAST_LINES, LEAST_US = 64, 5_000_000  # no judgement on less
KEPT_US = 10_000_000  # arrivals that are looked at, or LEAST_LINES of a slow board
SLOT_US = 4_000  # of arrivals closer than this the fastest is kept
JUDGED_US = 1_000_000  # how often
QUARTERS, LEAST_IN_QUARTER = 4, 4
AGREE = 0.05  # the slopes of the quarters
TOUCHING, TOUCH = 0.1, 0.5  # share of the arrivals that must come within this share of an interval of the line
LEAST_TOUCH_US = 1_000  # a computer takes this long to notice
PIECES = 64  # the line is drawn under the fastest arrival of each
PAUSED_US = 1_000_000  # an arrival this late was not delayed: the board had paused


class SteadyPace:
    """Give it each batch's newest number and arrival; `times` tells once the board has been found steady."""

    def __init__(self) -> None:
        self._points: deque[tuple[int, int, int]] = deque()  # newest number of a batch, its arrival, lines up to it
        self._lines = 0
        self._judged_us = 0
        self._line: tuple[int, float, float] | None = None  # a number, its time in µs, µs from one number to the next

    @property
    def steady(self) -> bool:
        """Whether `times` has an answer."""
        return self._line is not None

    def reset(self) -> None:
        """Nothing that came before belongs to what comes now."""
        self._points.clear()
        self._lines, self._judged_us, self._line = 0, 0, None

    def arrived(self, seq: int, count: int, arrived_us: int) -> None:
        """The newest number of a batch of `count` lines in order."""
        if self._points and seq <= self._points[-1][0]:
            return
        self._lines += count
        if self._line is not None and not self._follow(seq, arrived_us):
            self.reset()
        self._keep(seq, arrived_us)
        if arrived_us - self._judged_us >= JUDGED_US:
            self._judged_us = arrived_us
            self._line = self._judged()

    def times(self, seq: I64) -> I64 | None:
        """When these numbers were measured; None while the board is not known to be steady."""
        if self._line is None:
            return None
        origin, at_us, pace_us = self._line
        times: I64 = np.rint(at_us + pace_us * (seq - origin)).astype(np.int64)
        return times

    def _follow(self, seq: int, arrived_us: int) -> bool:
        """Lower the line to an arrival that was faster than any; False when the board had paused."""
        assert self._line is not None
        origin, at_us, pace_us = self._line
        late_us = arrived_us - (at_us + pace_us * (seq - origin))
        if late_us < 0:
            self._line = (origin, at_us + late_us, pace_us)
        return late_us <= PAUSED_US + pace_us

    def _keep(self, seq: int, arrived_us: int) -> None:
        points = self._points
        if len(points) > 1 and arrived_us - points[-2][1] < SLOT_US:  # the higher number was the faster
            points[-1] = (seq, arrived_us, self._lines)
        else:
            points.append((seq, arrived_us, self._lines))
        while points[0][1] < arrived_us - KEPT_US and self._lines - points[1][2] >= LEAST_LINES:
            points.popleft()

    def _judged(self) -> tuple[int, float, float] | None:
        points = self._points
        if self._lines - points[0][2] < LEAST_LINES or points[-1][1] - points[0][1] < LEAST_US:
            return None
        table = np.array(points, np.int64)
        x, y = table[:, 0] - table[-1, 0], table[:, 1] - table[-1, 1]
        cuts = np.searchsorted(y, np.linspace(y[0], 0, QUARTERS + 1)[1:-1])
        slopes = [_least_squares(*part) for part in zip(np.split(x, cuts), np.split(y, cuts), strict=True)]
        if any(slope is None for slope in slopes):
            return None
        found = np.array(slopes, np.float64)
        if not found.min() > 0 or found.max() - found.min() > AGREE * found.mean():
            return None
        pace_us, height_us, r = _under(x, y, float(found.mean()))
        touching = np.count_nonzero(r - r.min() <= max(TOUCH * pace_us, LEAST_TOUCH_US))
        if touching < TOUCHING * len(points):
            return None
        return int(table[-1, 0]), table[-1, 1] + height_us, pace_us


def _least_squares(x: I64, y: I64) -> float | None:
    """Slope of the points; None when they are too few to have one."""
    if len(x) < LEAST_IN_QUARTER or x[0] == x[-1]:
        return None
    away = x - x.mean()
    return float(away @ (y - y.mean()) / (away @ away))


def _under(x: I64, y: I64, pace_us: float) -> tuple[float, float, F64]:
    """The line under points that follow about this pace: slope, height at x = 0, and how the points lie to it."""
    r = y - pace_us * x
    fastest = [(int(x[part][at]), float(r[part][at])) for part in _pieces(len(x)) for at in [int(r[part].argmin())]]
    pace_us += lower_slope(fastest)
    r = y - pace_us * x
    return pace_us, float(r.min()), r


def _pieces(count: int) -> list[slice]:
    edges = np.linspace(0, count, min(PIECES, count) + 1).astype(int).tolist()
    return [slice(low, high) for low, high in pairwise(edges)]
