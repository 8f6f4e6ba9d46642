"""The back-test says what live evaluation did on the same readings, whatever proves it: rollups or readings."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.alert_model import AlertChannel, AlertRule, BackTest, Episode, Level
from services.analysis.marks import CURRENT, OVERFLOW, SENSOR_ERROR, flags_of
from services.analysis.recent_share import RecentShare
from services.clock import Clock
from services.device.board_alerts import BoardAlerts
from services.model import Flag, Gap, GapState, Readings, Write
from services.storage import back_test
from services.storage.storage import Storage
from tests.storage.storing import SECOND, T0, commit, readings

MINUTE = 60 * SECOND
POWER = AlertRule("power", AlertChannel.W, Level.DANGER, 10, 9, hold_s=1, clear_s=2)
END = T0 + 3600 * SECOND


def board(seed: int, count: int, every_us: int) -> Readings:
    """A wandering load with spikes, plateaus, gaps, marked readings, and some that came after newer ones."""
    rng = np.random.default_rng(seed)
    steps = np.where(rng.random(count) < 0.002, 40 * SECOND, every_us) + rng.integers(0, every_us // 5 + 1, count)
    times = T0 + np.cumsum(steps)
    load = np.repeat(rng.choice([1.0, 9.5, 12.0], count // 50 + 1), 50)[:count]
    noise = rng.normal(0, rng.choice([0.001, 0.4, 3.0]), count)
    w = np.round(np.where(rng.random(count) < 0.003, 30.0, load + noise), int(rng.choice([1, 9])))
    v = np.round(5 + rng.normal(0, 0.1, count), 3)
    a = np.where(rng.random(count) < 0.01, 1.0, w / v)
    kinds = [0, int(Flag.RECOVERED), int(Flag.LATE), flags_of(CURRENT), flags_of(OVERFLOW), flags_of(SENSOR_ERROR)]
    marks = rng.choice(kinds, count, p=[0.97, 0.01, 0.01, 0.004, 0.003, 0.003])
    hold = np.minimum(np.diff(times, prepend=times[0]), 3 * every_us)
    flags = np.where(times % (7 * MINUTE) < MINUTE, marks, 0)
    return readings(times, v=v, a=a, w=w, hold_us=hold, flags=flags)


def live(rule: AlertRule, rows: Readings, splits: list[int]) -> list[Episode]:
    """What the rule does to the readings as they come, in batches."""
    alerts, ended = BoardAlerts("bench", [rule]), []
    for first, end in pairwise(sorted({0, len(rows), *(at % len(rows) for at in splits)})):
        ended += [change.episode for change in alerts.add(rows.take(slice(first, end))) if change.kind == "ended"]
    alerts.progress()
    return [*ended, *alerts._open.values()]


def told(episodes: list[Episode]) -> list[tuple[object, ...]]:
    fields = ("start_us", "fired_us", "end_us", "cleared_us", "peak", "readings")
    return [tuple(getattr(episode, name) for name in fields) for episode in episodes]


RULES = st.builds(
    lambda channel, on, apart, above, hold_s, clear_s: AlertRule(
        "any", channel, Level.WARNING, on, on - apart if above else on + apart, above, hold_s, clear_s
    ),
    st.sampled_from([AlertChannel.W, AlertChannel.V, AlertChannel.RESIDUAL, AlertChannel.SENSOR]),
    st.sampled_from([0.5, 4.9, 9.5, 10.0, 15.0]),
    st.sampled_from([0.0, 0.3, 2.0]),
    st.booleans(),
    st.sampled_from([0.0, 0.5, 3.0]),
    st.sampled_from([0.0, 2.0, 90.0]),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    rate=st.sampled_from([(3_000, 100_000), (600, 2 * SECOND), (9_000, 5_000), (4_000, 20_000)]),
    rule=RULES,
    splits=st.lists(st.integers(1, 9_000), max_size=30),
)
def test_it_is_what_live_evaluation_did(
    seed: int, rate: tuple[int, int], rule: AlertRule, splits: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = board(seed, *rate)
    storage = Storage(tmp_path_factory.mktemp("back") / "powermon.db", Clock(), synchronous="OFF", commit_s=0.02)
    storage.start()
    try:
        for first in range(0, len(rows), 1_500):
            storage.append(Write("bench", readings=rows.take(slice(first, first + 1_500))))
        commit(storage)
        with pytest.MonkeyPatch.context() as patch:  # small readings' helpings, fine tiers: everything has to fit together
            patch.setattr(back_test, "COARSE", 100)
            patch.setattr(back_test, "COARSE_BOUNDS", 100)
            patch.setattr(back_test, "AT_ONCE", 700)
            patch.setattr(back_test, "HELPING_US", 25 * SECOND)
            found = storage.back_test("bench", rule, T0, END)
    finally:
        storage.stop(60)
    assert told(list(found.episodes)) == told(live(rule, rows, splits))
    behind = int((rows.flags & np.uint16(Flag.RECOVERED | Flag.LATE) != 0).sum())
    assert len(rows) - behind <= found.judged <= len(rows)


MICROS = st.integers(-(10**9), 10**9)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.tuples(MICROS, MICROS, st.integers(-2, 2)), min_size=1, max_size=30))
def test_a_residual_is_the_same_microwatts_in_the_record_and_live(
    values: list[tuple[int, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    v, a = (np.array([one[at] for one in values]) for at in (0, 1))
    v, a = v // 500_000 * 500_000, a | 1  # every other product ends in half a microwatt
    w = v * a // 10**6 + np.array([one[2] for one in values])
    rows = readings(T0 + np.arange(len(values)) * SECOND, v=v / 1e6, a=a / 1e6, w=w / 1e6)
    storage = Storage(tmp_path_factory.mktemp("half") / "powermon.db", Clock(), synchronous="OFF", commit_s=0.02)
    storage.start()
    try:
        storage.append(Write("bench", readings=rows))
        commit(storage)
        for on_uw in range(4):
            rule = AlertRule("x", AlertChannel.RESIDUAL, Level.WARNING, on_uw / 1e6, on_uw / 1e6)
            found = storage.back_test("bench", rule, T0, END)
            assert told(list(found.episodes)) == told(live(rule, rows, []))
    finally:
        storage.stop(60)


@pytest.fixture
def quiet(storage: Storage) -> Storage:
    """Ten minutes at 10/s, 5 W; in the fifth and the eighth minute 12 W for some seconds, once over the full minute."""
    times = T0 // MINUTE * MINUTE + np.arange(6_000) * 100_000
    w = np.full(6_000, 5.0)
    w[2_500:2_550] = 12.0
    w[2_520] = 14.5
    w[4_190:4_215] = 13.0
    storage.append(Write("bench", readings=readings(times, w=w)))
    commit(storage)
    return storage


def tried(storage: Storage, rule: AlertRule) -> BackTest:
    return storage.back_test("bench", rule, T0 // MINUTE * MINUTE, T0 // MINUTE * MINUTE + 10 * MINUTE)


def test_only_what_may_have_turned_something_is_read(quiet: Storage) -> None:
    found = tried(quiet, POWER)
    assert [(one.peak, one.readings, one.duration_us) for one in found.episodes] == [
        (14.5, 50, 5 * SECOND),
        (13.0, 25, 2_500_000),
    ]
    assert found.judged == 6_000 and found.read <= 2_400
    assert tried(quiet, msgspec.structs.replace(POWER, on=20, off=20)).read == 0


def test_a_rule_that_fires_all_the_time_needs_no_reading_but_the_first_minute(quiet: Storage) -> None:
    found = tried(quiet, msgspec.structs.replace(POWER, on=1, off=1))
    (episode,) = found.episodes
    assert (episode.end_us, episode.readings, episode.peak, found.read) == (None, 6_000, 14.5, 600)
    assert episode.seen_us == T0 // MINUTE * MINUTE + 5_999 * 100_000


def test_a_board_that_is_not_known_has_done_nothing(storage: Storage) -> None:
    found = storage.back_test("nobody", POWER, 0, END)
    assert found.episodes == () and found.judged == 0


def test_silence_is_tried_by_the_times_between_readings(storage: Storage) -> None:
    pauses = [0, 1, 2, 8, 9, 14, 15, 16, 17, 18, 19, 20, 33]  # of 6, 5 and 13 s
    storage.append(Write("bench", readings=readings(T0 + np.array(pauses) * SECOND)))
    commit(storage)

    def spans(**change: float) -> list[tuple[float, float | None, float]]:
        rule = AlertRule("age", AlertChannel.AGE, Level.WARNING, 3, 3, **change)  # type: ignore[arg-type]
        found = storage.back_test("bench", rule, T0, T0 + 34 * SECOND).episodes
        return [((e.start_us - T0) / 1e6, None if e.end_us is None else (e.end_us - T0) / 1e6, e.peak) for e in found]

    assert np.allclose(spans(), [(5, 8, 6), (12, 14, 5), (23, 33, 13)], atol=1e-5)
    assert [round(start) for start, _, _ in spans(hold_s=2.5)] == [5, 23]
    assert [(round(start), end) for start, end, _ in spans(clear_s=5)] == [(5, 14.0), (23, None)]


@pytest.mark.parametrize("channel", [AlertChannel.AGE, AlertChannel.W])
def test_a_span_into_the_far_future_ends_now(storage: Storage, channel: AlertChannel) -> None:
    now_us = Clock().now_us()
    storage.append(Write("bench", readings=readings(now_us - np.arange(60, 10, -1) * SECOND, w=12.0)))
    commit(storage)
    rule = AlertRule("x", channel, Level.WARNING, 3, 3)
    found = storage.back_test("bench", rule, 0, 1 << 62)  # by the hour it would take a hundred thousand years
    assert now_us <= found.t1_us <= Clock().now_us()
    (episode,) = found.episodes
    assert episode.end_us is None and episode.duration_us <= found.t1_us - (now_us - 60 * SECOND)


def test_what_is_older_than_the_readings_kept_is_left_out(make: Callable[..., Storage], path: Path) -> None:
    storage = make()
    storage.append(Write("bench", readings=readings(T0 + np.arange(600) * SECOND, w=12.0)))
    commit(storage)
    with storage._reading() as conn:
        assert conn.execute("SELECT horizon_us FROM devices").fetchone()[0] == 0
    storage.stop()
    conn = sqlite3.connect(path)
    conn.execute("UPDATE devices SET horizon_us = ?", (T0 + 300 * SECOND,))
    conn.commit()
    conn.close()
    found = make().back_test("bench", POWER, 0, END)
    assert found.t0_us == T0 + 300 * SECOND and found.episodes[0].start_us == T0 + 300 * SECOND


def test_when_missing_readings_came_is_not_in_the_record_so_completeness_cannot_be_tried(
    make: Callable[..., Storage], tmp_path: Path
) -> None:
    rows = readings(T0 + np.arange(60) * SECOND, flags=np.where(np.arange(60) // 10 == 1, int(Flag.RECOVERED), 0))
    missing = rows.flags != 0

    def story(filled_after: int) -> tuple[list[list[tuple[object, ...]]], set[float | None]]:
        """The numbers 10 … 19 come behind the reading `filled_after`. What is in the file, and the shares that were seen live."""
        storage, share = make(path=tmp_path / f"{filled_after}.db"), RecentShare()
        shares: set[float | None] = set()
        before, after = (
            np.flatnonzero(~missing & side) for side in (np.arange(60) <= filled_after, np.arange(60) > filled_after)
        )
        arrived = [*before.tolist(), *np.flatnonzero(missing).tolist(), *after.tolist()]
        gap = Gap("bench", 1, 10, 19, T0 + 9 * SECOND, T0 + 20 * SECOND, GapState.OPEN)
        storage.append(Write("bench", readings=rows.take(before), boot=1, gaps=(gap,)))
        filled = msgspec.structs.replace(gap, state=GapState.RECOVERED)
        storage.append(Write("bench", readings=rows.take(np.flatnonzero(missing)), boot=1, gaps=(filled,)))
        storage.append(Write("bench", readings=rows.take(after), boot=1))
        for came, at in enumerate(arrived, 1):
            highest = max(arrived[:came]) + 1
            shares.add(share.add(int(rows.time_us[at]), highest, came / highest))
        commit(storage)
        with storage._reading() as conn:
            stored = [list(conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2")) for table in ("readings", "gaps")]
        storage.stop()
        return stored, shares

    (soon, soon_shares), (late, late_shares) = story(21), story(55)
    assert all(soon) and soon == late and soon_shares != late_shares
