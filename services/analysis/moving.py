"""Means over the last 1, 5 and 15 minutes."""

from __future__ import annotations

from services.analysis.seconds import HOLD, SECOND_US, SUMS, WEIGHTED, Seconds
from services.live_model import MovingMean

SPANS_S = (60, 300, 900)


class MovingMeans:
    """Means from one-second summaries: a span begins with a whole second and ends now."""

    def __init__(self, seconds: Seconds) -> None:
        self._seconds = seconds

    def means(self, now_us: int) -> tuple[MovingMean, ...]:
        """Hold-weighted means, with the seconds of measurement each rests on."""
        return tuple(self._mean(now_us // SECOND_US + 1, span_s) for span_s in SPANS_S)

    def _mean(self, end: int, span_s: int) -> MovingMean:
        total = self._seconds.between(end - span_s, end)[:, SUMS].sum(axis=0)
        hold = float(total[HOLD])
        if hold <= 0:
            return MovingMean(span_s, 0.0, None, None, None)
        v, a, w = (total[WEIGHTED] / hold).tolist()
        return MovingMean(span_s, min(hold / SECOND_US, float(span_s)), v, a, w)
