"""One direction of a cable: lines go in, bytes come out; what is to go wrong is said beforehand."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

from tests.model.board import Payload

KINDS = ("reading", "again", "hello", "gone", "reply", "ack", "nack", "cmd")


def kind_of(line: bytes) -> str:
    """Which of KINDS a good line is."""
    said = json.loads(line)
    for name in ("hello", "gone", "nack", "cmd"):
        if name in said:
            return name
    if "ack" in said:
        return "reply" if "result" in said else "ack"
    return "again" if said.get("re") else "reading"


class Wire:
    """`lost` `damaged` `doubled` `halved`: how many lines of a kind are still to suffer it. `noise`: the chance of any."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.lost: Counter[str] = Counter()
        self.damaged: Counter[str] = Counter()
        self.doubled: Counter[str] = Counter()
        self.halved: Counter[str] = Counter()
        self.delayed: Counter[str] = Counter()
        self.delay_us = 0
        self.noise = 0.0
        self.held_until_us = 0  # nothing comes out before: then all of it at once
        self.burst_us = 0  # the same again and again
        self._queue: list[tuple[int, bytes, Payload]] = []

    def heal(self) -> None:
        """From now on all is well."""
        for faults in (self.lost, self.damaged, self.doubled, self.halved, self.delayed):
            faults.clear()
        self.noise, self.held_until_us, self.burst_us = 0.0, 0, 0

    @property
    def healthy(self) -> bool:
        faults = (self.lost, self.damaged, self.doubled, self.halved, self.delayed)
        return not (self.noise or self.burst_us or any(some.total() for some in faults))

    def put(self, line: bytes, reading: Payload, now_us: int) -> None:
        kind = kind_of(line)
        if self._hit(self.lost, kind):
            return
        late = self._hit(self.delayed, kind) and kind != "hello"  # a hello that is overtaken by its boot's end fools anybody
        due_us = now_us + (self.delay_us if late else 0)
        copies = 2 if self._hit(self.doubled, kind) else 1
        if self._hit(self.damaged, kind):
            place = self._chance.randrange(len(line) - 1)
            line, reading = line[:place] + b"\x00" + line[place + 1 :], None
        if self._hit(self.halved, kind):
            line, reading = line[: self._chance.randrange(1, len(line))], None
        self._queue += [(due_us, line, reading)] * copies

    def _hit(self, faults: Counter[str], kind: str) -> bool:
        if self.noise and self._chance.random() < self.noise / 4:
            return True
        if not faults[kind]:
            return False
        faults[kind] -= 1
        return True

    def rubbish(self, data: bytes, now_us: int) -> None:
        self._queue.append((now_us, data, None))

    def clear(self) -> None:
        """The cable is out: what was under way is gone."""
        self._queue = []

    def take(self, now_us: int) -> list[tuple[bytes, Payload]]:
        """What has arrived, in order. A reading that follows half a line is damaged with it."""
        if now_us < self.held_until_us or (self.burst_us and now_us % self.burst_us >= self.burst_us // 3):
            return []
        due = [(line, reading) for due_us, line, reading in self._queue if due_us <= now_us]
        self._queue = [entry for entry in self._queue if entry[0] > now_us]
        return due
