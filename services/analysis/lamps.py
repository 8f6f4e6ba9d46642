"""How far a board's numbers can be trusted, as a few figures with a verdict each. Pure.

The limits are what hardware of this kind does: a ceramic resonator is 0.5 % off, a serial line delivers in clumps.
"""

from __future__ import annotations

import numpy as np

from services.alert_model import Lamp, Level
from services.analysis.marks import MARK_MASK, MARK_SHIFT, OVERFLOW
from services.live_model import ClockHealth
from services.model import Flag, Readings

SPAN_US = 10_000_000
NOISE_W = 0.01  # what three numbers rounded one by one may disagree by
LIMITS = {  # warning, danger
    "residual": (0.05, 0.2),  # of the mean power: an INA219 is within 0.5 or 1 % (data sheet) in each value
    "saturation": (0.0, 0.1),  # of the readings: one clipped value is a wrong one
    "drift": (5_000.0, 20_000.0),  # ppm: the resonator of an Uno (Murata CSTCE16M0V53) is within ±0.5 %
    "jitter": (50.0, 250.0),  # ms: FTDI's latency timer is 16 ms by default (AN232B-04); hosts add about as much
    "completeness": (0.999, 0.99),  # our choice: one, and ten, missing in a thousand
}


def lamps(rows: Readings, clock: ClockHealth, share: float | None) -> tuple[Lamp, ...]:
    """`rows`: the last seconds; `share`: completeness of the last minute. A figure that nothing is known of is None."""
    drift = None if clock.drift_ppm is None else abs(clock.drift_ppm)
    return (
        _residual(rows),
        _lamp("saturation", _saturated(rows), "share"),
        _lamp("drift", drift, "ppm"),
        _lamp("jitter", clock.jitter_ms, "ms"),
        _lamp("completeness", share, "share", falling=True),
    )


def _residual(rows: Readings) -> Lamp:
    """Mean of |v·a − w| against the mean of |w|; nothing to tell where the power is made of the other two."""
    told = rows.flags & int(Flag.MARKED | Flag.DERIVED) == 0
    if not told.any():
        return Lamp("residual", None, "W", Level.NORMAL, None, None)
    v, a, w = rows.v[told], rows.a[told], rows.w[told]
    residual, power = float(np.abs(v * a - w).mean()), float(np.abs(w).mean())
    warning, danger = (max(NOISE_W, share * power) for share in LIMITS["residual"])
    return Lamp("residual", residual, "W", _level(residual, warning, danger), warning, danger)


def _saturated(rows: Readings) -> float | None:
    if not len(rows):
        return None
    return float(((rows.flags >> MARK_SHIFT & MARK_MASK) == OVERFLOW).mean())


def _lamp(name: str, value: float | None, unit: str, *, falling: bool = False) -> Lamp:
    warning, danger = LIMITS[name]
    sign = -1.0 if falling else 1.0
    level = Level.NORMAL if value is None else _level(sign * value, sign * warning, sign * danger)
    return Lamp(name, value, unit, level, warning, danger)


def _level(value: float, warning: float, danger: float) -> Level:
    return Level.DANGER if value > danger else Level.WARNING if value > warning else Level.NORMAL
