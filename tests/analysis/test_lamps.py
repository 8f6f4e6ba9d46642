"""Each lamp tells its figure, and a verdict only where something is known."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from services.alert_model import Lamp, Level
from services.analysis.lamps import lamps
from services.analysis.marks import OVERFLOW, flags_of
from services.live_model import ClockHealth
from services.model import Flag, Readings, no_readings
from tests.analysis.making import T0, Row, columns

QUIET = ClockHealth()


def board(w: float = 1.0, flags: int = 0, more: int = 0) -> Readings:
    rows = [Row(T0 + at, 1, 5.0, 0.2, w, at, flags) for at in range(90)]
    return columns([*rows, *(Row(T0 + 90 + at, 1, 5.0, 3.2, 16.0, 90 + at, flags_of(OVERFLOW)) for at in range(more))])


def lamp(name: str, rows: Readings, clock: ClockHealth = QUIET, share: float | None = None) -> Lamp:
    return next(one for one in lamps(rows, clock, share) if one.name == name)


def test_without_readings_nothing_is_known() -> None:
    assert {(one.value, one.level) for one in lamps(no_readings(), QUIET, None)} == {(None, Level.NORMAL)}
    names = [one.name for one in lamps(no_readings(), QUIET, None)]
    assert names == ["residual", "saturation", "drift", "jitter", "completeness"]


def test_the_residual_is_held_against_the_power() -> None:
    found = [(lamp("residual", board(w)).value, lamp("residual", board(w)).level) for w in (1.0, 1.04, 1.1, 2.0)]
    assert np.allclose([value for value, _ in found], [0, 0.04, 0.1, 1.0])
    assert [level for _, level in found] == [Level.NORMAL, Level.NORMAL, Level.WARNING, Level.DANGER]
    assert lamp("residual", board(2.0, int(Flag.DERIVED))).value is None  # made of the other two: it cannot disagree


def test_a_saturated_sensor_is_said_as_the_share_of_its_readings() -> None:
    assert lamp("saturation", board()).level is Level.NORMAL
    one, many = lamp("saturation", board(more=1)), lamp("saturation", board(more=30))
    assert (one.level, many.level) == (Level.WARNING, Level.DANGER) and many.value == 0.25


def test_the_clock_is_judged_in_both_directions() -> None:
    for drift, level in ((100, Level.NORMAL), (-6_000, Level.WARNING), (30_000, Level.DANGER)):
        found = lamp("drift", board(), ClockHealth(drift_ppm=drift, jitter_ms=60))
        assert (found.value, found.level) == (abs(drift), level)
    assert lamp("jitter", board(), ClockHealth(jitter_ms=60)).level is Level.WARNING


def test_completeness_is_judged_downwards() -> None:
    found = [lamp("completeness", board(), share=share).level for share in (1.0, 0.998, 0.5)]
    assert found == [Level.NORMAL, Level.WARNING, Level.DANGER]


@pytest.mark.parametrize(
    ("name", "within", "warned", "beyond"),
    [
        ("drift", 5_000.0, 20_000.0, 20_001.0),  # Murata CSTCE16M0V53 of the Uno: 0.5 %
        ("jitter", 50.0, 250.0, 251.0),  # FTDI AN232B-04: 16 ms, and what a host adds
        ("completeness", 0.999, 0.99, 0.989),
    ],
)
def test_at_its_limit_a_lamp_is_still_as_it_was(name: str, within: float, warned: float, beyond: float) -> None:
    def level(value: float) -> Level:
        clock = ClockHealth(drift_ppm=value, jitter_ms=value)
        return lamp(name, board(), clock, value).level

    assert [level(value) for value in (within, warned, beyond)] == [Level.NORMAL, Level.WARNING, Level.DANGER]


def test_below_what_rounding_makes_no_residual_is_judged() -> None:
    rows = board()
    faint = msgspec.structs.replace(rows, a=rows.a / 1000, w=rows.w / 1000)
    off = msgspec.structs.replace(faint, w=faint.w + 0.0099)
    assert lamp("residual", off).level is Level.NORMAL
    assert lamp("residual", msgspec.structs.replace(off, w=faint.w + 0.0101)).level is Level.DANGER


def test_one_saturated_reading_warns_and_a_tenth_of_them_is_not_yet_a_danger() -> None:
    assert [lamp("saturation", board(more=more)).level for more in (0, 1, 10, 11)] == [
        Level.NORMAL,
        Level.WARNING,
        Level.WARNING,
        Level.DANGER,
    ]
