"""Readings for the tests of the analysis, and the naive list that everything is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from services.analysis.decimate import Buckets, curve_of_buckets, curve_of_rows, rebucket, take, width_for
from services.model import Curve, Readings

T0 = 1_790_000_000_000_000  # a whole minute in 2026


class Row(NamedTuple):
    time_us: int
    hold_us: int
    v: float
    a: float
    w: float
    seq: int = 0
    flags: int = 0
    boot: int = 1


def columns(rows: Iterable[Row]) -> Readings:
    """Rows as the columns that the program passes round."""
    rows = list(rows)
    pick = {name: [getattr(row, name) for row in rows] for name in Row._fields}
    ints = {name: np.array(pick[name], np.int64) for name in ("boot", "seq", "time_us", "hold_us")}
    floats = {name: np.array(pick[name], np.float64) for name in "vaw"}
    return Readings(**ints, **floats, flags=np.array(pick["flags"], np.uint16))


def rows_of(readings: Readings) -> list[Row]:
    """Columns as rows again."""
    names = [getattr(readings, name).tolist() for name in Row._fields]
    return [Row(*values) for values in zip(*names, strict=True)]


def steady(count: int, every_us: int = 100_000, start_us: int = T0, first_seq: int = 0) -> Readings:
    """A board that measures on time; the values tell the rows apart."""
    return columns(
        Row(start_us + n * every_us, every_us, 5 + n % 7 / 10, 1 + n % 5 / 10, 5 + n % 11 / 10, first_seq + n)
        for n in range(count)
    )


VALUES = st.floats(-50, 50, allow_nan=False, width=32)
STEPS_US = st.sampled_from([0, 1, 999, 10_000, 100_000, 499_999, 1_000_000, 2_500_000, 20_000_000])


@st.composite
def in_order(draw: st.DrawFn, most: int = 60) -> list[Row]:
    """Rows ascending in time with pauses, equal times, zero holds and recovered ones."""
    steps = draw(st.lists(st.tuples(STEPS_US, STEPS_US, VALUES, VALUES, VALUES, st.integers(0, 1)), max_size=most))
    time_us, rows = T0 + draw(st.integers(0, 3_000_000)), []
    for seq, (step_us, hold_us, v, a, w, flags) in enumerate(steps):
        time_us += step_us
        rows.append(Row(time_us, min(hold_us, 2_500_000), v, a, w, seq, flags))
    return rows


@st.composite
def arrivals(draw: st.DrawFn, most: int = 60) -> list[list[Row]]:
    """The same in batches as they arrive: some rows come later than newer ones."""
    rows = draw(in_order(most))
    delays = draw(st.lists(st.sampled_from([0, 0, 0, 0, 1, 3, 30]), min_size=len(rows), max_size=len(rows)))
    order = sorted(range(len(rows)), key=lambda at: (at + delays[at], at))
    batches, at = [], 0
    while at < len(order):
        size = draw(st.integers(1, 9))
        batches.append([rows[row] for row in order[at : at + size]])
        at += size
    return batches


def curve_from_readings(readings: Readings, t0_us: int, t1_us: int, points: int) -> Curve:
    """The readings with time in [t0, t1), ascending in time, as they are or in at most `points` buckets."""
    lo, hi = np.searchsorted(readings.time_us, (t0_us, t1_us)).tolist()
    rows = readings.take(slice(lo, max(lo, hi)))
    width_us = 0 if len(rows) <= points else width_for(t0_us, t1_us, points)
    return curve_of_rows(rows, width_us)


def curve_from_buckets(buckets: Buckets, bucket_us: int, t0_us: int, t1_us: int, points: int) -> Curve:
    """Buckets that touch [t0, t1) as a curve of at most `points` points, merged to coarser ones where needed."""
    width_us = width_for(t0_us, t1_us, points, bucket_us)
    first_us = t0_us // bucket_us * bucket_us if t0_us < t1_us else t1_us
    lo, hi = np.searchsorted(buckets.time_us, (first_us, t1_us)).tolist()
    inside = take(buckets, slice(lo, hi))
    return curve_of_buckets(rebucket(inside, width_us), width_us)
