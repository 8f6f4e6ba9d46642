"""The page looks at events and refused lines again when the version changes: readings alone must not change it."""

from __future__ import annotations

from services.device.device import Device
from services.settings import Settings
from services.wire.decoders import ReadingLine, encode_reading
from tests.device.test_hostile_wires import Disk, HandClock


def test_readings_leave_the_version_and_everything_else_moves_it() -> None:
    clock = HandClock()
    device = Device("lab", "socket://nowhere", Settings(), Disk(), clock)  # type: ignore[arg-type]
    device.opened()
    seq = 0

    def feed(data: bytes) -> int:
        clock.us += 100_000
        device.received(data)
        device.tick()
        return device.snapshot().version

    def line(v: float = 5.0) -> bytes:
        nonlocal seq
        seq += 1
        return encode_reading(ReadingLine(v, 0.2, 1.0, seq=seq), crc=False)

    feed(line())
    quiet = feed(line())
    assert [feed(line()) for _ in range(20)] == [quiet] * 20
    versions = [quiet, feed(b"rubbish\n"), feed(line(v=99.0))]
    seq += 1  # one is missing
    versions.append(feed(line()))
    assert versions == sorted(set(versions))
