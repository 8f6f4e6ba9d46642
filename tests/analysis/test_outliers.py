"""What stands alone is found by either judgement; steps, noise and marked readings are not taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.marks import CURRENT, flags_of
from services.analysis.outliers import LONGEST, Judgement, Method, OutlierWatch, measure
from services.model import Readings
from tests.analysis.making import T0, Row, columns

SECOND = 1_000_000


def watts(values: list[float], flags: dict[int, int] | None = None) -> Readings:
    return columns(Row(T0 + at * 100_000, 100_000, 5.0, 0.2, w, at, (flags or {}).get(at, 0)) for at, w in enumerate(values))


def noisy(count: int = 600) -> list[float]:
    return np.round(np.random.default_rng(5).normal(1.0, 0.01, count), 6).tolist()


def judged(values: list[float], judgement: Judgement, flags: dict[int, int] | None = None) -> list[tuple[str, int, float]]:
    found = OutlierWatch(judgement).judge(watts(values, flags), T0 + 10 * SECOND)
    return [(one.channel, one.count, one.value) for one in found]


@pytest.mark.parametrize("method", [Method.ZSCORE, Method.IQR, Method.BOTH])
def test_a_spike_is_found_with_what_it_was_held_against(method: Method) -> None:
    values = noisy()
    values[300], values[400] = 1.5, 0.2
    (found,) = OutlierWatch(Judgement(method)).judge(watts(values), T0 + 10 * SECOND)
    assert (found.channel, found.count, found.value, found.time_us) == ("w", 2, 0.2, T0 + 40 * SECOND)
    assert abs(found.median - 1.0) < 0.005 and abs(found.mad - 0.0067) < 0.002 and found.q1 < found.median < found.q3
    assert 60 < found.z < 100 and 40 < found.iqrs < 80


def test_noise_a_step_and_a_plateau_are_no_outliers() -> None:
    assert judged(noisy(), Judgement(Method.BOTH)) == []
    assert judged([*noisy(500), *[3.0] * 100], Judgement(Method.BOTH)) == []
    assert judged([*noisy(300), *[3.0] * (LONGEST + 1), *noisy(200)], Judgement(Method.BOTH)) == []
    assert judged([*noisy(300), *[3.0] * LONGEST, *noisy(200)], Judgement(Method.BOTH)) == [("w", LONGEST, 3.0)]


def test_a_board_that_never_changes_its_value_has_no_outlier_in_the_last_digit() -> None:
    values = [1.0] * 600
    values[300] = 1.000001
    assert judged(values, Judgement(Method.BOTH)) == []
    values[300] = 1.5
    assert judged(values, Judgement(Method.BOTH)) == [("w", 1, 1.5)]


def test_the_next_step_of_a_coarse_sensor_is_no_outlier_and_a_spike_is() -> None:
    steady = np.where(np.random.default_rng(7).random(600) < 0.1, 4.996, 4.992)  # an INA219's bus voltage: steps of 4 mV
    assert judged(steady.tolist(), Judgement(Method.BOTH)) == []
    steady[300], steady[400] = 4.776, 5.0
    assert judged(steady.tolist(), Judgement(Method.BOTH)) == [("w", 1, 4.776)]
    offset = np.where(np.random.default_rng(8).random(600) < 0.1, 0.0001, 0.0)  # nothing connected: 100 µA come and go
    offset[300], offset[301] = -0.0001, 0.05
    assert judged(offset.tolist(), Judgement(Method.BOTH)) == [("w", 1, 0.05)]


def test_marked_readings_are_neither_judged_nor_a_measure() -> None:
    values = noisy()
    values[300] = 500.0
    assert judged(values, Judgement(), {300: flags_of(CURRENT)}) == []


def test_few_readings_say_nothing_of_what_is_usual() -> None:
    assert OutlierWatch(Judgement()).judge(watts([1.0] * 10 + [9.0] * 3), T0) == []


def test_limits_and_window_are_what_was_set() -> None:
    values = noisy()
    values[300] = 1.15
    assert judged(values, Judgement(z=30)) == [] and judged(values, Judgement(z=10)) == [("w", 1, 1.15)]
    watch = OutlierWatch(Judgement(window_s=20))
    assert watch.due(T0 + 5 * SECOND + 7) is None  # from now on
    assert watch.due(T0 + 6 * SECOND + 7) == (T0 - 16 * SECOND, T0 + 3 * SECOND, T0 + 4 * SECOND)
    assert watch.due(T0 + 6 * SECOND + 9) is None
    assert watch.due(T0 + 90 * SECOND) == (T0 + 68 * SECOND, T0 + 68 * SECOND, T0 + 88 * SECOND)
    assert OutlierWatch(Judgement(Method.OFF)).due(T0) is None


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=60))
def test_the_measure_is_that_of_the_textbook(values: list[float]) -> None:
    found = measure(np.array(values))
    assert found.median == pytest.approx(np.median(values), rel=1e-9, abs=1e-9)
    assert found.mad == pytest.approx(np.median(np.abs(np.array(values) - np.median(values))), rel=1e-9, abs=1e-9)
    assert found.q1 <= found.median <= found.q3
