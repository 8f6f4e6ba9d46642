"""Views of any span, whichever store keeps the record: exact, complete, and bit by bit those of SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alert_model import AlertChannel, AlertRule, Level
from services.analysis.marks import CURRENT, flags_of, parted
from services.errors import ExportCancelled
from services.model import CHANNELS, Curve, Flag, Readings
from services.storage.store import Store, ending_when
from tests.storage.places import MINUTE, PLACES, START, Place, SqlitePlace, same, settle
from tests.storage.storing import SECOND, readings, write


def recorded() -> Readings:
    """Four minutes at changing rates with holes, a reboot, marked, late and recovered rows; ascending in time."""
    rng = np.random.default_rng(8)
    steps = np.concatenate([np.full(n, step) for n, step in ((6_000, 5_000), (1_000, 100_000), (9, 9_000_000))])
    times = START + np.cumsum(rng.integers(steps // 2, steps * 3 // 2))
    n = len(times)
    keep = rng.random(n) > 0.05
    keep[2_000:2_900] = False
    v, a, w = (np.round(rng.normal(mean, spread, n), 6) for mean, spread in ((5, 1), (0, 1), (9, 5)))
    flags = rng.choice([0, 0, 0, int(Flag.RECOVERED), int(Flag.LATE)], n)
    flags[rng.random(n) < 0.01] |= flags_of(CURRENT)
    boot = np.where(np.arange(n) < 5_000, 1, 2)
    return readings(times, np.arange(n), v=v, a=a, w=w, hold_us=np.diff(times, prepend=START), flags=flags, boot=boot).take(keep)


ROWS = recorded()
SPAN = (START, int(ROWS.time_us[-1]) + 1)


def bring(store: Store) -> None:
    """All of it as a bad wire brings it: in disorder within 4 s, recovered and late ones two minutes later, much of it twice."""
    rng = np.random.default_rng(1)
    late = (ROWS.flags & (Flag.RECOVERED | Flag.LATE)) != 0
    arrival_us = ROWS.time_us + rng.integers(-2 * SECOND, 2 * SECOND, len(ROWS)) + 2 * MINUTE * late
    parts = np.array_split(np.argsort(arrival_us), 30)
    for part in [*parts, *parts[::3]]:
        store.append(write(ROWS.take(part)))
        settle(store)


@pytest.fixture(scope="module", params=PLACES, ids=lambda kind: kind.name)
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that was brought all of it."""
    place: Place = request.param(tmp_path_factory.mktemp("full"))
    store = place.open()
    bring(store)
    yield store
    place.close()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """SQLite, brought the same in the same helpings: floating-point sums keep their last bit only in one order."""
    place = SqlitePlace(tmp_path_factory.mktemp("reference"))
    store = place.open()
    bring(store)
    yield store
    place.close()


def spans() -> st.SearchStrategy[tuple[int, int]]:
    """Any span; many end at, or just beside, a minute's border or a reading."""
    borders = st.integers(0, 5).map(lambda n: START + n * MINUTE)
    at_reading = st.integers(0, len(ROWS) - 1).map(lambda index: int(ROWS.time_us[index]))
    moment = st.one_of(st.integers(START - MINUTE, SPAN[1] + MINUTE), borders, at_reading, at_reading.map(lambda time: time + 1))
    return st.tuples(moment, moment).map(lambda pair: (min(pair), max(pair)))


def inside(span: tuple[int, int]) -> Readings:
    return ROWS.take((ROWS.time_us >= span[0]) & (ROWS.time_us < span[1]))


@settings(max_examples=80, deadline=None)
@given(span=spans(), points=st.integers(2, 3000))
def test_a_curve_keeps_every_peak_and_counts_every_reading(full: Store, span: tuple[int, int], points: int) -> None:
    curve = full.curve("bench", *span, points)
    assert len(curve) <= max(points, 2) and (np.diff(curve.time_us) >= 0).all()
    assert_extremes(curve, inside(span))


def assert_extremes(curve: Curve, rows: Readings) -> None:
    good, others = parted(rows)
    assert (curve.count.sum(), curve.marked.sum()) == (len(good), len(rows) - len(good))
    for kind, found in (("", good if len(good) else None), ("_marked", others)):
        for channel in CHANNELS if found is not None else ():
            values = getattr(found, channel)
            assert np.nanmin(getattr(curve, f"{channel}{kind}_min")) == values.min()
            assert np.nanmax(getattr(curve, f"{channel}{kind}_max")) == values.max()


@settings(max_examples=60, deadline=None)
@given(span=spans(), points=st.integers(2, 2000))
def test_views_are_those_of_sqlite_bit_by_bit(full: Store, reference: Store, span: tuple[int, int], points: int) -> None:
    assert same(full.curve("bench", *span, points), reference.curve("bench", *span, points))
    assert full.span_stats("bench", *span) == reference.span_stats("bench", *span)


@settings(max_examples=60, deadline=None)
@given(span=spans())
def test_statistics_are_those_of_the_readings(full: Store, span: tuple[int, int]) -> None:
    stats, rows = full.span_stats("bench", *span), inside(span)
    assert (stats.t0_us, stats.t1_us) == span
    assert stats.counts is not None and stats.counts.received == len(rows)
    assert stats.marked == stats.counts.marked == int((rows.flags & Flag.MARKED != 0).sum())
    rows, _ = parted(rows)
    hold_s = np.maximum(rows.hold_us, 1) / 1e6
    assert stats.count == len(rows)
    assert stats.coverage_s == pytest.approx(hold_s.sum())
    assert stats.energy_wh == pytest.approx((rows.w * hold_s).sum() / 3600, abs=1e-12)
    assert stats.charge_mah == pytest.approx((rows.a * hold_s).sum() / 3.6, abs=1e-9)
    for channel in CHANNELS:
        values, said = getattr(rows, channel), getattr(stats, channel)
        assert (said.min, said.max) == ((values.min(), values.max()) if len(rows) else (None, None))
        assert said.mean == (pytest.approx(np.average(values, weights=hold_s), rel=1e-9, abs=1e-9) if len(rows) else None)


@settings(max_examples=20, deadline=None)
@given(span=spans(), page=st.integers(1, 4000))
def test_pages_hold_every_reading_once_in_order_of_time(full: Store, span: tuple[int, int], page: int) -> None:
    span = span[0], min(span[1], span[0] + 20 * SECOND)
    pages, rows = list(full.pages("bench", *span, page)), inside(span)
    assert all(0 < len(part) <= 4 * page for part in pages)
    for name in Readings.__struct_fields__:
        assert [x for part in pages for x in getattr(part, name).tolist()] == getattr(rows, name).tolist()


def test_accounts_of_neighbouring_spans_add_up(full: Store) -> None:
    cuts = [SPAN[0], START + 17 * SECOND, START + MINUTE, START + 2 * MINUTE + 1, SPAN[1]]
    parts = [full.counts("bench", one, other) for one, other in pairwise(cuts)]
    whole = full.counts("bench", *SPAN)
    for name in ("received", "marked", "recovered", "late"):
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)


def test_the_extent_is_that_of_the_readings(full: Store) -> None:
    assert full.extent("bench") == (int(ROWS.time_us[0]), int(ROWS.time_us[-1]))


def test_of_what_it_does_not_know_it_finds_nothing(full: Store) -> None:
    assert (len(full.curve("nobody", *SPAN, 100)), full.span_stats("nobody", *SPAN).count) == (0, 0)
    assert (full.extent("nobody"), full.restored("nobody").runs, full.gaps("nobody", *SPAN)) == (None, (), [])
    assert (list(full.pages("nobody", *SPAN)), full.rejected("nobody"), full.open_episodes("nobody")) == ([], [], [])
    assert (full.episode("nothing"), full.setting("nothing")) == (None, None)
    rule = AlertRule("power", AlertChannel.W, Level.DANGER, 10.0, 9.0)
    assert full.back_test("nobody", rule, *SPAN).episodes == ()
    assert full.span_stats("bench", SPAN[1], SPAN[0]).count == len(full.curve("bench", SPAN[1], SPAN[0], 100)) == 0


@pytest.mark.parametrize("how", ["asked with", "asked inside of"])
def test_a_query_that_is_cancelled_ends(full: Store, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr("services.storage.database.PROGRESS_STEPS", 100)  # this record is small
    if how == "asked with":
        with pytest.raises(ExportCancelled):
            full.curve("bench", *SPAN, 2000, lambda: True)
        with pytest.raises(ExportCancelled):
            list(full.pages("bench", *SPAN, cancelled=lambda: True))
    else:
        with ending_when(lambda: True), pytest.raises(ExportCancelled):
            full.span_stats("bench", *SPAN)
    assert full.span_stats("bench", *SPAN).count > 0
