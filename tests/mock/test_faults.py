"""Harm on the way to the wire: what comes out, and that the record says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock.faults import WIRE_FAULTS, WireFaults
from mock.frame import Frame
from mock.record import Record
from services.model import Reason
from services.wire import decoders as p
from tests.mock.lab import truth


def frames(count: int, level: int = 1) -> list[Frame]:
    lines = [p.encode_reading(p.ReadingLine(5.02, 0.2, seq=n, ms=n * 100), crc=bool(level)) for n in range(count)]
    return [Frame(line, "reading", 1, n, n * 100_000) for n, line in enumerate(lines)]


class Wire:
    def __init__(self, level: int = 1, seed: int = 1, record: Path | None = None) -> None:
        self.record = Record(record)
        self.faults = WireFaults(seed, level, self.record)
        self.level = level

    def through(self, sent: list[Frame]) -> list[p.HostEvent]:
        for frame in sent:
            self.faults.send(frame)
        self.faults.release_all()
        host = p.HostDecoder()
        host.feed(p.encode_gone([0], 0)[0] if self.level else b"\n")
        return host.feed(self.faults.take())

    def arrived(self, sent: list[Frame]) -> list[int | None]:
        return [event.seq for event in self.through(sent) if isinstance(event, p.ReadingLine)]


@pytest.mark.parametrize("level", [0, 1])
def test_without_faults_everything_comes_out_as_it_went_in(level: int) -> None:
    assert Wire(level).arrived(frames(100, level)) == list(range(100))


def test_what_is_dropped_does_not_arrive_and_is_in_the_record(tmp_path: Path) -> None:
    wire = Wire(record=tmp_path / "truth")
    wire.faults.set("drop", 0.2)
    arrived = wire.arrived(frames(500))
    wire.record.close()
    dropped = [row["seq"] for row in truth(tmp_path / "truth", "fault")]
    assert 60 < len(dropped) < 140
    assert sorted([*dropped, *arrived]) == list(range(500))


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("fault", ["corrupt", "half_line"])
def test_a_damaged_line_is_noticed_and_in_the_record(fault: str, level: int, tmp_path: Path) -> None:
    wire = Wire(level, record=tmp_path / "truth")
    wire.faults.set(fault, 0.3)
    events = wire.through(frames(500, level))
    wire.record.close()
    harmed = {row["seq"] for row in truth(tmp_path / "truth", "fault") if row["fault"] == fault}
    arrived = {event.seq for event in events if isinstance(event, p.ReadingLine)}
    assert arrived == set(range(500)) - harmed
    assert len(harmed) > 100
    bad = {event.reason for event in events if isinstance(event, p.BadLine)}
    assert bad <= ({Reason.CORRUPT, Reason.TOO_LONG} if level else {Reason.NOT_JSON, Reason.TOO_LONG})


@given(st.integers(0, 10**6), st.sampled_from([0, 1]))
def test_a_corrupted_line_is_one_bad_line_whatever_the_seed(seed: int, level: int) -> None:
    wire = Wire(level, seed)
    wire.faults.set("corrupt", 1.0)
    events = wire.through(frames(3, level))
    assert [type(event) for event in events] == [p.BadLine] * 3


def test_a_duplicate_comes_twice() -> None:
    wire = Wire()
    wire.faults.set("duplicate", 1.0)
    assert wire.arrived(frames(2)) == [0, 0, 1, 1]


def test_reordering_changes_neighbours_only_and_loses_nothing() -> None:
    wire = Wire()
    wire.faults.set("reorder", 0.3)
    arrived = wire.arrived(frames(200))
    assert sorted(n for n in arrived if n is not None) == list(range(200))
    assert arrived != list(range(200))
    assert all(n is not None and abs(n - i) <= 1 for i, n in enumerate(arrived))


def test_a_delayed_line_comes_after_its_time() -> None:
    wire = Wire()
    wire.faults.set("delay", 1.0, count=1)
    wire.faults.delay_us = 250_000
    assert wire.arrived(frames(6)) == [1, 2, 0, 3, 4, 5]


def test_a_burst_holds_lines_back_and_keeps_their_order() -> None:
    wire = Wire()
    wire.faults.set("burst", 1.0, count=1)
    sent = frames(8)
    for frame in sent[:4]:
        wire.faults.send(frame)
    assert wire.faults.take() == b""
    assert wire.faults.next_release_us() == 400_000
    wire.faults.release(400_000)
    assert wire.faults.take() == b"".join(frame.line for frame in sent[:4])
    assert wire.arrived(sent[4:]) == [4, 5, 6, 7]


def test_garbage_stands_between_lines_and_harms_none() -> None:
    wire = Wire()
    wire.faults.set("garbage", 1.0)
    events = wire.through(frames(50))
    assert [type(event) for event in events] == [p.BadLine, p.ReadingLine] * 50


def test_garbage_after_half_a_line_harms_no_third(tmp_path: Path) -> None:
    wire = Wire(record=tmp_path / "truth")
    wire.faults.set("garbage", 0.5)
    wire.faults.set("half_line", 0.5)
    arrived = wire.arrived(frames(500))
    wire.record.close()
    harmed = {row["seq"] for row in truth(tmp_path / "truth", "fault") if row["fault"] == "half_line"}
    assert set(arrived) == set(range(500)) - harmed


def test_silence_ends_by_itself(tmp_path: Path) -> None:
    wire = Wire(record=tmp_path / "truth")
    wire.faults.silence(300_000)
    assert wire.arrived(frames(6)) == [3, 4, 5]
    wire.record.close()
    assert [(row["fault"], row["seq"]) for row in truth(tmp_path / "truth", "fault")] == [("silence", n) for n in range(3)]


def test_a_counted_fault_switches_itself_off() -> None:
    wire = Wire()
    wire.faults.set("drop", 1.0, count=3)
    assert wire.arrived(frames(6)) == [3, 4, 5]
    assert wire.faults.chances == {}


def test_a_fault_is_switched_off_by_zero() -> None:
    wire = Wire()
    wire.faults.set("drop", 1.0)
    wire.faults.set("drop", 0.0)
    assert wire.arrived(frames(3)) == [0, 1, 2]


@pytest.mark.parametrize("other", ["duplicate", "garbage", "delay"])
def test_one_fault_does_not_change_the_lot_of_another(other: str, tmp_path: Path) -> None:
    dropped = []
    for names in ((), (other,)):
        path = tmp_path / f"truth{len(names)}"
        wire = Wire(record=path)
        for name in ("drop", *names):
            wire.faults.set(name, 0.2)
        wire.through(frames(200))
        wire.record.close()
        dropped.append([row["seq"] for row in truth(path, "fault") if row["fault"] == "drop"])
    assert dropped[0] == dropped[1]


CHANCES = st.fixed_dictionaries({}, optional={name: st.floats(0.01, 0.5) for name in WIRE_FAULTS})


@given(CHANCES, st.integers(0, 1000), st.sampled_from([0, 1]))
def test_under_all_faults_together_the_record_accounts_for_every_reading(
    chances: dict[str, float], seed: int, level: int
) -> None:
    wire = Wire(level, seed)
    harmed: set[int | None] = set()
    wire.record.fault = lambda fault, boot, seq, t_us, **more: (  # type: ignore[method-assign]
        harmed.add(seq) if fault in ("drop", "corrupt", "half_line") else None
    )
    for name, chance in chances.items():
        wire.faults.set(name, chance)
    arrived = set(wire.arrived(frames(60, level)))
    assert set(range(60)) - harmed <= arrived


def test_the_same_seed_does_the_same_harm() -> None:
    wires = [Wire(seed=5), Wire(seed=5), Wire(seed=6)]
    for wire in wires:
        for name in WIRE_FAULTS:
            wire.faults.set(name, 0.1)
    first, second, other = ([repr(event) for event in wire.through(frames(200))] for wire in wires)
    assert first == second != other
