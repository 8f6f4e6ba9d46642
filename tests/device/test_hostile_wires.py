"""The simulated board's core against the device's chain over wires that lose, repeat, swap, delay and damage, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock.board import Board, BoardConfig
from mock.patterns import PATTERNS
from mock.record import Record
from mock.sensor import PatternSource, Sensor
from services.clock import Clock
from services.device.device import Device
from services.model import EventKind, Restored, Write
from services.settings import Settings
from services.wire.decoders import BoardDecoder

STEP_MS = 10
START_US = 1_712_345_678_000_000


class HandClock(Clock):
    """Moves when the test says so."""

    def __init__(self) -> None:
        self.us = START_US
        super().__init__(wall_ns=lambda: self.us * 1000, monotonic_ns=lambda: self.us * 1000)


class Disk:
    """Takes what the device writes; what it has becomes durable once a second."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.rows: dict[tuple[int, int], tuple[float, float, float]] = {}
        self.twice = 0
        self.ack: tuple[int, int] | None = None

    def append(self, write: Write) -> bool:
        self.writes.append(write)
        if write.readings is not None:
            rows = write.readings
            columns = (getattr(rows, name).tolist() for name in ("boot", "seq", "v", "a", "w"))
            for boot, seq, *values in zip(*columns, strict=True):
                self.twice += (boot, seq) in self.rows
                self.rows[boot, seq] = tuple(values)
        if write.ack is not None and write.boot is not None:
            self.ack = (write.boot, write.ack)
        return True

    def nudge(self) -> None: ...

    def restored(self, device: str) -> Restored:
        return Restored()


class Truth(Record):
    """What the board measured."""

    def __init__(self) -> None:
        super().__init__(None)
        self.measured: dict[tuple[int, int], tuple[float, float, float]] = {}

    def reading(self, boot: int, seq: int, ms: int, v: float, a: float, w: float, status: str, t_us: int) -> None:
        self.measured[boot, seq] = (v, a, w)


class Wire:
    """Lines go in, bytes come out, not all of them and not in order. `faults` off: it is a good wire."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.faults = 0.2
        self.waiting: list[tuple[int, bytes]] = []

    def put(self, line: bytes, now_us: int) -> None:
        if self.chance.random() < self.faults:
            return
        if self.chance.random() < self.faults / 2:
            place = self.chance.randrange(len(line))
            line = line[:place] + bytes([line[place] ^ 1 << self.chance.randrange(7)]) + line[place + 1 :]
        if self.chance.random() < self.faults / 2:
            self.waiting.append((now_us, b"\x00garbage }{\n"))
        for _ in range(1 + (self.chance.random() < self.faults / 2)):
            delay_us = self.chance.randrange(300_000) if self.chance.random() < self.faults else 0
            self.waiting.append((now_us + delay_us, line))

    def take(self, now_us: int) -> bytes:
        due = [line for at_us, line in self.waiting if at_us <= now_us]
        self.waiting = [(at_us, line) for at_us, line in self.waiting if at_us > now_us]
        return b"".join(due)


class Lab:
    """A board, two wires, a device, a disk."""

    def __init__(self, seed: int, **config: Any) -> None:
        self.clock = HandClock()
        self.truth, self.disk = Truth(), Disk()
        sensor = Sensor(PatternSource(PATTERNS["walk"](Random(seed))), seed=seed)
        self.board = Board(BoardConfig(interval_us=20_000, **config), sensor, self.truth, self.clock.us)
        self.device = Device("lab", "socket://nowhere", Settings(), self.disk, self.clock)  # type: ignore[arg-type]
        self.ear = BoardDecoder()
        self.to_host, self.to_board = Wire(seed), Wire(seed + 1)
        self.pieces = Random(seed)
        self.deaf = False
        self.device.opened()

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 1000 / STEP_MS)):
            self.clock.us += STEP_MS * 1000
            self.board.run(self.clock.us)
            for frame in self.board.take():
                self.to_host.put(frame.line, self.clock.us)
            self._deliver(self.to_host.take(self.clock.us))
            for line in self.device.tick().splitlines(keepends=True):
                self.to_board.put(line, self.clock.us)
            for event in self.ear.feed(self.to_board.take(self.clock.us)):
                if not self.deaf:
                    self.board.hear(event, self.clock.us)
            if self.disk.ack is not None and self.clock.us // 1000 % 1000 < STEP_MS:
                self.device.durable(*self.disk.ack)

    def _deliver(self, data: bytes) -> None:
        for piece in self._cut(data):
            self.device.received(piece)

    def _cut(self, data: bytes) -> Iterator[bytes]:
        while data:
            size = self.pieces.choice((1, 1, 7, 40, 4096))
            yield data[:size]
            data = data[size:]

    def calm(self, seconds: float = 25.0) -> None:
        """The wires are good from now on."""
        self.to_host.faults = self.to_board.faults = 0.0
        self.run(seconds)

    def check(self) -> None:
        """The host's account equals the truth."""
        counts = self.device.snapshot().counts
        rows, measured = self.disk.rows, self.truth.measured
        assert self.disk.twice == 0
        assert all(max(abs(x - y) for x, y in zip(values, measured[key], strict=True)) < 1e-9 for key, values in rows.items())
        newest = {boot: max(seq for other, seq in rows if other == boot) for boot, _ in rows}
        gaps = {(gap.boot, gap.first) for write in self.disk.writes for gap in write.gaps}
        oldest = {boot: min(seq for other, seq in gaps | set(rows) if other == boot) for boot, _ in rows}
        absent = [key for key in measured if key[0] in newest and oldest[key[0]] <= key[1] <= newest[key[0]] and key not in rows]
        assert counts.missing == 0
        assert counts.received == len(rows)
        assert counts.lost >= len(absent)
        if len(newest) == 1:
            assert counts.lost == len(absent)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_on_hostile_wires_the_account_equals_the_truth(seed: int) -> None:
    lab = Lab(seed)
    lab.run(8)
    lab.calm()
    lab.check()
    assert len(lab.disk.rows) > 1_000


def test_on_a_good_wire_nothing_is_missing_or_asked_for() -> None:
    lab = Lab(1)
    lab.calm(10)
    lab.check()
    counts = lab.device.snapshot().counts
    assert (counts.recovered, counts.duplicates, counts.lost) == (0, 0, 0)
    assert len(lab.disk.rows) == len(lab.truth.measured)


def test_a_peer_that_answers_nothing_stays_outstanding_until_its_memory_is_overrun() -> None:
    lab = Lab(2, buffer=512)
    lab.calm(3)
    lab.to_host.faults, lab.deaf = 0.2, True
    lab.run(5)
    lab.calm(2)
    counts = lab.device.snapshot().counts
    assert counts.missing > 0 == counts.lost
    assert counts.completeness is not None and counts.completeness < 1
    lab.calm(15)
    counts = lab.device.snapshot().counts
    assert counts.lost > 0 == counts.missing
    assert counts.received + counts.lost == counts.expected


@pytest.mark.parametrize("seed", [3, 4])
def test_a_reboot_on_a_hostile_wire_is_told_apart_from_loss(seed: int) -> None:
    lab = Lab(seed, boot=7)
    lab.run(4)
    lab.to_host.waiting.clear()  # a serial line cannot deliver the old boot's lines after the new one's hello
    lab.board.reboot(lab.clock.us)
    lab.run(4)
    lab.calm()
    lab.check()
    assert {boot for boot, _ in lab.disk.rows} == {7, 8}
    kinds = [event.kind for write in lab.disk.writes for event in write.events]
    assert kinds.count(EventKind.REBOOT) == 1


def test_numbers_and_uptime_roll_over_on_a_hostile_wire() -> None:
    lab = Lab(8, first_seq=2**32 - 100, first_ms=2**32 - 3_000)
    lab.run(5)
    lab.calm()
    keys = sorted(seq for _, seq in lab.disk.rows)
    assert keys[-1] > 2**32
    assert len(keys) + lab.device.snapshot().counts.lost >= keys[-1] - keys[0] + 1
    times = [write.readings.time_us for write in lab.disk.writes if write.readings is not None]
    assert max(int(column.max()) for column in times) - START_US < 40_000_000


def test_a_link_that_was_down_brings_its_readings_afterwards_at_their_times() -> None:
    lab = Lab(9)
    lab.calm(5)
    lab.to_host.faults = 1.0
    lab.run(15)
    lab.device.opened()
    lab.calm()
    lab.check()
    seqs = sorted(lab.disk.rows)
    assert seqs == sorted(lab.truth.measured)
    stamped = {
        seq: time_us
        for write in lab.disk.writes
        if write.readings is not None
        for seq, time_us in zip(write.readings.seq.tolist(), write.readings.time_us.tolist(), strict=True)
    }
    ordered = [stamped[seq] for _, seq in seqs]
    steps = [later - earlier for earlier, later in pairwise(ordered)]
    assert all(abs(step - 20_000) < 15_000 for step in steps)
