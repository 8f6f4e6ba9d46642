"""Value axes that rest: their range grows at once, shrinks late, and ends at round numbers. Pure."""

from __future__ import annotations

import math

LEAST = {"v": 0.02, "a": 0.002, "w": 0.01}  # V, A, W over the whole axis: finer is the sensor's noise
EMPTY = {"v": (0.0, 6.0), "a": (0.0, 0.6), "w": (0.0, 3.0)}  # sensible axes until readings come
PAD = 0.06
Ends = tuple[float, float]


def value_range(channel: str, found: Ends | None, before: Ends | None, *, zero: bool) -> Ends:
    """The axis for data from `found[0]` to `found[1]`; `before` is kept while it fits and is not twice too large."""
    if found is None:
        return before or EMPTY[channel]
    low, high = (min(0.0, found[0]), max(0.0, found[1])) if zero else found
    if before is not None:
        inside = before[0] <= low and high <= before[1]
        large = max(high - low, LEAST[channel]) < (before[1] - before[0]) / 2.2
        if inside and not large and (not zero or before[0] <= 0 <= before[1]):
            return before
    return _around(low, high, LEAST[channel])


def _around(low: float, high: float, least: float) -> Ends:
    span = max(high - low, least)
    middle = (high + low) / 2
    step = nice(span / 5)
    bottom = math.floor((middle - span * (0.5 + PAD)) / step) * step
    top = math.ceil((middle + span * (0.5 + PAD)) / step) * step
    if low >= 0 > bottom:  # what never was negative needs no negative axis
        bottom = 0.0
    return (bottom, top)


def nice(span: float) -> float:
    """1, 2, 5 or 10 times a power of ten, the next one up."""
    power: float = 10.0 ** math.floor(math.log10(span))
    part = span / power
    return (1 if part <= 1 else 2 if part <= 2 else 5 if part <= 5 else 10) * power
