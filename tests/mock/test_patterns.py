"""What the simulated load does, and what goes wrong in the sensor."""

from __future__ import annotations

import itertools
import statistics
from random import Random

import pytest

from mock.patterns import PATTERNS, Sample, sample
from mock.scenarios import SCENARIOS
from mock.sensor import PatternSource, Sensor


def measured(pattern: str, seconds: int = 60, seed: int = 1) -> list[Sample]:
    source = PatternSource(PATTERNS[pattern](Random(seed)))
    return [found for n in range(seconds * 20) if (found := source.next(n * 50_000))]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_same_seed_gives_the_same_values(pattern: str) -> None:
    assert measured(pattern) == measured(pattern)
    assert measured(pattern) != measured(pattern, seed=2)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_values_are_those_of_a_bench_and_of_an_ina219(pattern: str) -> None:
    for found in measured(pattern):
        assert 3.0 < found.v < 5.2 and 0.05 < found.a < 3.2
        assert round(found.v * 1000) % 4 == 0
        assert round(found.a, 4) == found.a
        assert abs(found.w - found.v * found.a) <= 0.00006


def test_the_voltage_sags_under_load() -> None:
    found = measured("steps")
    heavy = statistics.mean(s.v for s in found if s.a > 0.7)
    light = statistics.mean(s.v for s in found if s.a < 0.2)
    assert 0.05 < light - heavy < 0.1


def test_steps_visit_every_operating_state() -> None:
    levels = {round(s.a, 1) for s in measured("steps", 120)}
    assert {0.1, 0.6, 0.8} <= levels


def test_spikes_are_single_and_high() -> None:
    high = [n for n, s in enumerate(measured("spikes")) if s.a > 0.7]
    assert 8 < len(high) < 40
    assert all(b - a > 1 for a, b in itertools.pairwise(high))


def test_the_voltage_drops_for_a_while() -> None:
    low = [s for s in measured("drop") if s.v < 4.4]
    assert 40 < len(low) < 300


def test_a_walk_stays_in_its_bounds_and_takes_small_steps() -> None:
    found = measured("walk")
    assert all(0.1 <= s.a <= 0.8 for s in found)
    assert max(abs(b.a - a.a) for a, b in itertools.pairwise(found)) < 0.1


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_has_a_pattern(scenario: str) -> None:
    assert SCENARIOS[scenario].pattern in PATTERNS


class Steady:
    def next(self, elapsed_us: int) -> Sample | None:
        return sample(5.0, 0.5)


def test_a_spike_is_one_sample() -> None:
    sensor = Sensor(Steady(), 1)
    sensor.spike(1.5)
    assert [sensor.measure(0), sensor.measure(1)] == [sample(5.0, 2.0), sample(5.0, 0.5)]


def test_a_spike_does_not_exceed_what_the_shunt_can_tell() -> None:
    sensor = Sensor(Steady(), 1)
    sensor.spike(9.0)
    assert sensor.measure(0) == sample(5.0, 3.2)


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        ("sensor_error", Sample(0.0, 0.0, 0.0, "sensor_error")),
        ("overflow", Sample(5.0, 3.2, 16.0, "overflow")),
        ("out_of_range", Sample(27.2, 0.5, 13.6)),
    ],
)
def test_sensor_faults_happen_with_their_chance(fault: str, broken: Sample) -> None:
    sensor = Sensor(Steady(), 1)
    sensor.set(fault, 0.25)
    found = [sensor.measure(n) for n in range(400)]
    assert 60 < found.count(broken) < 140
    assert found.count(broken) + found.count(sample(5.0, 0.5)) == 400
    sensor.set(fault, 0)
    assert sensor.measure(0) == sample(5.0, 0.5)
