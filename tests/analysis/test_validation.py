"""A value that cannot be is refused with its reason, one at a time and in batches alike."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.validation import REASONS, Limits, all_fine, check, status_reason, validate
from services.model import Reason

LIMITS = Limits()
WIDE = Limits(v_max=math.inf, w_min=-math.inf)
ANY = st.one_of(st.floats(), st.sampled_from([0.0, 24.0, -3.2, 3.2, 80.0, -0.0, math.inf, -math.inf, math.nan]))
CHARGING = st.tuples(st.floats(0, 24), st.floats(-3.2, 0)).map(lambda va: (*va, va[0] * va[1]))
FINE = st.tuples(st.floats(0, 24), st.floats(-3.2, 3.2), st.floats(0, 80))


def naive(v: float, a: float, w: float, limits: Limits) -> Reason | None:
    if not all(map(math.isfinite, (v, a, w))):
        return Reason.NOT_FINITE
    if v < limits.v_min or v > limits.v_max:
        return Reason.VOLTAGE_RANGE
    if a < limits.a_min or a > limits.a_max:
        return Reason.CURRENT_RANGE
    explained = a < 0 and w >= 1.1 * v * a - 0.01
    return Reason.POWER_RANGE if (w < limits.w_min and not explained) or w > limits.w_max else None


@settings(deadline=None)
@given(st.lists(st.one_of(FINE, CHARGING, st.tuples(ANY, ANY, ANY)), max_size=30), st.sampled_from([LIMITS, WIDE]))
def test_each_reading_gets_the_first_reason_that_applies(rows: list[tuple[float, float, float]], limits: Limits) -> None:
    v, a, w = np.array(rows, np.float64).reshape(-1, 3).T
    expected = [naive(*row, limits) for row in rows]
    assert [REASONS[code] for code in validate(v, a, w, limits)] == expected
    assert [check(*row, limits) for row in rows] == expected
    assert not rows or not all_fine(v, a, w, limits) or expected == [None] * len(rows)


@settings(deadline=None)
@given(st.lists(FINE, min_size=9, max_size=40))
def test_possible_readings_are_fine(rows: list[tuple[float, float, float]]) -> None:
    v, a, w = np.array(rows, np.float64).T
    assert all_fine(v, a, w, LIMITS)
    assert not validate(v, a, w, LIMITS).any()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((24.0, -3.2, 80.0), None),
        ((0.0, 3.2, 0.0), None),
        ((24.001, 0, 0), Reason.VOLTAGE_RANGE),
        ((-0.001, 9, 0), Reason.VOLTAGE_RANGE),
        ((5, 3.3, 99), Reason.CURRENT_RANGE),
        ((5, 1, 80.1), Reason.POWER_RANGE),
        ((5, 1, -0.1), Reason.POWER_RANGE),
        ((5, -0.0002, -0.001), None),  # nothing connected: the sensor's offset
        ((12, -2, -24), None),  # a battery is charged
        ((12, -2, -30), Reason.POWER_RANGE),
        ((99, 99, math.nan), Reason.NOT_FINITE),
        ((math.inf, 1, 5), Reason.NOT_FINITE),
    ],
)
def test_limits_of_the_design(row: tuple[float, float, float], reason: Reason | None) -> None:
    assert check(*row, LIMITS) is reason


@pytest.mark.parametrize(
    ("status", "reason"),
    [("ok", None), ("overflow", Reason.OVERFLOW), ("sensor_error", Reason.STATUS), ("", Reason.STATUS), ("OK", Reason.STATUS)],
)
def test_a_status_other_than_ok_is_a_reason(status: str, reason: Reason | None) -> None:
    assert status_reason(status) is reason
