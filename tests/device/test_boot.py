"""Lines of one boot become columns: numbers, times, and what each reading stands for."""

from __future__ import annotations

from services.device.boot import Boot
from services.device.sequence import SequenceTracker
from services.wire.decoders import ReadingLine

NOW_US = 1_700_000_000_000_000


def line(seq: int, re: int = 0) -> ReadingLine:
    return ReadingLine(5.0, 0.2, 1.0, seq=seq, ms=seq * 100, re=re)


def greeted(seq: int) -> Boot:
    boot = Boot(1, SequenceTracker(retransmits=True, buffer=96), wire=1)
    boot.tracker.greet(seq, max(0, seq - 96), 0.0)
    return boot


def test_retransmissions_wait_for_the_first_live_line_which_tells_the_boards_clock() -> None:
    boot = greeted(10)
    assert len(boot.take([line(8, 1), line(9, 1)], NOW_US, 0.0).readings) == 0
    taken = boot.take([line(10)], NOW_US + 1000, 0.1)
    assert taken.readings.seq.tolist() == [10, 8, 9]
    assert taken.readings.time_us.tolist() == [NOW_US + 1000, NOW_US + 1000 - 200_000, NOW_US + 1000 - 100_000]


def test_the_first_live_line_tells_the_clock_even_when_its_number_is_doubted() -> None:
    boot = greeted(10)
    boot.take([line(8, 1), line(9, 1)], NOW_US, 0.0)
    doubted = ReadingLine(5.0, 0.2, 1.0, seq=4_000_000, ms=1000)
    taken = boot.take([doubted], NOW_US + 1000, 0.1)
    assert taken.readings.seq.tolist() == [8, 9]
    assert taken.readings.time_us.tolist() == [NOW_US + 1000 - 200_000, NOW_US + 1000 - 100_000]


def test_a_reading_stands_for_the_time_since_the_one_before_it_else_for_one_interval() -> None:
    boot = greeted(0)
    boot.interval_us, boot.interval_known = 100_000.0, True
    holds = boot.take([line(0), line(1), line(2), line(5), line(6)], NOW_US, 0.0).readings.hold_us.tolist()
    assert holds == [100_000] * 5
    slow = ReadingLine(5.0, 0.2, 1.0, seq=7, ms=850)
    late = ReadingLine(5.0, 0.2, 1.0, seq=8, ms=5000)
    assert boot.take([slow, late], NOW_US + 10_000_000, 5.0).readings.hold_us.tolist() == [250_000, 100_000]
