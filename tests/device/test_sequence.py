"""The account of sequence numbers: what came, what is on its way, what is lost. The cells of the table in docs/protocol.md."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.device.asking import UNANSWERED
from services.device.sequence import BELIEVED, LATE_S, MAX_JUMP, NAK_AFTER_S, REFUSED_S, Offered, SequenceTracker, Verdict
from services.model import WIRE_NUMBERS as WIRE
from services.model import Gap, GapState

OPEN, RECOVERED, LOST, BEFORE = GapState.OPEN, GapState.RECOVERED, GapState.LOST, GapState.BEFORE


def tracker(*, retransmits: bool = True, buffer: int | None = 1000, first: int | None = 0) -> SequenceTracker:
    return SequenceTracker(retransmits=retransmits, buffer=buffer, first=first)


def met(seq: int, oldest: int | None, buffer: int = 1000, now_s: float = 0.0) -> SequenceTracker:
    """A board that was running when we met it."""
    board = tracker(buffer=buffer, first=None)
    board.greet(seq, oldest, now_s)
    return board


def offer(to: SequenceTracker, *numbers: int, again: int = 0, now_s: float = 0.0) -> Offered:
    return to.offer(list(numbers), [again] * len(numbers), now_s)


def verdicts(answer: Offered) -> list[Verdict]:
    return [Verdict(value) for value in answer.verdict.tolist()]


def fates(board: SequenceTracker) -> list[tuple[int, int, GapState]]:
    return [(first, last, state) for first, last, (state, _) in board.take_changed()]


def on_way(board: SequenceTracker) -> list[tuple[int, int]]:
    return [(first, last) for first, last, _ in board.on_way]


def asked(board: SequenceTracker, from_s: float, to_s: float) -> list[int]:
    """Everything that is asked for in that time."""
    return [seq for step in range(round((to_s - from_s) / 0.05)) for seq in board.poll(from_s + step * 0.05)]


# --- in order, ahead


def test_numbers_in_order_are_accepted_and_acknowledged() -> None:
    board = tracker()
    assert verdicts(offer(board, 0, 1, 2)) == [Verdict.ACCEPTED] * 3
    assert (board.ack, fates(board)) == (2, [])


def test_what_is_skipped_is_on_its_way_and_holds_the_acknowledgement_back() -> None:
    board = tracker()
    offer(board, 0, 1, 4)
    assert (board.ack, on_way(board), fates(board)) == (1, [(2, 3)], [(2, 3, OPEN)])


def test_a_gap_is_asked_for_after_a_quarter_second() -> None:
    board = tracker()
    offer(board, 0, 1, 4)
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
    assert (board.ack, fates(board)) == (3, [(1, 2, RECOVERED)])


def test_what_comes_late_without_being_asked_for_is_late() -> None:
    board = tracker()
    offer(board, 0, 3)
    assert verdicts(offer(board, 1)) == [Verdict.LATE]


def test_a_number_that_came_already_is_a_duplicate() -> None:
    board = tracker()
    offer(board, 0, 1, 2)
    assert verdicts(offer(board, 1, 2, again=1)) == [Verdict.DUPLICATE] * 2


def test_live_numbers_that_were_here_in_a_row_mean_that_the_board_may_count_anew() -> None:
    board = tracker()
    offer(board, *range(30))
    assert not offer(board, 4).restarted
    assert offer(board, 5).restarted


# --- nothing is lost without a fact


def test_silence_proves_nothing() -> None:
    board = tracker()
    offer(board, 0, 2)
    times = asked(board, 0.0, 3_600.0)
    assert set(times) == {1} and 100 <= len(times) <= 130  # ever more rarely, at most each 30 s
    assert (on_way(board), board.lost_here, board.ack) == ([(1, 1)], 0, 0)


def test_gone_is_a_fact() -> None:
    board = tracker()
    offer(board, 0, 3)
    board.gone([2], 1.0)
    assert (fates(board), board.ack, board.lost_here) == ([(1, 1, OPEN), (2, 2, LOST)], 0, 1)


def test_gone_before_the_number_is_measured_says_nothing() -> None:
    board = tracker()
    offer(board, 0, 1)
    board.gone([2, 3, 2**31 + 1], 0.1)
    assert verdicts(offer(board, 2, 3)) == [Verdict.ACCEPTED] * 2
    assert (board.lost_here, board.ack) == (0, 3)


def test_gone_of_a_number_that_came_changes_nothing() -> None:
    board = tracker()
    offer(board, 0, 1)
    board.gone([0], 0.1)
    assert (board.lost_here, board.ack) == (0, 1)


def test_a_board_cannot_hold_more_than_its_buffer() -> None:
    board = tracker(buffer=48)
    offer(board, 0, 1000)
    assert (on_way(board), board.lost_here, board.ack) == ([(953, 999)], 952, 952)
    offer(board, *range(1001, 1011))
    assert on_way(board) == [(963, 999)]


def test_a_board_without_memory_loses_what_is_skipped_at_once() -> None:
    board = tracker(buffer=0)
    offer(board, 0, 3)
    assert (on_way(board), board.lost_here, board.ack) == ([], 2, 3)


def test_an_oldest_in_a_hello_of_the_same_boot_is_a_fact() -> None:
    board = tracker()
    offer(board, *range(10))
    board.greet(100, 60, 1.0)
    assert (on_way(board), board.lost_here, board.ack) == ([(60, 99)], 50, 59)


def test_what_the_board_says_to_hold_after_all_is_on_its_way_again() -> None:
    board = tracker()
    offer(board, 0, 10)
    board.gone([3, 4], 0.5)
    board.greet(11, 4, 1.0)
    assert (on_way(board), board.lost_here) == ([(4, 9)], 3)


def test_the_end_of_a_boot_is_a_fact() -> None:
    board = tracker()
    offer(board, 0, 5)
    board.end()
    assert (fates(board), board.lost_here, board.ack) == ([(1, 4, LOST)], 4, 5)


def test_what_is_past_the_retention_is_lost() -> None:
    board = tracker()
    offer(board, 0, 5)
    board.new[0].t0_us, board.new[0].t1_us = 1_000, 2_000
    board.expire(1_500)
    assert board.lost_here == 0
    board.expire(2_001)
    assert board.lost_here == 4


def test_a_lost_number_that_comes_after_all_is_recovered() -> None:
    board = tracker()
    offer(board, 0, 4)
    board.gone([1, 2, 3], 0.5)
    assert verdicts(offer(board, 2, again=1)) == [Verdict.RECOVERED]
    assert verdicts(offer(board, 2, again=1)) == [Verdict.DUPLICATE]
    assert (fates(board), board.lost_here) == ([(1, 1, LOST), (2, 2, RECOVERED), (3, 3, LOST)], 2)


def test_what_we_had_no_room_for_is_on_its_way_again() -> None:
    board = tracker()
    offer(board, *range(10))
    board.refuse(4, 6, 0, 0, 0.0)
    assert (board.ack, board.poll(REFUSED_S - 0.1), board.poll(REFUSED_S + 0.3)) == (3, [], [4, 5, 6])
    assert verdicts(offer(board, 4, 5, 6, again=1, now_s=5.0)) == [Verdict.RECOVERED] * 3
    assert board.ack == 9


def test_what_could_not_be_handed_over_is_told_again_under_what_came_since() -> None:
    board = tracker()
    offer(board, 0, 4)
    taken = board.take_changed()
    board.poll(1.0)
    offer(board, 2, again=1, now_s=1.1)
    board.give_back(taken)
    assert fates(board) == [(1, 1, OPEN), (2, 2, RECOVERED), (3, 3, OPEN)]


# --- the first meeting


def test_the_account_begins_with_what_the_board_holds() -> None:
    board = met(500, 480)
    assert (board.begin, on_way(board), board.ack) == (480, [(480, 499)], None)


def test_what_the_board_held_before_the_meeting_is_late_not_recovered() -> None:
    board = met(500, 480)
    assert verdicts(offer(board, *range(480, 500), again=1)) == [Verdict.LATE] * 20
    assert (board.found, board.ack) == (0, 499)
    assert fates(board) == [(480, 499, BEFORE)], "what was never missing is no gap of the record, and none recovered"


def test_a_live_line_that_came_before_the_hello_is_no_late_one() -> None:
    board = met(500, 480)
    assert verdicts(offer(board, 498, 499)) == [Verdict.ACCEPTED] * 2


@pytest.mark.parametrize(("seq", "oldest"), [(500, 501), (500, 500 + 2**31 - 1), (500, 0), (500, 499 + 2**32 - 1000)])
def test_an_oldest_that_cannot_be_is_not_believed(seq: int, oldest: int) -> None:
    board = met(seq, oldest % WIRE, buffer=48)
    assert board.begin is not None and (seq - board.begin) % WIRE in (0, 48)
    offer(board, *range(seq, seq + 100))
    assert board.lost_here in (0, 48)


def test_a_buffer_of_ten_million_is_believed_up_to_a_hundred_thousand() -> None:
    board = met(20_000_000, 15_000_000, buffer=10_000_000)
    assert board.begin == 20_000_000 - BELIEVED
    assert len(board.poll(100.0)) == UNANSWERED
    offer(board, *range(20_000_000, 20_000_100))
    assert (board.lost_here, len(board.on_way)) == (0, 1)


def test_without_an_oldest_the_newest_of_what_it_may_hold_is_asked_for_and_gone_is_no_loss() -> None:
    board = met(500, None, buffer=48)
    assert board.begin == 452
    offer(board, 500)
    assert board.poll(1.0) == [499]
    board.gone([499], 1.1)
    assert (board.begin, board.ack, board.lost_here, fates(board)) == (500, 500, 0, [(452, 499, BEFORE)])


def test_without_an_oldest_what_lies_above_the_lowest_that_came_is_missed() -> None:
    board = met(500, None, buffer=48)
    offer(board, 500)
    offer(board, 495, 497, again=1, now_s=0.1)
    board.gone([496], 0.2)
    assert board.lost_here == 1
    board.gone([494], 0.3)
    assert (board.begin, board.lost_here) == (495, 1)


def test_without_an_oldest_and_near_zero_no_number_is_negative() -> None:
    board = met(10, None, buffer=48)
    assert (board.begin, board.expected) == (WIRE - 38, WIRE + 10)
    assert offer(board, 10).seq.tolist() == [WIRE + 10]


def test_an_earlier_number_moves_the_beginning_down_until_something_is_acknowledged() -> None:
    board = met(500, 500)
    assert verdicts(offer(board, 497, again=1)) == [Verdict.LATE]
    assert (board.begin, on_way(board)) == (497, [(498, 499)])
    board.fixed = True
    assert verdicts(offer(board, 490, again=1)) == [Verdict.DUPLICATE]


def test_a_hello_that_comes_twice_or_late_changes_nothing() -> None:
    board = met(500, 490)
    offer(board, *range(490, 500), again=1)
    offer(board, 500, 501)
    board.greet(500, 490, 1.0)
    board.greet(499, 489, 1.1)
    assert (board.ack, board.lost_here, board.expected) == (501, 0, 502)


# --- asking


def test_while_the_board_offers_only_holes_below_what_came_are_asked_for() -> None:
    board = met(100, 0)
    offer(board, 0, 1, 3, again=1, now_s=0.1)
    assert board.poll(0.2) == [2]
    offer(board, 4, 5, 6, again=1, now_s=0.5)
    assert set(asked(board, 0.55, 0.8)) <= {2}


def test_recovered_live_readings_do_not_extend_the_offer() -> None:
    board = met(10, 0)
    offer(board, *range(10), again=1, now_s=0.1)
    offer(board, 10, 12, 13, 14, now_s=0.2)
    assert board.poll(0.25) == [11]


def test_when_the_offer_pauses_the_rest_is_asked_for() -> None:
    board = met(10, 0)
    assert board.poll(0.4) == []
    assert board.poll(0.6) == list(range(10))


def test_without_an_offer_it_is_asked_for_like_any_gap() -> None:
    board = tracker(first=None)
    board.greet(10, 0, 0.0, offers=False)
    assert board.poll(NAK_AFTER_S + 0.01) == list(range(10))


def test_at_most_so_many_are_unanswered_and_every_number_has_its_turn() -> None:
    board = met(300, 0)
    first = board.poll(1.0)
    assert first == list(range(UNANSWERED))
    assert board.poll(1.1) == []
    seen = set(first) | set(asked(board, 1.2, 60.0))
    assert seen == set(range(300))


def test_an_answer_begins_the_back_off_anew() -> None:
    board = tracker()
    offer(board, 0, 3)
    asked(board, 0.0, 60.0)
    offer(board, 1, again=1, now_s=60.0)
    assert 2 in asked(board, 60.0, 63.1)


def test_a_small_ring_is_asked_for_before_it_forgets() -> None:
    board = tracker(buffer=48)
    board.asking.most_s = 48 * 0.01 / 4
    offer(board, 0, 2)
    assert len(asked(board, 0.0, 6.0)) >= 15


# --- far and rolling over


def test_the_count_rolls_over_without_a_gap() -> None:
    board = tracker(first=WIRE - 2)
    answer = offer(board, WIRE - 2, WIRE - 1, 0, 1)
    assert answer.seq.tolist() == [WIRE - 2, WIRE - 1, WIRE, WIRE + 1]
    assert (verdicts(answer), on_way(board)) == ([Verdict.ACCEPTED] * 4, [])


def test_a_gap_is_counted_once_when_numbers_roll_over() -> None:
    board = tracker(first=WIRE - 2)
    offer(board, WIRE - 2, 1)
    assert on_way(board) == [(WIRE - 1, WIRE)]
    assert board.poll(1.0) == [WIRE - 1, 0]


def test_what_the_board_holds_may_reach_back_over_the_rollover() -> None:
    board = met(5, WIRE - 20)
    assert on_way(board) == [(WIRE - 20, WIRE + 4)]


def test_a_wild_jump_is_not_believed_until_two_more_continue() -> None:
    board = tracker(buffer=10**6)
    offer(board, 0, 1)
    far = 50_000
    assert verdicts(offer(board, far)) == [Verdict.HELD]
    assert verdicts(offer(board, far + 1)) == [Verdict.HELD]
    answer = offer(board, far + 2)
    assert (verdicts(answer), answer.fates, board.expected) == ([Verdict.ACCEPTED], {0: True}, far + 3)
    assert on_way(board) == [(2, far - 1)]


def test_a_single_wild_jump_opens_no_gap_and_is_never_the_newest() -> None:
    board = tracker(buffer=48)
    offer(board, 0, 2)
    assert verdicts(offer(board, 3 + MAX_JUMP * 9)) == [Verdict.HELD]
    assert on_way(board) == [(1, 1)]  # not lost: 48 places behind a number that nobody confirmed
    answer = offer(board, 3, 4)
    assert (verdicts(answer), answer.discarded) == ([Verdict.ACCEPTED] * 2, 1)


def test_a_step_that_the_board_s_clock_contradicts_is_held_however_small() -> None:
    board = tracker()
    offer(board, 0, 1)
    assert verdicts(board.offer([500], [0], 0.0, lambda _: True)) == [Verdict.HELD]
    assert verdicts(board.offer([2], [0], 0.0, lambda _: True)) == [Verdict.ACCEPTED]
    assert on_way(board) == []


def test_two_jumps_in_one_batch_are_told_apart() -> None:
    board = tracker()
    offer(board, 0, 50_000)
    answer = offer(board, 50_001, 50_002, 900_000, 50_003)
    held, accepted = Verdict.HELD, Verdict.ACCEPTED
    assert verdicts(answer) == [held, accepted, held, accepted]
    assert (answer.fates, answer.discarded) == ({1: True, 3: False}, 1)


# --- going on after a restart of the program


def stored(first: int, last: int, state: GapState) -> Gap:
    return Gap("bench", 1, first, last, 0, 0, state)


def test_after_a_restart_open_numbers_are_on_their_way_and_all_others_known() -> None:
    board = tracker(first=None)
    board.restore(9, 0, [stored(3, 4, OPEN), stored(7, 7, LOST)], 0.0)
    assert (on_way(board), board.expected, board.ack, board.lost_here) == ([(3, 4)], 10, 2, 0)
    assert verdicts(offer(board, 10)) == [Verdict.ACCEPTED]
    assert verdicts(offer(board, 5, 3, 7, again=1)) == [Verdict.DUPLICATE, Verdict.RECOVERED, Verdict.RECOVERED]
    assert board.lost_here == 0  # what an earlier session lost was never counted in this one


def test_a_restart_in_a_partly_lost_gap_counts_its_losses_once() -> None:
    board = tracker(first=None)
    board.restore(999, 0, [stored(100, 147, OPEN), stored(148, 326, LOST)], 0.0)
    board.greet(1000, 200, 0.1)
    assert (board.lost_here, on_way(board)) == (48, [(200, 326)])


# --- level 0


def test_level_0_takes_a_late_number_and_gives_the_others_up_after_two_seconds() -> None:
    board = tracker(retransmits=False, buffer=None)
    offer(board, 0, 3)
    assert verdicts(offer(board, 1)) == [Verdict.LATE]
    assert board.poll(LATE_S - 0.1) == []
    assert on_way(board) == [(2, 2)]
    assert board.poll(LATE_S + 0.1) == []
    assert (fates(board), board.lost_here) == ([(1, 1, RECOVERED), (2, 2, LOST)], 1)


def test_level_0_loses_what_we_had_no_room_for() -> None:
    board = tracker(retransmits=False, buffer=None)
    offer(board, 0, 1, 2)
    board.refuse(1, 2, 0, 0, 0.0)
    assert (fates(board), board.lost_here) == ([(1, 2, LOST)], 2)


def test_level_0_that_counts_anew_is_a_reboot() -> None:
    board = tracker(retransmits=False, buffer=None)
    offer(board, *range(30))
    assert verdicts(offer(board, 0)) == [Verdict.HELD]
    assert offer(board, 1).anew == 0


def test_level_0_repetitions_are_no_reboot() -> None:
    board = tracker(retransmits=False, buffer=None)
    offer(board, *range(30))
    assert verdicts(offer(board, 29)) == [Verdict.DUPLICATE]
    assert verdicts(offer(board, 7)) == [Verdict.HELD]
    answer = offer(board, 30)
    assert (verdicts(answer), answer.repeated, answer.anew) == ([Verdict.ACCEPTED], 1, None)


def test_level_0_a_first_number_from_which_nothing_continues_opens_no_gap() -> None:
    board = SequenceTracker(retransmits=False)
    offer(board, 3_000_000_000)
    answer = offer(board, 10, 11, 12)
    assert (answer.anew, board.on_way.total) == (2, 0)


# --- bounds and the whole


def test_memory_is_bounded_by_stretches_not_by_numbers() -> None:
    board = tracker(retransmits=False, buffer=None)
    offer(board, 0, 1)
    offer(board, 3_000_000, 3_000_001, 3_000_002)
    assert (board.on_way.total, len(board.on_way)) == (2_999_998, 1)


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
    absent = set(range(first, board.expected or 0)) - set(came)
    assert {seq for low, high in on_way(board) for seq in range(low, high + 1)} == absent
    end_s = len(arrivals) * 0.01
    for step in range(400):
        board.gone(board.poll(end_s + step), end_s + step)
    assert (board.lost_here, board.on_way.total) == (len(absent), 0)
    assert {seq for low, high, state in fates(board) if state is LOST for seq in range(low, high + 1)} == absent


def test_a_live_number_far_behind_is_no_beginning_however_large_the_memory_is_said_to_be() -> None:
    board = SequenceTracker(retransmits=True, buffer=10**7)
    board.greet(250_000, None, 0.0)
    assert board.offer([250_000], [0], 0.0).verdict.tolist() == [Verdict.ACCEPTED]
    begin = board.begin
    assert begin == 150_000
    assert board.offer([120_000], [0], 0.0).verdict.tolist() == [Verdict.DUPLICATE]
    assert board.begin == begin
