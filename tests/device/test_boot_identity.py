"""Which boot a board's lines belong to."""

from __future__ import annotations

from services.device.boot import Boot
from services.device.boot_identity import boot_of, boot_of_level_0, next_of_level_0, ran_backwards
from services.device.sequence import SequenceTracker
from services.model import Restored
from services.wire.decoders import Hello, ReadingLine

NOW_US = 1_700_000_000_000_000


def hello(boot: int, seq: int) -> Hello:
    return Hello(1, "1.0", "bench", boot, 100.0, 96, seq)


def stored(boot: int = 4, last_seq: int = 1000, highest_boot: int = 4) -> Restored:
    return Restored(boot, last_seq, NOW_US, ((900, last_seq),), (), highest_boot)


def test_the_boot_that_the_database_knows_goes_on_where_it_stood() -> None:
    boot = boot_of(hello(4, 1005), stored(), None, 0.0)
    assert (boot.number, boot.wire, boot.durable, boot.last_us) == (4, 4, 1000, NOW_US)
    assert boot.tracker.expected == 1001


def test_a_known_number_whose_count_is_behind_is_another_boot() -> None:
    boot = boot_of(hello(4, 1000), stored(), None, 0.0)
    assert (boot.number, boot.wire, boot.durable) == (5, 4, None)


def test_a_boot_number_that_was_used_is_never_used_again() -> None:
    """A board whose EEPROM was erased counts its boots from 0 again."""
    assert boot_of(hello(0, 3), stored(), None, 0.0).number == 5
    assert boot_of(hello(9, 3), stored(), None, 0.0).number == 9
    running = Boot(12, SequenceTracker(retransmits=True), wire=0)
    assert boot_of(hello(1, 3), stored(), running, 0.0).number == 13


def test_level_0_goes_on_when_its_count_does() -> None:
    assert boot_of_level_0(1003, stored(), None, 0.0).number == 4
    assert boot_of_level_0(3, stored(), None, 0.0).number == 5
    assert boot_of_level_0(None, stored(), None, 0.0).number == 5
    assert boot_of_level_0(3, None, None, 0.0).number == 1


def test_level_0_that_counts_anew_begins_the_next_boot_not_before_the_old_ones_end() -> None:
    old = Boot(2, SequenceTracker(retransmits=False), wire=None, last_us=NOW_US)
    assert (next_of_level_0(old).number, next_of_level_0(old).last_us) == (3, NOW_US)


def test_a_clock_and_a_count_that_are_behind_mean_a_restart_but_a_retransmission_does_not() -> None:
    boot = Boot(1, SequenceTracker(retransmits=True), wire=1)
    boot.take([ReadingLine(5.0, 0.2, 1.0, seq=seq, ms=seq * 100) for seq in range(500, 600)], NOW_US, 0.0)
    assert not ran_backwards(boot, [ReadingLine(5.0, 0.2, 1.0, seq=600, ms=60_000)])
    assert ran_backwards(boot, [ReadingLine(5.0, 0.2, 1.0, seq=2, ms=200)])
    assert not ran_backwards(boot, [ReadingLine(5.0, 0.2, 1.0, seq=510, ms=51_000, re=1)])
    assert not ran_backwards(boot, [ReadingLine(5.0, 0.2, 1.0, seq=2, ms=58_500)])
