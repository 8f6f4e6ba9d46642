"""A radio bridge between board and computer: lines gather in it and come out in bursts, as Bluetooth and Wi-Fi do it."""

from __future__ import annotations

from random import Random

LATENESS = 12  # a burst comes up to this fraction of the bridge's time later than it could


class Bridge:
    """`lines` at a time, or what has come within `gather_us` of the first; the radio takes a little while, never the same."""

    def __init__(self, lines: int, gather_us: int, seed: int) -> None:
        self._most = lines
        self._gather_us = gather_us
        self._random = Random(f"{seed} bridge")
        self._waiting: list[bytes] = []
        self._first_us = 0
        self._due_us: int | None = None

    def send(self, data: bytes, now_us: int) -> None:
        """Bytes from the board."""
        if not data:
            return
        if not self._waiting:
            self._first_us = now_us
        self._waiting.append(data)
        if self._due_us is None and sum(part.count(b"\n") for part in self._waiting) >= self._most:
            self._due_us = now_us + self._random.randrange(self._gather_us // LATENESS + 1)

    def take(self, now_us: int) -> bytes:
        """What comes out at the computer's side now: nothing, or a burst."""
        if not self._waiting or now_us < self.next_us(now_us):
            return b""
        burst, self._waiting, self._due_us = b"".join(self._waiting), [], None
        return burst

    def next_us(self, now_us: int) -> int:
        """When the next burst is due; `now_us` and the bridge's time when nothing waits."""
        if not self._waiting:
            return now_us + self._gather_us
        return self._first_us + self._gather_us if self._due_us is None else self._due_us

    def forget(self) -> None:
        """Who listened is gone, and with them what was on its way."""
        self._waiting, self._due_us = [], None
