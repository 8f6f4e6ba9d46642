"""Program, board and cable stop and come back in any order: the simulated board's core, the device's chain, a real database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count, cycle
from pathlib import Path
from random import Random
from typing import Any

import pytest

import mock.board
from mock.board import Board, BoardConfig
from mock.patterns import Sample
from mock.sensor import Sensor
from services.device.device import Device
from services.model import Gap, GapState
from services.settings import Settings
from services.storage.storage import Storage
from services.storage.store import Durable
from services.wire.decoders import BoardDecoder, ReadingLine, encode_reading
from tests.device.test_hostile_wires import HandClock, Truth

STEP_US = 10_000
END_US = 1 << 60
LIMIT_S = 20.0


class Counting:
    """No two samples alike, whichever board measures."""

    def __init__(self) -> None:
        self._count = count()

    def next(self, elapsed_us: int) -> Sample | None:
        return Sample(round(1 + next(self._count) * 1e-4, 4), 0.5, 0.5)


class Bench:
    """A board that runs, and a program that may run beside it. Time is in the hand."""

    def __init__(self, path: Path, **config: Any) -> None:
        self.path, self.clock, self.truth, self.source = path, HandClock(), Truth(), Counting()
        self.config = {"interval_us": 50_000, "buffer": 96, "boot": 5} | config
        self.dropped = 0.0  # share of the board's lines
        self.chance = Random(1)
        self.device: Device | None = None
        self.linked = True
        self.power_on()

    # --- the board

    def power_on(self, **config: Any) -> None:
        """A board begins; its memory is empty."""
        self.board = Board(BoardConfig(**self.config | config), Sensor(self.source, seed=1), self.truth, self.clock.us)
        self.ear = BoardDecoder()

    # --- the program

    def start(self) -> Bench:
        self.durable: list[Durable] = []
        self.storage = Storage(self.path, self.clock, on_commit=self.durable.extend)
        self.storage.start()
        self.device = Device("lab", "socket://nowhere", Settings(), self.storage, self.clock)
        if self.linked:
            self.device.opened()
        return self

    def stop(self) -> None:
        if self.device is not None:
            self.device = None
            self.storage.stop()

    def commit(self) -> None:
        self.storage.nudge()
        end_s = time.monotonic() + LIMIT_S
        while len(self.storage._writer.backlog):
            assert time.monotonic() < end_s, "it was not committed in time"
            time.sleep(0.001)
        durable, self.durable[:] = list(self.durable), []
        for done in durable:
            assert self.device is not None
            self.device.durable(done.boot, done.ack)

    # --- both

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 1e6 / STEP_US)):
            self.clock.us += STEP_US
            self.board.run(self.clock.us)
            lines = [frame.line for frame in self.board.take()]
            if self.device is None or not self.linked:
                continue
            if data := b"".join(line for line in lines if self.chance.random() >= self.dropped):
                self.device.received(data)
            for event in self.ear.feed(self.device.tick()):
                self.board.hear(event, self.clock.us)
            if self.clock.us % 1_000_000 < STEP_US:
                self.commit()

    def pull(self, seconds: float) -> None:
        """The cable is out for so long."""
        assert self.device is not None
        self.linked = False
        self.device.closed()
        self.board.listener_changed()
        self.run(seconds)
        self.linked = True
        self.device.opened()

    # --- what is there

    def stored(self) -> list[tuple[float, float, float]]:
        self.commit()
        pages = list(self.storage.pages("lab", 0, END_US))
        return [values for page in pages for values in zip(page.v.tolist(), page.a.tolist(), page.w.tolist(), strict=True)]

    def gaps(self, state: GapState) -> list[Gap]:
        self.commit()
        return [gap for gap in self.storage.gaps("lab", 0, END_US) if gap.state is state]

    def account(self) -> dict[str, Any]:
        """What the record says, and that it is what the live counts of this session and the truth say."""
        self.commit()
        counts = self.storage.counts("lab", 0, END_US)
        found = self.stored()
        assert counts.received == len(found) == len(set(found)), "something is stored twice, or counted but not stored"
        return {name: getattr(counts, name) for name in ("received", "missing", "lost", "recovered", "late")}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def build(**config: Any) -> Bench:
        made.append(Bench(tmp_path / "powermon.db", **config))
        return made[-1]

    yield build
    for one in made:
        one.stop()


def test_a_board_that_ran_before_the_program_gives_all_that_it_still_holds(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """438 of 861 were lost by the first version: everything up to the present was acknowledged at the first live line."""
    monkeypatch.setattr(mock.board, "RESEND_PER_S", 80)
    lab = bench(interval_us=50_000, buffer=4096)
    lab.run(25)
    lab.start().run(20)
    account = lab.account()
    assert (account["received"], account["missing"], account["lost"], account["recovered"]) == (901, 0, 0, 0)
    assert account["late"] == 501
    lab.run(1)
    assert lab.board.unacknowledged < 40


def test_cable_pulls_on_a_lossy_line_lose_nothing_that_the_board_can_hold(bench: Callable[..., Bench]) -> None:
    lab = bench().start()
    lab.dropped = 0.1
    for _ in range(6):
        lab.run(5)
        lab.pull(1)
    lab.dropped = 0.0
    lab.run(6)
    account = lab.account()
    assert (account["missing"], account["lost"]) == (0, 0)
    assert account["received"] == len(lab.truth.measured)


def test_a_restart_of_the_program_goes_on_with_the_same_boot(bench: Callable[..., Bench]) -> None:
    lab = bench().start()
    lab.run(5)
    lab.stop()
    lab.run(3)
    lab.start().run(5)
    account = lab.account()
    assert (account["received"], account["missing"], account["lost"]) == (261, 0, 0)
    assert 60 <= account["recovered"] <= 62
    assert len(lab.storage.restored("lab").runs) == 1


def test_a_restart_while_a_partly_lost_gap_is_open_counts_its_losses_once(bench: Callable[..., Bench]) -> None:
    """The first version: 48 missing and 179 lost became 406 lost, and minus 179 recovered."""
    lab = bench(buffer=48).start()
    lab.run(3)
    lab.pull(10)  # 200 measured, 48 held
    lab.dropped = 1.0
    lab.run(0.2)
    lab.dropped = 0.0
    lab.run(0.1)
    lab.stop()
    lab.start().run(4)
    lab.stop()
    lab.start().run(3)
    account = lab.account()
    lost = sum(gap.lost for gap in lab.gaps(GapState.LOST))
    assert (account["missing"], account["lost"]) == (0, lost)
    assert account["received"] + lost == len(lab.truth.measured)
    assert lab.device is not None and lab.device.snapshot().counts.recovered >= 0


def test_the_gap_of_a_boot_ends_when_program_and_board_both_restart(bench: Callable[..., Bench]) -> None:
    lab = bench().start()
    lab.run(3)
    lab.dropped = 1.0
    lab.run(0.5)
    lab.dropped = 0.0
    lab.run(0.06)
    lab.commit()
    assert lab.gaps(GapState.OPEN)
    lab.stop()
    lab.power_on(boot=6)
    lab.start().run(3)
    assert lab.gaps(GapState.OPEN) == []
    assert lab.account()["lost"] == sum(gap.lost for gap in lab.gaps(GapState.LOST)) > 0


def test_a_new_boot_number_with_the_old_memory_stores_nothing_twice(bench: Callable[..., Bench]) -> None:
    """The first version stored 1 435 of 6 723 readings twice."""
    lab = bench().start()
    lab.run(5.3)
    lab.board.boot += 1
    lab.board.introduce(lab.clock.us)
    lab.run(5)
    account = lab.account()
    assert (account["received"], account["lost"], account["missing"]) == (len(lab.truth.measured), 0, 0)
    assert [run.identity.wire_boot for run in lab.storage.restored("lab").runs] == [6]


@pytest.mark.parametrize("while_stopped", [True, False])
@pytest.mark.parametrize("boot", [0, 5])
def test_an_erased_eeprom_hides_no_reading_and_stores_none_twice(
    bench: Callable[..., Bench], while_stopped: bool, boot: int
) -> None:
    """Its boot number is not above the stored one; it may even be the same."""
    lab = bench().start()
    lab.run(8)
    if while_stopped:
        lab.stop()
        lab.power_on(boot=boot)
        lab.run(2)
        lab.start()
    else:
        lab.power_on(boot=boot)
    lab.run(4)
    lab.stop()
    lab.start().run(2)
    runs = lab.storage.restored("lab").runs
    assert [(run.identity.wire_boot, run.identity.board_id) for run in runs] == [(boot, "mock"), (5, "mock")]
    account = lab.account()
    measured = 161 + (161 if while_stopped else 121)
    assert (account["received"], account["lost"], account["missing"]) == (measured, 0, 0)


def test_another_board_under_the_same_name_and_number_is_a_run_of_its_own(bench: Callable[..., Bench]) -> None:
    lab = bench().start()
    lab.run(5)
    lab.stop()
    lab.power_on(id="other", first_seq=90)
    lab.start().run(5)
    assert [run.identity.board_id for run in lab.storage.restored("lab").runs] == ["other", "mock"]
    assert lab.account()["received"] == 202


def test_a_board_that_starts_together_with_the_program_has_nothing_recovered(bench: Callable[..., Bench]) -> None:
    lab = bench().start()
    lab.run(3)
    assert lab.device is not None
    counts = lab.device.snapshot().counts
    assert (counts.recovered, counts.late, counts.missing, counts.completeness) == (0, 0, 0, 1.0)


def test_outstanding_is_never_said_to_be_complete(bench: Callable[..., Bench]) -> None:
    lab = bench().start()
    lab.run(3)
    lab.dropped = 1.0
    lab.run(1)
    lab.dropped = 0.0
    lab.run(0.06)
    assert lab.device is not None
    counts = lab.device.snapshot().counts
    assert counts.missing > 0 and counts.completeness is not None and counts.completeness < 1.0
    lab.pull(0.5)
    lab.commit()
    recorded = lab.storage.counts("lab", 0, END_US)
    assert recorded.missing > 0 and recorded.completeness is not None and recorded.completeness < 1.0


def test_the_database_is_never_asked_under_the_boards_lock(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    lab = bench().start()
    lab.run(2)
    lab.stop()
    asked: list[bool] = []
    restored = Storage.restored

    def watched(self: Storage, device: str) -> Any:
        asked.append(lab.device is not None and lab.device._lock._is_owned())  # type: ignore[attr-defined]
        return restored(self, device)

    monkeypatch.setattr(Storage, "restored", watched)
    lab.power_on(boot=6)
    lab.start().run(2)
    lab.pull(1)
    lab.run(1)
    assert asked == [False]


# --- numbers that make no sense (level 0)


def plainly(tmp_path: Path, lines: Iterator[ReadingLine], number: int) -> tuple[float | None, str]:
    """Completeness and what is said of the link after so many lines, ten a second."""
    clock = HandClock()
    storage = Storage(tmp_path / "plain.db", clock)
    storage.start()
    device = Device("lab", "socket://nowhere", Settings(), storage, clock)
    device.opened()
    for _ in range(number):
        clock.us += 100_000
        device.received(encode_reading(next(lines), crc=False))
        device.tick()
    state = device.snapshot()
    storage.stop()
    return state.counts.completeness, state.info.problem


def test_a_number_that_does_not_count_is_not_complete(tmp_path: Path) -> None:
    lines = (ReadingLine(5.0, 0.1 + n % 7 / 100, None, ts=1.7e9 + n, seq=7) for n in range(1000))
    completeness, problem = plainly(tmp_path, lines, 300)
    assert completeness is not None and completeness < 0.01
    assert "seq" in problem


def test_two_boards_on_one_stream_are_not_complete(tmp_path: Path) -> None:
    def lines() -> Iterator[ReadingLine]:
        for n, board in zip(range(1000), cycle((100, 5_000_000)), strict=False):
            yield ReadingLine(5.0, 0.1, 0.5, ts=1.7e9 + n, seq=board + n // 2)

    completeness, problem = plainly(tmp_path, lines(), 300)
    assert completeness is not None and completeness < 0.6
    assert "two boards" in problem


def test_a_board_without_numbers_whose_lines_are_half_rubbish_is_not_complete(tmp_path: Path) -> None:
    clock = HandClock()
    storage = Storage(tmp_path / "plain.db", clock)
    storage.start()
    device = Device("lab", "socket://nowhere", Settings(), storage, clock)
    device.opened()
    device.received(b"\n")
    for n in range(40):
        device.received(b"rubbish\n" if n % 2 else encode_reading(ReadingLine(5.0, 0.1, 0.5), crc=False))
    counts = device.snapshot().counts
    storage.stop()
    assert (counts.received, counts.unaccounted, counts.completeness) == (20, 20, 0.5)
