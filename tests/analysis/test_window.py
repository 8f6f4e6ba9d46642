"""The window is a list of readings sorted by time, whatever order they came in, and never more than it may be."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.window import Window
from services.model import no_readings
from tests.analysis.making import T0, Row, arrivals, columns, rows_of, steady


def contents(window: Window) -> list[Row]:
    return rows_of(window.rows(0))


def filled(batches: list[list[Row]], **options: float) -> Window:
    window = Window(**options)
    for batch in batches:
        window.append(columns(batch))
    return window


@settings(deadline=None)
@given(arrivals())
def test_window_equals_the_sorted_list_of_what_arrived(batches: list[list[Row]]) -> None:
    window = filled(batches, span_s=1e6)
    everything = sorted((row for batch in batches for row in batch), key=lambda row: row.time_us)
    assert [row.time_us for row in contents(window)] == [row.time_us for row in everything]
    assert sorted(contents(window)) == sorted(everything)


@settings(deadline=None)
@given(arrivals(), st.integers(1, 20))
def test_the_oldest_go_when_the_window_is_full(batches: list[list[Row]], most: int) -> None:
    window, kept = Window(span_s=1e6, max_rows=most), []
    for batch in batches:
        window.append(columns(batch))
        for first in range(0, len(batch), most):
            kept = sorted([*kept, *batch[first : first + most]], key=lambda row: row.time_us)[-most:]
        assert len(window) <= most
    times = [row.time_us for row in contents(window)]
    assert times == sorted(times)
    total = sum(map(len, batches))
    assert window.evicted + len(window) == total
    assert len(window) == min(most, total)


@settings(deadline=None)
@given(arrivals(), st.integers(0, 100_000_000))
def test_eviction_leaves_exactly_the_span(batches: list[list[Row]], later_us: int) -> None:
    window = filled(batches, span_s=10)
    now_us = max(window.newest_us, T0) + later_us
    window.evict(now_us)
    everything = [row for batch in batches for row in batch]
    inside = sorted(row for row in everything if row.time_us >= now_us - 10_000_000)
    assert sorted(contents(window)) == inside


@settings(deadline=None)
@given(arrivals(), st.integers(-1, 60_000_000), st.integers(0, 60_000_000))
def test_between_is_half_open(batches: list[list[Row]], start_us: int, length_us: int) -> None:
    window = filled(batches, span_s=1e6)
    t0_us, t1_us = T0 + start_us, T0 + start_us + length_us
    expected = [row for batch in batches for row in batch if t0_us <= row.time_us < t1_us]
    assert sorted(rows_of(window.between(t0_us, t1_us))) == sorted(expected)


@settings(deadline=None)
@given(arrivals(), st.data())
def test_since_gives_each_arrival_exactly_once(batches: list[list[Row]], data: st.DataObject) -> None:
    window, got = Window(span_s=1e6), []
    cursor, _, _ = window.since(None)
    for batch in batches:
        window.append(columns(batch))
        if data.draw(st.booleans()):
            cursor, fresh, dropped = window.since(cursor)
            got += rows_of(fresh)
            assert dropped == 0
            assert list(fresh.time_us) == sorted(fresh.time_us)
    got += rows_of(window.since(cursor)[1])
    assert sorted(got) == sorted(row for batch in batches for row in batch)


def test_what_left_unseen_is_counted_as_dropped() -> None:
    window = Window(max_rows=100)
    window.append(steady(10))
    cursor = window.cursor
    window.append(steady(250, start_us=T0 + 10_000_000))
    _, fresh, dropped = window.since(cursor)
    assert (len(fresh), dropped) == (100, 150)


def test_a_cursor_from_before_a_restart_gets_everything() -> None:
    old = Window()
    old.append(steady(5000, every_us=100))
    new = Window()
    new.append(steady(20, start_us=T0 + 1_000_000))
    assert len(new.since(old.cursor)[1]) == 20
    assert not new.knows(old.cursor)


def test_without_a_cursor_listening_begins_now() -> None:
    window = Window()
    window.append(steady(20))
    cursor, fresh, dropped = window.since(None)
    assert (cursor, len(fresh), dropped) == (window.cursor, 0, 0)


def test_many_late_batches_make_old_cursors_unknown_and_memory_stays_bounded() -> None:
    window = Window(span_s=1e6)
    window.append(steady(2, every_us=10_000_000))
    cursor = window.cursor
    for late in range(3000):  # each later than the late one before: none makes another superfluous
        window.append(steady(1, start_us=T0 + 1 + late))
    assert not window.knows(cursor)
    assert len(window.since(cursor)[1]) == 3002
    assert window.knows(window.cursor - 1)
    assert len(window._late._times) <= 1024


def test_the_array_grows_only_as_far_as_the_rows_need() -> None:
    window = Window(span_s=10, max_rows=50_000)
    for second in range(40):
        window.append(steady(1000, every_us=1000, start_us=T0 + second * 1_000_000))
    assert len(window._columns[0]) <= 2 * 16384
    for second in range(40, 60):
        window.append(steady(20_000, every_us=50, start_us=T0 + second * 1_000_000))
    assert len(window) == 50_000
    assert len(window._columns[0]) == 62_500


def test_copies_do_not_change_with_the_window() -> None:
    window = Window(max_rows=64)
    window.append(steady(64))
    copied = window.between(T0, T0 + 10**9)
    before = copied.v.copy()
    for batch in range(1, 9):
        window.append(steady(64, start_us=T0 + batch * 6_400_000))
    assert np.array_equal(copied.v, before)


def test_an_empty_batch_and_an_empty_window_are_fine() -> None:
    window = Window()
    window.append(no_readings())
    window.evict(T0)
    assert len(window) == len(window.between(0, T0)) == len(window.curve(0, T0, 10)) == window.newest_us == 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=12))
def test_sliding_and_growing_lose_nothing(sizes: list[int]) -> None:
    window, seq = Window(span_s=0.5), 0
    for size in sizes:
        window.append(steady(size, every_us=100, start_us=T0 + seq * 100, first_seq=seq))
        seq += size
        window.evict(window.newest_us)
        expected = np.arange(max(0, seq - 5001), seq)
        assert np.array_equal(window.rows(0).seq, expected)
