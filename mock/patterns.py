"""What the simulated load does: a 5 V supply behind a little resistance, and a current that follows a pattern.

A pattern is a function of time (seconds of the board's clock) that is asked in ascending order; it draws from its
own seeded stream only, so the same seed and the same times give the same values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import NamedTuple

SUPPLY_V = 5.02
SOURCE_OHM = 0.12
VOLT_STEP = 0.004  # the INA219's bus register: 4 mV
LOADS_A = (0.102, 0.354, 0.598, 0.781)  # idle, active, busy, peak


class Sample(NamedTuple):
    """What the sensor measured. `wait_us`: the time until the next one, where the source has a say in it."""

    v: float
    a: float
    w: float
    status: str = "ok"
    wait_us: int | None = None


Pattern = Callable[[float], tuple[float, float]]  # seconds → (volts, amperes), exact


def sample(v: float, a: float, status: str = "ok") -> Sample:
    """Rounded as an INA219 would: volts to 4 mV, amperes and watts to 0.1 mA and 0.1 mW."""
    v = round(round(v / VOLT_STEP) * VOLT_STEP, 3)
    a = round(a, 4)
    return Sample(v, a, round(v * a, 4), status)


def _supply(a: float, random: Random) -> float:
    return SUPPLY_V - SOURCE_OHM * a + random.gauss(0, 0.002)


def sine(random: Random) -> Pattern:
    """0.15 to 0.65 A every 20 s."""

    def at(t: float) -> tuple[float, float]:
        a = 0.4 + 0.25 * math.sin(math.tau * t / 20) + random.gauss(0, 0.0008)
        return _supply(a, random), a

    return at


def noise(random: Random) -> Pattern:
    """A steady load measured badly."""

    def at(_t: float) -> tuple[float, float]:
        a = 0.4 + random.gauss(0, 0.03)
        return _supply(a, random) + random.gauss(0, 0.012), a

    return at


def walk(random: Random) -> Pattern:
    """A random walk between 0.1 and 0.8 A, drawn back to the middle."""
    a, last = 0.4, 0.0

    def at(t: float) -> tuple[float, float]:
        nonlocal a, last
        dt = min(max(t - last, 0.0), 1.0)
        last = t
        a += (0.4 - a) * 0.05 * dt + random.gauss(0, 0.06) * math.sqrt(dt)
        a = min(0.8, max(0.1, a))
        return _supply(a, random), a

    return at


def steps(random: Random) -> Pattern:
    """Operating states: a load that changes between four levels every 2 to 8 s."""
    level, until = 0, 3.0

    def at(t: float) -> tuple[float, float]:
        nonlocal level, until
        if t >= until:
            level = (level + random.randrange(1, len(LOADS_A))) % len(LOADS_A)
            until = t + random.uniform(2, 8)
        a = LOADS_A[level] * (1 + random.gauss(0, 0.008))
        return _supply(a, random), a

    return at


def spikes(random: Random) -> Pattern:
    """A calm load with single high readings, one in 3 s on average."""
    due = random.expovariate(1 / 3)

    def at(t: float) -> tuple[float, float]:
        nonlocal due
        a = 0.22 + random.gauss(0, 0.002)
        if t >= due:
            due = t + 0.3 + random.expovariate(1 / 2.7)
            a += random.uniform(0.6, 2.2)
        return _supply(a, random), a

    return at


def drop(random: Random) -> Pattern:
    """The supply breaks down to 3.4–4.3 V for 0.3 to 1.5 s, about every 8 s."""
    start, end, depth = 4.0, 5.0, 1.0

    def at(t: float) -> tuple[float, float]:
        nonlocal start, end, depth
        if t >= end:
            start = t + random.uniform(5, 11)
            end = start + random.uniform(0.3, 1.5)
            depth = random.uniform(0.7, 1.6)
        a = 0.45 + random.gauss(0, 0.003)
        v = _supply(a, random)
        return (v - depth, a * (v - depth) / v) if t >= start else (v, a)

    return at


PATTERNS: dict[str, Callable[[Random], Pattern]] = {
    "sine": sine,
    "noise": noise,
    "walk": walk,
    "steps": steps,
    "spikes": spikes,
    "drop": drop,
}
