"""Is a reading possible at all? Ranges, finite numbers, and what the board says of itself.

A reading that is not possible keeps its number and gets a reason; it never enters the statistics.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from services.model import F64, U8, Reason

SCALAR_ROWS = 8  # up to this many rows plain comparisons are cheaper than numpy's fixed cost

# What a code of `validate` means; the first that applies is given. 0 is "nothing wrong".
REASONS: tuple[Reason | None, ...] = (
    None,
    Reason.NOT_FINITE,
    Reason.VOLTAGE_RANGE,
    Reason.CURRENT_RANGE,
    Reason.POWER_RANGE,
)
EXPLAINED, EXPLAINED_W = 1.1, 0.01
NOT_FINITE, VOLTAGE, CURRENT, POWER = 1, 2, 3, 4


class Limits(msgspec.Struct, frozen=True):
    """What the sensor can measure, in V, A and W; the bounds themselves are still accepted.

    Power below `w_min` is fine where a negative current that is in its range explains it: with nothing connected a
    sensor's offset makes a few µA and µW of either sign, and a battery that is charged gives power back.
    """

    v_min: float = 0.0
    v_max: float = 24.0
    a_min: float = -3.2  # INA219 with 0.1 Ω: ±320 mV across the shunt
    a_max: float = 3.2
    w_min: float = 0.0
    w_max: float = 80.0


def status_reason(status: str) -> Reason | None:
    """Why the board itself calls its value no good; None for "ok"."""
    if status == "ok":
        return None
    return Reason.OVERFLOW if status == "overflow" else Reason.STATUS


def check(v: float, a: float, w: float, limits: Limits) -> Reason | None:
    """What is wrong with one reading; None when nothing is."""
    return REASONS[_code(v, a, w, limits)]


def validate(v: F64, a: F64, w: F64, limits: Limits) -> U8:
    """A code per reading: 0 is fine, any other an index into `REASONS`."""
    if len(v) <= SCALAR_ROWS:
        rows = zip(v.tolist(), a.tolist(), w.tolist(), strict=True)
        return np.array([_code(*row, limits) for row in rows], np.uint8)
    if all_fine(v, a, w, limits):
        return np.zeros(len(v), np.uint8)
    return _codes(v, a, w, limits)


def all_fine(v: F64, a: F64, w: F64, limits: Limits) -> bool:
    """True when the ranges alone say that nothing is wrong in a batch (one or more); NaN makes every comparison false."""
    return bool(
        limits.v_min <= v.min()
        and v.max() <= limits.v_max
        and limits.a_min <= a.min()
        and a.max() <= limits.a_max
        and limits.w_min <= w.min()
        and w.max() <= limits.w_max
        and _finite(limits, v, a, w)
    )


def _finite(limits: Limits, *columns: F64) -> bool:
    """Infinite limits let infinite values through the comparisons: only then are the values looked at again."""
    if all(map(math.isfinite, msgspec.structs.astuple(limits))):
        return True
    return all(bool(np.isfinite(column).all()) for column in columns)


def _code(v: float, a: float, w: float, limits: Limits) -> int:
    if not (math.isfinite(v) and math.isfinite(a) and math.isfinite(w)):
        return NOT_FINITE
    if not limits.v_min <= v <= limits.v_max:
        return VOLTAGE
    if not limits.a_min <= a <= limits.a_max:
        return CURRENT
    if w > limits.w_max or (w < limits.w_min and not (a < 0 and w >= least_power(v, a))):
        return POWER
    return 0


def least_power(v: F64 | float, a: F64 | float) -> F64 | float:
    """The least power that a voltage and a negative current explain, as sensors round and as far as they disagree."""
    return v * a * EXPLAINED - EXPLAINED_W


def _codes(v: F64, a: F64, w: F64, limits: Limits) -> U8:
    """Weakest reason first, so that the strongest has the last word."""
    codes = np.zeros(len(v), np.uint8)
    with np.errstate(invalid="ignore", over="ignore"):  # values that are not finite get their own code below
        low = (w < limits.w_min) & ~((a < 0) & (w >= least_power(v, a)))
    codes[low | (w > limits.w_max)] = POWER
    codes[(a < limits.a_min) | (a > limits.a_max)] = CURRENT
    codes[(v < limits.v_min) | (v > limits.v_max)] = VOLTAGE
    codes[~(np.isfinite(v) & np.isfinite(a) & np.isfinite(w))] = NOT_FINITE
    return codes
