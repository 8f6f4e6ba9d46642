"""Fewer points for a drawing, stored readings untouched.

Buckets are absolute spans of time (they begin at multiples of their width), so a peak keeps its exact height and its
place at every zoom and scroll position. All widths divide the day, and those up to a minute divide the minute.
"""

from __future__ import annotations

import msgspec
import numpy as np

from services.analysis.marks import marked, parted
from services.model import F64, I64, U8, Curve, Flag, Readings, no_readings

MS, SECOND, MINUTE, HOUR = 1_000, 1_000_000, 60_000_000, 3_600_000_000
LADDER_US: tuple[int, ...] = (
    *(n * MS for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(n * SECOND for n in (1, 2, 5, 10, 20)),
    *(n * MINUTE for n in (1, 2, 5, 10, 20)),
    *(n * HOUR for n in (1, 2, 4, 12, 24)),
)
MOST_WIDTHS = 1_000  # tried; beyond, a width that surely fits
GAP_HOLDS = 3  # two points are not joined when nothing was measured for this many of their holds
GAP_BUCKETS = 1.5  # nor, where points are buckets, when a bucket between them would be empty


class MarkedBuckets(msgspec.Struct, frozen=True):
    """The marked readings of fixed spans as columns, ascending in time: how many, and their extremes per channel.

    They stand beside `Buckets`, with rows only where there are any: nearly always none.
    """

    time_us: I64
    count: I64
    lows: F64  # a row per channel
    highs: F64
    recovered: U8

    def __len__(self) -> int:
        return len(self.time_us)


class Buckets(msgspec.Struct, frozen=True):
    """Summaries of fixed spans as columns, ascending in time; `time_us` is a bucket's start, means are hold-weighted."""

    time_us: I64
    count: I64
    hold_us: I64
    v_min: F64
    v_mean: F64
    v_max: F64
    a_min: F64
    a_mean: F64
    a_max: F64
    w_min: F64
    w_mean: F64
    w_max: F64
    recovered: U8  # 1: at least one of its readings was recovered

    def __len__(self) -> int:
        return len(self.time_us)


def width_for(t0_us: int, t1_us: int, points: int, base_us: int = 1) -> int:
    """The smallest bucket width with which [t0, t1) touches at most `points` buckets.

    It is a multiple of `base_us` (the width of the buckets at hand), which must divide the day.
    """
    points = max(points, 2)  # any span may touch two buckets, however wide they are
    for width_us in (base_us, *LADDER_US):
        if width_us >= max(base_us, MS) and width_us % base_us == 0 and _touched(t0_us, t1_us, width_us) <= points:
            return width_us
    coarsest = max(LADDER_US[-1], base_us)
    surely = -(-(t1_us - t0_us) // ((points - 1) * coarsest))  # so many fit wherever the span begins
    least = max(2, (t1_us - t0_us) // (points * coarsest))
    tried = range(least, min(surely, least + MOST_WIDTHS))  # what is asked for may be thousands of years
    return next((n * coarsest for n in tried if _touched(t0_us, t1_us, n * coarsest) <= points), max(2, surely) * coarsest)


def curve_of_rows(rows: Readings, width_us: int, before: Readings | None = None) -> Curve:
    """Readings ascending in time as a curve: raw with width 0, else in buckets of that width.

    `before`: the one reading before them, if there is one, to tell whether the first point is joined to it.
    """
    if not width_us:
        return _raw(rows, before)
    starts = _starts(rows.time_us, width_us)
    breaks = _breaks(rows, starts, before, width_us * GAP_BUCKETS)
    good, others = parted(rows)
    if others is None:
        return _curve(_reduced(_as_buckets(rows), starts, width_us), None, width_us, breaks)
    return _curve(*_together(buckets_of_readings(good, width_us), marked_of_readings(others, width_us)), width_us, breaks)


def curve_of_buckets(buckets: Buckets, width_us: int, others: MarkedBuckets | None = None) -> Curve:
    """Buckets of one width as a curve, broken where buckets are missing for longer than readings are apart.

    `others`: the marked readings of the same buckets, where there are any.
    """
    columns: tuple[Buckets, MarkedBuckets | None] = (buckets, None)
    if others is not None and len(others):
        columns = _together(buckets, others)
    buckets = columns[0]
    breaks = np.zeros(len(buckets), np.uint8)
    if len(buckets) > 1:
        hold = buckets.hold_us / np.maximum(buckets.count, 1)
        longest = np.maximum(hold[1:], hold[:-1])
        breaks[1:] = np.diff(buckets.time_us) > np.maximum(GAP_HOLDS * longest, GAP_BUCKETS * width_us)
    return _curve(*columns, width_us, breaks)


def buckets_of_readings(readings: Readings, width_us: int) -> Buckets:
    """Readings, ascending in time, summed up in buckets."""
    return _reduced(_as_buckets(readings), _starts(readings.time_us, width_us), width_us)


def marked_of_readings(readings: Readings, width_us: int) -> MarkedBuckets:
    """Marked readings, ascending in time, summed up in buckets (one each with width 0)."""
    values = np.stack((readings.v, readings.a, readings.w))
    ones, recovered = np.ones(len(readings), np.int64), _recovered(readings)
    return remark(MarkedBuckets(readings.time_us, ones, values, values, recovered), width_us)


def remark(others: MarkedBuckets, width_us: int) -> MarkedBuckets:
    """Merge ascending buckets of marked readings into wider ones."""
    if not width_us or not len(others):
        return others
    starts = _starts(others.time_us, width_us)
    return MarkedBuckets(
        others.time_us[starts] // width_us * width_us,
        np.add.reduceat(others.count, starts),
        np.minimum.reduceat(others.lows, starts, axis=1),
        np.maximum.reduceat(others.highs, starts, axis=1),
        np.maximum.reduceat(others.recovered, starts),
    )


def rebucket(buckets: Buckets, width_us: int) -> Buckets:
    """Merge ascending buckets (several may have the same start) into wider ones: exact, whatever the steps."""
    return _reduced(buckets, _starts(buckets.time_us, width_us), width_us)


def join(*parts: Buckets) -> Buckets:
    """Buckets from several sources in one ascending row; `rebucket` then merges those with the same start."""
    names = Buckets.__struct_fields__
    joined = Buckets(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    return take(joined, np.argsort(joined.time_us, kind="stable"))


def take(buckets: Buckets, index: slice | I64) -> Buckets:
    """The buckets that a slice or index array names."""
    return Buckets(*(getattr(buckets, name)[index] for name in buckets.__struct_fields__))


def no_curve(width_us: int = 0) -> Curve:
    """A curve without points."""
    return curve_of_rows(no_readings(), width_us)


def _touched(t0_us: int, t1_us: int, width_us: int) -> int:
    return max(t1_us - 1, t0_us) // width_us - t0_us // width_us + 1


def _starts(time_us: I64, width_us: int) -> I64:
    """Where in ascending times each bucket begins."""
    if not len(time_us):
        return np.empty(0, np.int64)
    first, last = int(time_us[0]) // width_us, int(time_us[-1]) // width_us
    if last - first < len(time_us) // 8:  # few buckets, many rows: looking for the borders beats dividing every time
        borders = np.arange(first, last + 2, dtype=np.int64) * width_us
        found = time_us.searchsorted(borders)
        return found[:-1][found[1:] > found[:-1]]
    number = time_us // width_us
    return np.concatenate(([0], np.flatnonzero(number[1:] != number[:-1]) + 1))


def _as_buckets(rows: Readings) -> Buckets:
    """Each reading as a bucket of its own."""
    v, a, w = rows.v, rows.a, rows.w
    ones = np.ones(len(rows), np.int64)
    return Buckets(rows.time_us, ones, rows.hold_us, v, v, v, a, a, a, w, w, w, _recovered(rows))


def _recovered(rows: Readings) -> U8:
    return (rows.flags & np.uint16(Flag.RECOVERED)).astype(np.uint8)


def _together(buckets: Buckets, others: MarkedBuckets) -> tuple[Buckets, MarkedBuckets]:
    """Both with a row for each bucket that either has: empty ones count 0, their values are NaN."""
    time_us = np.union1d(buckets.time_us, others.time_us)
    mine, theirs = np.searchsorted(time_us, buckets.time_us), np.searchsorted(time_us, others.time_us)
    columns = []
    for name in Buckets.__struct_fields__[1:]:
        column = getattr(buckets, name)
        empty = np.nan if column.dtype.kind == "f" else 0
        columns.append(np.full(len(time_us), empty, column.dtype))
        columns[-1][mine] = column
    count, recovered = np.zeros(len(time_us), np.int64), columns[-1].copy()
    lows, highs = np.full((3, len(time_us)), np.nan), np.full((3, len(time_us)), np.nan)
    count[theirs], lows[:, theirs], highs[:, theirs] = others.count, others.lows, others.highs
    recovered[theirs] |= others.recovered
    columns[-1] = recovered
    return Buckets(time_us, *columns), MarkedBuckets(time_us, count, lows, highs, recovered)


def _reduced(buckets: Buckets, starts: I64, width_us: int) -> Buckets:
    """One bucket for each run of buckets that begins at one of `starts`."""
    if not len(starts):
        return take(buckets, slice(0, 0))
    count, hold = np.add.reduceat(buckets.count, starts), np.add.reduceat(buckets.hold_us, starts)
    weight, total = buckets.hold_us.astype(np.float64), hold.astype(np.float64)
    if not hold.all():  # nothing stands for any time there: every reading counts the same
        unheld = hold == 0
        weight = np.where(np.repeat(unheld, np.diff(starts, append=len(buckets))), buckets.count, weight)
        total = np.where(unheld, count, total)

    def channel(lows: F64, means: F64, highs: F64) -> tuple[F64, F64, F64]:
        low, high = np.minimum.reduceat(lows, starts), np.maximum.reduceat(highs, starts)
        mean = np.add.reduceat(means * weight, starts) / total
        return low, np.minimum(np.maximum(mean, low), high), high

    return Buckets(
        buckets.time_us[starts] // width_us * width_us,
        count,
        hold,
        *channel(buckets.v_min, buckets.v_mean, buckets.v_max),
        *channel(buckets.a_min, buckets.a_mean, buckets.a_max),
        *channel(buckets.w_min, buckets.w_mean, buckets.w_max),
        np.maximum.reduceat(buckets.recovered, starts),
    )


def _raw(rows: Readings, before: Readings | None) -> Curve:
    breaks = _breaks(rows, np.arange(len(rows)), before, 0.0)
    where = marked(rows.flags)
    ones, none = np.ones(len(rows), np.int64), np.full(len(rows), np.nan)
    v, a, w = rows.v.copy(), rows.a.copy(), rows.w.copy()
    extremes = [none] * 6
    if where.any():
        extremes = [np.where(where, values, np.nan) for values in (v, v, a, a, w, w)]
        v[where] = a[where] = w[where] = np.nan
        ones[where] = 0
    values = (v, v, v, a, a, a, w, w, w)
    return Curve(0, rows.time_us.copy(), ones, *values, breaks, _recovered(rows), where.astype(np.int64), *extremes)


def _curve(buckets: Buckets, others: MarkedBuckets | None, width_us: int, breaks: U8) -> Curve:
    b, none = buckets, np.full(len(buckets), np.nan)
    v, a, w = (b.v_min, b.v_mean, b.v_max), (b.a_min, b.a_mean, b.a_max), (b.w_min, b.w_mean, b.w_max)
    count, extremes = np.zeros(len(b), np.int64), [none] * 6
    if others is not None:
        count = others.count
        extremes = [row for pair in zip(others.lows, others.highs, strict=True) for row in pair]
    return Curve(width_us, b.time_us, b.count, *v, *a, *w, breaks, b.recovered, count, *extremes)


def _breaks(rows: Readings, starts: I64, before: Readings | None, least_us: float) -> U8:
    """1 for each of `starts` that lies further behind its predecessor than readings do."""
    breaks = np.zeros(len(starts), np.uint8)
    inner = starts[1:]
    distance = rows.time_us[inner] - rows.time_us[inner - 1]
    longest = np.maximum(rows.hold_us[inner], rows.hold_us[inner - 1])
    breaks[1:] = distance > np.maximum(GAP_HOLDS * longest, least_us)
    if len(starts) and before is not None and len(before):
        away = int(rows.time_us[0]) - int(before.time_us[-1])
        held = max(int(rows.hold_us[0]), int(before.hold_us[-1]))
        breaks[0] = away > max(GAP_HOLDS * held, least_us)
    return breaks
