"""Statistics equal what a person would compute from the list of readings, whatever order they came in."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from services.analysis.marks import CURRENT, flags_of, parted
from services.analysis.seconds import KEPT_S, Seconds
from services.analysis.stats import MovingMeans, RollingStats
from services.analysis.window import Window
from services.model import Readings, SpanStats
from tests.analysis.making import T0, Row, arrivals, columns, steady


class Chain:
    """Window, summaries and what reads them, fed together as a device does."""

    def __init__(self, window: Window | None = None) -> None:
        self.window = window or Window()
        self.seconds = Seconds()
        self.stats = RollingStats(self.window, self.seconds)
        self.moving = MovingMeans(self.seconds)

    def take(self, readings: Readings) -> None:
        self.window.append(readings)
        self.seconds.add(readings)


def exact(values: list[float], weights: list[int]) -> float:
    total = sum(Fraction(value) * weight for value, weight in zip(values, weights, strict=True))
    return float(total / sum(weights))


def assert_equals_recomputation(got: SpanStats, rows: list[Row]) -> None:
    inside = sorted((row for row in rows if got.t0_us < row.time_us <= got.t1_us), key=lambda row: row.time_us)
    assert got.count == len(inside)
    if not inside:
        assert (got.coverage_s, got.v.min, got.v.mean, got.energy_wh) == (0, None, None, 0)
        return
    holds = [row.hold_us for row in inside]
    holds[0] = min(holds[0], inside[0].time_us - got.t0_us)
    assert got.coverage_s == min(sum(holds), got.t1_us - got.t0_us) / 1e6
    for name in "vaw":
        values, channel = [getattr(row, name) for row in inside], getattr(got, name)
        assert (channel.min, channel.max) == (min(values), max(values))
        weights = holds if sum(holds) else [1] * len(values)
        assert channel.mean == approx(exact(values, weights), rel=1e-6, abs=1e-6)
        assert channel.min <= channel.mean <= channel.max
    watt_us, ampere_us = (math.fsum(getattr(row, name) * hold for row, hold in zip(inside, holds, strict=True)) for name in "wa")
    assert got.energy_wh == approx(watt_us / 3.6e9, rel=1e-9, abs=1e-12)
    assert got.charge_mah == approx(ampere_us / 3.6e6, rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(arrivals(), st.sampled_from([60.0, 10.0, 1.0, 0.3]), st.integers(-70_000_000, 70_000_000))
def test_statistics_equal_recomputation(batches: list[list[Row]], span_s: float, offset_us: int) -> None:
    chain, rows = Chain(Window(span_s=1e6)), []
    for batch in batches:
        chain.take(columns(batch))
        rows += batch
        assert_equals_recomputation(chain.stats.stats(chain.window.newest_us, span_s), rows)
    now_us = (chain.window.newest_us or T0) + offset_us
    assert_equals_recomputation(chain.stats.stats(now_us, span_s), rows)


@settings(deadline=None)
@given(arrivals(), st.integers(0, 10_000_000))
def test_statistics_stay_exact_while_the_window_forgets(batches: list[list[Row]], later_us: int) -> None:
    chain, rows = Chain(Window(span_s=70)), []
    for batch in batches:
        chain.take(columns(batch))
        rows += batch
        now_us = max(row.time_us for row in rows) + later_us
        chain.window.evict(now_us)
        assert_equals_recomputation(chain.stats.stats(now_us), rows)


def test_without_readings_there_are_no_figures() -> None:
    got = Chain().stats.stats(T0)
    assert (got.count, got.coverage_s, got.v.min, got.a.mean, got.w.max) == (0, 0.0, None, None, None)
    assert (got.t0_us, got.t1_us) == (T0 - 60_000_000, T0)


def test_coverage_is_never_more_than_the_span() -> None:
    chain = Chain()
    chain.take(steady(1200))
    got = chain.stats.stats(chain.window.newest_us)
    assert (got.count, got.coverage_s) == (600, 60.0)


def test_coverage_says_what_is_missing() -> None:
    chain = Chain()
    chain.take(columns(Row(T0 + n * 100_000, 100_000, 5, 1, 5) for n in range(1000) if not 700 <= n < 718))
    assert chain.stats.stats(chain.window.newest_us).coverage_s == approx(58.2)


def test_first_reading_counts_only_inside_the_span() -> None:
    chain = Chain()
    chain.take(columns([Row(T0, 40_000_000, 1, 1, 3600), Row(T0 + 50_000_000, 50_000_000, 2, 1, 0)]))
    got = chain.stats.stats(T0 + 50_000_000)  # the span begins 10 s before the first reading
    assert got.coverage_s == 60.0
    assert got.energy_wh == approx(10.0)
    assert got.v.mean == approx((1 * 10 + 2 * 50) / 60)


def test_a_reading_that_stands_for_nothing_yet_still_has_a_value() -> None:
    chain = Chain()
    chain.take(columns([Row(T0, 0, 5, 1, 5), Row(T0 + 1, 0, 7, 1, 5)]))
    got = chain.stats.stats(T0 + 1)
    assert (got.v.mean, got.coverage_s, got.energy_wh) == (6.0, 0.0, 0.0)


def test_readings_from_the_future_are_not_in_the_last_minute() -> None:
    chain = Chain()
    chain.take(steady(100))
    assert chain.stats.stats(T0 + 5_000_000).count == 51


@settings(deadline=None)
@given(arrivals(), st.integers(0, 1_000_000_000))
def test_moving_means_are_hold_weighted_over_whole_seconds(batches: list[list[Row]], later_us: int) -> None:
    chain = Chain(Window(span_s=1e6))
    rows = [row for batch in batches for row in batch]
    for batch in batches:
        chain.take(columns(batch))
    now_us = (chain.window.newest_us or T0) + later_us
    newest = max((row.time_us // 1_000_000 for row in rows), default=0)
    kept = [row for row in rows if row.time_us // 1_000_000 > newest - KEPT_S]
    for mean in chain.moving.means(now_us):
        first = now_us // 1_000_000 + 1 - mean.span_s
        inside = [row for row in kept if first <= row.time_us // 1_000_000]
        weights = [row.hold_us for row in inside]
        assert mean.coverage_s == approx(min(sum(weights) / 1e6, mean.span_s))
        if sum(weights):
            assert mean.w == approx(exact([row.w for row in inside], weights), rel=1e-6, abs=1e-6)
        else:
            assert (mean.v, mean.a, mean.w) == (None, None, None)


def test_moving_means_cover_one_five_and_fifteen_minutes() -> None:
    chain = Chain()
    for minute in range(20):
        value = float(minute)
        chain.take(columns(Row(T0 + (minute * 60 + s) * 1_000_000, 1_000_000, value, value, value) for s in range(60)))
    one, five, fifteen = chain.moving.means(T0 + 20 * 60_000_000 - 1)
    assert [(mean.span_s, mean.coverage_s) for mean in (one, five, fifteen)] == [(60, 60.0), (300, 300.0), (900, 900.0)]
    assert (one.v, five.a, fifteen.w) == (approx(19.0), approx(17.0), approx(12.0))


def test_old_readings_no_longer_count_after_a_long_pause() -> None:
    chain = Chain()
    chain.take(steady(100))
    chain.take(steady(10, start_us=T0 + 10 * KEPT_S * 1_000_000))
    one, _, fifteen = chain.moving.means(chain.window.newest_us)
    assert one.coverage_s == fifteen.coverage_s == approx(1.0)


def test_readings_older_than_what_is_kept_are_ignored() -> None:
    seconds = Seconds()
    seconds.add(steady(10, start_us=T0 + 10 * KEPT_S * 1_000_000))
    seconds.add(steady(1))
    seconds.add(steady(100))
    first = T0 // 1_000_000
    assert seconds.between(first, first + 20 * KEPT_S)[:, 0].sum() == 10


def test_summaries_stay_right_as_their_table_slides() -> None:
    seconds, first = Seconds(), T0 // 1_000_000
    for start in range(0, 5 * KEPT_S, 300):
        seconds.add(steady(600, every_us=500_000, start_us=T0 + start * 1_000_000))
        end = first + start + 300
        assert (seconds.between(max(first, end - KEPT_S), end)[:, 0] == 2).all()


def test_marked_readings_are_in_no_statistic_not_even_in_the_spread() -> None:
    rows = [Row(T0 + n * 100_000, 100_000, 5.0 + n % 2, 1.0, 5.0, n) for n in range(40)]
    wrong = [Row(T0 + n * 100_000 + 50_000, 50_000, 99.0, 99.0, 99.0, 100 + n, flags_of(CURRENT)) for n in range(0, 40, 7)]
    window, seconds = Window(), Seconds()
    everything = columns(sorted(rows + wrong))
    window.append(everything)
    seconds.add(parted(everything)[0])
    stats, now_us = RollingStats(window, seconds), T0 + 4_000_000
    found = stats.stats_with_spread(now_us, 60.0)
    assert (found.count, found.marked, found.v.max, found.a.std) == (40, len(wrong), 6.0, 0.0)
    assert found.v.std == approx(0.5)
    assert found.energy_wh == approx(5.0 * 4 / 3600)
