"""Stories that were told wrongly once, played again. Letters and numbers are those of the table in README.md beside this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.model.board import Kind
from tests.model.program import by_hand
from tests.model.world import World

LOCK = "no SQL under the lock"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[type[World]]:
    worlds: list[World] = []

    class Bench(World):
        def __init__(
            self, kind: Kind | None = None, streamed_s: float = 0.0, skip: Iterable[str] = (LOCK,), seed: int = 0
        ) -> None:
            super().__init__(tmp_path, kind, streamed_s=streamed_s, skip=skip, seed=seed)
            worlds.append(self)

    with by_hand():
        yield Bench
        for world in worlds:
            world.kill()


def test_a_board_that_streamed_before_the_program_came_is_acknowledged_only_what_has_arrived(bench: type[World]) -> None:
    """A"""
    world = bench(Kind(ring=4096, offers_per_s=100, interval_ms=50), streamed_s=25)
    world.start()
    world.settle()


def test_a_restart_in_a_half_lost_gap_counts_no_loss_twice(bench: type[World]) -> None:
    """C"""
    world = bench()
    world.start()
    world.wait(5)
    world.fault("host", "lost", "again", 100)
    world.fault("host", "lost", "gone", 3)
    world.cable_out(20)
    world.wait(3)
    world.kill_for(0)
    world.wait(1)
    world.check()
    world.settle()


def test_holes_in_an_offer_are_asked_for_before_the_board_overwrites_them(bench: type[World]) -> None:
    """D"""
    world = bench(Kind(ring=240, interval_ms=50))
    world.start()
    world.wait(5)
    world.cable_out(1)
    world.fault("host", "lost", "again", 30)
    world.wait(0.5)
    for _ in range(30):  # live readings that come again must not put the asking off
        world.fault("host", "lost", "reading", 1)
        world.wait(0.5)
    world.settle()


def test_a_new_boot_that_keeps_its_memory_goes_on_with_the_same_account(bench: type[World]) -> None:
    """E, the first half"""
    world = bench()
    world.start()
    world.wait(5)
    world.new_boot_keeps_memory()
    world.wait(3)
    world.settle()


def test_a_late_line_of_the_old_boot_makes_no_losses(bench: type[World]) -> None:
    """E, the second half"""
    world = bench()
    world.start()
    world.wait(5)
    world.overtaken(1, 200)
    world.wait(0.1)
    world.restart_board()
    world.wait(1)
    world.settle()


@pytest.mark.parametrize("numbers", [True, False])
def test_bursts_cost_no_coverage_and_no_energy(bench: type[World], numbers: bool) -> None:
    """1"""
    world = bench(Kind(level=0, numbers=numbers, interval_ms=50))
    world.bursts(600)
    world.start()
    world.wait(30)
    world.settle()


@pytest.mark.parametrize("kind", ["range", "overflow"])
def test_a_reading_out_of_range_is_stored_with_its_mark(bench: type[World], kind: str) -> None:
    """2"""
    world = bench()
    world.start()
    world.wait(2)
    world.strange_reading(kind)
    world.settle()


def test_an_erased_eeprom_and_a_restart_of_the_program_store_nothing_twice(bench: type[World]) -> None:
    """3"""
    world = bench(Kind(boot=7))
    world.start()
    world.wait(3)
    world.restart_board(0)
    world.wait(3)
    world.stop_for(0)
    world.wait(1)
    world.check()
    world.settle()


def test_a_board_whose_boot_number_comes_again_hides_no_loss(bench: type[World]) -> None:
    """3, the other order: the erased board's numbers are beyond those stored under the same boot number."""
    world = bench(Kind(boot=7))
    world.start()
    world.wait(3)
    world.restart_board(1)
    world.wait(3)
    world.stop()
    world.restart_board(8)
    world.wait(50)
    world.start()
    world.wait(1)
    world.check()
    world.settle()


def test_a_reading_that_found_no_place_in_memory_comes_again(bench: type[World]) -> None:
    """4"""
    world = bench()
    world.start()
    world.wait(3)
    world.bound_backlog(10)
    world.pause_commits(True)
    world.wait(3)
    world.settle()


def test_a_gap_of_a_boot_that_is_over_ends_when_both_sides_restart(bench: type[World]) -> None:
    """5"""
    world = bench()
    world.start()
    world.wait(3)
    world.fault("host", "lost", "reading", 3)
    world.fault("host", "lost", "again", 100)
    world.wait(1.2)
    world.kill()
    world.restart_board()
    world.start()
    world.wait(3)
    world.settle()


def test_nothing_asks_the_database_under_the_lock_of_a_device(bench: type[World]) -> None:
    """7"""
    world = bench(skip=())
    world.start()
    world.wait(2)
    world.settle()


def test_while_numbers_are_outstanding_it_does_not_say_100_percent(bench: type[World]) -> None:
    """11: 100 % is not said while numbers are outstanding."""
    world = bench(Kind(ring=4096, offers_per_s=100, interval_ms=50), streamed_s=25)
    world.start()
    world.wait(0.5)
    world.check()
    world.settle()


def test_what_a_board_that_is_over_may_never_have_held_is_no_loss(bench: type[World]) -> None:
    """It does not say `oldest`, and is gone before it said of any number that it does not hold it."""
    world = bench(Kind(ring=0, claims=10**7, says_oldest=False, interval_ms=50))
    world.start()
    world.fault("host", "lost", "gone", 1_000)
    world.wait(3)
    world.kill()
    world.restart_board()
    world.start()
    world.settle()


@pytest.mark.parametrize("ahead", [3_000_000, 2**31 + 5, -30_000])
@pytest.mark.parametrize("away_s", [0, 1])
def test_a_wrong_number_as_the_first_word_at_level_0_makes_no_losses_and_hides_none(
    bench: type[World], ahead: int, away_s: float
) -> None:
    """Nothing continues from it: the count before it goes on."""
    world = bench(Kind(level=0, first_seq=1_000))
    world.start()
    world.wait(2)
    world.stop_for(away_s)
    world.wild_number(ahead)
    world.wait(5)
    world.check()
    world.settle()


def test_a_late_line_of_the_board_before_is_its_own_though_the_next_one_has_said_who_it_is(bench: type[World]) -> None:
    """14"""
    world = bench(Kind(interval_ms=500))
    world.start()
    world.overtaken(3, 60)
    world.restart_board(2)
    world.wait(1)
    world.swap_board(1, 40)
    world.wait(1)
    world.check()
    world.settle()


def test_late_lines_whose_numbers_lie_just_below_the_new_0_are_those_of_the_boot_before(bench: type[World]) -> None:
    """14, where the new board does not say what it holds."""
    world = bench(Kind(says_oldest=False, first_seq=2**32 - 60, boot=0), seed=36_517)
    world.start()
    world.overtaken(3, 300)
    world.wait(0.3)
    world.restart_board(1)
    world.wait(1)
    world.check()
    world.settle()


def test_what_the_system_kept_of_a_board_while_the_machine_slept_is_not_the_next_boards(bench: type[World]) -> None:
    """15: its lines arrive in one piece with the hello of the board that has taken its place."""
    world = bench()
    world.start()
    world.wait(3)
    world.bound_backlog(10)
    world.cable_out(40)
    world.suspend(2)
    world.swap_board(7, 2_000)
    world.wait(1)
    world.check()
    world.settle()


@pytest.mark.parametrize("seconds", [3_600, -3_600, 30])
def test_a_clock_that_is_set_while_the_cable_is_out_makes_no_new_boot(bench: type[World], seconds: float) -> None:
    """16: how much time has passed is not known then, and is not held against the board."""
    world = bench()
    world.start()
    world.wait(1)
    world.cable_out(0.2)
    world.step_clock(seconds)
    world.wait(2)
    world.check()
    world.settle()


def test_a_board_that_is_read_without_its_hello_does_not_count_anew_when_it_sends_again(bench: type[World]) -> None:
    """17"""
    world = bench(Kind(first_ms=2**32 - 3_000), streamed_s=12)
    world.start()
    world.fault("host", "lost", "hello", 5)
    world.noise(0.4, 5)
    world.noise(0.4, 5)
    world.wait(1)
    world.check()
    world.settle()


def test_a_board_that_says_who_it_is_only_after_a_restart_of_the_program_is_stored_once(bench: type[World]) -> None:
    """17, over a restart."""
    world = bench(Kind(ring=4_096))
    world.start()
    world.fault("host", "lost", "hello", 1_000)
    world.wait(15)
    world.stop()
    world.heal()
    world.start()
    world.wait(5)
    world.check()
    world.settle()


def test_lines_that_wait_for_a_hello_are_outstanding(bench: type[World]) -> None:
    """18"""
    world = bench()
    world.start()
    world.wait(3)
    world.fault("host", "lost", "hello", 5)
    world.cable_out(0.3)
    world.wait(1)
    counts = world.program.device.snapshot().counts if world.program else None
    assert counts is not None and counts.waiting >= 10
    assert counts.completeness is not None and counts.completeness < 1
    world.settle()


def test_a_first_live_line_ahead_that_is_not_believed_yet_is_outstanding(bench: type[World]) -> None:
    """18: the number before it has not come."""
    world = bench(Kind(ring=1, interval_ms=500), streamed_s=1)
    world.start()
    world.wait(0.1)
    world.fault("host", "lost", "reading", 1)
    world.wait(1)
    world.check()
    world.settle()


def test_a_line_far_behind_before_the_first_hello_is_no_reading_of_that_board(bench: type[World]) -> None:
    """19: it would have taken the board fifty minutes to count from there to where its hello says it is."""
    world = bench(Kind(claims=10**7, says_oldest=False), streamed_s=25)
    world.wild_number(-30_000)
    world.settle()


def test_lines_of_a_board_that_nobody_has_met_are_not_those_of_the_next_one(bench: type[World]) -> None:
    """19, where the count of the one ends just below the 0 of the other."""
    world = bench(Kind(says_oldest=False, first_seq=2**32 - 60), seed=237)
    world.start()
    world.fault("host", "halved", "hello", 1)
    world.wait(1)
    world.restart_board()
    world.settle()


def test_lines_of_an_earlier_connection_do_not_take_the_numbers_of_a_new_board(bench: type[World]) -> None:
    """20"""
    world = bench()
    world.start()
    world.restart_board(1)
    world.fault("host", "halved", "hello", 5)
    world.wait(1)
    world.restart_board()
    world.cable_out(0.2)
    world.wait(1)
    world.check()
    world.settle()


def test_what_waits_from_an_earlier_connection_is_read_with_the_next_hello(bench: type[World]) -> None:
    """22: it is no sign that the board stands still."""
    world = bench(Kind(ring=1))
    world.start()
    world.wait(2)
    world.cable_out(40)
    world.fault("host", "lost", "hello", 1)
    world.wait(0.7)
    world.cable_out(12)
    world.wait(1)
    world.check()
    world.settle()


def test_a_young_board_that_restarts_while_the_machine_sleeps_is_a_new_boot(bench: type[World]) -> None:
    """23: that the clock was set is no proof that the board went on."""
    world = bench(Kind(interval_ms=50))
    world.start()
    world.wait(1)
    world.restart_board()
    world.suspend(600)
    world.wait(1)
    world.check()
    world.settle()


def test_a_restarted_board_whose_count_meets_the_old_one_is_not_taken_for_its_last_words(bench: type[World]) -> None:
    """24"""
    world = bench()
    world.start()
    world.restart_board()
    world.wait(1)
    world.restart_board()
    world.cable_out(1)
    world.settle()


def test_what_the_system_kept_while_the_machine_slept_before_the_first_hello_is_this_boards(bench: type[World]) -> None:
    """25"""
    world = bench(Kind(ring=96, claims=48))
    world.wait(0.3)
    world.start()
    world.strange_reading("null")
    world.suspend(600)
    world.settle()


def test_lines_of_another_board_from_before_a_sleep_are_not_the_old_ones(bench: type[World]) -> None:
    """26"""
    world = bench()
    world.start()
    world.wait(1)
    world.swap_board(7, 2000)
    world.cable_out(1)
    world.suspend(600)
    world.settle()
