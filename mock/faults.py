"""Harm on the way to the wire. The record (the truth) is not touched by it, only told of it.

Each fault draws from its own seeded stream, so switching one on does not change what another does.
"""

from __future__ import annotations

import heapq
from random import Random

from mock.frame import Frame
from mock.record import Record

WIRE_FAULTS = ("drop", "garbage", "corrupt", "half_line", "duplicate", "reorder", "delay", "burst")


class WireFaults:
    """Frames in (`send`), bytes out (`take`). Time is that of the frames and of `release`."""

    def __init__(self, seed: int, level: int, record: Record) -> None:
        self._random = {name: Random(f"{seed} {name}") for name in WIRE_FAULTS}
        self._level = level
        self._record = record
        self.chances: dict[str, float] = {}
        self._left: dict[str, int] = {}
        self.delay_us = 200_000
        self.burst_us = 400_000
        self._out: list[bytes] = []
        self._delayed: list[tuple[int, int, Frame, bytes]] = []
        self._order = 0
        self._burst: list[tuple[Frame, bytes]] = []
        self._burst_until_us = 0
        self._swapped: tuple[Frame, bytes] | None = None
        self._silent_until_us = 0
        self._glued = False

    def set(self, name: str, chance: float, count: int | None = None) -> None:
        """Chance per line, 0 switches off; with `count` it switches itself off after so many."""
        self.chances.pop(name, None)
        self._left.pop(name, None)
        if chance > 0:
            self.chances[name] = chance
            if count is not None:
                self._left[name] = count

    def silence(self, until_us: int) -> None:
        """Nothing comes out until then; what is said meanwhile is gone (a level 1 board still holds it)."""
        self._silent_until_us = until_us

    def send(self, frame: Frame) -> None:
        """Puts the frame on the wire, or does to it what its lot is."""
        if self._busy():
            self.release(frame.t_us)
            self._suffer(frame)
        else:
            self._out.append(frame.line)

    def release(self, now_us: int) -> None:
        """Lets go of what was held back until now."""
        if self._burst and now_us >= self._burst_until_us:
            held, self._burst = self._burst, []
            for frame, line in held:
                self._emit(frame, line)
        while self._delayed and self._delayed[0][0] <= now_us:
            _, _, frame, line = heapq.heappop(self._delayed)
            self._emit(frame, line)

    def release_all(self) -> None:
        """At the end of the run nothing stays behind."""
        self.release(2**63)
        if self._swapped:
            swapped, self._swapped = self._swapped, None
            self._emit(*swapped)

    def next_release_us(self) -> int | None:
        """When `release` has something to do next."""
        times = [self._delayed[0][0]] if self._delayed else []
        if self._burst:
            times.append(self._burst_until_us)
        return min(times, default=None)

    def take(self) -> bytes:
        """The bytes that are on the wire now."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _busy(self) -> bool:
        return bool(self.chances or self._burst or self._delayed or self._swapped or self._glued or self._silent_until_us)

    def _suffer(self, frame: Frame) -> None:
        if self._silent_until_us:
            if frame.t_us < self._silent_until_us:
                return self._told("silence", frame)
            self._silent_until_us = 0
        if self._hits("drop"):
            return self._told("drop", frame)
        if self._hits("garbage"):
            self._garbage(frame)
        line = frame.line
        if self._hits("corrupt"):
            line = self._flipped(line)
            self._told("corrupt", frame)
        if self._hits("half_line"):
            line = self._cut(line)
            self._told("half_line", frame)
        if self._hits("duplicate"):
            line += line
            self._told("duplicate", frame)
        return self._route(frame, line)

    def _route(self, frame: Frame, line: bytes) -> None:
        if frame.t_us >= self._burst_until_us and self._hits("burst"):
            self._burst_until_us = frame.t_us + self.burst_us
        if frame.t_us < self._burst_until_us:
            self._told("burst", frame)
            self._burst.append((frame, line))
        elif self._hits("delay"):
            self._told("delay", frame)
            self._order += 1
            heapq.heappush(self._delayed, (frame.t_us + self.delay_us, self._order, frame, line))
        elif self._swapped is None and self._hits("reorder"):
            self._told("reorder", frame)
            self._swapped = (frame, line)
        else:
            self._emit(frame, line)

    def _emit(self, frame: Frame, line: bytes) -> None:
        if self._glued:
            self._told("half_line", frame)
            self._glued = False
        self._out.append(line)
        self._glued = not line.endswith(b"\n")
        if self._swapped:
            swapped, self._swapped = self._swapped, None
            self._emit(*swapped)

    def _hits(self, name: str) -> bool:
        chance = self.chances.get(name)
        if chance is None or self._random[name].random() >= chance:
            return False
        if name in self._left:
            self._left[name] -= 1
            if self._left[name] <= 0:
                self.set(name, 0)
        return True

    def _told(self, fault: str, frame: Frame) -> None:
        self._record.fault(fault, frame.boot, frame.seq, frame.t_us, line=frame.kind, re=frame.resent)

    def _flipped(self, line: bytes) -> bytes:
        """One byte changed, never a line end. Without checksums the eighth bit makes it no UTF-8 and so no JSON."""
        random, data = self._random["corrupt"], bytearray(line)
        position = random.choice([i for i, byte in enumerate(data) if byte != 0x0A])
        masks = range(128, 256) if self._level == 0 else [m for m in range(1, 256) if data[position] ^ m not in (0x0A, 0x0D)]
        data[position] ^= random.choice(masks)
        return bytes(data)

    def _cut(self, line: bytes) -> bytes:
        """The head of the line; its end is lost too in half of the cases, so that the next line is glued to it."""
        random = self._random["half_line"]
        head = line[: random.randrange(1, len(line) - 1)]
        return head if random.random() < 0.5 else head + b"\n"

    def _garbage(self, frame: Frame) -> None:
        random = self._random["garbage"]
        noise = bytes(byte for byte in random.randbytes(random.randrange(1, 40)) if byte not in (0x0A, 0x0D))
        self._record.fault("garbage", frame.boot, None, frame.t_us)
        self._out.append((b"\n\xfe" if self._glued else b"\xfe") + noise + b"\n")
        self._glued = False
