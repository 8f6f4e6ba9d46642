"""The rules of one board against its readings: episodes that do not depend on how the readings come."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alert_model import AlertChange, AlertChannel, AlertRule, AlertState, Episode, Level
from services.analysis.marks import OVERFLOW, SENSOR_ERROR, STATUS, flags_of
from services.device.board_alerts import BoardAlerts
from services.model import Counts, Flag
from tests.analysis.making import T0, Row, columns

SECOND = 1_000_000
POWER = AlertRule("power", AlertChannel.W, Level.DANGER, 10, 9, hold_s=1, clear_s=1)
SAG = AlertRule("sag", AlertChannel.V, Level.WARNING, 4.5, 4.7, above=False)
PHYSICS = AlertRule("physics", AlertChannel.RESIDUAL, Level.WARNING, 0.5, 0.1)
SENSOR = AlertRule("sensor", AlertChannel.SENSOR, Level.WARNING, 0.5, 0.5)
SILENCE = AlertRule("silence", AlertChannel.AGE, Level.DANGER, 3, 3)
GAPS = AlertRule("gaps", AlertChannel.COMPLETENESS, Level.WARNING, 0.9, 0.95, above=False)


def power(values: list[float], from_s: float = 0.0, every_s: float = 0.1, flags: int = 0) -> list[Row]:
    t0_us, every_us = T0 + round(from_s * SECOND), round(every_s * SECOND)
    return [Row(t0_us + at * every_us, every_us, 5.0, w / 5, w, at, flags) for at, w in enumerate(values)]


def feed(alerts: BoardAlerts, rows: list[Row]) -> list[AlertChange]:
    return alerts.add(columns(rows))


def test_a_limit_crossed_for_less_than_the_hold_time_does_nothing() -> None:
    alerts = BoardAlerts("bench", [POWER])
    assert feed(alerts, power([5] * 10 + [12] * 10 + [5] * 30)) == []


def test_an_episode_says_when_how_much_and_how_many() -> None:
    alerts = BoardAlerts("bench", [POWER])
    fired, ended = feed(alerts, power([5] * 10 + [12] * 15 + [14.25] + [5] * 20))
    assert (fired.kind, fired.value, fired.episode.end_us) == ("fired", 12, None)
    episode = ended.episode
    assert (episode.start_us - T0, episode.fired_us - T0, episode.end_us - T0) == (SECOND, 2 * SECOND, 2_600_000)  # type: ignore[operator]
    assert (episode.peak, episode.readings, episode.ended_by, episode.duration_us) == (14.25, 16, "value", 1_600_000)
    assert episode.cleared_us == T0 + 3_600_000 and episode.id == fired.episode.id


def test_rules_of_other_boards_and_those_switched_off_watch_nothing() -> None:
    rules = [msgspec.structs.replace(POWER, device="other"), msgspec.structs.replace(POWER, id="off", enabled=False)]
    assert feed(BoardAlerts("bench", rules), power([50] * 50)) == []


def test_what_comes_after_newer_readings_turns_nothing() -> None:
    alerts = BoardAlerts("bench", [msgspec.structs.replace(POWER, hold_s=0)])
    feed(alerts, power([5] * 20))
    for flag in (Flag.RECOVERED, Flag.LATE):
        assert feed(alerts, power([50] * 5, from_s=3, flags=int(flag))) == []
    assert feed(alerts, power([50], from_s=1)) == []
    assert len(feed(alerts, power([50], from_s=2))) == 1


def test_three_numbers_that_disagree_and_a_sensor_that_complains_are_watched() -> None:
    alerts = BoardAlerts("bench", [PHYSICS, SENSOR])
    rows = [*power([5] * 3), Row(T0 + SECOND, 1, 5.0, 1.0, 6.0)]
    (change,) = feed(alerts, rows)
    assert change.episode.rule == PHYSICS and change.episode.peak == 1.0
    flags = [0, flags_of(OVERFLOW), flags_of(STATUS, 1), 0]
    rows = [row._replace(flags=flag) for row, flag in zip(power([5] * 4, from_s=2), flags, strict=True)]
    changes = feed(alerts, rows)
    assert [(change.episode.rule.id, change.kind) for change in changes] == [
        ("physics", "ended"), ("sensor", "fired"), ("sensor", "ended"),
    ]  # fmt: skip
    assert changes[-1].episode.readings == 2


def test_a_value_that_its_board_doubts_can_begin_an_alarm_and_never_ends_one() -> None:
    alerts = BoardAlerts("bench", [msgspec.structs.replace(SAG, clear_s=1)])
    bad = flags_of(SENSOR_ERROR)
    rows = [Row(T0 + at, 1, v, 1, 1, at, bad if v in (0.0, 6.0) else 0) for at, v in enumerate([5.0, 0.0, 6.0, 4.0, 6.0])]
    (change,) = feed(alerts, rows)
    assert change.kind == "fired" and change.episode.start_us == T0 + 1
    assert alerts.status()[0].state is AlertState.FIRING and alerts.status()[0].readings == 2


def test_silence_fires_by_the_clock_and_ends_with_the_next_line() -> None:
    alerts, changes = BoardAlerts("bench", [SILENCE]), []
    for at in range(10):
        changes += alerts.tick(T0 + at * SECOND, float(at), Counts())
    changes += alerts.tick(T0 + 10 * SECOND, 0.1, Counts())
    fired, ended = changes
    assert fired.episode.start_us == T0 + 4 * SECOND and ended.episode.end_us == T0 + 10 * SECOND
    assert ended.episode.peak == 9 and ended.episode.readings == 0


def test_completeness_is_that_of_the_last_minute() -> None:
    alerts, changes = BoardAlerts("bench", [GAPS]), []
    received = missing = 0
    for at in range(400):
        received, missing = received + (5 if 200 <= at < 230 else 10), missing + (5 if 200 <= at < 230 else 0)
        changes += alerts.tick(T0 + at * SECOND, 0.0, Counts(received=received, missing=missing))
    fired, ended = changes
    # 15 of the 30 s that lose half make 0.9 missed of 60 s; 95 % again when all but 6 of them are more than a minute ago.
    start_s, end_s = ((time_us or 0) // SECOND - T0 // SECOND for time_us in (fired.episode.start_us, ended.episode.end_us))
    assert 210 <= start_s <= 214 and 282 <= end_s <= 286
    assert 0.70 < ended.episode.peak < 0.80


def test_a_rule_that_judges_as_before_goes_on_and_one_that_does_not_ends() -> None:
    alerts = BoardAlerts("bench", [POWER])
    feed(alerts, power([12] * 20))
    assert alerts.set_rules([msgspec.structs.replace(POWER, name="renamed", repeat_s=5)]) == []
    assert [status.state for status in alerts.status()] == [AlertState.FIRING]
    (change,) = alerts.set_rules([msgspec.structs.replace(POWER, on=11)])
    assert change.episode.ended_by == "rule" and alerts.status() == ()
    (change,) = feed(alerts, power([12] * 20, from_s=2))
    assert change.kind == "fired" and change.episode.rule.on == 11


def test_what_was_firing_at_a_restart_goes_on_as_one_episode() -> None:
    before = BoardAlerts("bench", [POWER])
    (fired,) = feed(before, power([12] * 20))
    (stored,) = before.progress()
    assert before.progress() == [] and stored.readings == 20
    after = BoardAlerts("bench", [POWER])
    assert after.resume([stored]) == []
    (ended,) = feed(after, power([13, 12, *[5] * 20], from_s=5))
    assert ended.episode.id == fired.episode.id and ended.episode.start_us == T0
    assert (ended.episode.readings, ended.episode.peak) == (22, 13)


def test_what_nobody_watches_after_a_restart_is_over() -> None:
    before = BoardAlerts("bench", [POWER])
    (fired,) = feed(before, power([12] * 20))
    for rules in ([], [msgspec.structs.replace(POWER, on=20)]):
        (change,) = BoardAlerts("bench", rules).resume([fired.episode])
        assert (change.kind, change.episode.ended_by) == ("ended", "rule")


def test_evidence_and_acknowledgement_reach_episodes_that_are_over_too() -> None:
    alerts = BoardAlerts("bench", [POWER])
    fired, _ = feed(alerts, power([12] * 20 + [5] * 20))
    noted = alerts.note(fired.episode.id, {"buzzer": {"result": "ok"}})
    assert noted is not None and noted.episode.end_us is not None and noted.episode.evidence == {"buzzer": {"result": "ok"}}
    seen = alerts.acknowledge(fired.episode.id, T0)
    assert seen is not None and seen.episode.acknowledged_us == T0 and seen.episode.evidence
    assert alerts.acknowledge(fired.episode.id, T0 + 1) is None and alerts.note("power.bench.1", {}) is None


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 100_000, 400_000, SECOND]),
        st.sampled_from([4.0, 8.9999999, 9.0, 9.5, 10.0000004, 10.1, 14.0]),
        st.sampled_from([0, 0, 0, 0, 1, 2, 4, 48, 176]),
    ),
    min_size=1,
    max_size=80,
)


@settings(deadline=None, max_examples=200)
@given(
    STEPS, st.lists(st.integers(1, 12), min_size=80, max_size=80), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5])
)
def test_any_split_of_the_same_readings_makes_the_same_episodes(
    steps: list[tuple[int, float, int]], sizes: list[int], hold_s: float, clear_s: float
) -> None:
    rule = msgspec.structs.replace(POWER, hold_s=hold_s, clear_s=clear_s)
    times = T0 + np.cumsum([step for step, _, _ in steps])
    rows = [Row(int(time), 1, 5.0, w / 5, w, at, flag) for at, (time, (_, w, flag)) in enumerate(zip(times, steps, strict=True))]

    def episodes(parts: list[list[Row]]) -> list[Episode]:
        alerts, found = BoardAlerts("bench", [rule, SAG, PHYSICS]), []
        for part in parts:
            found += [change.episode for change in feed(alerts, part)]
        alerts.progress()
        return found + list(alerts._open.values())

    parts, at = [], 0
    for size in sizes:
        parts.append(rows[at : at + size])
        at += size
    assert episodes(parts) == episodes([rows]) == episodes([[row] for row in rows])
