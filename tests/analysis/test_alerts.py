"""A rule fires once per event, after its hold time, and ends when it has been back long enough."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alert_model import AlertAction, AlertChannel, AlertRule, AlertState, Level
from services.analysis.alert_rules import Limit, problem, problems, rule_of
from services.analysis.alerts import Turn, Watch, residual_uw, worst

SECOND = 1_000_000
WARNING = AlertRule("warn", AlertChannel.W, Level.WARNING, on=10, off=8)
DANGER = AlertRule("danger", AlertChannel.W, Level.DANGER, on=20, off=15, hold_s=2)
BROWNOUT = AlertRule("sag", AlertChannel.V, Level.DANGER, on=4.75, off=4.9, above=False)
CALM = AlertRule("calm", AlertChannel.W, Level.WARNING, on=10, off=8, hold_s=1, clear_s=2)


def feed(watch: Watch, values: list[float], every_us: int = SECOND, from_us: int = 0) -> list[Turn]:
    times = from_us + np.arange(len(values)) * every_us
    return watch.take(times, np.rint(np.array(values) * 1e6))


def states(rule: AlertRule, values: list[float], every_us: int = SECOND) -> list[AlertState]:
    watch, result = Watch(rule), []
    for at, value in enumerate(values):
        feed(watch, [value], from_us=at * every_us)
        result.append(watch.state)
    return result


class Row(NamedTuple):
    time_us: int
    value: float


def naive(rule: AlertRule, rows: list[Row]) -> tuple[list[AlertState], list[Turn]]:
    """The rule as it is written, row by row."""
    state, since, start, fired, body, tail = AlertState.NORMAL, 0, 0, 0, [], []
    extreme = max if rule.above else min
    result, turns = [], []
    for time_us, value in rows:
        beyond = value > rule.on if rule.above else value < rule.on
        back = value <= rule.off if rule.above else value >= rule.off
        if state is AlertState.PENDING and not beyond:
            state = AlertState.NORMAL
        if state is AlertState.NORMAL and beyond:
            state, since, start, body = AlertState.PENDING, time_us, time_us, []
        if state is AlertState.RECOVERING and not back:
            state, body, tail = AlertState.FIRING, body + tail, []
        if state is AlertState.FIRING and back:
            state, since, tail = AlertState.RECOVERING, time_us, []
        if state in (AlertState.PENDING, AlertState.FIRING):
            body.append(value)
        if state is AlertState.RECOVERING:
            tail.append(value)
        if state is AlertState.PENDING and time_us - since >= rule.hold_s * SECOND:
            state, fired = AlertState.FIRING, time_us
            turns.append(Turn(start, fired, time_us, value, extreme(body), len(body)))
        if state is AlertState.RECOVERING and time_us - since >= rule.clear_s * SECOND:
            state = AlertState.NORMAL
            turns.append(Turn(start, fired, time_us, value, extreme(body), len(body), since))
        result.append(state)
    return result, turns


def test_at_the_limit_itself_nothing_fires() -> None:
    assert states(WARNING, [10, 10.1]) == [AlertState.NORMAL, AlertState.FIRING]


def test_between_off_and_on_everything_stays_as_it_is() -> None:
    normal, firing = AlertState.NORMAL, AlertState.FIRING
    assert states(WARNING, [9, 11, 9, 8.1, 8, 9, 11]) == [normal, firing, firing, firing, normal, normal, firing]


def test_it_fires_when_it_has_lasted_for_the_hold_time() -> None:
    assert states(DANGER, [25, 25, 25, 25]) == [AlertState.PENDING, AlertState.PENDING, AlertState.FIRING, AlertState.FIRING]


def test_a_limit_crossed_for_less_than_the_hold_time_does_not_fire() -> None:
    watch = Watch(CALM)
    assert feed(watch, [5, *[12] * 10, 5, 5], every_us=SECOND // 10) == []  # from 0.1 to 1.0 s: 0.9 s
    assert watch.state is AlertState.NORMAL


def test_one_reading_within_the_limit_begins_the_hold_time_anew() -> None:
    assert states(DANGER, [25, 25, 19, 25, 25, 25])[-2:] == [AlertState.PENDING, AlertState.FIRING]


def test_a_rail_that_sags_is_below_its_limit_and_its_peak_is_the_lowest() -> None:
    turns = feed(Watch(BROWNOUT), [5.0, 4.75, 4.7, 4.6, 4.8, 4.9])
    assert [(turn.start_us, turn.end_us, turn.peak, turn.readings) for turn in turns] == [
        (2 * SECOND, None, 4.7, 1),
        (2 * SECOND, 5 * SECOND, 4.6, 3),
    ]


def test_flapping_within_the_clearing_time_is_one_episode() -> None:
    watch = Watch(CALM)
    turns = feed(watch, [5, 12, 12, 7, 12, 7, 13, 7, 7, 7, 7])
    assert [turn.end_us for turn in turns] == [None, 7 * SECOND]
    assert turns[1].peak == 13 and turns[1].readings == 6 and turns[1].at_us == 9 * SECOND


def test_between_off_and_on_it_has_not_recovered() -> None:
    watch = Watch(CALM)
    assert [turn.end_us for turn in feed(watch, [12, 12, 7, 9, 7, 7])] == [None]
    assert watch.state is AlertState.RECOVERING


def test_one_turn_and_not_one_per_offending_reading() -> None:
    watch = Watch(WARNING)
    assert len(feed(watch, [50.0] * 1000, 1)) == 1
    assert feed(watch, [50.0] * 1000, 1, from_us=1000) == [] and watch.readings == 2000


def test_an_episode_goes_on_after_a_restart() -> None:
    watch = Watch(CALM)
    watch.resume(3 * SECOND, 4 * SECOND, peak=14.5, readings=7)
    turns = feed(watch, [12, 13, 5, 5, 5], from_us=60 * SECOND)
    assert turns == [Turn(3 * SECOND, 4 * SECOND, 64 * SECOND, 5, 14.5, 9, 62 * SECOND)]


def test_a_block_that_cannot_turn_anything_is_taken_in_whole() -> None:
    watch = Watch(CALM)
    assert watch.passes(100, 1e6, 10e6, SECOND) and watch.state is AlertState.NORMAL
    assert not watch.passes(100, 1e6, 11e6, SECOND)
    feed(watch, [12, 12])
    assert watch.passes(50, 9e6, 30e6, 9 * SECOND) and (watch.readings, watch.peak) == (52, 30)
    assert not watch.passes(50, 8e6, 30e6, 9 * SECOND)
    feed(watch, [7], from_us=10 * SECOND)
    assert watch.passes(5, 1e6, 2e6, 12 * SECOND - 1) and not watch.passes(5, 1e6, 2e6, 12 * SECOND)


def test_the_residual_is_what_the_three_numbers_disagree_by() -> None:
    assert residual_uw(np.array([5e6]), np.array([2e6]), np.array([9.5e6])).tolist() == [500_000.0]


def test_the_worst_of_nothing_is_normal() -> None:
    assert worst([]) is Level.NORMAL and worst([Level.WARNING, Level.DANGER, Level.NORMAL]) is Level.DANGER


ROWS = st.lists(st.tuples(st.sampled_from([0, 300_000, SECOND, 5 * SECOND]), st.integers(0, 12)), min_size=1, max_size=80)
RULES = st.builds(
    lambda on, apart, hold_s, clear_s, above: AlertRule(
        "any", AlertChannel.W, Level.WARNING, on, on - apart if above else on + apart, above, hold_s, clear_s
    ),
    st.integers(2, 10),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.3, 1.0, 2.5]),
    st.sampled_from([0.0, 0.3, 1.0, 2.5]),
    st.booleans(),
)


@settings(deadline=None, max_examples=400)
@given(ROWS, RULES, st.lists(st.integers(1, 20), min_size=80, max_size=80), st.booleans())
def test_batches_of_any_size_equal_the_rule_row_by_row(
    steps: list[tuple[int, int]], rule: AlertRule, sizes: list[int], in_blocks: bool
) -> None:
    times = np.cumsum([step for step, _ in steps])
    values = np.array([value for _, value in steps], np.float64)
    expected, turned = naive(rule, [Row(*row) for row in zip(times.tolist(), values.tolist(), strict=True)])
    watch, got, at = Watch(rule), [], 0
    for size in sizes:
        part, end = values[at : at + size] * 1e6, min(at + size, len(values))
        if len(part) and not (in_blocks and watch.passes(len(part), part.min(), part.max(), int(times[end - 1]))):
            got += watch.take(times[at:end], part)
        at = end
        assert watch.state is expected[end - 1]
    assert got == turned


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"off": 10}, ""),
        ({"id": "a b"}, "id"),
        ({"id": ""}, "id"),
        ({"severity": Level.NORMAL}, "severity"),
        ({"off": 11}, "above"),
        ({"above": False}, "below"),
        ({"on": float("nan")}, "finite"),
        ({"on": 2e6}, "on"),
        ({"hold_s": -1}, "hold_s"),
        ({"clear_s": 1e9}, "clear_s"),
        ({"name": "x" * 61}, "name"),
        ({"channel": AlertChannel.COMPLETENESS}, "share"),
        ({"channel": AlertChannel.AGE, "above": False, "off": 12}, "age"),
        ({"channel": AlertChannel.AGE, "actions": (AlertAction.BUZZER,)}, "buzzer"),
        ({"actions": (AlertAction.SOUND, AlertAction.SOUND)}, "once"),
    ],
)
def test_a_rule_that_makes_no_sense_says_why(change: dict[str, object], words: str) -> None:
    fields = {name: getattr(WARNING, name) for name in WARNING.__struct_fields__} | change
    said = problem(AlertRule(**fields))
    assert (words in said) if words else said == ""


def test_all_that_is_wrong_with_a_set_of_rules_is_said_at_once() -> None:
    bad = AlertRule("warn", AlertChannel.W, Level.WARNING, on=1, off=2)
    assert [field for field, _ in problems([WARNING, bad, DANGER])] == ["rules[1].off", "rules"]


def test_a_limit_of_the_settings_is_the_same_rule_each_time() -> None:
    limit = Limit("w", Level.DANGER, 12.5, 12.0, 1.5)
    rule = rule_of(limit)
    assert problem(rule) == "" and rule == rule_of(limit) and rule.hold_s == 1.5
    assert rule.id != rule_of(Limit("w", Level.DANGER, 12.5, 12.0, 2.0)).id
    assert "channel" in Limit("x", Level.WARNING, 5, 4).problem() and "level" in Limit("v", Level.NORMAL, 5, 4).problem()
