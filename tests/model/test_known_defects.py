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
        def __init__(self, kind: Kind | None = None, streamed_s: float = 0.0, skip: Iterable[str] = (LOCK,)) -> None:
            super().__init__(tmp_path, kind, streamed_s=streamed_s, skip=skip)
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
