"""A limit fires once per event, after its hold time, and ends at its second value."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.alerts import Limit, Thresholds
from services.model import Level

SECOND = 1_000_000
WARNING = Limit("w", Level.WARNING, on=10, off=8)
DANGER = Limit("w", Level.DANGER, on=20, off=15, hold_s=2)
BROWNOUT = Limit("v", Level.DANGER, on=4.75, off=4.9, above=False)


def levels(limits: list[Limit], values: list[float], channel: str = "w", every_us: int = SECOND) -> list[Level]:
    thresholds = Thresholds(channel, limits)
    return [thresholds.update(at * every_us, value) for at, value in enumerate(values)]


def naive(limit: Limit, rows: list[tuple[int, float]]) -> list[bool]:
    """The rule as it is written, row by row."""
    firing, since, result = False, None, []
    for time_us, value in rows:
        beyond = value > limit.on if limit.above else value < limit.on
        ended = value <= limit.off if limit.above else value >= limit.off
        if firing:
            firing = not ended
        elif beyond:
            since = time_us if since is None else since
            firing = time_us - since >= limit.hold_s * SECOND
        since = since if beyond and not firing else None
        result.append(firing)
    return result


def test_at_the_limit_itself_nothing_fires() -> None:
    assert levels([WARNING], [10, 10.1]) == [Level.NORMAL, Level.WARNING]


def test_between_off_and_on_everything_stays_as_it_is() -> None:
    assert levels([WARNING], [9, 11, 9, 8.1, 8, 9, 11]) == [
        Level.NORMAL, Level.WARNING, Level.WARNING, Level.WARNING, Level.NORMAL, Level.NORMAL, Level.WARNING,
    ]  # fmt: skip


def test_it_fires_when_it_has_lasted_for_the_hold_time() -> None:
    assert levels([DANGER], [25, 25, 25, 25]) == [Level.NORMAL, Level.NORMAL, Level.DANGER, Level.DANGER]


def test_one_reading_within_the_limit_begins_the_hold_time_anew() -> None:
    assert levels([DANGER], [25, 25, 19, 25, 25, 25])[-2:] == [Level.NORMAL, Level.DANGER]


def test_a_rail_that_sags_is_below_its_limit() -> None:
    assert levels([BROWNOUT], [5.0, 4.75, 4.7, 4.8, 4.9], "v") == [
        Level.NORMAL, Level.NORMAL, Level.DANGER, Level.DANGER, Level.NORMAL,
    ]  # fmt: skip


def test_the_worst_limit_gives_the_level() -> None:
    assert levels([WARNING, DANGER], [12, 25, 25, 25, 14, 5]) == [
        Level.WARNING, Level.WARNING, Level.WARNING, Level.DANGER, Level.WARNING, Level.NORMAL,
    ]  # fmt: skip


def test_both_sides_of_a_rail_can_be_watched() -> None:
    over = Limit("v", Level.WARNING, on=5.25, off=5.2)
    assert levels([over, BROWNOUT], [5.3, 4.0, 5.0], "v") == [Level.WARNING, Level.DANGER, Level.NORMAL]


def test_limits_of_other_channels_are_left_out() -> None:
    assert levels([WARNING, DANGER], [100.0] * 9, "v") == [Level.NORMAL] * 9


def test_a_batch_tells_each_change_with_its_reading_and_limit() -> None:
    thresholds = Thresholds("w", [WARNING, DANGER])
    values = np.array([1.0, 12, 25, 25, 25, 30, 14, 1])
    changes = thresholds.update_all(np.arange(8) * SECOND, values)
    assert [(change.time_us // SECOND, change.before, change.level, change.value, change.limit) for change in changes] == [
        (1, Level.NORMAL, Level.WARNING, 12, WARNING),
        (4, Level.WARNING, Level.DANGER, 25, DANGER),
        (6, Level.DANGER, Level.WARNING, 14, DANGER),
        (7, Level.WARNING, Level.NORMAL, 1, WARNING),
    ]


def test_one_event_and_not_one_per_offending_reading() -> None:
    thresholds = Thresholds("w", [WARNING])
    assert len(thresholds.update_all(np.arange(1000), np.full(1000, 50.0))) == 1
    assert thresholds.update_all(np.arange(1000, 2000), np.full(1000, 50.0)) == []


def test_readings_that_come_late_do_not_change_how_it_stands_now() -> None:
    thresholds = Thresholds("w", [WARNING])
    assert thresholds.update(10 * SECOND, 5) is Level.NORMAL
    assert thresholds.update(9 * SECOND, 50) is Level.NORMAL
    assert thresholds.update_all(np.array([11, 7, 12]) * SECOND, np.array([5.0, 50, 5])) == []


ROWS = st.lists(st.tuples(st.sampled_from([0, 300_000, SECOND, 5 * SECOND]), st.integers(0, 12)), min_size=1, max_size=80)
LIMITS = st.builds(
    lambda on, apart, hold_s, above: Limit("w", Level.WARNING, on, on - apart if above else on + apart, hold_s, above),
    st.integers(2, 10),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.3, 1.0, 2.5]),
    st.booleans(),
)


@settings(deadline=None)
@given(ROWS, LIMITS, st.integers(1, 20))
def test_batches_of_any_size_equal_the_rule_row_by_row(steps: list[tuple[int, int]], limit: Limit, size: int) -> None:
    times = np.cumsum([step for step, _ in steps])
    values = np.array([value for _, value in steps], np.float64)
    expected = naive(limit, list(zip(times.tolist(), values.tolist(), strict=True)))
    turned = [row for row, (before, now) in enumerate(itertools.pairwise([False, *expected])) if before != now]
    thresholds, changes = Thresholds("w", [limit]), []
    for at in range(0, len(times), size):
        changes += thresholds.update_all(times[at : at + size], values[at : at + size])
        assert (thresholds.level is not Level.NORMAL) == expected[min(at + size, len(times)) - 1]
    got = [(change.time_us, change.value, change.level is not Level.NORMAL) for change in changes]
    assert got == [(times[row], values[row], expected[row]) for row in turned]


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (Limit("v", Level.WARNING, 5, 4), ""),
        (Limit("v", Level.WARNING, 5, 5), ""),
        (BROWNOUT, ""),
        (Limit("x", Level.WARNING, 5, 4), "channel"),
        (Limit("v", Level.NORMAL, 5, 4), "level"),
        (Limit("v", Level.WARNING, 5, 6), "above"),
        (Limit("v", Level.WARNING, 5, 4, above=False), "below"),
        (Limit("v", Level.WARNING, float("nan"), 4), "finite"),
        (Limit("v", Level.WARNING, 5, 4, hold_s=-1), "hold_s"),
    ],
)
def test_a_limit_that_makes_no_sense_says_why(limit: Limit, words: str) -> None:
    problem = limit.problem()
    assert (words in problem) if words else problem == ""
