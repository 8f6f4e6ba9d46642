"""Board time becomes host time: exact spacing, rising, never from the future, whatever the cable does."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.device.board_time import Timebase
from services.model import I64

T0 = 1_790_000_000_000_000
ROLLOVER = 2**32


class Run(NamedTuple):
    """What a board measured, when that was in truth, and when it arrived."""

    ms: I64
    true_us: I64
    arrived_us: I64


class Result(NamedTuple):
    host_us: I64
    timebase: Timebase


def measured(interval_ms: int, seconds: float, drift_ppm: float = 0.0, first_ms: int = 5_000) -> tuple[I64, I64]:
    ms = first_ms + np.arange(round(seconds * 1000 / interval_ms), dtype=np.int64) * interval_ms
    true_us = T0 + np.rint((ms - first_ms) * 1000 / (1 + drift_ppm * 1e-6)).astype(np.int64)
    return ms, true_us


def jittery(ms: I64, true_us: I64, seed: int, mean_us: float = 3_000) -> Run:
    """A line with its own delay for each reading; what was sent first still arrives first."""
    delays = 1_000 + np.random.default_rng(seed).exponential(mean_us, len(ms))
    return Run(ms, true_us, np.maximum.accumulate(true_us + delays.astype(np.int64)))


def clumpy(ms: I64, true_us: I64, seed: int, longest_s: float = 1.0) -> Run:
    """A USB stack that hands over what it has collected, each time after up to a second."""
    random = np.random.default_rng(seed)
    waits = random.uniform(0.02, longest_s, int((true_us[-1] - true_us[0]) / 1e6 / longest_s * 3) + 20)
    handed_over = true_us[0] + np.cumsum(waits * 1e6).astype(np.int64)
    return Run(ms, true_us, handed_over[np.searchsorted(handed_over, true_us)])


def play(run: Run, timebase: Timebase | None = None, batched: bool = True) -> Result:
    """Feed a run as a link does: what arrives at one instant is one batch."""
    timebase = timebase or Timebase()
    borders = np.flatnonzero(np.diff(run.arrived_us)) + 1 if batched else np.arange(1, len(run.ms))
    host = []
    for ms, arrived in zip(np.split(run.ms, borders), np.split(run.arrived_us, borders), strict=True):
        extended = timebase.extend(ms % ROLLOVER)
        timebase.observe(extended, int(arrived[0]) if batched else arrived)
        host.append(timebase.to_host_us(extended))
    return Result(np.concatenate(host), timebase)


def error_ms(run: Run, result: Result, from_s: float = 0.0) -> float:
    late = run.true_us >= T0 + from_s * 1e6
    return float(np.abs(result.host_us - run.true_us)[late].max() / 1000)


def spacing_error_ms(run: Run, result: Result, from_s: float = 0.0) -> float:
    late = run.true_us[1:] >= T0 + from_s * 1e6
    return float(np.abs(np.diff(result.host_us) - np.diff(run.true_us))[late].max() / 1000)


DRIFTS = st.floats(-200, 200)
SEEDS = st.integers(0, 2**16)
CABLES = st.sampled_from([jittery, clumpy])


@settings(max_examples=25, deadline=None)
@given(DRIFTS, SEEDS, st.sampled_from([20, 100, 500, 1000]), CABLES, st.booleans())
def test_time_rises_and_is_never_from_the_future(drift: float, seed: int, interval_ms: int, cable, batched: bool) -> None:
    run = cable(*measured(interval_ms, 60, drift), seed)
    result = play(run, batched=batched)
    assert (np.diff(result.host_us) > 0).all()
    # One by one, the rest of the very first clump can only be squeezed in behind its first reading.
    assert (result.host_us <= run.arrived_us + (20_000 if batched else 35_000)).all()


@settings(max_examples=20, deadline=None)
@given(DRIFTS, SEEDS, st.sampled_from([50, 100, 500]))
def test_spacing_is_exact_to_the_ms_and_time_to_a_few(drift: float, seed: int, interval_ms: int) -> None:
    run = jittery(*measured(interval_ms, 200, drift), seed)
    result = play(run)
    assert spacing_error_ms(run, result, from_s=5) < 1
    assert error_ms(run, result) < 40
    assert error_ms(run, result, from_s=60) < 5


@settings(max_examples=15, deadline=None)
@given(DRIFTS, SEEDS, st.sampled_from([10, 50, 100]))
def test_clumps_of_a_second_do_not_show_after_warming_up(drift: float, seed: int, interval_ms: int) -> None:
    run = clumpy(*measured(interval_ms, 320, drift), seed)
    result = play(run)
    assert spacing_error_ms(run, result, from_s=60) < 1
    assert error_ms(run, result, from_s=10) < 60
    assert error_ms(run, result, from_s=200) < 10


@pytest.mark.parametrize("drift", [-5_000, -200, 0, 37, 200, 5_000])
def test_drift_and_jitter_are_measured(drift: float) -> None:
    run = jittery(*measured(100, 300, drift), 1, mean_us=3_000)
    health = play(run).timebase.health()
    assert health.drift_ppm == pytest.approx(drift, abs=3)
    assert health.jitter_ms == pytest.approx(3, abs=1)
    now_us = int(run.true_us[-1]) - 1000 * int(run.ms[-1])
    assert health.offset_us == pytest.approx(now_us, abs=3_000)


def test_before_anything_arrived_nothing_is_known() -> None:
    health = Timebase().health()
    assert (health.drift_ppm, health.jitter_ms, health.offset_us) == (None, None, None)


@settings(deadline=None)
@given(st.integers(0, ROLLOVER - 1), st.lists(st.integers(-60_000, 3_600_000), max_size=40), st.integers(1, 7))
def test_rollover_is_unrolled_and_older_values_stay_older(first: int, steps: list[int], size: int) -> None:
    timebase = Timebase()
    truth = first + np.concatenate(([0], np.cumsum(steps))).astype(np.int64)
    got = [timebase.extend(truth[at : at + size] % ROLLOVER) for at in range(0, len(truth), size)]
    assert np.concatenate(got).tolist() == truth.tolist()


@pytest.mark.parametrize("batched", [True, False])
def test_rollover_of_ms_does_not_show_in_time(batched: bool) -> None:
    run = jittery(*measured(100, 60, 50, first_ms=ROLLOVER - 30_000), 3)
    result = play(run, batched=batched)
    assert spacing_error_ms(run, result, from_s=5) < 1


def test_a_retransmitted_reading_lands_where_it_was_measured() -> None:
    run = jittery(*measured(100, 120, 150), 4)
    timebase = Timebase()
    result = play(run, timebase)
    again = timebase.extend(run.ms[200:1190:7] % ROLLOVER)
    assert np.abs(timebase.to_host_us(again) - result.host_us[200:1190:7]).max() <= 1
    one = timebase.to_host_us(timebase.extend(run.ms[777:778] % ROLLOVER))
    assert abs(int(one[0]) - int(result.host_us[777])) <= 1


def test_retransmitted_readings_from_before_the_first_are_put_before_it() -> None:
    run = jittery(*measured(100, 10, first_ms=5_000), 5)
    timebase = Timebase()
    play(run, timebase)
    older = timebase.to_host_us(timebase.extend(np.array([1_000, 2_000, 4_900])))
    assert np.abs(older - (T0 - np.array([4_000_000, 3_000_000, 100_000]))).max() < 20_000


@settings(max_examples=15, deadline=None)
@given(SEEDS, DRIFTS, st.integers(1, 3600))
def test_a_pause_is_as_long_as_it_was(seed: int, drift: float, pause_s: int) -> None:
    ms, _ = measured(100, 200, drift)
    ms[1200:] += pause_s * 1000
    true_us = T0 + np.rint((ms - ms[0]) * 1000 / (1 + drift * 1e-6)).astype(np.int64)
    run = jittery(ms, true_us, seed)
    result = play(run)
    assert (np.diff(result.host_us) > 0).all()
    assert abs(int(result.host_us[1200] - result.host_us[1199]) - int(true_us[1200] - true_us[1199])) < 30_000 + pause_s * 30


def test_a_first_clump_of_a_second_is_put_right_without_running_backwards() -> None:
    ms, true_us = measured(100, 30)
    arrived = true_us + 2_000
    arrived[:10] = true_us[9] + 900_000  # all ten when the eighteenth is measured
    arrived[10:18] = np.maximum(arrived[10:18], arrived[9])
    for batched in (True, False):
        run = Run(ms, true_us, arrived)
        result = play(run, batched=batched)
        assert (np.diff(result.host_us) > 0).all()
        assert error_ms(run, result, from_s=5) < 21
        assert (result.host_us <= arrived + 20_000).all()


def test_one_wild_stamp_does_not_move_the_others() -> None:
    run = jittery(*measured(100, 60), 6)
    ms = run.ms.copy()
    ms[300] += 5_000_000
    result = play(Run(ms, run.true_us, run.arrived_us))
    others = np.arange(len(ms)) != 300
    assert np.abs(result.host_us - run.true_us)[others].max() < 20_000
    assert result.host_us[300] <= run.arrived_us[300] + 20_000


def test_one_wild_stamp_within_a_batch_does_not_move_the_others() -> None:
    run = clumpy(*measured(10, 30), 7)
    ms = run.ms.copy()
    ms[1500] += 5_000_000
    result = play(Run(ms, run.true_us, run.arrived_us))
    others = np.arange(len(ms)) != 1500
    assert np.abs(result.host_us - run.true_us)[others][500:].max() < 20_000


@pytest.mark.parametrize("batched", [True, False])
def test_a_host_that_slept_goes_on_without_readings_from_the_future(batched: bool) -> None:
    ms, true_us = measured(100, 120)
    ms[600:] += 3_600_000  # the board went on for an hour that our clock did not count
    run = jittery(ms, true_us, 8)
    result = play(run, batched=batched)
    assert (np.diff(result.host_us) >= 0).all()
    assert (result.host_us <= run.arrived_us + 20_000).all()
    assert error_ms(run, result, from_s=70) < 20


@pytest.mark.parametrize("batched", [True, False])
def test_a_board_clock_that_stood_still_is_believed_after_ten_seconds(batched: bool) -> None:
    ms, true_us = measured(100, 120)
    true_us[600:] += 30_000_000
    run = jittery(ms, true_us, 9)
    result = play(run, batched=batched)
    assert (np.diff(result.host_us) > 0).all()
    assert error_ms(run, result, from_s=105) < 20


def test_a_board_that_restarted_unseen_is_followed_after_ten_seconds() -> None:
    ms, true_us = measured(100, 120)
    ms[600:] -= ms[600] - 20
    run = jittery(ms, true_us, 10)
    result = play(run)
    assert error_ms(Run(*(column[720:] for column in run)), Result(result.host_us[720:], result.timebase)) < 20


def test_after_a_restart_of_the_program_time_does_not_go_back() -> None:
    run = jittery(*measured(100, 60), 11)
    for ahead_us in (3_000, 300_000, 4_000_000):
        floor_us = int(run.true_us[0]) + ahead_us
        result = play(run, Timebase(floor_us=floor_us))
        assert result.host_us[0] >= floor_us
        assert (np.diff(result.host_us) > 0).all()
        assert error_ms(run, result, from_s=30) < 20


def test_a_floor_stored_by_a_clock_set_back_since_is_not_waited_for() -> None:
    run = jittery(*measured(100, 60), 12)
    result = play(run, Timebase(floor_us=int(run.true_us[0]) + 3_600_000_000))
    assert error_ms(run, result) < 20


def test_a_restored_offset_is_used_from_the_first_reading_when_it_fits() -> None:
    ms, true_us = measured(100, 10)
    offset_us = T0 - 5_000 * 1000
    late = Run(ms, true_us, true_us + 800_000)
    assert error_ms(late, play(late, Timebase(offset_us=offset_us))) < 30
    wrong = play(late, Timebase(offset_us=offset_us - 3_600_000_000))
    assert error_ms(late, wrong) == pytest.approx(800, abs=1)


def test_nothing_in_nothing_out() -> None:
    timebase, none = Timebase(), np.empty(0, np.int64)
    timebase.observe(timebase.extend(none), T0)
    assert len(timebase.to_host_us(none)) == 0


def test_memory_of_the_clocks_is_bounded() -> None:
    timebase = Timebase()
    play(jittery(*measured(5_000, 20_000, 200), 13), timebase)
    assert len(timebase._map._x) <= 256
    assert timebase._line is not None
    assert len(timebase._line._points) <= 128
