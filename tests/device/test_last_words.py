"""Lines of the boot before that arrive after the next one's hello are told by their number and uptime together."""

from __future__ import annotations

from services.device.last_words import AWAITED_S
from tests.device.test_boot_identity import Bench, hello, line, running


def with_another(seq: int = 40) -> Bench:
    """A board that has come to 100 is gone, and another one has just said who it is."""
    bench = running()
    bench.say(hello(8, seq, board_id="other"))
    return bench


def test_an_overtaken_line_is_the_old_boots() -> None:
    bench = with_another()
    bench.lines(line(100))
    bench.lines(line(40, ms=5_000_000))
    assert bench.taken[-2:] == [(4, 100), (8, 40)]


def test_lines_of_both_in_one_piece_are_parted() -> None:
    bench = with_another()
    bench.lines(line(40, ms=5_000_000), line(100), line(41, ms=5_000_100), line(101))
    assert sorted(bench.taken[-4:]) == [(4, 100), (4, 101), (8, 40), (8, 41)]


def test_the_first_lines_of_a_board_that_restarted_are_its_own() -> None:
    bench = running()
    bench.say(hello(5, 0))
    bench.lines(line(0), line(1), line(2))
    assert bench.taken[-3:] == [(5, 0), (5, 1), (5, 2)]


def test_a_number_that_the_old_boot_has_said_already_is_not_its_last_word() -> None:
    bench = with_another(seq=99)
    bench.lines(line(99, ms=9_900))
    assert bench.taken[-1] == (8, 99)


def test_an_uptime_that_does_not_go_with_the_number_is_not_the_old_boots() -> None:
    bench = with_another()
    bench.lines(line(100, ms=5_006_000))
    assert (4, 100) not in bench.taken


def test_after_a_while_and_after_a_new_connection_none_is_awaited() -> None:
    late, reconnected = with_another(), with_another()
    late.now_s += AWAITED_S + 0.1
    reconnected.identity.connected()
    for bench in (late, reconnected):
        bench.lines(line(100))
        assert (4, 100) not in bench.taken


def test_a_board_of_which_nothing_came_but_its_hello_takes_no_lines_from_the_next_one() -> None:
    bench = Bench()
    bench.say(hello(4, 0))
    bench.say(hello(4, 0, board_id="other"))
    for n in range(40):
        bench.now_s += 0.1
        bench.lines(line(n, ms=5_000_000 + 100 * n))
    assert [boot for boot, _ in bench.taken] == [5] * 40
