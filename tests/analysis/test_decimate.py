"""Drawn extremes are the true extremes at any span and any width, straight from readings or by way of any rollups."""

from __future__ import annotations

import itertools
import operator
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from services.analysis import decimate
from services.analysis.decimate import (
    LADDER_US,
    Buckets,
    buckets_of_readings,
    curve_of_buckets,
    join,
    rebucket,
    take,
    width_for,
)
from services.model import Curve, no_readings
from tests.analysis.making import T0, Row, columns, curve_from_buckets, curve_from_readings, in_order, steady

DAY_US = 86_400_000_000
SPANS_US = st.integers(0, 100_000_000)


def inside(rows: list[Row], t0_us: int, t1_us: int) -> list[Row]:
    return [row for row in rows if t0_us <= row.time_us < t1_us]


def assert_true_extremes(curve: Curve | Buckets, rows: list[Row]) -> None:
    assert int(curve.count.sum()) == len(rows)
    for name in "vaw":
        low, mean, high = (getattr(curve, f"{name}_{what}") for what in ("min", "mean", "max"))
        assert ((low <= mean) & (mean <= high)).all()
        if rows:
            values = [getattr(row, name) for row in rows]
            assert (low.min(), high.max()) == (min(values), max(values))


@settings(deadline=None)
@given(in_order(120), SPANS_US, SPANS_US, st.integers(2, 130))
def test_drawn_extremes_of_readings_are_true_at_any_width(rows: list[Row], start_us: int, length_us: int, points: int) -> None:
    t0_us, t1_us = T0 + start_us, T0 + start_us + length_us
    curve = curve_from_readings(columns(rows), t0_us, t1_us, points)
    shown = inside(rows, t0_us, t1_us)
    assert_true_extremes(curve, shown)
    assert len(curve) <= points
    assert (curve.bucket_us == 0) == (len(shown) <= points)
    assert not len(curve) or (np.diff(curve.time_us) >= (1 if curve.bucket_us else 0)).all()


@settings(deadline=None)
@given(in_order(120), st.sampled_from([100_000, 1_000_000, 10_000_000]), SPANS_US, SPANS_US, st.integers(2, 130))
def test_drawn_extremes_of_rollups_are_true_at_any_width(
    rows: list[Row], bucket_us: int, start_us: int, length_us: int, points: int
) -> None:
    t0_us, t1_us = T0 + start_us, T0 + start_us + length_us
    curve = curve_from_buckets(buckets_of_readings(columns(rows), bucket_us), bucket_us, t0_us, t1_us, points)
    first_us, end_us = t0_us - t0_us % bucket_us, t1_us + -t1_us % bucket_us
    assert_true_extremes(curve, inside(rows, first_us, end_us) if length_us else [])
    assert len(curve) <= points
    assert curve.bucket_us % bucket_us == 0


@settings(deadline=None)
@given(in_order(), st.lists(st.sampled_from([1, 2, 5, 10, 60]), min_size=1, max_size=3))
def test_buckets_are_the_same_by_whatever_steps_they_were_made(rows: list[Row], factors: list[int]) -> None:
    readings = columns(rows)
    widths_us = list(itertools.accumulate([10_000, *factors], operator.mul))
    by_steps = buckets_of_readings(readings, widths_us[0])
    for width_us in widths_us:
        by_steps = rebucket(by_steps, width_us)
    at_once = buckets_of_readings(readings, widths_us[-1])
    for name in Buckets.__struct_fields__:
        got, expected = getattr(by_steps, name).tolist(), getattr(at_once, name).tolist()
        held = at_once.hold_us.tolist()
        if name.endswith("mean"):
            assert all(left == approx(right, rel=1e-9, abs=1e-9) for left, right, h in zip(got, expected, held, strict=True) if h)
        else:
            assert got == expected


@settings(deadline=None)
@given(in_order(), st.integers(0, 60), st.sampled_from([1_000_000, 60_000_000]))
def test_joined_parts_merge_to_the_whole(rows: list[Row], cut: int, width_us: int) -> None:
    parts = [buckets_of_readings(columns(part), 1_000_000) for part in (rows[cut:], rows[:cut])]
    merged = rebucket(join(*parts), width_us)
    assert_true_extremes(merged, rows)
    assert len(set(merged.time_us.tolist())) == len(merged)
    assert int(merged.hold_us.sum()) == sum(row.hold_us for row in rows)


@settings(deadline=None)
@given(st.integers(0, 10**7), st.integers(0, 3 * DAY_US), st.integers(2, 3000), st.sampled_from([1, 10_000, 250_000, 15_000_000]))
def test_the_width_is_the_smallest_that_fits(start_us: int, length_us: int, points: int, base_us: int) -> None:
    t0_us, t1_us = T0 + start_us, T0 + start_us + length_us
    width_us = width_for(t0_us, t1_us, points, base_us)
    touched = max(t1_us - 1, t0_us) // width_us - t0_us // width_us + 1
    assert touched <= points
    assert width_us % base_us == 0
    smaller = [step for step in LADDER_US if base_us <= step < width_us and step % base_us == 0]
    assert all(max(t1_us - 1, t0_us) // step - t0_us // step + 1 > points for step in smaller)


def test_every_width_divides_the_day_and_the_small_ones_the_minute() -> None:
    assert all(DAY_US % width_us == 0 for width_us in LADDER_US)
    assert all(60_000_000 % width_us == 0 for width_us in LADDER_US if width_us <= 60_000_000)
    assert list(LADDER_US) == sorted(set(LADDER_US))


def test_means_are_weighted_by_hold() -> None:
    rows = [Row(T0, 1_000, 1, 0, 0), Row(T0 + 1, 3_000, 5, 0, 0)]
    assert buckets_of_readings(columns(rows), 1_000_000).v_mean.tolist() == [4.0]


def test_means_without_any_hold_count_readings() -> None:
    held, unheld = Row(T0 - 5_000_000, 10, 8, 0, 0), [Row(T0, 0, 1, 0, 0), Row(T0 + 1, 0, 5, 0, 0)]
    assert buckets_of_readings(columns([held, *unheld]), 1_000_000).v_mean.tolist() == [8.0, 3.0]


def test_missing_buckets_break_the_curve_of_a_fast_board() -> None:
    rows = [Row(T0 + n * 100_000, 100_000, 5, 1, 5) for n in range(100) if not 30 <= n < 50]
    curve = curve_of_buckets(buckets_of_readings(columns(rows), 1_000_000), 1_000_000)
    assert curve.break_before.tolist() == [0, 0, 0, 1, 0, 0, 0, 0]


def test_missing_buckets_do_not_break_the_curve_of_a_slow_board() -> None:
    rows = [Row(T0 + n * 20_000_000, 20_000_000, 5, 1, 5) for n in range(5)]
    assert not curve_of_buckets(buckets_of_readings(columns(rows), 1_000_000), 1_000_000).break_before.any()


def test_a_reboot_without_a_pause_does_not_break_the_curve() -> None:
    rows = [Row(T0 + n * 100_000, 100_000, 5, 1, 5, boot=1 + n // 5) for n in range(10)]
    assert not curve_from_readings(columns(rows), T0, T0 + 10**7, 100).break_before.any()


def test_a_peak_keeps_its_height_and_place_while_the_view_scrolls() -> None:
    readings = steady(6000, every_us=10_000)
    readings.v[3456] = 23.0
    for shift_us in range(0, 20_000_000, 777_777):
        curve = curve_from_readings(readings, T0 + shift_us, T0 + shift_us + 40_000_000, 400)
        peak = int(curve.v_max.argmax())
        assert (curve.v_max[peak], curve.time_us[peak]) == (23.0, T0 + 34_500_000 // curve.bucket_us * curve.bucket_us)


def test_nothing_makes_an_empty_curve() -> None:
    assert len(curve_from_readings(no_readings(), T0, T0 + 1, 100)) == 0
    assert len(curve_from_readings(steady(10), T0 + 10**9, T0 + 2 * 10**9, 5)) == 0
    empty = take(buckets_of_readings(steady(5), 1_000_000), slice(0, 0))
    assert len(curve_from_buckets(empty, 1_000_000, T0, T0 + 10**9, 10)) == len(rebucket(empty, 60_000_000)) == 0


def test_very_long_spans_still_fit() -> None:
    assert width_for(0, 3650 * DAY_US, 100) % DAY_US == 0


@given(st.integers(0, 253_402_300_799_000_000), st.integers(1, 253_402_300_799_000_000), st.integers(1, 20_000))
def test_a_width_for_thousands_of_years_is_found_at_once(t0_us: int, span_us: int, points: int) -> None:
    with patch.object(decimate, "_touched", wraps=decimate._touched) as touched:
        width_us = width_for(t0_us, t0_us + span_us, points)
    assert touched.call_count <= 1_100
    assert (t0_us + span_us - 1) // width_us - t0_us // width_us + 1 <= max(2, points)
