"""One SI prefix per quantity for card, axis, hover and box, with as many digits as the sensor resolves. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from components.look.units import NO_VALUE, number

UNITS = {"v": "V", "a": "A", "w": "W"}
PREFIXES = {-6: "µ", -3: "m", 0: "", 3: "k"}
STAY = 0.8  # a prefix is left downwards only when the peak is clearly below 1 of it
DECIMALS = {"v": 3, "a": 4, "w": 3}  # of V, A, W: what a sensor of this kind resolves; finer is float noise


class Scale(NamedTuple):
    """How a channel's values are written now: `factor` from V, A, W to what is shown."""

    exponent: int
    unit: str
    digits: int

    @property
    def factor(self) -> float:
        return float(10.0**-self.exponent)

    def text(self, value: float | None) -> str:
        """The number alone, or a dash."""
        return NO_VALUE if value is None else number(value * self.factor, self.digits)

    def with_unit(self, value: float | None) -> str:
        """Number and unit."""
        return f"{self.text(value)} {self.unit}"


def scale_of(channel: str, exponent: int) -> Scale:
    """The scale with a prefix."""
    return Scale(exponent, PREFIXES[exponent] + UNITS[channel], max(0, DECIMALS[channel] + exponent))


def exponent_for(peak: float, before: int | None) -> int:
    """The prefix for values up to `peak`; `before` is kept while it still fits."""
    if not peak > 0 or not math.isfinite(peak):
        return 0 if before is None else before
    exponent = 0 if before is None else before
    least = 1.0 if before is None else STAY
    while exponent > -6 and peak / 10.0**exponent < least:
        exponent -= 3
    while exponent < 3 and peak / 10.0**exponent >= 1000:
        exponent += 3
    while exponent < 0 and peak / 10.0 ** (exponent + 3) >= 1:
        exponent += 3
    return exponent


def scales_for(peaks: Mapping[str, float], before: Mapping[str, int]) -> dict[str, Scale]:
    """Per channel, for the largest magnitudes that are shown anywhere."""
    return {channel: scale_of(channel, exponent_for(peaks.get(channel, 0.0), before.get(channel))) for channel in UNITS}


def sum_text(amount: float | None) -> str:
    """A sum that grows slowly: about four significant digits, never more than three decimals."""
    if amount is None:
        return NO_VALUE
    size = abs(amount)
    return number(amount, 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 3)


def energy_text(wh: float | None) -> tuple[str, str]:
    """(number, unit): mWh below one Wh."""
    small = wh is not None and abs(wh) < 1
    return (sum_text(wh * 1000), "mWh") if small and wh is not None else (sum_text(wh), "Wh")


def percent(share: float | None) -> str:
    """Rounded down: 99.999 % is not 100 %."""
    if share is None:
        return NO_VALUE
    return "100 %" if share >= 1 else f"{number(math.floor(share * 1e4) / 100, 2)} %"
