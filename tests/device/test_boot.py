"""Lines of one boot become columns: numbers, times, and what each reading stands for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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


def test_retransmissions_among_live_readings_stand_for_their_own_time_though_the_interval_is_another_now() -> None:
    boot = greeted(100)  # it measured ten a second until now
    boot.interval_us, boot.interval_known = 500_000.0, True  # and was told to measure two
    batches = [boot.take([line(seq, 1) for seq in range(60, 63)], NOW_US, 0.0), boot.take([line(100)], NOW_US + 1000, 0.1)]
    for number, first in enumerate(range(63, 99, 3)):
        live = ReadingLine(5.0, 0.2, 1.0, seq=101 + number, ms=10_000 + 500 * (number + 1))
        lines = [*(line(seq, 1) for seq in range(first, first + 3)), live]
        batches.append(boot.take(lines, NOW_US + 1000 + 500_000 * (number + 1), 0.6 + number / 2))
    rows = [pair for each in batches for pair in zip(each.readings.seq.tolist(), each.readings.hold_us.tolist(), strict=True)]
    holds = dict(rows)
    assert {seq: hold for seq, hold in holds.items() if seq < 99} == dict.fromkeys(range(60, 99), 100_000)
    assert {seq: hold for seq, hold in holds.items() if seq > 100} == dict.fromkeys(range(101, 113), 500_000)


@given(st.permutations(range(12)), st.lists(st.integers(1, 5), max_size=12), st.sampled_from([50_000, 100_000, 500_000]))
def test_in_whatever_order_and_helpings_they_come_no_reading_stands_for_more_than_its_time(
    order: list[int], helpings: list[int], interval_us: int
) -> None:
    boot = greeted(50)
    boot.interval_us, boot.interval_known = float(interval_us), True
    boot.take([line(50)], NOW_US, 0.0)
    rest, at_s = [20 + one for one in order], 0.0
    held: dict[int, int] = {}
    for size in (*helpings, 12):
        part, rest, at_s = rest[:size], rest[size:], at_s + 0.01
        if part:
            found = boot.take([line(seq, 1) for seq in part], NOW_US + round(at_s * 1e6), at_s).readings
            held |= dict(zip(found.seq.tolist(), found.hold_us.tolist(), strict=True))
    assert set(held) == set(range(20, 32))
    if interval_us <= 100_000 or not helpings:  # elsewhere one that comes alone is held to the interval that is stated
        assert all(hold <= 100_000 for hold in held.values())
