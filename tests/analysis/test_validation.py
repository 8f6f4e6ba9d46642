"""What is out of range is found, one at a time and in batches alike; a setting wins over the board's word."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.marks import CURRENT, POWER, VOLTAGE
from services.analysis.validation import LARGEST, NO_LIMIT, Bounds, Limits, all_within, is_number, range_marks

DEFAULT = Limits().bounds()
INA219 = Limits().bounds({"v": (0.0, 26.0), "a": (-3.2, 3.2)})
ANY = st.one_of(st.floats(), st.sampled_from([0.0, 24.0, -3.2, 3.2, 26.0, -0.0, math.inf, -math.inf, math.nan]))
FINE = st.tuples(st.floats(0, 24), st.floats(-3.2, 3.2), st.floats(-80, 80))


def naive(v: float, a: float, w: float, bounds: Bounds) -> int:
    for mark, channel, value in ((VOLTAGE, "v", v), (CURRENT, "a", a), (POWER, "w", w)):
        low, high = bounds.of(channel)
        if value < low or value > high:
            return mark
    return 0


@settings(deadline=None)
@given(st.lists(st.one_of(FINE, st.tuples(ANY, ANY, ANY)), min_size=1, max_size=30), st.sampled_from([DEFAULT, INA219]))
def test_each_reading_gets_the_first_mark_that_applies(rows: list[tuple[float, float, float]], bounds: Bounds) -> None:
    v, a, w = np.array(rows, np.float64).reshape(-1, 3).T
    marks = range_marks(v, a, w, bounds).tolist()
    assert marks == [naive(*row, bounds) for row in rows]
    nothing_wrong = not any(marks) and bool(np.isfinite(np.array(rows)).all())
    assert all_within(v, a, w, bounds) == nothing_wrong


@pytest.mark.parametrize(
    ("row", "mark"),
    [
        ((24.0, -3.2, 80.0), 0),
        ((24.001, 0, 0), VOLTAGE),
        ((-0.001, 9, 0), VOLTAGE),
        ((16.4, 4.7, 77), 0),  # no range on the current unless somebody states one
        ((12, -2, -24), 0),  # a battery is charged
        ((5, 1.1 * NO_LIMIT, 1), CURRENT),
        ((5, 1, -1.1 * NO_LIMIT), POWER),
    ],
)
def test_ranges_without_a_word_of_anybody(row: tuple[float, float, float], mark: int) -> None:
    v, a, w = np.array([row]).T
    assert range_marks(v, a, w, DEFAULT).tolist() == [mark]


def test_a_setting_wins_over_the_board_and_the_board_over_the_default() -> None:
    bounds = Limits(a_max=5.0).bounds({"a": (-3.2, 3.2), "w": (0.0, 80.0)})
    assert (bounds.of("v"), bounds.of("a"), bounds.of("w")) == ((0.0, 24.0), (-3.2, 5.0), (0.0, 80.0))
    assert bounds.origins == {
        "v_min": "default", "v_max": "default", "a_min": "board", "a_max": "setting", "w_min": "board", "w_max": "board",
    }  # fmt: skip


def test_what_cannot_be_kept_is_no_number() -> None:
    values = np.array([0.0, -LARGEST, 1.1 * LARGEST, math.inf, math.nan])
    assert is_number(values, np.zeros(5), np.zeros(5)).tolist() == [True, True, False, False, False]
    assert is_number(np.zeros(5), np.zeros(5), values).tolist() == [True, True, False, False, False]
