"""What one board's readings add up to right now: window, statistics, energy. Not locked: its device's lock is held."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from services.analysis.energy import Energy
from services.analysis.marks import parted, status_of
from services.analysis.seconds import Seconds
from services.analysis.stats import MovingMeans, RollingStats
from services.analysis.window import Window
from services.clock import Step
from services.model import Curve, Reading, Readings, SpanStats

RATE_US = 5_000_000


class LiveState:
    """Takes in accepted readings; answers for the last minutes."""

    def __init__(self, device: str, now_us: int) -> None:
        self._device = device
        self.window = Window()
        self._seconds = Seconds()
        self._stats = RollingStats(self.window, self._seconds)
        self._moving = MovingMeans(self._seconds)
        self.energy = Energy(now_us)
        self.last: Reading | None = None

    def add(self, rows: Readings, now_us: int, words: tuple[str, ...] = ()) -> None:
        """Readings in any order. `words`: the board's own, that flags name.

        Marked ones are in the window, and in nothing that is added up.
        """
        if not len(rows):
            return
        if len(rows) > 1 and (rows.time_us[1:] < rows.time_us[:-1]).any():
            rows = rows.take(np.argsort(rows.time_us, kind="stable"))
        self.window.append(rows)
        self.window.evict(now_us)
        good, _ = parted(rows)
        self._seconds.add(good)
        self.energy.add(good)
        if self.last is None or int(rows.time_us[-1]) >= self.last.time_us:
            self.last = _newest(self._device, rows, now_us, words)

    def clock_followed(self, step: Step) -> None:
        """A new time segment: what goes on goes on in the new time, what was before is the record's."""
        self.energy.since_us += step.set_us
        if self.last is not None:
            self.last = msgspec.structs.replace(self.last, time_us=self.last.time_us + step.set_us)
        if step.set_us < 0:  # else it leaves by itself
            self.window.clear()
            self._seconds.clear()

    def rate_hz(self, now_us: int) -> float:
        """Readings per second, lately."""
        rows = len(self.window) - self.window.index(now_us - RATE_US)
        return round(rows / (RATE_US / 1e6), 1)

    def shown(self, t0_us: int, t1_us: int, points: int) -> tuple[Curve, SpanStats]:
        """Curve and statistics of [t0, t1), which ends now."""
        now_us = t1_us - 1
        return self.window.curve(t0_us, t1_us, points), self._stats.stats_with_spread(now_us, (now_us - t0_us) / 1e6)

    def figures(self, now_us: int) -> dict[str, Any]:
        """What a snapshot says of the readings."""
        last = self.last
        return {
            "last": last,
            "stats_1m": self._stats.stats(now_us),
            "moving": self._moving.means(now_us),
            "energy_wh": self.energy.energy_wh,
            "charge_mah": self.energy.charge_mah,
            "energy_since_us": self.energy.since_us,
            "residual_w": last.v * last.a - last.w if last else None,
        }


def _newest(device: str, rows: Readings, now_us: int, words: tuple[str, ...]) -> Reading:
    boot, seq, time_us, flags = (int(column[-1]) for column in (rows.boot, rows.seq, rows.time_us, rows.flags))
    v, a, w = (float(column[-1]) for column in (rows.v, rows.a, rows.w))
    return Reading(device, boot, seq, time_us, now_us, v, a, w, status_of(flags, words), flags)
