"""The sensor: a source of samples, and what can go wrong before a sample becomes a reading."""

from __future__ import annotations

from random import Random
from typing import Protocol

from mock.patterns import PATTERNS, Pattern, Sample, sample

SHUNT_LIMIT_A = 3.2  # what an INA219 with 0.1 Ω can tell
RANGE = {"v": (0.0, 26.0), "a": (-SHUNT_LIMIT_A, SHUNT_LIMIT_A)}  # as the hello says it
BEYOND_V = 27.2  # its register reaches further than what it is made for
SENSOR_FAULTS = ("sensor_error", "overflow", "out_of_range")


class Source(Protocol):
    """Where samples come from."""

    def next(self, elapsed_us: int) -> Sample | None:
        """The sample at this time of the board's clock; None at the end of a recording."""


class PatternSource:
    """Samples of a pattern, for ever."""

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern

    def next(self, elapsed_us: int) -> Sample | None:
        return sample(*self._pattern(elapsed_us / 1e6))


class Sensor:
    """Adds the faults that are part of what was measured (they are in the record as measured)."""

    def __init__(self, source: Source, seed: int) -> None:
        self._source, self._seed = source, seed
        self._random = {name: Random(f"{seed} {name}") for name in SENSOR_FAULTS}
        self.chances: dict[str, float] = {}
        self._spike_a = 0.0

    def follow(self, pattern: str) -> None:
        """Measures this from now on. ValueError for a replay, which has no other."""
        if not isinstance(self._source, PatternSource):
            raise ValueError("a replay measures what was recorded: it has no scenario")
        self._source = PatternSource(PATTERNS[pattern](Random(f"{self._seed} {pattern}")))

    def set(self, name: str, chance: float) -> None:
        """Chance per sample; 0 switches off."""
        self.chances.pop(name, None)
        if chance > 0:
            self.chances[name] = chance

    def spike(self, amperes: float) -> None:
        """Adds this much to the next sample."""
        self._spike_a = amperes

    def measure(self, elapsed_us: int) -> Sample | None:
        """The next sample, or None when the recording is over."""
        found = self._source.next(elapsed_us)
        if found is None or not (self._spike_a or self.chances):
            return found
        if self._spike_a:
            a = min(SHUNT_LIMIT_A, found.a + self._spike_a)
            self._spike_a = 0.0
            found = sample(found.v, a)._replace(wait_us=found.wait_us)
        for name, chance in self.chances.items():
            if self._random[name].random() < chance:
                found = _broken(name, found)
        return found


def _broken(name: str, found: Sample) -> Sample:
    if name == "sensor_error":
        return found._replace(v=0.0, a=0.0, w=0.0, status="sensor_error")
    if name == "overflow":
        return sample(found.v, SHUNT_LIMIT_A, "overflow")._replace(wait_us=found.wait_us)
    return sample(BEYOND_V, found.a)._replace(wait_us=found.wait_us)
