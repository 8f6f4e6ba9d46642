"""A rising line of straight pieces from board ms to host µs that is only ever changed in its future."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np

from services.device.fastest_arrivals import Envelope
from services.model import F64, I64

SMOOTH_US = 20_000  # a difference up to this is slewed away unseen; a reading may be this far ahead of its arrival
SLEW = 1.0  # µs per ms: 1000 ppm
CATCH_UP = 5.0  # towards a target that is further ahead
HOLD_BACK = 990.0  # towards a target that is further back: time almost stands still, but it rises
LEAST_STEP = 10.0  # what is left of 1000 then: no piece is flatter
KNOTS = 256  # at two each few seconds, far more than what a board holds for retransmission


class Mapping:
    """Straight pieces between knots (x ms, host µs), and straight on behind the last."""

    def __init__(self) -> None:
        self._floor_us: int | None = None
        self._x: list[float] = []
        self._us: list[float] = []
        self._rate = 1000.0  # µs per ms behind the last knot
        self._mapped: tuple[int, float] | None = None  # the newest point given out: what is before it stays

    def begin(self, line: Envelope, x: int, floor_us: int | None = None) -> None:
        """Start on the line at board time x (not before the floor); forgets everything before."""
        us = _on(line, x)
        self._floor_us = floor_us
        self._x, self._us, self._mapped = [float(x)], [us if floor_us is None else max(us, floor_us)], None
        self._approach(line)

    def at(self, x: I64, limit_us: int | None = None) -> I64:
        """Host times of board times x, at most `limit_us`; what was held at the limit binds nothing later."""
        if not len(x):
            return x.astype(np.int64)
        us = self._values(x)
        known = x
        if limit_us is not None and us.max() > limit_us:
            known = x[us <= limit_us]
            us = np.minimum(us, limit_us)
        if len(known):
            newest = int(known.max())
            if self._mapped is None or newest > self._mapped[0]:
                self._mapped = (newest, self._value(newest))
        return np.rint(us).astype(np.int64)

    def shift(self, us: float) -> None:
        """The host's clock was set: the same pieces in the new time, which may be before what was given out."""
        self._floor_us = None
        self._us = [old + us for old in self._us]
        if self._mapped is not None:
            self._mapped = (self._mapped[0], self._mapped[1] + us)

    def aim(self, line: Envelope, x: int) -> None:
        """From the newest point given out, approach the line. `x`: a board time whose reading has arrived already."""
        if self._mapped is None:
            self.begin(line, int(self._x[0]), self._floor_us)
            return
        self._cut(*self._mapped)
        if not self._direct(line, x):
            self._approach(line)

    def leap(self, line: Envelope, x: int) -> None:
        """Be on the line from board time x on, however far away it is."""
        if self._mapped is None or x <= self._mapped[0]:
            self.begin(line, x)
            return
        self._cut(*self._mapped)
        self._rate = 1000.0 + line.slope
        self._knot(x, max(_on(line, x), self._us[-1]))

    def _approach(self, line: Envelope) -> None:
        """From the last knot to the line, at a speed that suits the distance, and along it from there."""
        x0, us0 = self._x[-1], self._us[-1]
        ahead = _on(line, x0) - us0
        speed = SLEW if abs(ahead) <= SMOOTH_US else CATCH_UP if ahead > 0 else HOLD_BACK
        meeting = x0 + abs(ahead) / speed
        self._rate = 1000.0 + line.slope
        self._knot(meeting, _on(line, meeting))

    def _direct(self, line: Envelope, x: int) -> bool:
        """When the line is far back: go straight to it at x, if time still passes on the way."""
        x0, us0, us = self._x[-1], self._us[-1], _on(line, x)
        if _on(line, x0) - us0 >= -SMOOTH_US or x <= x0 or us - us0 < LEAST_STEP * (x - x0):
            return False
        self._rate = 1000.0 + line.slope
        self._knot(x, us)
        return True

    def _cut(self, x0: int, us0: float) -> None:
        """Forget the pieces behind the newest point given out."""
        end = bisect_left(self._x, x0)
        del self._x[end:], self._us[end:]
        self._knot(x0, us0)

    def _knot(self, x: float, us: float) -> None:
        if self._x and x <= self._x[-1]:
            return
        self._x.append(x)
        self._us.append(us)
        if len(self._x) > KNOTS:
            del self._x[0], self._us[0]

    def _value(self, x: int) -> float:
        piece = bisect_right(self._x, x) - 1
        base, us, rate = self._piece(piece)
        return rate * (x - base) + us

    def _values(self, x: I64) -> F64:
        first, last = bisect_right(self._x, int(x.min())) - 1, bisect_right(self._x, int(x.max())) - 1
        if first == last:  # nearly always: pieces are seconds long
            base, us, rate = self._piece(first)
            return np.asarray(rate * (x - base) + us, np.float64)
        pieces = np.searchsorted(self._x, x, side="right") - 1
        bases, starts, rates = np.array([self._piece(piece) for piece in range(-1, len(self._x))]).T[:, pieces + 1]
        return np.asarray(rates * (x - bases) + starts, np.float64)

    def _piece(self, number: int) -> tuple[float, float, float]:
        """Where a piece begins, in ms and µs, and its µs per ms; -1 is what lies before the first knot."""
        at = max(number, 0)
        x, us = self._x[at], self._us[at]
        if number < 0:
            return x, us, 1000.0
        if at + 1 == len(self._x):
            return x, us, self._rate
        return x, us, (self._us[at + 1] - us) / (self._x[at + 1] - x)


def _on(line: Envelope, x: float) -> float:
    """Host time of board time x by the line."""
    return 1000.0 * x + line.at(x)
