"""Statistics of the last seconds, and means over the last 1, 5 and 15 minutes: exact, whatever came late.

Whole seconds come from their summaries, so that the cost does not grow with the rate; only a span's two ends are read row by row.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from services.analysis.energy import AMPERE_US_PER_MAH, WATT_US_PER_WH
from services.analysis.marks import marked, parted
from services.analysis.seconds import COUNT, HIGHS, HOLD, LOWS, SECOND_US, SUMS, WEIGHTED, Seconds, merge, summarise
from services.analysis.window import Window
from services.live_model import MovingMean
from services.model import CHANNELS, F64, ChannelStats, Readings, SpanStats

SPAN_S = 60.0
MOVING_S = (60, 300, 900)


class RollingStats:
    """Reads a window and the summaries of the same readings; call when both have taken in a batch."""

    def __init__(self, window: Window, seconds: Seconds) -> None:
        self._window = window
        self._seconds = seconds

    def stats(self, now_us: int, span_s: float = SPAN_S) -> SpanStats:
        """Statistics of the readings with time in (now − span, now]."""
        t0_us = now_us - round(span_s * SECOND_US)
        total = self._total(t0_us, now_us)
        rows = self._window.after(t0_us, now_us)
        without = int(np.count_nonzero(marked(rows.flags)))
        if len(rows) == without:
            return span_stats(total, t0_us, now_us, left_out=without)
        _clip(total, rows, t0_us)
        return span_stats(total, t0_us, now_us, None if total[HOLD] > 0 else parted(rows)[0], without)

    def stats_with_spread(self, now_us: int, span_s: float) -> SpanStats:
        """The same with standard deviations, read row by row: for the span that a page shows."""
        found = self.stats(now_us, span_s)
        rows, _ = parted(self._window.after(found.t0_us, now_us))
        spread = {name: _spread(getattr(found, name), getattr(rows, name), rows) for name in CHANNELS}
        return msgspec.structs.replace(found, **spread)

    def _total(self, t0_us: int, now_us: int) -> F64:
        """The summary of the span, before its first reading is clipped."""
        window = self._window
        first, end = t0_us // SECOND_US + 1, (now_us + 1) // SECOND_US
        if window.newest_us <= now_us:
            end += 1  # the second that is not over yet holds nothing later than now
        if first >= end:
            return summarise(parted(window.after(t0_us, now_us))[0])
        head, _ = parted(window.after(t0_us, first * SECOND_US - 1))
        tail, _ = parted(window.after(end * SECOND_US - 1, now_us))
        parts = [self._seconds.between(first, end), *(summarise(rows)[None] for rows in (head, tail) if len(rows))]
        return merge(np.concatenate(parts))


class MovingMeans:
    """Means from one-second summaries: a span begins with a whole second and ends now."""

    def __init__(self, seconds: Seconds) -> None:
        self._seconds = seconds

    def means(self, now_us: int) -> tuple[MovingMean, ...]:
        """Hold-weighted means, with the seconds of measurement each rests on."""
        return tuple(self._mean(now_us // SECOND_US + 1, span_s) for span_s in MOVING_S)

    def _mean(self, end: int, span_s: int) -> MovingMean:
        total = self._seconds.between(end - span_s, end)[:, SUMS].sum(axis=0)
        hold = float(total[HOLD])
        if hold <= 0:
            return MovingMean(span_s, 0.0, None, None, None)
        v, a, w = (total[WEIGHTED] / hold).tolist()
        return MovingMean(span_s, min(hold / SECOND_US, float(span_s)), v, a, w)


def _clip(total: F64, rows: Readings, t0_us: int) -> None:
    """Take back what the first reading stands for before the span began."""
    if marked(rows.flags[:1]).any():  # it stands for nothing
        return
    before = int(rows.hold_us[0]) - (int(rows.time_us[0]) - t0_us)
    if before > 0:
        total[HOLD] -= before
        total[WEIGHTED] -= np.array((rows.v[0], rows.a[0], rows.w[0])) * before


def span_stats(total: F64, t0_us: int, t1_us: int, rows: Readings | None = None, left_out: int = 0) -> SpanStats:
    """A summary in words of the model. `rows`: what to take plain means of when no reading has a hold yet."""
    hold = float(total[HOLD])
    means = _plain_means(rows) if rows is not None else (total[WEIGHTED] / hold).tolist() if hold > 0 else [None] * 3
    v, a, w = map(_channel, total[LOWS].tolist(), means, total[HIGHS].tolist())
    _, ampere_us, watt_us = total[WEIGHTED].tolist()
    coverage_s = min(hold, t1_us - t0_us) / SECOND_US
    energy_wh, charge_mah = watt_us / WATT_US_PER_WH, ampere_us / AMPERE_US_PER_MAH
    return SpanStats(t0_us, t1_us, int(total[COUNT]), coverage_s, v, a, w, energy_wh, charge_mah, marked=left_out)


def _channel(low: float, mean: float | None, high: float) -> ChannelStats:
    """Rounding may carry a mean past the extremes: it is held between them."""
    return ChannelStats() if mean is None else ChannelStats(low, min(max(mean, low), high), high)


def _spread(stats: ChannelStats, values: F64, rows: Readings) -> ChannelStats:
    """Hold-weighted like the mean; plain when nothing has a hold."""
    if stats.mean is None or not len(values):
        return stats
    weights = rows.hold_us if rows.hold_us.any() else None
    variance = float(np.average((values - stats.mean) ** 2, weights=weights))
    return msgspec.structs.replace(stats, std=math.sqrt(variance))


def _plain_means(rows: Readings) -> list[float]:
    return [math.fsum(column.tolist()) / len(column) for column in (rows.v, rows.a, rows.w)]
