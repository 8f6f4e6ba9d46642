"""The account of sequence numbers: what came, what is missing, what came twice."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.device.sequence import (
    LATE_S,
    MAX_JUMP,
    MAX_MISSING,
    MAX_TRIES,
    NAK_AFTER_S,
    RTO_MOST_S,
    WIRE,
    GapTrack,
    Offered,
    SequenceTracker,
    Verdict,
)
from services.model import GapState


def tracker(*, retransmits: bool = True, buffer: int | None = 1000, first: int | None = 0) -> SequenceTracker:
    return SequenceTracker(retransmits=retransmits, buffer=buffer, first=first)


def offer(to: SequenceTracker, *numbers: int, again: int = 0, now_s: float = 0.0) -> Offered:
    return to.offer(list(numbers), [again] * len(numbers), now_s)


def verdicts(answer: Offered) -> list[Verdict]:
    return [Verdict(value) for value in answer.verdict.tolist()]


def test_numbers_in_order_are_accepted_and_acknowledged() -> None:
    board = tracker()
    assert verdicts(offer(board, 0, 1, 2)) == [Verdict.ACCEPTED] * 3
    assert board.ack == 2


def test_a_gap_is_asked_for_after_a_quarter_second() -> None:
    board = tracker()
    offer(board, 0, 1, 4)
    assert board.ack == 1
    assert board.poll(NAK_AFTER_S - 0.01) == []
    assert board.poll(NAK_AFTER_S + 0.01) == [2, 3]


def test_a_gap_is_asked_for_after_two_further_readings() -> None:
    board = tracker()
    offer(board, 0, 2)
    assert board.poll(0.0) == []
    offer(board, 3, 4)
    assert board.poll(0.0) == [1]


def test_what_was_asked_for_is_recovered_and_closes_its_gap() -> None:
    board = tracker()
    offer(board, 0, 3)
    board.poll(1.0)
    assert verdicts(offer(board, 1, 2, again=1, now_s=1.1)) == [Verdict.RECOVERED] * 2
    assert board.take_changed() == [GapTrack(1, 2, missing=0, recovered=2)]
    assert board.ack == 3


def test_silence_is_answered_by_five_tries_then_lost() -> None:
    board = tracker()
    offer(board, 0, 2)
    asked = 0
    for step in range(1_000):
        asked += len(board.poll(step * 0.1))
    assert asked == MAX_TRIES
    assert (board.missing, board.ack) == (0, 2)
    (gap,) = board.take_changed()
    assert (gap.state, gap.lost) == (GapState.LOST, 1)


def test_a_lost_number_that_comes_after_all_is_taken() -> None:
    board = tracker()
    offer(board, 0, 3)
    board.gone([1, 2])
    assert verdicts(offer(board, 2, again=1)) == [Verdict.RECOVERED]
    assert verdicts(offer(board, 2, again=1)) == [Verdict.DUPLICATE]
    (gap,) = board.take_changed()
    assert (gap.recovered, gap.lost) == (1, 1)


def test_a_number_that_came_already_is_a_duplicate() -> None:
    board = tracker()
    offer(board, 0, 1, 2)
    assert verdicts(offer(board, 1, 2)) == [Verdict.DUPLICATE] * 2


def test_the_count_rolls_over_without_a_gap() -> None:
    board = tracker(first=WIRE - 2)
    answer = offer(board, WIRE - 2, WIRE - 1, 0, 1)
    assert answer.seq.tolist() == [WIRE - 2, WIRE - 1, WIRE, WIRE + 1]
    assert (verdicts(answer), board.missing) == ([Verdict.ACCEPTED] * 4, 0)


def test_a_gap_is_counted_once_when_numbers_roll_over() -> None:
    board = tracker(first=WIRE - 2)
    offer(board, WIRE - 2, 1)
    assert [(gap.first, gap.last) for gap in board.take_changed()] == [(WIRE - 1, WIRE)]
    assert board.poll(1.0) == [WIRE - 1, 0]


def test_a_wild_jump_is_not_believed_until_two_more_continue() -> None:
    board = tracker()
    offer(board, 0, 1)
    far = 50_000
    assert verdicts(offer(board, far)) == [Verdict.HELD]
    assert verdicts(offer(board, far + 1)) == [Verdict.HELD]
    answer = offer(board, far + 2)
    assert (verdicts(answer), answer.released) == ([Verdict.ACCEPTED], 2)
    assert board.expected == far + 3


def test_a_single_wild_jump_opens_no_gap() -> None:
    board = tracker()
    offer(board, 0, 1, 2 + MAX_JUMP * 9)
    answer = offer(board, 2, 3)
    assert (verdicts(answer), answer.discarded, board.missing) == ([Verdict.ACCEPTED] * 2, 1, 0)


def test_of_a_gap_longer_than_the_board_s_memory_only_what_it_can_hold_is_asked_for() -> None:
    board = tracker(buffer=48)
    offer(board, 0, 1000)
    (gap,) = board.take_changed()
    assert (gap.missing, gap.lost) == (48, 951)


def test_memory_is_bounded_whatever_the_gap() -> None:
    board = tracker(retransmits=False, buffer=None)
    offer(board, 0)
    offer(board, 3_000_000, 3_000_001, 3_000_002)
    assert board.missing == MAX_MISSING


def test_after_a_hello_everything_before_its_number_is_expected() -> None:
    board = tracker(first=None)
    board.announce(5, 0.0)
    offer(board, 5, 6)
    board.announce(9, 1.0)
    assert (board.missing, board.expected) == (2, 9)


def test_what_the_board_held_before_we_knew_it_is_taken() -> None:
    board = tracker(first=None)
    board.announce(500, 0.0)
    offer(board, 500)
    assert verdicts(offer(board, 100, again=1)) == [Verdict.RECOVERED]
    assert board.missing == 399
    assert verdicts(offer(board, *range(101, 500), again=1)) == [Verdict.RECOVERED] * 399
    assert (board.missing, board.ack) == (0, None)


def test_nothing_is_acknowledged_before_the_board_has_offered_what_it_holds() -> None:
    board = tracker(first=None)
    board.announce(500, 0.0)
    offer(board, 500)
    assert board.ack is None
    assert board.poll(0.5) == []
    assert board.poll(1.1) == [499]
    assert verdicts(offer(board, 499, again=1, now_s=1.2)) == [Verdict.RECOVERED]
    assert board.poll(1.3) == []
    assert board.poll(2.5) == [498]
    board.gone([498])
    assert board.ack == 500


def test_a_board_that_does_not_say_what_it_held_is_acknowledged_after_five_tries() -> None:
    board = tracker(first=None)
    board.announce(500, 0.0)
    offer(board, 500)
    assert sum(len(board.poll(step * 0.5)) for step in range(60)) == MAX_TRIES
    assert board.ack == 500


def test_while_the_board_offers_it_is_not_asked() -> None:
    board = tracker(first=None)
    board.announce(10, 0.0)
    offer(board, 10)
    offer(board, 0, again=1, now_s=0.1)
    assert board.poll(0.9) == []
    assert board.poll(1.2) == [*range(1, 10), WIRE - 1]  # and whether there is one before the first


def test_after_a_restart_holes_of_open_gaps_are_asked_for_and_others_are_known() -> None:
    board = tracker(first=None)
    board.restore(9, [(0, 2), (5, 6), (8, 9)], [GapTrack(3, 4, missing=2)], 0.0)
    assert (board.missing, board.expected, board.ack) == (2, 10, 2)
    assert verdicts(offer(board, 10)) == [Verdict.ACCEPTED]
    assert verdicts(offer(board, 5, 3, again=1)) == [Verdict.DUPLICATE, Verdict.RECOVERED]


def test_level_0_takes_a_late_number_and_gives_the_others_up() -> None:
    board = tracker(retransmits=False, buffer=None)
    offer(board, 0, 3)
    assert verdicts(offer(board, 1)) == [Verdict.LATE]
    assert board.poll(LATE_S + 0.1) == []
    (gap,) = board.take_changed()
    assert (gap.recovered, gap.lost, gap.missing) == (1, 1, 0)


def test_level_0_that_counts_anew_is_a_reboot() -> None:
    board = tracker(retransmits=False, buffer=None)
    offer(board, *range(30))
    assert verdicts(offer(board, 0)) == [Verdict.HELD]
    assert offer(board, 1).reboot


def test_level_0_repetitions_are_no_reboot() -> None:
    board = tracker(retransmits=False, buffer=None)
    offer(board, *range(30))
    assert verdicts(offer(board, 29)) == [Verdict.DUPLICATE]
    assert verdicts(offer(board, 7)) == [Verdict.HELD]
    answer = offer(board, 30)
    assert (verdicts(answer), answer.repeated, answer.reboot) == ([Verdict.ACCEPTED], 1, False)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 10**9), st.integers(1, 150))
def test_whatever_is_dropped_swapped_and_repeated_the_account_is_true(first: int, seed: int, count: int) -> None:
    chance = Random(seed)
    board = tracker(first=first)
    wire = [(first + place) % WIRE for place in range(count)]
    arrivals = [number for number in wire if chance.random() > 0.2 for _ in range(1 + (chance.random() < 0.2))]
    for place in range(len(arrivals) - 1):
        if chance.random() < 0.2:
            arrivals[place], arrivals[place + 1] = arrivals[place + 1], arrivals[place]
    came: list[int] = []
    for now, number in enumerate(arrivals):
        answer = offer(board, number, now_s=now * 0.01)
        came += [seq for seq, kind in zip(answer.seq.tolist(), answer.verdict.tolist(), strict=True) if kind < Verdict.DUPLICATE]
    assert len(came) == len(set(came)) == len(set(arrivals))
    gaps = {gap.first: gap for gap in board.take_changed()}
    end_s = len(arrivals) * 0.01
    for step in range(400):
        board.poll(end_s + step * RTO_MOST_S / 4)
    gaps |= {gap.first: gap for gap in board.take_changed()}
    expected = (board.expected or 0) - first
    assert sum(gap.lost for gap in gaps.values()) == expected - len(came)
    assert board.missing == 0


def test_a_number_of_the_first_gap_that_comes_twice_counts_once() -> None:
    """A hello that announces 2 when 0 was expected says that 0 and 1 are missing, not that we begin at 2."""
    tracker = SequenceTracker(retransmits=True, buffer=96)
    tracker.expected = 0
    tracker.announce(2, 0.0)
    verdicts = [tracker.offer([seq], [again], 0.1).verdict.tolist() for seq, again in ((2, 0), (0, 1), (0, 1), (1, 1))]
    assert verdicts == [[Verdict.ACCEPTED], [Verdict.RECOVERED], [Verdict.DUPLICATE], [Verdict.RECOVERED]]
    assert tracker.missing == 0
    assert [(gap.first, gap.last, gap.missing) for gap in tracker.take_changed()] == [(0, 1, 0)]
