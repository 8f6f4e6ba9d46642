"""Whether values are within what the sensor can measure. What is not is marked, never hidden.

A range is the user's setting; where there is none, what the board says of its sensor (hello `range`); else the default:
0 to 24 V, and none on current and power.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from services.analysis.marks import CURRENT, POWER, VOLTAGE
from services.model import CHANNELS, F64, U16

Range = tuple[float, float]

NO_LIMIT = 1e6  # V, A or W: beyond it no instrument of ours measures, and sums would lose their last digit
LARGEST = 9e12  # what micro-units in an int64 can hold: beyond it there is nothing that could be kept
DEFAULTS: dict[str, Range] = {"v": (0.0, 24.0), "a": (-NO_LIMIT, NO_LIMIT), "w": (-NO_LIMIT, NO_LIMIT)}
OPTION_NAMES = {"v": "voltage", "a": "current", "w": "power"}
SETTING, BOARD, DEFAULT = "setting", "board", "default"


class Bounds(msgspec.Struct, frozen=True):
    """The ranges that hold for a board, in V, A and W; a bound itself is within. `origins`: where each one comes from."""

    v_min: float
    v_max: float
    a_min: float
    a_max: float
    w_min: float
    w_max: float
    origins: dict[str, str] = {}

    def of(self, channel: str) -> Range:
        """Lowest and highest value of "v", "a" or "w"."""
        return getattr(self, f"{channel}_min"), getattr(self, f"{channel}_max")


class Limits(msgspec.Struct, frozen=True):
    """The ranges as they were set, in V, A and W; None: not set."""

    v_min: float | None = None
    v_max: float | None = None
    a_min: float | None = None
    a_max: float | None = None
    w_min: float | None = None
    w_max: float | None = None

    def bounds(self, board: Mapping[str, Range] | None = None) -> Bounds:
        """What holds for a board that says `board` of its sensor."""
        found, origins = {}, {}
        for channel in CHANNELS:
            said = (board or {}).get(channel)
            for side, other in zip(("min", "max"), said or DEFAULTS[channel], strict=True):
                name = f"{channel}_{side}"
                own = getattr(self, name)
                found[name] = max(-NO_LIMIT, min(NO_LIMIT, other if own is None else own))
                origins[name] = SETTING if own is not None else BOARD if said is not None else DEFAULT
        return Bounds(**found, origins=origins)


def all_within(v: F64, a: F64, w: F64, bounds: Bounds) -> bool:
    """Whether every one of some readings (one or more) lies in all ranges; NaN and infinity never do."""
    return bool(
        bounds.v_min <= v.min()
        and v.max() <= bounds.v_max
        and bounds.a_min <= a.min()
        and a.max() <= bounds.a_max
        and bounds.w_min <= w.min()
        and w.max() <= bounds.w_max
    )


def range_marks(v: F64, a: F64, w: F64, bounds: Bounds) -> U16:
    """Each reading's mark: 0 within all ranges, else the first of voltage, current and power that is not."""
    marks = np.zeros(len(v), np.uint16)
    for mark, channel, values in ((POWER, "w", w), (CURRENT, "a", a), (VOLTAGE, "v", v)):  # the last one has the last word
        low, high = bounds.of(channel)
        marks[(values < low) | (values > high)] = mark
    return marks


def is_number(v: F64, a: F64, w: F64) -> np.ndarray:
    """Which readings are numbers that can be kept; the others are no readings at all."""
    largest = np.maximum(np.maximum(np.abs(v), np.abs(a)), np.abs(w))
    kept: np.ndarray = largest <= LARGEST  # false for NaN
    return kept
