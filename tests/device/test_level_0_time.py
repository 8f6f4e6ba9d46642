"""Lines in bursts: numbers prove that nothing is missing, so all of the time counts; a steady board's times are known."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.device.steady_pace import LEAST_US, SteadyPace
from services.wire.decoders import ReadingLine
from tests.device.arriving import START_US, Arrival, bridged, joined, received, trapezoid_ws

RANDOM = random.Random(7)
LATE_US = [RANDOM.randrange(500, 6_000) for _ in range(500)]
CASES = {
    "four lines each 60 ms": (8_000, 15_000, 4),
    "a thousand a second with pauses of 50 ms": (30_000, 1_000, 50),
    "two a second": (200, 500_000, 1),
    "bursts of sixteen": (8_000, 20_000, 16),
}


@pytest.mark.parametrize("name", CASES)
def test_all_of_the_time_is_covered_and_the_energy_is_right(name: str) -> None:
    count, interval_us, lines = CASES[name]
    arrivals = bridged(count, interval_us, lines, LATE_US)
    _, batches = received(arrivals)
    rows = joined(batches)
    took_us = arrivals[-1].arrived_us - arrivals[0].arrived_us
    assert 0.98 * took_us <= rows.hold_us.sum() <= 1.01 * took_us + 100_000
    arrived = np.repeat([arrival.arrived_us for arrival in arrivals], [len(arrival.seqs) for arrival in arrivals])
    assert rows.w @ rows.hold_us / 1e6 == pytest.approx(trapezoid_ws(arrived, rows.w), rel=0.02)
    assert (np.diff(rows.time_us) >= 0).all()


@pytest.mark.parametrize("name", CASES)
def test_a_steady_boards_times_are_within_one_interval_of_the_truth(name: str) -> None:
    count, interval_us, lines = CASES[name]
    boot, batches = received(bridged(count, interval_us, lines, LATE_US))
    rows = joined(batches)
    settled = rows.seq * interval_us > max(LEAST_US, 64 * interval_us) + 2_000_000
    assert settled.any() and boot.pace.steady
    off_us = rows.time_us[settled] - (START_US + rows.seq[settled] * interval_us)
    assert np.abs(off_us).max() <= max(interval_us, 2_000)


def test_a_board_that_sends_only_on_change_keeps_its_arrivals_and_all_of_its_time() -> None:
    draw, at_us, arrivals = random.Random(3), START_US, []
    for seq in range(600):
        at_us += round(draw.choice([20_000, 150_000, 900_000, 7_000_000]) * draw.uniform(0.5, 1.5))
        arrivals.append(Arrival(at_us, [seq], [1.0]))
    boot, batches = received(arrivals)
    rows = joined(batches)
    assert rows.time_us.tolist() == [arrival.arrived_us for arrival in arrivals]
    assert not boot.pace.steady
    assert rows.hold_us.sum() >= 0.98 * (at_us - START_US)
    assert boot.usual_silence_us >= 2 * 7_000_000, "its silence is no reason to open the port anew"


def test_without_numbers_a_reading_stands_until_it_would_be_stale() -> None:
    times_s = [0.0, 0.1, 0.2, 0.3, 30.0, 30.1]
    _, batches = received([Arrival(START_US + round(t * 1e6), [None], [1.0]) for t in times_s])
    holds = joined(batches).hold_us.tolist()
    assert holds[1:4] == [100_000] * 3 and holds[5] == 100_000
    assert 2_000_000 <= holds[4] < 3_000_000


def test_what_passed_while_the_link_was_away_is_not_covered_whatever_the_numbers_say() -> None:
    arrivals = [Arrival(START_US + seq * 100_000, [seq], [1.0]) for seq in range(10)]
    boot, _ = received(arrivals)
    boot.link_lost()
    more = []
    for seq in range(10, 13):
        now_us = START_US + 60_000_000 + seq * 100_000
        more.append(boot.take([ReadingLine(5.0, 0.2, 1.0, seq=seq)], now_us, now_us / 1e6).readings)
    assert joined(more).hold_us.tolist() == [pytest.approx(100_000, abs=1_000), 100_000, 100_000]


def test_lost_numbers_are_not_covered() -> None:
    seqs = [seq for seq in range(400) if not 100 <= seq < 200]
    _, batches = received([Arrival(START_US + seq * 100_000, [seq], [1.0]) for seq in seqs])
    assert joined(batches).hold_us.sum() == pytest.approx(300 * 100_000, rel=0.01)


def test_a_changed_pace_is_followed() -> None:
    arrivals = [Arrival(START_US + seq * 100_000 + seq % 3 * 2_000, [seq], [1.0]) for seq in range(200)]
    first_us = START_US + 200 * 100_000
    arrivals += [Arrival(first_us + n * 500_000, [200 + n], [1.0]) for n in range(1, 100)]
    boot, batches = received(arrivals)
    rows = joined(batches)
    off_us = np.abs(rows.time_us - np.array([arrival.arrived_us for arrival in arrivals]))
    assert off_us[:200].max() <= 100_000 and off_us[210:].max() <= 500_000
    assert rows.hold_us.sum() == pytest.approx(arrivals[-1].arrived_us - START_US, rel=0.01)
    assert boot.pace.steady


@settings(max_examples=60, deadline=None)
@given(
    interval_us=st.integers(500, 300_000), lines=st.integers(1, 40), drift_ppm=st.integers(-20_000, 20_000),
    jitter_us=st.integers(0, 20_000), seed=st.integers(0, 2**32),
)  # fmt: skip
def test_whatever_the_bursts_a_steady_line_is_never_after_an_arrival_and_near_the_truth(
    interval_us: int, lines: int, drift_ppm: int, jitter_us: int, seed: int
) -> None:
    pace, draw = SteadyPace(), random.Random(seed)
    true_us = interval_us * (1 + drift_ppm / 1e6)
    count = max(64, round(14_000_000 / true_us / lines)) if lines * true_us < 1e6 else 80
    for burst in range(count):
        newest = burst * lines + lines - 1
        late_us = round(draw.expovariate(1.0) * jitter_us / 4)
        pace.arrived(newest, lines, START_US + round(newest * true_us) + late_us)
        found = pace.times(np.arange(newest - lines + 1, newest + 1))
        if found is not None:
            assert found[-1] <= START_US + newest * true_us + late_us + 1
            assert found[-1] >= START_US + newest * true_us - max(interval_us, jitter_us, 2_000)
