"""A board's own Unix time is used where it can be right, and time never goes back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.device.wall_time import WallTime, wall_time_us

RECEIVED = 1_712_345_678_600_000


@pytest.mark.parametrize(
    ("ts", "last_us", "expected"),
    [
        (1_712_345_678.125, None, 1_712_345_678_125_000),
        (1_712_345_678.123457, None, 1_712_345_678_123_457),
        (1_712_345_678.0, None, 1_712_345_678_000_000),
        (1_712_345_678.0, 1_712_345_677_000_000, 1_712_345_678_000_000),
        (1_712_345_678.0, 1_712_345_678_000_000, RECEIVED),  # whole seconds, twice
        (1_712_345_678.5, 1_712_345_678_500_000, 1_712_345_678_500_000),
        (1_712_345_678.125, 1_712_345_678_125_001, RECEIVED),  # before the last one
        (1_712_345_678.125, RECEIVED + 7, RECEIVED + 7),
        (None, None, RECEIVED),
        (None, RECEIVED + 7, RECEIVED + 7),
        (0.0, None, RECEIVED),
        (999_999_999.0, None, RECEIVED),
        (1_712_345_672.0, None, RECEIVED),  # 6.6 s behind
        (1_712_345_684.0, None, RECEIVED),  # 5.4 s ahead
        (float("nan"), None, RECEIVED),
        (float("inf"), None, RECEIVED),
        (1e300, None, RECEIVED),
    ],
)
def test_wall_clock_of_the_board(ts: float | None, last_us: int | None, expected: int) -> None:
    assert wall_time_us(ts, RECEIVED, last_us) == expected


@settings(deadline=None)
@given(st.integers(-4_900_000, 4_900_000))
def test_a_right_stamp_is_stored_to_the_microsecond(apart_us: int) -> None:
    stamp_us = RECEIVED + apart_us
    assert wall_time_us(stamp_us / 1e6, RECEIVED, None) == stamp_us


@settings(deadline=None)
@given(st.one_of(st.none(), st.floats()), st.integers(-(10**7), 10**7))
def test_wall_time_is_never_before_the_last(ts: float | None, apart_us: int) -> None:
    last_us = RECEIVED + apart_us
    assert wall_time_us(ts, RECEIVED, last_us) >= last_us


def test_a_board_that_counts_whole_seconds_gets_the_time_of_arrival() -> None:
    clock, start_us = WallTime(), 1_712_345_678_050_000
    arrivals = [start_us + at * 500_000 for at in range(20)]
    got = [clock.time_us(float(arrived // 1_000_000), arrived) for arrived in arrivals]
    assert got[1:] == arrivals[1:]


def test_a_board_that_measures_once_a_second_keeps_its_whole_stamps() -> None:
    clock = WallTime()
    stamps = [1_712_345_678.0 + at for at in range(10)]
    assert [clock.time_us(ts, round(ts * 1e6) + 123_456) for ts in stamps] == [round(ts * 1e6) for ts in stamps]


def test_stamps_with_a_fraction_are_used_at_whole_seconds_too() -> None:
    clock, start_us = WallTime(), 1_712_345_678_000_000
    truth = [start_us + at * 250_000 for at in range(20)]
    assert [clock.time_us(stamp_us / 1e6, stamp_us + 40_000) for stamp_us in truth] == truth


def test_after_whole_seconds_a_fraction_is_believed_again() -> None:
    clock, start_us = WallTime(), 1_712_345_678_000_000
    for at in range(4):
        clock.time_us(float(start_us // 1_000_000), start_us + 100_000 * at)
    assert clock.time_us((start_us + 750_000) / 1e6, start_us + 800_000) == start_us + 750_000


def test_a_restored_last_time_is_not_undercut() -> None:
    clock = WallTime(last_us=RECEIVED)
    assert clock.time_us(RECEIVED / 1e6 - 1, RECEIVED - 500_000) == RECEIVED
