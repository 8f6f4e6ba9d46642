"""How far the host's clock is ahead of a board's, from arrivals: the line just below all of them.

A reading can arrive late but never early, so the fastest arrivals tell the truth. Of each few seconds the fastest is
kept; the line under those points has the board's drift as its slope (the lower hull's edge at the middle, which is
the likeliest line when delays are exponential) and the fastest of the last minute as its height.

Here x is board uptime in ms and r is arrival minus 1000·x in µs; a slope is in µs per ms, so 0.001 is 1 ppm.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from services.model import F64, I64

SEGMENT_MS = 5_000
SEGMENTS = 128  # 10 minutes and more: a few ppm with arrivals that jitter by tens of ms
OLDEST_MS = 1_800_000  # drift follows temperature: older points say little, unless there are few
FEWEST = 16
RECENT_MS = 60_000
TRUSTED_POINTS = 4
LEAST_NOISE_US = 500.0  # a stamp in whole ms is off by half a ms on average
STEEPEST = 20.0  # 2 %: no crystal or resonator is worse, and RC oscillators of that kind are not worth following


class Envelope:
    """The line r = height + slope·(x − origin)."""

    def __init__(self, x: int, r: float, slope: float = 0.0) -> None:
        self.slope = slope
        self._origin = x
        self._height = r
        self._points: deque[tuple[int, float]] = deque(maxlen=SEGMENTS)

    @property
    def settled(self) -> bool:
        """Whether the slope rests on enough points to be called a drift."""
        return len(self._points) >= TRUSTED_POINTS

    def at(self, x: float) -> float:
        """The line's r at board time x."""
        return self._height + self.slope * (x - self._origin)

    def at_all(self, x: I64) -> F64:
        """`at` for many."""
        r: F64 = self._height + self.slope * (x - self._origin).astype(np.float64)
        return r

    def lower(self, by_us: float) -> None:
        """A faster arrival was seen: the line keeps its slope and goes down."""
        self._height -= by_us

    def shift(self, us: float) -> None:
        """The host's clock was set: the same line in the new time."""
        self._height += us
        self._points = deque(((x, r + us) for x, r in self._points), maxlen=SEGMENTS)

    def add(self, x: int, r: float) -> bool:
        """Take in the fastest arrival of a batch; True when the line was drawn anew."""
        points = self._points
        segment = x // SEGMENT_MS
        newest = points[-1][0] // SEGMENT_MS if points else segment - 1
        if segment < newest:
            return False
        if segment == newest:
            if r - self.at(x) < points[-1][1] - self.at(points[-1][0]):
                points[-1] = (x, r)
            return False
        points.append((x, r))
        if len(points) > 1:
            self._fit()
        return len(points) > 1

    def _fit(self) -> None:
        points = self._points
        newest = points[-1][0]
        while len(points) > FEWEST and newest - points[0][0] > OLDEST_MS:
            points.popleft()
        if self.settled:
            self.slope = self._trusted(lower_slope(list(points)))
        recent = [(x, r) for x, r in points if newest - x <= RECENT_MS]
        self._origin = newest
        self._height = min(r + self.slope * (newest - x) for x, r in recent)

    def _trusted(self, slope: float) -> float:
        """A slope that noise could have made counts for little.

        The error of this line is about 6·noise / (points · length), noise being the mean distance above it.
        """
        points = self._points
        above = [r - slope * x for x, r in points]
        noise = max(sum(above) / len(above) - min(above), LEAST_NOISE_US)
        error = 6 * noise / (len(points) * (points[-1][0] - points[0][0]))
        return max(-STEEPEST, min(STEEPEST, slope * slope**2 / (slope**2 + error**2)))


def lower_slope(points: list[tuple[int, float]]) -> float:
    """Slope of the lower convex hull's edge over the mean x of points ascending in x."""
    hull: list[tuple[int, float]] = []
    for point in points:
        while len(hull) > 1 and _above(hull[-1], hull[-2], point):
            hull.pop()
        hull.append(point)
    middle = sum(x for x, _ in points) / len(points)
    right = next(at for at, (x, _) in enumerate(hull) if at and x >= middle)
    (x0, r0), (x1, r1) = hull[right - 1], hull[right]
    return (r1 - r0) / (x1 - x0)


def _above(point: tuple[int, float], left: tuple[int, float], right: tuple[int, float]) -> bool:
    """Whether a point lies on or above the line between its neighbours."""
    return (point[1] - left[1]) * (right[0] - left[0]) >= (right[1] - left[1]) * (point[0] - left[0])
