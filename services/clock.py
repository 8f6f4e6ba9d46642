"""The program's one clock: UTC that never runs backwards and never jumps."""

from __future__ import annotations

import time
from collections.abc import Callable

STEP_US = 500_000  # a host clock that moved further than this was set, not disciplined
SLEW_US = 500  # the most that one call of `discipline` moves us (500 ppm when called each second)


class Clock:
    """UTC in microseconds, carried by the monotonic clock from an anchor taken once.

    A host clock that is set by hand or by NTP while we run is reported (`discipline`), never followed in a leap:
    readings keep their order and their spacing. Small differences are slewed away.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._anchor_us = (wall_ns() - monotonic_ns()) // 1000
        self._known_step_us = 0

    def now_us(self) -> int:
        """UTC in microseconds since 1970."""
        return self._monotonic_ns() // 1000 + self._anchor_us

    def monotonic_s(self) -> float:
        """Seconds for intervals and time-outs; its zero means nothing."""
        return self._monotonic_ns() / 1e9

    def step_us(self) -> int:
        """How far the host's clock is ahead of ours now."""
        return (self._wall_ns() - self._monotonic_ns()) // 1000 - self._anchor_us

    def discipline(self) -> int:
        """Call about once a second. Returns the size of a host clock step not reported before, else 0."""
        offset_us = self.step_us()
        moved_us = offset_us - self._known_step_us
        if abs(moved_us) > STEP_US:
            self._known_step_us = offset_us
            return moved_us
        if abs(offset_us) <= STEP_US:
            self._known_step_us = 0
            self._anchor_us += max(-SLEW_US, min(SLEW_US, offset_us))
        else:
            self._known_step_us = offset_us
        return 0
