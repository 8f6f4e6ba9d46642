"""A client that applies what `live` gives it has, at every tick, what a whole request would give."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.window import LIVE_WIDTHS_US, Window
from services.model import Curve, Live
from tests.analysis.making import T0, Row, arrivals, columns, in_order, steady

COLUMNS = ("count", *(f"{name}_{what}" for name in "vaw" for what in ("min", "mean", "max")), "break_before", "recovered")


class Point(NamedTuple):
    time_us: int
    values: tuple[float, ...]


def points_of(curve: Curve) -> list[Point]:
    rows = zip(*(getattr(curve, name).tolist() for name in COLUMNS), strict=True)
    return [Point(time_us, values) for time_us, values in zip(curve.time_us.tolist(), rows, strict=True)]


class Client:
    """What a page does with the answers."""

    def __init__(self) -> None:
        self.cursor: int | None = None
        self.points: list[Point] = []

    def take(self, live: Live) -> None:
        kept = [] if live.whole else [point for point in self.points if point.time_us < live.replace_from_us]
        self.points = kept + points_of(live.curve)
        self.cursor = live.cursor


@settings(deadline=None)
@given(arrivals(), st.sampled_from([10.0, 60.0, 7.5]), st.integers(2, 50), st.data())
def test_applying_what_is_new_ends_with_the_whole(
    batches: list[list[Row]], span_s: float, points: int, data: st.DataObject
) -> None:
    window, client = Window(span_s=1e6), Client()
    for batch in batches:
        window.append(columns(batch))
        if data.draw(st.booleans()):
            now_us = window.newest_us + data.draw(st.integers(0, 2_000_000))
            live = window.live(client.cursor, span_s, points, now_us, "x")
            client.take(live)
            whole = window.live(None if not live.curve.bucket_us else live.cursor ^ 1, span_s, points, now_us, "x")
            assert whole.whole
            assert whole.curve.bucket_us == live.curve.bucket_us
            expected = points_of(whole.curve)
            start_us = now_us - round(span_s * 1e6)
            start_us -= start_us % (whole.curve.bucket_us or 1)
            assert [point for point in client.points if point.time_us >= start_us] == expected


@settings(deadline=None)
@given(in_order(200), st.sampled_from([1.0, 10.0, 60.0, 300.0]), st.integers(1, 300))
def test_drawn_extremes_are_the_true_ones(rows: list[Row], span_s: float, points: int) -> None:
    window = Window(span_s=1e6)
    window.append(columns(rows))
    now_us = window.newest_us
    curve = window.live(None, span_s, points, now_us, "x").curve
    start_us = now_us - round(span_s * 1e6)
    shown = [row for row in rows if row.time_us >= start_us - start_us % (curve.bucket_us or 1)]
    assert int(curve.count.sum()) == len(shown)
    if shown:
        for name in "vaw":
            values = [getattr(row, name) for row in shown]
            assert getattr(curve, f"{name}_max").max() == max(values)
            assert getattr(curve, f"{name}_min").min() == min(values)


@settings(deadline=None)
@given(in_order(200), st.sampled_from([1.0, 10.0, 60.0, 300.0]), st.integers(5, 300))
def test_no_more_points_than_asked_for_and_two_ends(rows: list[Row], span_s: float, points: int) -> None:
    window = Window(span_s=1e6)
    window.append(columns(rows))
    curve = window.live(None, span_s, points, window.newest_us, "x").curve
    assert len(curve) <= points + 2
    assert curve.bucket_us == 0 or curve.bucket_us in LIVE_WIDTHS_US
    assert not (curve.time_us % max(curve.bucket_us, 1)).any()


def test_nothing_new_is_an_empty_answer_that_drops_nothing() -> None:
    window = Window()
    window.append(steady(100))
    now_us = window.newest_us
    first = window.live(None, 60, 1000, now_us, "x")
    again = window.live(first.cursor, 60, 1000, now_us + 1_000_000, "x")
    assert (first.whole, len(first.curve)) == (True, 100)
    assert (again.whole, len(again.curve), again.cursor) == (False, 0, first.cursor)
    assert again.replace_from_us > now_us


def test_a_silent_board_is_not_drawn_again_and_again() -> None:
    window = Window()
    window.append(steady(100))
    cursor = window.live(None, 60, 1000, window.newest_us, "x").cursor
    assert not window.live(cursor, 60, 1000, window.newest_us + 200_000_000, "x").whole


def test_only_the_open_bucket_and_newer_ones_are_sent() -> None:
    window = Window()
    window.append(steady(60_000, every_us=1000))
    cursor = window.live(None, 60, 600, window.newest_us, "x").cursor
    window.append(steady(150, every_us=1000, start_us=T0 + 60_000_000))
    live = window.live(cursor, 60, 600, window.newest_us, "x")
    assert not live.whole
    assert live.curve.time_us.tolist() == [T0 + 60_000_000, T0 + 60_100_000]


def test_late_rows_reach_back_to_the_oldest_of_them() -> None:
    window = Window()
    window.append(steady(100, every_us=200_000))
    cursor = window.live(None, 60, 1000, window.newest_us, "x").cursor
    window.append(steady(3, every_us=200_000, start_us=T0 + 10_100_000))
    live = window.live(cursor, 60, 1000, window.newest_us, "x")
    assert (live.whole, live.replace_from_us) == (False, T0 + 10_100_000)
    assert len(live.curve) == 3 + 49


def test_another_width_or_span_needs_the_whole_curve() -> None:
    window = Window()
    window.append(steady(2000, every_us=10_000))
    now_us = window.newest_us
    cursor = window.live(None, 10, 500, now_us, "x").cursor
    assert not window.live(cursor, 10, 500, now_us, "x").whole
    assert window.live(cursor, 10, 250, now_us, "x").whole
    assert window.live(cursor, 60, 5000, now_us, "x").whole
    assert window.live(cursor, 300, 5000, now_us, "x").whole


def test_going_over_the_number_of_points_changes_to_buckets_once() -> None:
    window, client, changes = Window(span_s=30), Client(), 0
    for tick in range(300):  # 100 rows each 10 s, one more now and then
        every_us = 100_000 if tick < 150 or tick % 3 else 95_000
        window.append(steady(2 if every_us == 100_000 else 3, every_us // 2, T0 + tick * 200_000))
        live = window.live(client.cursor, 10, 110, window.newest_us, "x")
        changes += live.whole
        client.take(live)
    assert changes == 2  # the first one, and the one to buckets


def test_an_unknown_cursor_gets_the_whole_curve() -> None:
    window = Window()
    assert window.live(None, 60, 100, T0, "x").whole
    empty = window.live(None, 60, 100, T0, "x").cursor
    window.append(steady(10))
    for cursor in (empty, 0, 1, 2**53 - 1, 12345, -7):
        live = window.live(cursor, 60, 100, window.newest_us, "x")
        assert (live.whole, len(live.curve)) == (True, 10)


def test_a_client_that_slept_gets_the_whole_curve_and_the_drop_count() -> None:
    window = Window(span_s=20)
    window.append(steady(100))
    cursor = window.live(None, 10, 1000, window.newest_us, "x").cursor
    window.append(steady(1000, start_us=T0 + 10_000_000))
    window.evict(window.newest_us)
    live = window.live(cursor, 10, 1000, window.newest_us, "x")
    assert (live.whole, live.dropped) == (True, 1100 - 201 - 100)


def test_cursors_can_be_counted_by_a_browser() -> None:
    window = Window()
    window.append(steady(1, start_us=3_300_000_000_000_000))  # 2074
    assert window.live(None, 300, 1, window.newest_us, "x").cursor < 2**53


def test_a_pause_breaks_the_curve_and_a_slow_board_does_not() -> None:
    window = Window()
    rows = [Row(T0 + second * 1_000_000, 1_000_000, 5, 1, 5) for second in (0, 1, 2, 3, 9, 10)]
    rows.append(Row(T0 + 30_000_000, 20_000_000, 5, 1, 5))  # the next number, 20 s later: that is the board's interval
    window.append(columns(rows))
    live = window.live(None, 60, 100, window.newest_us, "x")
    assert live.curve.break_before.tolist() == [0, 0, 0, 0, 1, 0, 0]
    in_buckets = window.live(None, 60, 6, window.newest_us, "x")
    assert in_buckets.curve.bucket_us == 10_000_000
    assert in_buckets.curve.break_before.tolist() == [0, 0, 0]


def test_a_pause_breaks_buckets_where_one_would_be_empty() -> None:
    window = Window()
    window.append(steady(300, every_us=10_000))
    window.append(steady(300, every_us=10_000, start_us=T0 + 5_000_000))
    curve = window.live(None, 60, 60, window.newest_us, "x").curve
    assert curve.bucket_us == 1_000_000
    assert (curve.time_us - T0).tolist() == [0, 1_000_000, 2_000_000, 5_000_000, 6_000_000, 7_000_000]
    assert curve.break_before.tolist() == [0, 0, 0, 1, 0, 0]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 600), st.integers(2, 40))
def test_recovered_readings_are_marked_where_they_are(at: int, points: int) -> None:
    window = Window()
    readings = steady(601)
    flags = readings.flags.copy()
    flags[at] = 1 | 4
    window.append(type(readings)(*(getattr(readings, name) for name in readings.__struct_fields__[:-1]), flags=flags))
    curve = window.live(None, 60, points, window.newest_us, "x").curve
    marked = np.flatnonzero(curve.recovered)
    assert curve.recovered.max() == 1
    assert curve.time_us[marked].tolist() == [readings.time_us[at] // curve.bucket_us * curve.bucket_us]
