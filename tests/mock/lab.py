"""A board on the bench: the simulated board's core with a host's decoder beside it, and a clock in the hand."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from mock.board import Board, BoardConfig
from mock.frame import Frame
from mock.patterns import PATTERNS
from mock.record import Record
from mock.sensor import PatternSource, Sensor
from services.wire import decoders as p

START_US = 1_712_345_678_000_000


class Bench:
    """`run(ms)` lets time pass and returns the host's events; `say` is the host speaking."""

    def __init__(self, record: Path | None = None, pattern: str = "steps", **config: Any) -> None:
        self.now_us = START_US
        self.record = Record(record)
        sensor = Sensor(PatternSource(PATTERNS[pattern](Random(1))), seed=1)
        self.board = Board(BoardConfig(**config), sensor, self.record, self.now_us)
        self.host = p.HostDecoder()
        self.ear = p.BoardDecoder()

    def run(self, ms: float = 0) -> list[p.HostEvent]:
        self.now_us += round(ms * 1000)
        self.board.run(self.now_us)
        return self.events()

    def frames(self, ms: float = 0) -> list[Frame]:
        self.now_us += round(ms * 1000)
        self.board.run(self.now_us)
        return self.board.take()

    def events(self) -> list[p.HostEvent]:
        return self.host.feed(b"".join(frame.line for frame in self.board.take()))

    def say(self, *lines: bytes) -> list[p.HostEvent]:
        """What the board answers at once."""
        for event in self.ear.feed(b"".join(lines)):
            self.board.hear(event, self.now_us)
        return self.events()


def readings(events: list[p.HostEvent], re: int | None = None) -> list[p.ReadingLine]:
    return [event for event in events if isinstance(event, p.ReadingLine) and re in (None, event.re)]


def seqs(events: list[p.HostEvent], re: int | None = None) -> list[int | None]:
    return [reading.seq for reading in readings(events, re)]


def truth(path: Path, kind: str = "reading") -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in rows if row["kind"] == kind]
