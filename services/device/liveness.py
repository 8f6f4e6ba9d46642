"""Whether a board speaks, and whether what it says is worth anything: live, stale, silent, in trouble; and since when.

Not locked: its device's lock is held.
"""

from __future__ import annotations

from services.clock import Clock
from services.device.line_health import LineHealth
from services.model import LinkState

SILENT_S = 5.0
FIRST_SILENCE_S = 65.0  # a board may be set to one reading a minute


class Liveness:
    """`state`: that of the link, told apart by readings while it is open. `lines`: what they are worth on this connection."""

    def __init__(self, clock: Clock, baud: int) -> None:
        self._clock = clock
        self._baud = baud
        self.state = LinkState.CLOSED
        self.since_us = clock.now_us()
        self.changes = 0
        self.lines = LineHealth(baud)
        self.trouble = ""  # with the lines
        self.silent = False  # the port is closed because nothing comes, which proves nothing about the board
        self.data_s = self.line_s = 0.0  # when anything came, when lines of readings came
        self._here = False  # whole lines, on this connection

    def opened(self, now_s: float) -> None:
        """A new connection."""
        self.data_s, self._here, self.silent = now_s, False, False
        self.lines = LineHealth(self._baud, now_s)

    def heard(self, data: bytes, lines: int, now_s: float) -> None:
        """Bytes came, and how many lines they completed. Bytes without an end are not silence."""
        self.data_s, self._here = now_s, self._here or lines > 0
        self.lines.came(data, lines, now_s)

    def silent_too_long(self, usual_s: float) -> bool:
        """A port that gives nothing for this long is opened anew."""
        limit_s = max(SILENT_S, usual_s) if self._here else FIRST_SILENCE_S
        self.silent = self._clock.monotonic_s() - self.data_s > limit_s
        return self.silent

    def watch(self, link: LinkState, any_reading: bool, stale_s: float) -> None:
        """How it is now."""
        state = link
        if link is LinkState.WAITING and any_reading and self._here:
            state = LinkState.LIVE if self._clock.monotonic_s() - self.line_s <= stale_s else LinkState.STALE
        if state is not self.state:
            self.state, self.since_us, self.changes = state, self._clock.now_us(), self.changes + 1

    def watch_lines(self) -> str | None:
        """An event's text when trouble begins or ends, not at each change of its figures."""
        before, self.trouble = self.trouble, self.lines.problem(self._clock.monotonic_s())
        self.changes += before != self.trouble
        return (self.trouble or "the lines are readings again") if bool(before) != bool(self.trouble) else None
