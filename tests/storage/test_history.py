"""What is drawn and what is said of a span equals what its readings say, at any zoom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.marks import CURRENT, flags_of, parted
from services.clock import Clock
from services.errors import ExportCancelled
from services.model import CHANNELS, Curve, Flag, Readings
from services.storage import history, tier_choice
from services.storage.schema import MINUTE_TIER, MINUTE_US, WIDTHS
from services.storage.storage import Storage
from tests.storage.storing import T0, commit, readings, write

SPAN_US = 7 * MINUTE_US


def recorded() -> Readings:
    """Seven minutes at changing rates with holes, a reboot, clumps and late rows; ascending in time."""
    rng = np.random.default_rng(5)
    steps = np.concatenate([np.full(n, step) for n, step in ((20_000, 1_000), (6_000, 10_000), (900, 100_000), (12, 9_000_000))])
    times = T0 + np.cumsum(rng.integers(steps // 2, steps * 3 // 2))
    keep = rng.random(len(times)) > 0.05
    keep[5_000:9_000] = False
    n = len(times)
    v, a, w = (np.round(rng.normal(mean, spread, n), 6) for mean, spread in ((5, 1), (0, 1), (9, 5)))
    flags, boot = rng.choice([0, 0, 0, 1, 4], n), np.where(np.arange(n) < 23_000, 1, 2)
    flags[rng.random(n) < 0.01] |= flags_of(CURRENT)
    flags[26_300:26_900] |= flags_of(CURRENT)  # a minute in which nothing counts
    rows = readings(times, np.arange(n), v=v, a=a, w=w, hold_us=np.diff(times, prepend=T0), flags=flags, boot=boot)
    return rows.take(keep)


ROWS = recorded()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """All of it, in a random order of helpings."""
    path: Path = tmp_path_factory.mktemp("curves") / "x.db"
    storage = Storage(path, Clock(), synchronous="OFF")
    storage.start()
    order = np.arange(len(ROWS))
    np.random.default_rng(1).shuffle(order[3000:3400])
    for part in np.array_split(order, 40)[::-1]:
        storage.append(write(ROWS.take(part)))
        commit(storage)
    yield storage
    storage.stop()


def inside(t0_us: int, t1_us: int) -> Readings:
    return ROWS.take((ROWS.time_us >= t0_us) & (ROWS.time_us < t1_us))


def spans() -> st.SearchStrategy[tuple[int, int]]:
    """Any span; many begin or end at, or just beside, a bucket's border or a reading."""
    borders = st.sampled_from(WIDTHS).flatmap(
        lambda width: st.integers(0, SPAN_US // width).map(lambda n: T0 // width * width + n * width)
    )
    at_reading = st.integers(0, len(ROWS) - 1).map(lambda index: int(ROWS.time_us[index]))
    moment = st.one_of(st.integers(T0 - MINUTE_US, T0 + SPAN_US), borders, at_reading, at_reading.map(lambda time: time + 1))
    return st.tuples(moment, moment).map(lambda pair: (min(pair), max(pair)))


@settings(max_examples=150, deadline=None)
@given(span=spans(), points=st.integers(2, 3000))
def test_drawn_extremes_are_the_true_extremes(full: Storage, span: tuple[int, int], points: int) -> None:
    curve, rows = full.curve("bench", *span, points), inside(*span)
    assert len(curve) <= max(points, 2)
    good, others = parted(rows)
    assert (curve.count.sum(), curve.marked.sum()) == (len(good), len(rows) - len(good))
    assert (np.diff(curve.time_us) >= 0).all()
    if curve.bucket_us == 0:
        assert curve.time_us.tolist() == rows.time_us.tolist()
    for kind, found in (("", good if len(good) else None), ("_marked", others)):
        for channel in CHANNELS if found is not None else ():
            values = getattr(found, channel)
            assert np.nanmin(getattr(curve, f"{channel}{kind}_min")) == values.min()
            assert np.nanmax(getattr(curve, f"{channel}{kind}_max")) == values.max()


@settings(max_examples=60, deadline=None)
@given(span=spans(), points=st.integers(2, 500))
def test_each_bucket_says_what_its_readings_say(full: Storage, span: tuple[int, int], points: int) -> None:
    curve, rows = full.curve("bench", *span, points), inside(*span)
    if curve.bucket_us:
        assert_buckets(curve, rows)


def assert_buckets(curve: Curve, rows: Readings) -> None:
    starts = rows.time_us // curve.bucket_us * curve.bucket_us
    assert curve.time_us.tolist() == np.unique(starts).tolist()
    for at, start in enumerate(curve.time_us.tolist()):
        mine = rows.take(starts == start)
        assert curve.recovered[at] == bool((mine.flags & Flag.RECOVERED).any())
        mine, others = parted(mine)
        assert (curve.count[at], curve.marked[at]) == (len(mine), 0 if others is None else len(others))
        for channel in CHANNELS:
            highest = getattr(curve, f"{channel}_marked_max")[at]
            assert np.isnan(highest) if others is None else highest == getattr(others, channel).max()
            values = getattr(mine, channel)
            if not len(mine):
                assert np.isnan(getattr(curve, f"{channel}_mean")[at])
                continue
            assert getattr(curve, f"{channel}_min")[at] == values.min()
            assert getattr(curve, f"{channel}_max")[at] == values.max()
            mean = np.average(values, weights=np.maximum(mine.hold_us, 1))
            assert getattr(curve, f"{channel}_mean")[at] == pytest.approx(mean, rel=1e-9, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(span=spans())
def test_statistics_of_a_span_equal_those_of_its_readings(full: Storage, span: tuple[int, int]) -> None:
    stats, rows = full.span_stats("bench", *span), inside(*span)
    assert stats.counts is not None
    assert (stats.counts.received, stats.counts.recovered, stats.counts.late) == (
        len(rows), int((rows.flags & Flag.RECOVERED != 0).sum()), int((rows.flags & Flag.LATE != 0).sum()),
    )  # fmt: skip
    assert stats.counts.marked == stats.marked == int((rows.flags & Flag.MARKED != 0).sum())
    rows, _ = parted(rows)
    assert stats.count == len(rows)
    hold_s = np.maximum(rows.hold_us, 1) / 1e6
    assert stats.coverage_s == pytest.approx(hold_s.sum())
    assert stats.energy_wh == pytest.approx((rows.w * hold_s).sum() / 3600, abs=1e-12)
    assert stats.charge_mah == pytest.approx((rows.a * hold_s).sum() / 3.6, abs=1e-9)
    for channel in CHANNELS:
        values, said = getattr(rows, channel), getattr(stats, channel)
        if not len(rows):
            assert (said.min, said.mean, said.max, said.std) == (None, None, None, None)
            continue
        mean = np.average(values, weights=hold_s)
        assert (said.min, said.max) == (values.min(), values.max())
        assert said.mean == pytest.approx(mean, rel=1e-9, abs=1e-9)
        assert said.std == pytest.approx(np.average((values - mean) ** 2, weights=hold_s) ** 0.5, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(span=spans(), page=st.integers(1, 8000))
def test_pages_hold_every_reading_of_the_span_in_order(full: Storage, span: tuple[int, int], page: int) -> None:
    span = span[0], min(span[1], span[0] + MINUTE_US)
    rows, pages = inside(*span), list(full.pages("bench", *span, page))
    assert all(len(part) > 0 for part in pages)
    for name in ("time_us", "seq", "boot", "v", "a", "w", "hold_us", "flags"):
        assert [x for part in pages for x in getattr(part, name).tolist()] == getattr(rows, name).tolist()


def test_a_page_is_never_much_longer_than_asked(full: Storage) -> None:
    assert max(map(len, full.pages("bench", T0, T0 + SPAN_US, 500))) <= 2000


def test_pages_of_readings_at_one_instant_end(storage: Storage) -> None:
    storage.append(write(readings(np.full(300, T0))))
    commit(storage)
    assert sum(map(len, storage.pages("bench", 0, 1 << 60, 10))) == 300


def test_a_stalled_reader_of_pages_holds_nothing_open(storage: Storage) -> None:
    storage.append(write(readings(T0 + np.arange(1000) * 1000)))
    commit(storage)
    pages = storage.pages("bench", 0, 1 << 60, 100)
    next(pages)
    with storage._readers.use() as conn:
        assert not conn.execute("SELECT 1 WHERE 0").fetchall()
    assert storage._readers._idle.qsize() == 1
    pages.close()


def test_times_out_of_order_within_a_boot_are_found_all_the_same(storage: Storage) -> None:
    rng = np.random.default_rng(2)
    n = 4000
    rows = readings(T0 + np.arange(n) * 1000 + rng.integers(-30_000, 30_000, n), np.arange(n), hold_us=1000)
    for part in np.array_split(rng.permutation(n), 7):
        storage.append(write(rows.take(part)))
        commit(storage)
    for t0_us, t1_us in rng.integers(T0 - 10_000, T0 + n * 1000 + 10_000, (40, 2)).tolist():
        expected = int(((rows.time_us >= t0_us) & (rows.time_us < t1_us)).sum())
        assert sum(map(len, storage.pages("bench", t0_us, t1_us, 300))) == expected
        assert storage.curve("bench", t0_us, t1_us, 5000).count.sum() == expected


def test_a_wild_number_makes_neither_a_curve_nor_a_span_wrong(storage: Storage) -> None:
    storage.append(write(readings([T0, T0 + 1000, T0 + 2000], [5, 6, 2**31], v=[1.0, 2.0, 3.0])))
    commit(storage)
    assert storage.curve("bench", T0, T0 + 10**6, 100).v_max.tolist() == [1.0, 2.0, 3.0]


def test_the_newest_minute_is_drawn_while_it_is_still_open(storage: Storage) -> None:
    storage.append(write(readings(T0 + np.arange(3000) * 1000, hold_us=1000)))
    commit(storage)
    assert storage.curve("bench", T0 - 48 * 3_600_000_000, T0 + MINUTE_US, 100).count.sum() == 3000


def test_a_line_is_broken_where_nothing_was_measured(storage: Storage) -> None:
    storage.append(write(readings(np.concatenate((T0 + np.arange(5) * 10**5, T0 + 10**7 + np.arange(5) * 10**5)))))
    commit(storage)
    assert np.flatnonzero(storage.curve("bench", T0, T0 + 2 * 10**7, 100).break_before).tolist() == [5]


def test_an_unknown_device_has_no_curve_and_no_statistics(storage: Storage) -> None:
    assert len(storage.curve("nobody", T0, T0 + 1, 10)) == 0
    assert storage.span_stats("nobody", T0, T0 + 1).count == 0
    assert list(storage.pages("nobody", T0, T0 + 1)) == []
    assert (storage.extent("nobody"), storage.restored("nobody").runs) == (None, ())


def test_an_empty_span_is_empty(full: Storage) -> None:
    assert len(full.curve("bench", T0 + 10, T0 + 10, 100)) == 0
    assert len(full.curve("bench", T0 + 20, T0 + 10, 100)) == 0
    assert full.span_stats("bench", T0 + 20, T0 + 10).count == 0


def test_a_cancelled_query_ends(full: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.storage.database.PROGRESS_STEPS", 100)
    stop = Event()
    stop.set()
    with pytest.raises(ExportCancelled):
        full.curve("bench", T0, T0 + SPAN_US, 2000, stop.is_set)
    with pytest.raises(ExportCancelled):
        list(full.pages("bench", T0, T0 + SPAN_US, cancelled=stop.is_set))
    assert len(full.curve("bench", T0, T0 + SPAN_US, 2000)) > 100


def test_a_wide_view_reads_rollups_and_a_narrow_one_readings(full: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Readings:
        raise AssertionError("all readings were read")

    monkeypatch.setattr(history, "readings_between", never)
    assert full.curve("bench", T0 - 40 * MINUTE_US, T0 + SPAN_US, 60).bucket_us >= MINUTE_US
    with pytest.raises(AssertionError):
        full.curve("bench", T0, T0 + 50_000, 2000)


@settings(max_examples=200, deadline=None)
@given(
    t0=st.integers(0, 5 * MINUTE_US), t1=st.integers(0, 5 * MINUTE_US), tier=st.integers(-1, MINUTE_TIER),
    finest=st.dictionaries(st.integers(0, 5).map(lambda n: n * MINUTE_US), st.integers(0, MINUTE_TIER)),
)  # fmt: skip
def test_pieces_cover_a_span_once_with_what_each_minute_has(t0: int, t1: int, tier: int, finest: dict[int, int]) -> None:
    pieces = tier_choice.cover(t0, t1, tier, finest, 0)
    assert all(left.t1_us <= right.t0_us for left, right in pairwise(pieces))
    for minute in finest:
        mine = [(max(p.t0_us, minute), min(p.t1_us, minute + MINUTE_US), p.tier) for p in pieces]
        mine = [part for part in mine if part[0] < part[1]]
        assert sum(high - low for low, high, _ in mine) == max(0, min(t1, minute + MINUTE_US) - max(t0, minute))
        for low, high, kind in mine:
            assert kind == tier_choice.RAW or (finest[minute] <= kind <= tier and low % WIDTHS[kind] == high % WIDTHS[kind] == 0)


def test_the_widths_of_the_tiers_divide_each_other_and_a_minute() -> None:
    assert all(wide % narrow == 0 for narrow, wide in pairwise(WIDTHS))
    assert WIDTHS[MINUTE_TIER] == MINUTE_US


def test_extent_names_the_ends_of_the_record(make: Callable[..., Storage]) -> None:
    storage = make()
    storage.append(write(readings([T0 + 5, T0 + 900_000_000], [1, 2], v=[1.0, 2.0])))
    storage.append(write(readings([T0 + 7], [1], boot=2)))
    commit(storage)
    assert storage.extent("bench") == (T0 + 5, T0 + 900_000_000)
