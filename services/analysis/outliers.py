"""Readings that stand alone, far from those before and after them: found, told, never taken out of the record. Pure.

Two robust judgements (a spike must not widen the measure that it is held against):
z-score: |x − median| / (1.4826 · MAD), after Iglewicz and Hoaglin, *How to Detect and Handle Outliers* (1993);
IQR: beyond the quartiles by more than k times their distance, after Tukey, *Exploratory Data Analysis* (1977).
A run of more than `LONGEST` readings is no outlier but a step.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.alert_model import Outlier
from services.model import CHANNELS, F64, I64, Flag, Readings

SECOND_US = 1_000_000
NORMAL = 1.4826  # the standard deviation of a normal distribution in units of its MAD
LONGEST = 5
LEAST = 20  # readings that say what is usual
MOST = 20_000  # of a window with more every n-th is taken for the measure
STEP = 1e-6  # the record's step: quieter than it nothing is
ACCURACY = 1e-3  # of the value: no sensor here is better than a tenth of a percent, so closer than that nothing stands apart
SETTLED_US = 2 * SECOND_US  # a second is judged when readings of two seconds later are there


class Method(StrEnum):
    OFF = "off"
    ZSCORE = "zscore"
    IQR = "iqr"
    BOTH = "both"  # either of them


class Judgement(msgspec.Struct, frozen=True):
    """How to judge: against the last `window_s` seconds, with these limits."""

    method: Method = Method.ZSCORE
    window_s: float = 60.0
    z: float = 8.0
    iqr: float = 3.0


class Measure(msgspec.Struct, frozen=True):
    """What is usual: median and MAD, quartiles. `least`: spread that no quiet falls below, for a steady value of a sensor
    with coarse steps has a MAD of 0, and its next step is no outlier."""

    median: float
    mad: float
    q1: float
    q3: float
    least: float

    def z(self, values: F64) -> F64:
        """Robust z-scores."""
        scores: F64 = np.abs(values - self.median) / max(NORMAL * self.mad, self.least)
        return scores

    def beyond(self, values: F64) -> F64:
        """How far outside the quartiles, in units of their distance; 0 inside."""
        outside = np.maximum(np.maximum(self.q1 - values, values - self.q3), 0.0)
        far: F64 = outside / max(self.q3 - self.q1, self.least)
        return far


def measure(values: F64) -> Measure:
    """Of at least one value."""
    values = values[:: len(values) // MOST + 1]
    q1, median, q3 = (float(part) for part in np.percentile(values, (25, 50, 75)))
    least = max(ACCURACY * abs(median), _step(values))
    return Measure(median, float(np.median(np.abs(values - median))), q1, q3, least)


def _step(values: F64) -> float:
    """The sensor's own step, as the least distance of two different values; two values tell of none."""
    different = np.unique(values)
    return max(STEP, float(np.diff(different).min())) if len(different) > 2 else STEP


class OutlierWatch:
    """Judges second by second, in the time of the readings."""

    def __init__(self, judgement: Judgement) -> None:
        self._judgement = judgement
        self._done_us: int | None = None

    def due(self, newest_us: int) -> tuple[int, int, int] | None:
        """(window begins, judged from, judged up to) when readings up to `newest_us` are there; None: nothing to judge yet."""
        if self._judgement.method is Method.OFF:
            return None
        end_us = (newest_us - SETTLED_US) // SECOND_US * SECOND_US
        if self._done_us is None:
            self._done_us = end_us
        if end_us <= self._done_us:
            return None
        span_us = round(self._judgement.window_s * SECOND_US)
        first_us, self._done_us = max(self._done_us, end_us - span_us), end_us
        return end_us - span_us, first_us, end_us

    def judge(self, rows: Readings, from_us: int) -> list[Outlier]:
        """`rows`: those of the window, ascending; the outliers among those from `from_us` on, the farthest of each channel."""
        if (rows.flags & int(Flag.MARKED)).any():  # seldom: at a high rate a copy costs more than all the rest
            rows = rows.take(rows.flags & int(Flag.MARKED) == 0)
        first = int(rows.time_us.searchsorted(from_us))
        if len(rows) < LEAST or first == len(rows):
            return []
        found = (self._channel(name, rows.time_us, getattr(rows, name), first) for name in CHANNELS)
        return [one for one in found if one is not None]

    def _channel(self, name: str, time_us: I64, values: F64, first: int) -> Outlier | None:
        usual = measure(values)
        # Some before, so that the beginning of a run is seen.
        low = max(0, first - LONGEST)
        z, far = usual.z(values[low:]), usual.beyond(values[low:])
        alone = _alone(self._outside(z, far))[first - low :]
        places = np.flatnonzero(alone)
        if not len(places):
            return None
        z, far, values = z[first - low :], far[first - low :], values[first:]
        place = int(places[np.argmax(z[places])])
        told = (float(values[place]), float(z[place]), float(far[place]))
        return Outlier(name, int(time_us[first + place]), len(places), *told, usual.median, usual.mad, usual.q1, usual.q3)

    def _outside(self, z: F64, far: F64) -> NDArray[np.bool_]:
        judgement = self._judgement
        by_z = z > judgement.z if judgement.method in (Method.ZSCORE, Method.BOTH) else np.zeros(len(z), bool)
        by_iqr = far > judgement.iqr if judgement.method in (Method.IQR, Method.BOTH) else np.zeros(len(z), bool)
        return by_z | by_iqr


def _alone(outside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without the runs that are too long to be outliers."""
    edges = np.flatnonzero(np.diff(outside, prepend=False, append=False))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - start > LONGEST:
            outside[start:end] = False
    return outside
