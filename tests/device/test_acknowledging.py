"""What is acknowledged to a board, and when."""

from __future__ import annotations

from services.device.device import Device
from services.errors import DatabaseError
from services.model import Restored
from services.settings import Settings
from services.wire.decoders import Hello, ReadingLine, encode_hello, encode_reading
from tests.device.test_hostile_wires import Disk, HandClock


def test_a_board_that_falls_silent_after_its_first_readings_is_acknowledged_all_the_same() -> None:
    """It never says whether it holds anything from before: after the last question in vain the wait is over."""
    clock, disk = HandClock(), Disk()
    device = Device("lab", "socket://nowhere", Settings(), disk, clock)  # type: ignore[arg-type]
    device.opened()
    device.received(encode_hello(Hello(1, "1.0", "lab", 1, 100.0, 96, 10)))
    for seq in range(10, 13):
        device.received(encode_reading(ReadingLine(5.0, 0.2, 1.0, seq=seq, ms=seq * 100), crc=True))
    said = b""
    for _ in range(1_000):  # 30 s
        clock.us += 30_000
        said += device.tick()
        if disk.ack is not None:
            device.durable(*disk.ack)
    assert disk.ack == (1, 12)
    assert b'{"ack":12,"boot":1' in said


class Unreadable(Disk):
    def restored(self, device: str) -> Restored | None:
        raise DatabaseError("the database cannot be read now")


def test_a_database_that_cannot_be_read_costs_no_reading_and_its_boots_are_never_mixed_up() -> None:
    for level in (0, 1):
        clock, disk = HandClock(), Unreadable()
        device = Device("lab", "socket://nowhere", Settings(), disk, clock)  # type: ignore[arg-type]
        device.opened()
        if level:
            device.received(encode_hello(Hello(1, "1.0", "lab", 1, 100.0, 96, 10)))
        for seq in range(10, 15):
            device.received(encode_reading(ReadingLine(5.0, 0.2, 1.0, seq=seq, ms=seq * 100), crc=bool(level)))
        assert [seq for _, seq in disk.rows] == [10, 11, 12, 13, 14]
        assert {boot for boot, _ in disk.rows} == {clock.us // 1_000_000 + 1}
