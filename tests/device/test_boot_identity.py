"""Whose are these lines? What the board says of itself, held against its count and its clock."""

from __future__ import annotations

from services.device.boot_identity import NEVER_S, Begin, BoardIdentity, Drop, Step, Take, Welcome
from services.device.columns import Line
from services.device.count_and_clock import clock_fits
from services.model import Gap, GapState, Identity, Reason, Restored, StoredRun
from services.wire.decoders import BadReading, Hello, ReadingLine

NOW_US = 1_700_000_000_000_000


def hello(boot: int, seq: int, oldest: int | None = None, board_id: str = "bench") -> Hello:
    return Hello(1, "1.0", board_id, boot, 100.0, 96, seq, oldest=max(0, seq - 96) if oldest is None else oldest)


def line(seq: int, ms: int | None = None, re: int = 0, crc: str | None = "0000") -> ReadingLine:
    return ReadingLine(5.0, 0.2, 1.0, seq=seq, ms=seq * 100 if ms is None else ms, re=re, crc=crc)


def run_of(boot: int = 4, last_seq: int = 1000, board_id: str = "bench", **more: object) -> StoredRun:
    gap = Gap("bench", boot, last_seq - 9, last_seq - 5, NOW_US - 900_000, NOW_US - 500_000, GapState.OPEN)
    identity = Identity(board_id, boot, last_seq * 100)
    return StoredRun(boot, identity, last_seq, NOW_US, 0, (gap,), **more)  # type: ignore[arg-type]


class Bench:
    """An identity with a clock; does what the device does with the steps."""

    def __init__(self, *runs: StoredRun) -> None:
        self.identity = BoardIdentity()
        self.identity.boots.recall(Restored(runs, max((run.boot for run in runs), default=0)))
        self.now_s = 1_000.0
        self.taken: list[tuple[int, int]] = []  # boot and number of every line
        self.dropped: list[int | None] = []
        self.ended: list[Gap] = []
        self.boots: list[int] = []

    @property
    def now_us(self) -> int:
        return NOW_US + round((self.now_s - 1_000.0) * 1e6)

    def say(self, what: Hello) -> None:
        self._do(self.identity.on_hello(what, self.now_us, self.now_s))

    def lines(self, *lines: Line, sealed: bool = True) -> None:
        self._do(self.identity.on_lines(list(lines), sealed, self.now_us, self.now_s))

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self._do(self.identity.on_tick(self.now_us, self.now_s))

    def ask(self) -> None:
        """The board is asked who it is."""
        self.identity.asked_s = self.now_s

    def _do(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, Begin):
                self.identity.boot = step.boot
                self.identity.boots.speaks(step.boot)
                self.ended += self.identity.boots.end_stored(None)
                self.boots.append(step.boot.number)
            if isinstance(step, Drop):
                self.dropped += [line.seq for line in step.lines]
                continue
            boot = (isinstance(step, Take) and step.over) or self.identity.boot
            assert boot is not None
            if isinstance(step, Welcome):
                boot.greet(step.hello, self.now_s)
                boot.tracker.greet(step.hello.seq, step.hello.oldest, self.now_s, offers=step.offers)
            elif isinstance(step, Take):
                taken = boot.take(step.lines, self.now_us, self.now_s)
                self.taken += [(boot.number, seq) for seq in taken.readings.seq.tolist()]


def running(seq: int = 100, boot: int = 4) -> Bench:
    """A board that was met at its start and has come so far."""
    bench = Bench()
    bench.say(hello(boot, 0))
    for number in range(seq):
        bench.now_s += 0.1
        bench.lines(line(number))
    return bench


# --- the first meeting


def test_a_board_whose_live_lines_come_before_its_hello_keeps_them_waiting() -> None:
    bench = Bench()
    bench.lines(line(50), line(51))
    assert bench.taken == []
    bench.say(hello(4, 52, oldest=10))
    assert bench.taken == [(4, 50), (4, 51)]
    assert bench.identity.boot is not None
    assert (bench.identity.boot.tracker.begin, bench.identity.boot.tracker.ack) == (10, None)


def test_lines_of_an_earlier_connection_are_not_those_of_a_board_that_is_met_on_the_next_one() -> None:
    bench = Bench()
    bench.lines(line(0), line(1))
    bench.identity.connected()
    bench.now_s += 1
    bench.say(hello(8, 2, oldest=0))
    bench.lines(line(2))
    assert (bench.taken, bench.dropped) == ([(8, 2)], [0, 1])


def test_a_line_of_the_boot_before_does_not_open_a_gap_in_the_new_one() -> None:
    bench = Bench()
    bench.lines(line(942))
    bench.say(hello(8, 0))
    bench.lines(line(0), line(1))
    assert (bench.taken, bench.dropped) == ([(8, 0), (8, 1)], [942])


def test_a_board_that_never_says_who_it_is_is_read_as_it_is() -> None:
    bench = Bench()
    bench.lines(line(5), line(6))
    bench.wait(NEVER_S - 1)
    assert bench.taken == []
    bench.wait(2)
    assert [seq for _, seq in bench.taken] == [5, 6]
    bench.lines(line(7))
    assert [seq for _, seq in bench.taken] == [5, 6, 7]


def test_a_hello_that_comes_very_late_takes_the_account_over() -> None:
    bench = Bench()
    for number in range(120):
        bench.lines(line(number))
        bench.wait(0.1)
    bench.say(hello(4, 120, oldest=30))
    bench.lines(line(120))
    assert bench.boots == [1]
    assert [seq for _, seq in bench.taken] == list(range(121))
    boot = bench.identity.boot
    assert boot is not None and (boot.wire, boot.board_id, boot.tracker.retransmits) == (4, "bench", True)


# --- the same board again


def test_the_boot_that_the_database_knows_goes_on_where_it_stood() -> None:
    bench = Bench(run_of())
    bench.say(hello(4, 1005, oldest=950))
    assert bench.taken == []  # the first live line tells whether it is
    bench.lines(line(1005))
    boot = bench.identity.boot
    assert boot is not None and (boot.number, boot.wire, boot.durable, boot.tracker.expected) == (4, 4, 990, 1006)
    assert (bench.taken, bench.ended) == ([(4, 1005)], [])


def test_without_a_live_line_the_boards_word_decides() -> None:
    bench = Bench(run_of())
    bench.say(hello(4, 1001))
    bench.wait(5)
    assert bench.boots == [4]


def test_of_an_older_database_the_boot_number_is_enough() -> None:
    bench = Bench(run_of(board_id=""))
    bench.say(hello(4, 1005))
    bench.lines(line(1005))
    assert bench.boots == [4]


def test_a_cable_that_was_out_changes_nothing() -> None:
    bench = running()
    bench.identity.connected()
    bench.wait(20)
    bench.say(hello(4, 300))
    bench.lines(line(300))
    assert bench.boots == [4]


def test_a_hello_that_was_overtaken_by_live_lines_changes_nothing() -> None:
    bench = running()
    bench.ask()
    bench.say(hello(4, 98))
    bench.lines(line(100))
    assert (bench.boots, bench.taken[-1]) == ([4], (4, 100))


def test_a_clock_that_leaps_back_is_no_new_boot() -> None:
    bench = running()
    bench.now_s += 0.1
    bench.lines(line(100, ms=3_000))
    assert bench.taken[-1] == (4, 99)  # it waits: the board is asked
    bench.ask()
    bench.say(hello(4, 101))
    bench.lines(line(101, ms=3_100))
    assert (bench.boots, bench.taken[-2:]) == ([4], [(4, 100), (4, 101)])


def test_a_new_boot_number_whose_count_and_clock_go_on_is_the_same_account() -> None:
    bench = running()
    bench.say(hello(5, 100))
    bench.now_s += 0.1
    bench.lines(line(100))
    boot = bench.identity.boot
    assert boot is not None and (bench.boots, boot.number, boot.wire, bench.taken[-1]) == ([4], 4, 5, (4, 100))


# --- another board, or the same from the beginning


def test_a_new_boot_number_is_a_new_run_and_ends_what_was_on_its_way() -> None:
    bench = Bench(run_of())
    bench.say(hello(9, 3))
    bench.lines(line(3, ms=300))
    assert bench.boots == [9]
    assert [(gap.boot, gap.first, gap.last, gap.state) for gap in bench.ended] == [(4, 991, 995, GapState.LOST)]


def test_the_same_boot_number_whose_count_is_behind_is_a_run_of_its_own() -> None:
    bench = Bench(run_of())
    bench.say(hello(4, 10))
    assert bench.boots == [5]
    assert len(bench.ended) == 1


def test_a_board_whose_eeprom_was_erased_is_a_run_of_its_own_while_the_program_runs() -> None:
    bench = running()
    bench.identity.connected()
    bench.wait(60)
    bench.say(hello(4, 30))
    bench.lines(line(30))
    assert bench.boots == [4, 5]


def test_one_that_has_counted_past_the_old_count_is_found_by_its_clock() -> None:
    bench = running()
    bench.identity.connected()
    bench.wait(30)
    bench.say(hello(4, 250))  # 25 s: had it gone on, it would be at 400 and 40 s
    bench.lines(line(250))
    assert (bench.boots, bench.taken[-1]) == ([4, 5], (5, 250))


def test_another_board_under_the_same_number_is_a_run_of_its_own() -> None:
    bench = Bench(run_of())
    bench.say(hello(4, 1005, board_id="other"))
    bench.lines(line(1005))
    assert bench.boots == [5]


def test_a_boot_number_that_was_used_is_never_used_again() -> None:
    bench = Bench(run_of(boot=12))
    bench.say(hello(0, 3))
    assert bench.boots == [13]


def test_a_board_that_comes_back_after_another_goes_on() -> None:
    bench = running()
    bench.identity.connected()
    bench.say(hello(1, 7_000, board_id="other"))
    bench.lines(line(7_000))
    bench.identity.connected()
    bench.wait(5)
    bench.say(hello(4, 150))
    bench.lines(line(150))
    assert bench.boots == [4, 5, 4]


def test_lines_before_the_hello_that_the_new_boot_cannot_have_measured_are_the_old_ones() -> None:
    bench = running()
    bench.identity.connected()
    bench.lines(line(100), line(101))
    bench.say(hello(5, 0))
    bench.lines(line(0))
    assert bench.taken[-3:] == [(4, 100), (4, 101), (5, 0)]


def test_a_restart_whose_hello_was_lost_is_noticed_by_the_clock() -> None:
    bench = running()
    bench.now_s += 1
    bench.lines(line(3, ms=300))
    assert bench.identity.wanted
    bench.say(hello(5, 4))
    assert bench.taken[-1] == (5, 3)


def test_a_clock_behind_means_a_restart_but_a_retransmission_does_not() -> None:
    boot = running(600).identity.boot
    assert boot is not None
    assert clock_fits(boot, [line(600)], boot.heard_s)
    assert not clock_fits(boot, [line(2)], boot.heard_s)
    assert clock_fits(boot, [line(510, re=1)], boot.heard_s)
    assert clock_fits(boot, [line(2, ms=58_500)], boot.heard_s)
    assert not clock_fits(boot, [line(800)], boot.heard_s)
    assert clock_fits(boot, [line(800)], boot.heard_s + 20)


# --- level 0


def plain(seq: int | None) -> ReadingLine:
    return ReadingLine(5.0, 0.2, 1.0, seq=seq)


def test_level_0_goes_on_when_its_count_does() -> None:
    stored = StoredRun(4, Identity("", None), 1000, NOW_US, 0)
    for first, boot in ((1003, 4), (3, 5), (None, 5)):
        bench = Bench(stored)
        bench.lines(plain(first), sealed=False)
        assert bench.boots == [boot]


def test_a_level_0_board_on_the_port_of_a_level_1_board_is_read_after_a_while() -> None:
    bench = running()
    bench.identity.connected()
    bench.lines(plain(7), sealed=False)
    bench.wait(NEVER_S + 1)
    bench.lines(plain(8), sealed=False)
    assert (bench.boots, bench.taken[-2:]) == ([4, 5], [(5, 7), (5, 8)])


def test_a_reading_without_a_value_that_is_sent_again_says_nothing_of_the_boards_clock() -> None:
    bench = running()
    bench.wait(5)
    bench.lines(BadReading(Reason.MISSING_VALUE, "v is null", 60, 6_000, b"", re=1))
    assert not bench.identity.wanted
