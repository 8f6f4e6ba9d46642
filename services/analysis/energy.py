"""Energy and charge since a moment. Nothing is assumed for time that no reading stands for."""

from __future__ import annotations

import numpy as np

from services.model import Readings

WATT_US_PER_WH = 3.6e9
AMPERE_US_PER_MAH = 3.6e6


class Energy:
    """Watt-hours and milliampere-hours of everything measured after `since_us`."""

    def __init__(self, since_us: int = 0) -> None:
        self.since_us = since_us
        self._watt_us = 0.0
        self._ampere_us = 0.0

    @property
    def energy_wh(self) -> float:
        """Σ w·hold in watt-hours; negative where power flowed back."""
        return self._watt_us / WATT_US_PER_WH

    @property
    def charge_mah(self) -> float:
        """Σ a·hold in milliampere-hours; negative where current flowed back."""
        return self._ampere_us / AMPERE_US_PER_MAH

    def add(self, readings: Readings) -> None:
        """Take in readings in any order; what they stand for before `since_us` does not count."""
        held = np.minimum(readings.hold_us, readings.time_us - self.since_us)
        hold = np.maximum(held, 0).astype(np.float64)
        self._watt_us += float(readings.w @ hold)
        self._ampere_us += float(readings.a @ hold)

    def reset(self, now_us: int) -> None:
        """Begin again at zero."""
        self.since_us = now_us
        self._watt_us = 0.0
        self._ampere_us = 0.0
