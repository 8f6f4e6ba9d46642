"""The program's one clock: UTC that runs evenly within a time segment, and follows the host's clock when that is set."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

import msgspec

STEP_US = 500_000  # a host clock that moved further than this was set, not disciplined
SLEW_US = 500  # the most that one call of `discipline` moves us (500 ppm when called each second)
LEAST_SLEEP_US = 1_000_000
AT_ONCE_NS = 20_000_000  # two clocks that are read further apart than this say nothing about each other
LOOKS = 5
MOST_STEPS = 1_000  # remembered


class Step(msgspec.Struct, frozen=True):
    """The host's clock was set, or the machine slept: `before_us` became `after_us`, and time segment `segment` began.

    `slept_us` of the difference is time that passed while the machine was suspended.
    """

    segment: int
    before_us: int
    after_us: int
    slept_us: int = 0

    @property
    def set_us(self) -> int:
        """How far the clock was set ahead (negative: back), sleep aside."""
        return self.after_us - self.before_us - self.slept_us

    @property
    def said(self) -> str:
        """For the event log."""
        parts = [f"this computer slept for {self.slept_us / 1e6:.0f} s: nothing was recorded meanwhile"] if self.slept_us else []
        if abs(self.set_us) > STEP_US:
            text = f"this computer's clock was set by {self.set_us / 1e6:+.1f} s; readings from here on have the new time"
            parts.append(text + (", which overlaps with that of readings before" if self.set_us < 0 else ""))
        return "; ".join(parts)


def suspended_ns() -> int:
    """How long this machine has slept since it started, where the system tells; else 0."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return 0 if boottime is None else time.clock_gettime_ns(boottime) - time.monotonic_ns()


class Clock:
    """UTC in microseconds, carried by the monotonic clock from an anchor.

    Small differences to the host's clock are slewed away. A host clock that was set (by hand, by a late NTP), or a
    machine that slept, moves the anchor at once: whoever stamps readings learns by `reading_us` that a new time segment
    has begun, at the edge of a reading. Thread-safe.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        slept_ns: Callable[[], int] | None = None,
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._slept_ns = slept_ns or (suspended_ns if monotonic_ns is time.monotonic_ns else lambda: 0)
        self._anchor = ((wall_ns() - monotonic_ns()) // 1000, 0)  # µs ahead of the monotonic clock, and the segment: one value
        self._lock = Lock()
        self._slept_us = self._slept_ns() // 1000
        self._steps: tuple[Step, ...] = ()

    def now_us(self) -> int:
        """UTC in microseconds since 1970."""
        return self._monotonic_ns() // 1000 + self._anchor[0]

    def reading_us(self) -> tuple[int, int]:
        """Now, and the time segment it belongs to; follows a step of the host's clock first."""
        monotonic_us = self._monotonic_ns() // 1000
        if abs(self._wall_ns() // 1000 - monotonic_us - self._anchor[0]) > STEP_US:
            self.discipline()
        anchor_us, segment = self._anchor
        return monotonic_us + anchor_us, segment

    def monotonic_s(self) -> float:
        """Seconds for intervals and time-outs; its zero means nothing."""
        return self._monotonic_ns() / 1e9

    def discipline(self) -> Step | None:
        """Call about once a second: small differences are slewed away; a step is followed, and returned by who followed it."""
        with self._lock:
            offset_us = self._offset_us()
            if offset_us is None:
                return None
            anchor_us, segment = self._anchor
            if abs(offset_us) <= STEP_US:
                self._anchor = (anchor_us + max(-SLEW_US, min(SLEW_US, offset_us)), segment)
                return None
            return self._follow(offset_us)

    def steps_since(self, segment: int) -> tuple[Step, ...]:
        """What happened to the clock after that segment began, in order."""
        return tuple(step for step in self._steps if step.segment > segment)

    def _follow(self, offset_us: int) -> Step:
        anchor_us, segment = self._anchor
        slept_us = self._slept_ns() // 1000
        sleep_us, self._slept_us = slept_us - self._slept_us, slept_us
        before_us = self._monotonic_ns() // 1000 + anchor_us
        step = Step(segment + 1, before_us, before_us + offset_us, sleep_us if sleep_us >= LEAST_SLEEP_US else 0)
        self._steps = (*self._steps[1 - MOST_STEPS :], step)
        self._anchor = (anchor_us + offset_us, segment + 1)
        return step

    def _offset_us(self) -> int | None:
        """How far the host's clock is ahead of ours; None when this thread was held up between two looks again and again."""
        for _ in range(LOOKS):
            before_ns, wall_ns, after_ns = self._monotonic_ns(), self._wall_ns(), self._monotonic_ns()
            if after_ns - before_ns <= AT_ONCE_NS:
                return (wall_ns - (before_ns + after_ns) // 2) // 1000 - self._anchor[0]
        return None
