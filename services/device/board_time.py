"""When a reading was measured, by the uptime (`ms`) that a board stamps it with (wire level 1).

From the board's uptime in ms to host time in µs, per boot.
What is mapped once stays where it is, and no later reading is mapped before an earlier one. A better idea of the
clocks (fastest_arrivals.py) is approached at 1000 ppm (uptime_mapping.py), so that spacing stays exact; only what
cannot be true is put right at once: a reading that would arrive before it was measured, or a board whose clock stood still.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from services.device.fastest_arrivals import Envelope
from services.device.uptime_mapping import Mapping
from services.live_model import ClockHealth
from services.model import F64, I64

ROLLOVER_MS = 1 << 32

JUMP_US = 1_000_000  # an arrival this much too early is a corrupt stamp, or the host slept: believed at the third
BELIEVED = 3
STALLED_US = 2_000_000  # arrivals this much too late, every one for this long: the board's clock stood still
STALLED_FOR_US = 10_000_000
STALLED_READINGS = 5
FLOOR_AHEAD_US = 5_000_000  # a floor further in the future was stored by a clock that has been set back since
OFFSET_WRONG_US = 1_000_000  # a restored offset that is wrong by more is from before a rollover or a long pause
JITTER_READINGS = 200  # how many readings the jitter looks back on


class Timebase:
    """Board uptime of one boot → host µs. Give each batch to `extend`, live ones to `observe`, then to `to_host_us`.

    `offset_us`: host µs minus board µs as known before; `floor_us`: the last time stored for this boot, before which
    no live reading is mapped.
    """

    def __init__(self, offset_us: int | None = None, floor_us: int | None = None) -> None:
        self._offset_us = offset_us
        self._floor_us = floor_us
        self._last_ms: int | None = None
        self._line: Envelope | None = None
        self._map = Mapping()
        self._arrived_us = 0
        self._doubtful = 0  # impossibly early arrivals in a row
        self._stalled_since_us: int | None = None
        self._stalled = 0  # impossibly late ones since then
        self._jitter = _Jitter()

    def extend(self, ms: I64) -> I64:
        """Unroll the uint32 counter: the value nearest to the last one seen, so an older one stays older."""
        if not len(ms):
            return ms.astype(np.int64)
        half = ROLLOVER_MS // 2
        last = int(ms[0]) if self._last_ms is None else self._last_ms
        if len(ms) == 1:
            self._last_ms = last + (int(ms[0]) - last + half) % ROLLOVER_MS - half
            return np.array((self._last_ms,), np.int64)
        extended: I64 = last + (ms.astype(np.int64) - (last - half)) % ROLLOVER_MS - half
        self._last_ms = int(extended[-1])
        return extended

    def observe(self, ms_ext: I64, arrived_us: I64 | int) -> None:
        """Take in when live readings (not retransmitted ones) arrived."""
        if len(ms_ext) == 1:
            x = int(ms_ext[0])
            self._arrived_us = arrived_us if isinstance(arrived_us, int) else int(arrived_us[0])
            self._observe_one(x, self._arrived_us - 1000 * x)
        elif len(ms_ext):
            self._arrived_us = arrived_us if isinstance(arrived_us, int) else int(arrived_us.max())
            self._observe_all(ms_ext, arrived_us - 1000 * ms_ext)

    def to_host_us(self, ms_ext: I64) -> I64:
        """Host time of board times in any order; a later board time is never given an earlier host time."""
        # While early arrivals are doubted, only this says that a stamp cannot be from the future.
        limit_us = self._arrived_us if self._doubtful else None
        return self._map.at(ms_ext, limit_us)

    def shift(self, us: int) -> None:
        """The host's clock was set by so much."""
        self._floor_us = None
        self._offset_us = None if self._offset_us is None else self._offset_us + us
        self._arrived_us += us
        if self._stalled_since_us is not None:
            self._stalled_since_us += us
        if self._line is not None:
            self._line.shift(us)
            self._map.shift(us)

    def health(self) -> ClockHealth:
        """Drift (positive: the board's clock is fast), jitter of arrivals, and host time minus board time now."""
        line = self._line
        if line is None or self._last_ms is None:
            return ClockHealth()
        drift_ppm = (1000.0 / (1000.0 + line.slope) - 1.0) * 1e6 if line.settled else None
        return ClockHealth(drift_ppm, self._jitter.ms, round(line.at(self._last_ms)))

    def _observe_one(self, x: int, r: int) -> None:
        if self._line is None:
            self._line = self._start(x, x, r)
        delay = r - self._line.at(x)
        if delay < -JUMP_US:
            self._doubt(x, r, 1)
            return
        self._doubtful = 0
        self._take(self._line, x, r, 1)
        self._jitter.add(max(delay, 0.0), 0.0, 1)

    def _observe_all(self, x: I64, r: I64) -> None:
        if self._line is None:
            fastest = int(r.argmin())
            self._line = self._start(int(x[0]), int(x[fastest]), int(r[fastest]))
        delay: F64 = r - self._line.at_all(x)
        fastest = int(delay.argmin())
        if delay[fastest] < -JUMP_US:
            x, r = self._sift(x, r, delay < -JUMP_US)
            if not len(x):
                return
            delay = r - self._line.at_all(x)
            fastest = int(delay.argmin())
        else:
            self._doubtful = 0
        lead = float(delay[fastest])
        self._take(self._line, int(x[fastest]), int(r[fastest]), len(x))
        mean = float(delay.sum()) / len(x)
        delay -= mean
        self._jitter.add(mean - min(lead, 0.0), float(delay @ delay) / len(x), len(x))

    def _start(self, first: int, x: int, r: int) -> Envelope:
        """The line through the fastest of the first arrivals, or the restored one when it fits."""
        restored = self._offset_us
        line = Envelope(x, r if restored is None or abs(r - restored) > OFFSET_WRONG_US else min(r, restored))
        floor_us = self._floor_us
        if floor_us is not None and floor_us > self._arrived_us + FLOOR_AHEAD_US:
            floor_us = None
        self._map.begin(line, first, floor_us)
        return line

    def _take(self, line: Envelope, x: int, r: int, count: int) -> None:
        """Let the fastest arrival of a batch have its say."""
        delay = r - line.at(x)
        if delay > STALLED_US:
            self._wait(x, r, count)
            return
        self._stalled_since_us = None
        if delay < 0:
            line.lower(-delay)
        if line.add(x, r) or delay < 0:
            self._map.aim(line, x)

    def _sift(self, x: I64, r: I64, early: NDArray[np.bool_]) -> tuple[I64, I64]:
        """Doubt the impossibly early arrivals of a batch; the others."""
        run = len(x) if early.all() else int(early[::-1].argmin())
        if run < len(x):
            self._doubtful = 0
        if run:
            last = len(x) - run + int(r[len(x) - run :].argmin())
            self._doubt(int(x[last]), int(r[last]), run)
        return (x[:0], r[:0]) if self._doubtful == 0 and run else (x[~early], r[~early])

    def _doubt(self, x: int, r: int, count: int) -> None:
        """Believe impossibly early arrivals when enough of them come in a row."""
        self._doubtful += count
        if self._doubtful >= BELIEVED:
            self._leap(x, r)

    def _wait(self, x: int, r: int, count: int) -> None:
        """Believe impossibly late arrivals when nothing else has come for long."""
        if self._stalled_since_us is None:
            self._stalled_since_us, self._stalled = self._arrived_us, 0
        self._stalled += count
        if self._arrived_us - self._stalled_since_us >= STALLED_FOR_US and self._stalled >= STALLED_READINGS:
            self._leap(x, r)

    def _leap(self, x: int, r: int) -> None:
        """The clocks have parted: begin a new line at this arrival, with the drift of the old one."""
        assert self._line is not None
        self._line = Envelope(x, r, self._line.slope)
        self._line.add(x, r)
        self._map.leap(self._line, x)
        self._doubtful, self._stalled_since_us = 0, None


class _Jitter:
    """How much the arrivals' delay varies: standard deviation over about the last `JITTER_READINGS`."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = self._variance = 0.0

    @property
    def ms(self) -> float | None:
        return math.sqrt(self._variance) / 1000 if self._count > 1 else None

    def add(self, mean: float, variance: float, count: int) -> None:
        """Take in the mean delay of a batch and the variance within it."""
        self._count = min(self._count + count, JITTER_READINGS)
        share = min(count / self._count, 1.0)
        apart = mean - self._mean
        self._mean += share * apart
        self._variance = (1 - share) * (self._variance + share * apart * apart) + share * variance
