"""What stands where on the time axis, whatever zone the reader and the browser are in."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.figures.time_axis import TimeAxis, time_axis
from components.look.times import moment, parse_typed
from components.view import View

ZONES = ("UTC", "Asia/Seoul", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
TIMES = st.integers(1_600_000_000, 1_900_000_000).map(lambda s: s * 1_000_000)


def as_plotly_shows(number_ms: float, browser_zone: str) -> str:
    """plotly.js takes a number for milliseconds UTC and shows it in the browser's zone."""
    there = datetime.fromtimestamp(number_ms / 1000, ZoneInfo(browser_zone))
    return f"{there:%Y-%m-%d %H:%M:%S}.{there.microsecond // 1000:03d}"


@given(TIMES, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_numbers_are_shown_as_texts_are(time_us: int, zone: str, browser_zone: str) -> None:
    axis = time_axis(View(zone=zone, local_zone=browser_zone), time_us)
    (number,) = axis.numbers(np.array([time_us])).tolist()
    shown = as_plotly_shows(number, browser_zone)
    wall = axis.text(time_us)[:-3]
    skipped = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(browser_zone))
    if skipped.astimezone(ZoneInfo("UTC")).astimezone(ZoneInfo(browser_zone)).replace(tzinfo=None) == skipped.replace(
        tzinfo=None
    ):
        assert shown == wall  # else: an hour that the browser's own clock leaves out


@given(TIMES, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_a_gesture_comes_back_to_the_moment(time_us: int, zone: str, browser_zone: str) -> None:
    axis = time_axis(View(zone=zone, local_zone=browser_zone), time_us)
    assert axis.moment_us(axis.text(time_us)) == time_us
    assert axis.moment_us(axis.end(time_us)) == time_us


def test_a_picture_across_the_change_of_summer_time_keeps_its_durations() -> None:
    change = 1_792_890_000_000_000  # 2026-10-25 01:00 UTC: Berlin puts its clocks back
    times = change + np.arange(-7200, 7200, 600) * 1_000_000
    axis = time_axis(View(zone="Europe/Berlin", local_zone="Europe/Berlin"), int(times[-1]))
    shown = [as_plotly_shows(number, "Europe/Berlin") for number in axis.numbers(times).tolist()]
    assert shown == [axis.text(int(time_us))[:-3] for time_us in times]


@pytest.mark.parametrize("place", [None, "", "nonsense", [], {}])
def test_what_is_no_place_is_no_moment(place: object) -> None:
    assert TimeAxis(0, "UTC").moment_us(place) is None


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("18:03", "2026-11-24 18:03:00"), ("18:03:27.5", "2026-11-24 18:03:27"), ("2026-11-20 07:00", "2026-11-20 07:00:00")],
)
def test_a_typed_time_is_the_readers(typed: str, expected: str) -> None:
    now_us = 1_795_548_500_000_000  # 2026-11-24 in Berlin
    found = parse_typed(typed, "Europe/Berlin", now_us)
    assert found is not None and f"{moment(found, 'Europe/Berlin'):%Y-%m-%d %H:%M:%S}" == expected


@pytest.mark.parametrize("typed", ["", "yesterday", "25:00", "2026-13-01", "18"])
def test_what_is_no_time_is_none(typed: str) -> None:
    assert parse_typed(typed, "UTC", 1_795_548_500_000_000) is None
