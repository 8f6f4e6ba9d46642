"""What is acknowledged to a board, and when: every number of the account up to there is settled on disk."""

from __future__ import annotations

from services.device.device import Device
from services.errors import DatabaseError
from services.model import Restored
from services.settings import Settings
from services.wire.decoders import Hello, ReadingLine, encode_gone, encode_hello, encode_reading
from tests.device.test_hostile_wires import Disk, HandClock


class Bench:
    """A device at level 1 with a disk that takes everything; time moves when it is told to."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.clock, self.disk = HandClock(), disk or Disk()
        self.device = Device("lab", "socket://nowhere", Settings(), self.disk, self.clock)  # type: ignore[arg-type]
        self.device.opened()
        self.said = b""

    def hello(self, seq: int, oldest: int, boot: int = 1, buffer: int = 96) -> None:
        self.device.received(encode_hello(Hello(1, "1.0", "lab", boot, 100.0, buffer, seq, oldest=oldest)))

    def lines(self, *numbers: int, re: int = 0) -> None:
        for seq in numbers:
            self.device.received(encode_reading(ReadingLine(5.0, 0.2, 1.0, seq=seq, ms=seq * 100, re=re), crc=True))

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.05)):
            self.clock.us += 50_000
            self.said += self.device.tick()
            if self.disk.ack is not None:
                self.device.durable(*self.disk.ack)

    def acknowledged(self) -> int | None:
        """The last number that the board was told to forget."""
        lines = [line for line in self.said.splitlines() if line.startswith(b'{"ack"')]
        return int(lines[-1].split(b",")[0].split(b":")[1]) if lines else None


def test_a_live_line_before_the_hello_acknowledges_nothing_that_the_board_still_holds() -> None:
    """The worst defect of the first version: 438 of 861 readings were lost on a clean wire."""
    bench = Bench()
    bench.lines(400, 401)
    bench.hello(402, oldest=306)
    bench.wait(0.5)
    bench.lines(*range(306, 350), re=1)  # the board offers at the speed of its line
    bench.lines(402, 403)
    bench.wait(1)
    assert bench.acknowledged() == 349
    assert bench.device.snapshot().counts.missing == 50
    assert (bench.device.snapshot().counts.completeness or 1.0) < 1.0
    bench.lines(*range(350, 400), re=1)
    bench.wait(1)
    assert bench.acknowledged() == 403
    assert len(bench.disk.rows) == 98
    counts = bench.device.snapshot().counts
    assert (counts.lost, counts.recovered, counts.late, counts.completeness) == (0, 0, 94, 1.0)


def test_a_board_that_falls_silent_is_acknowledged_what_is_settled_and_no_more() -> None:
    bench = Bench()
    bench.hello(10, oldest=8)
    bench.lines(10, 11, 12)
    bench.wait(60)
    assert bench.acknowledged() is None  # 8 and 9 are outstanding, and silence proves nothing
    bench.device.received(b"".join(encode_gone([8, 9], 1)))
    bench.wait(1)
    assert bench.acknowledged() == 12
    assert bench.device.snapshot().counts.lost == 2


def test_a_loss_is_on_disk_before_it_is_acknowledged() -> None:
    bench = Bench()
    bench.hello(0, oldest=0)
    bench.lines(0, 1, 5)
    bench.wait(1)
    assert bench.disk.ack == (1, 1)
    bench.device.received(b"".join(encode_gone([2, 3, 4], 1)))
    with_loss = bench.disk.writes[-1]
    assert (with_loss.ack, [(gap.first, gap.last, gap.lost) for gap in with_loss.gaps]) == (5, [(2, 4, 3)])


def test_nothing_is_acknowledged_while_nobody_knows_who_the_board_is() -> None:
    bench = Bench()
    bench.hello(0, oldest=0)
    bench.lines(*range(20))
    bench.wait(1)
    bench.said = b""
    bench.device.closed()
    bench.device.opened()
    bench.lines(50, 51)
    bench.wait(2)
    assert bench.acknowledged() is None
    bench.hello(52, oldest=10)
    bench.wait(0.2)
    assert bench.acknowledged() == 19


class Unreadable(Disk):
    def restored(self, device: str) -> Restored:
        raise DatabaseError("the database cannot be read now")


def test_a_database_that_cannot_be_read_costs_no_reading_and_its_boots_are_never_mixed_up() -> None:
    for level in (0, 1):
        clock, disk = HandClock(), Unreadable()
        device = Device("lab", "socket://nowhere", Settings(), disk, clock)  # type: ignore[arg-type]
        device.opened()
        if level:
            device.received(encode_hello(Hello(1, "1.0", "lab", 1, 100.0, 96, 10, oldest=10)))
        for seq in range(10, 15):
            device.received(encode_reading(ReadingLine(5.0, 0.2, 1.0, seq=seq, ms=seq * 100), crc=bool(level)))
        assert [seq for _, seq in disk.rows] == [10, 11, 12, 13, 14]
        assert {boot for boot, _ in disk.rows} == {clock.us // 1_000_000 + 1}


class Full(Disk):
    """No room for readings, until there is."""

    def __init__(self) -> None:
        super().__init__()
        self.full = True

    def append(self, write: object) -> bool:
        return not self.full and super().append(write)  # type: ignore[arg-type]


def test_what_found_no_room_is_on_its_way_again_and_comes_when_there_is_room() -> None:
    """The first version called it a duplicate: 0 of 20 stored, lost 0, completeness 1.0, and no acknowledgement any more."""
    disk = Full()
    bench = Bench(disk)
    disk.full = False
    bench.hello(0, oldest=0)
    bench.lines(*range(10))
    disk.full = True
    bench.lines(*range(10, 30))
    counts = bench.device.snapshot().counts
    assert (counts.received, counts.missing, counts.lost) == (10, 20, 0)
    disk.full = False
    bench.wait(4)
    assert b'"nack":[10,11' in bench.said
    bench.lines(*range(10, 30), re=1)
    bench.wait(1)
    counts = bench.device.snapshot().counts
    assert (counts.received, counts.missing, counts.lost, counts.completeness) == (30, 0, 0, 1.0)
    assert (sorted(seq for _, seq in disk.rows), bench.acknowledged()) == (list(range(30)), 29)
    assert len(bench.device.samples(0)[1]) == 30  # shown once


def test_at_level_0_what_found_no_room_is_lost_by_our_own_act_and_said_so() -> None:
    disk = Full()
    bench = Bench(disk)
    disk.full = False
    for seq in range(10):
        if seq == 5:
            disk.full = True
        bench.device.received(encode_reading(ReadingLine(5.0, 0.2, 1.0, seq=seq), crc=False))
    disk.full = False
    bench.wait(2)
    counts = bench.device.snapshot().counts
    assert (counts.received, counts.lost, counts.completeness) == (5, 5, 0.5)
    texts = [event.text for write in disk.writes for event in write.events]
    assert any("neither disk nor memory has room" in text for text in texts)


def test_a_commit_is_asked_for_once_for_half_a_memory_and_not_at_every_tick() -> None:
    class Nudged(Disk):
        nudges = 0

        def nudge(self) -> None:
            self.nudges += 1

    disk = Nudged()
    bench = Bench(disk)
    bench.hello(0, oldest=0)
    bench.lines(0)
    bench.device.durable(1, 0)
    bench.lines(*range(1, 60))
    for _ in range(100):
        bench.clock.us += 50_000
        bench.device.tick()
    assert disk.nudges == 1
