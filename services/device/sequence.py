"""What came, what is on its way, what is lost: the account of one boot's sequence numbers.

A number is before the account, on its way, settled (stored, marked or refused: it came), or lost; it is lost only by a
fact. The table of states and events is in docs/protocol.md. Pure: time is an argument (`now_s`, monotonic seconds).
Numbers on the wire are uint32 and roll over; here they are extended and never do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import islice

import msgspec
import numpy as np

from services.analysis.ranges import Piece, Ranges
from services.device.asking import Asking
from services.device.missing_numbers import NEVER, Fate, Stretch
from services.model import I64, U8, WIRE_NUMBERS, Gap, GapState

MAX_JUMP = 10_000  # a larger step is believed only when the next two readings continue from it
CONFIRM = 3
NAK_AFTER_S = 0.25
NAK_AFTER_READINGS = 2
REFUSED_S = 3.0  # what we had no room for is not asked for at once
LATE_S = 2.0  # level 0 cannot be asked: a number that has not come by then will not
BELIEVED = 100_000  # places of a board's memory
MAX_LOST = 1_000  # stretches remembered in case one comes after all
LOOKED_AT = 512  # stretches at a time


class Verdict(IntEnum):
    """What became of an offered number."""

    ACCEPTED = 0
    LATE = 1
    RECOVERED = 2
    DUPLICATE = 3
    HELD = 4  # a wild jump, or level 0 stepping back: the next ones decide


class Offered(msgspec.Struct):
    """Verdict per offered number. `fates`: the places at which the numbers held so far are believed (True; they come just
    before that place) or are not: `discarded` far ahead, `repeated` back at level 0."""

    seq: I64
    verdict: U8
    fates: dict[int, bool] = {}
    discarded: int = 0
    repeated: int = 0
    too_soon: int = 0  # dropped before anything live was there to measure them by: on their way again
    anew: int | None = None  # the place where level 0 counts anew, with the numbers held; what follows has no verdict
    restarted: bool = False  # level 1 seems to, and its hello will tell


class SequenceTracker:
    """One (device, boot). `first`: the number to expect, if known; `buffer`: how many readings the board can hold."""

    def __init__(self, *, retransmits: bool, buffer: int | None = None, first: int | None = None) -> None:
        self.retransmits = retransmits
        self.clocked = False  # cannot be asked, but its lines tell its uptime: that it counts anew is seen by that, not here
        self.buffer = buffer
        self.begin = first  # of the account
        self.expected = first  # one more than the newest confirmed number
        self.on_way: Ranges[Stretch] = Ranges()
        self.lost: Ranges[Stretch] = Ranges()
        self.changed: Ranges[Fate] = Ranges()  # since the last `take_changed`
        self.new: list[Stretch] = []  # to be given their times
        self.found = 0  # numbers that went missing in this session
        self.lost_here = 0  # numbers that this session lost
        self.fixed = False  # an acknowledgement may have gone out: the account begins where it begins
        self.asking = Asking()
        self._lowest: int | None = None  # received
        self._newest = -1  # received live
        self._met = NEVER  # the number that was next when we met the board
        self._sure = True  # that we know where the account begins: the board said it
        self._held: list[int] = []  # extended numbers ahead, or wire numbers behind (level 0)
        self._held_back = False
        self._back = -1  # the last live number that had been here before

    # --- what stands

    @property
    def ack(self) -> int | None:
        """Every number of the account up to this one is settled; None while that cannot be said."""
        if self.expected is None or self.begin is None:
            return None
        settled = (self.on_way.first if self.on_way else self.expected) - 1
        return settled if settled >= self.begin else None

    def restore(self, last: int, lowest: int | None, gaps: Iterable[Gap], now_s: float) -> None:
        """Go on where the database stood."""
        self.begin = self._lowest = last + 1 if lowest is None else lowest
        self.expected, self._newest, self.fixed = last + 1, last, True
        for gap in gaps:
            due_s, again = now_s if self.retransmits else now_s + LATE_S, self.retransmits
            stretch = Stretch(gap.first, gap.last, due_s, offered=again, earlier=True, t0_us=gap.t0_us, t1_us=gap.t1_us)
            (self.on_way if gap.state is GapState.OPEN else self.lost).put(gap.first, gap.last, stretch)
            self.begin = min(self.begin, gap.first)
            if gap.state is GapState.OPEN and gap.last < self._lowest:
                self._sure = not self.retransmits  # who told where it begins is not stored: its next hello will, or will not

    @property
    def _doubtful(self) -> int:
        """Below all that came and all that was next when we met the board, nobody said what it held. -1: the board said it."""
        return -1 if self._sure else min(self._met, NEVER if self._lowest is None else self._lowest)

    @property
    def one_number(self) -> bool:
        """Whether a single one came so far."""
        return self._lowest is not None and self._lowest == self._newest

    @property
    def _counts_anew_unsaid(self) -> bool:
        """Level 0: neither a boot number nor a clock tells that a count begins anew."""
        return not (self.retransmits or self.clocked)

    def follows(self, wire: int) -> bool:
        """Whether a number of the board's count is not behind all that is known of it."""
        return self.expected is None or _ahead(wire, self.expected) >= 0

    # --- the board says what it holds

    def greet(self, seq: int, oldest: int | None, now_s: float, *, offers: bool = True) -> None:
        """A hello: `seq` is the number of the board's next new reading, `oldest` that of the oldest one it holds. `offers`:
        it was asked for, so that the board sends all of them by itself."""
        held = (seq - oldest) % WIRE_NUMBERS if oldest is not None else WIRE_NUMBERS
        told = held < WIRE_NUMBERS // 2  # an oldest that is newer than all says nothing
        believed = min(held, self.buffer or 0, BELIEVED)
        if self.expected is None:
            self.begin = self.expected = seq + (WIRE_NUMBERS if believed > seq else 0)
            self._sure, self._met = told, self.expected
        begin, end = self.begin, self.expected + _ahead(seq, self.expected)
        assert begin is not None
        low = end - believed
        if low < begin and end >= self.expected and not self.fixed:
            self._open(low, begin - 1, now_s, early=True, offered=offers)
            self.begin = low
        if end > self.expected:
            self._open(self.expected, end - 1, now_s, offered=offers)
            self.expected = end
        if told:
            self._sure = True
            self._lose(0, end - min(held, self.buffer or 0) - 1)
            for piece in self.lost.cut(low, end - 1):  # thought lost, and held after all
                self._again(piece)
        self._overrun()
        self.resume(now_s, offers=offers)

    def resume(self, now_s: float, *, offers: bool = True) -> None:
        """The board will offer what it holds: it is asked only for what that leaves out."""
        self.asking.begin_anew(now_s)
        for piece in self.on_way:
            piece.value.offered = self.retransmits and offers

    def gone(self, wire: Iterable[int], now_s: float) -> None:
        """The board does not hold these any more. Of numbers that are not measured yet it says nothing by that."""
        self.asking.answered(now_s)
        for number in wire:
            if self.expected is None or (ahead := _ahead(number, self.expected)) >= 0:
                continue
            seq = self.expected + ahead
            self.asking.end(seq, now_s)
            below = seq < min(self._doubtful, self.expected)
            self._lose(0 if below else seq, seq)  # memory has no holes: below the lowest all older ones are gone too

    def end(self) -> None:
        """The boot is over and its memory with it: what is on its way is lost."""
        if self.on_way:
            self._lose(self.on_way.first, self.on_way.last)

    def expire(self, time_us: int) -> None:
        """What was measured before this time is past the retention."""
        for piece in [piece for piece in self.on_way if 0 < piece.value.t1_us < time_us]:
            self._lose(piece.first, piece.last)

    def refuse(self, first: int, last: int, t0_us: int, t1_us: int, now_s: float) -> None:
        """These came and could not be kept by us: the board still has them, or at level 0 nobody has."""
        stretch = self._open(first, last, now_s + REFUSED_S, after=NEVER)
        stretch.t0_us, stretch.t1_us = t0_us, t1_us
        self.new.remove(stretch)
        if not self.retransmits:
            self._lose(first, last)

    # --- readings come

    def offer(
        self, wire: Sequence[int], again: Sequence[int], now_s: float, doubted: Callable[[int], bool] = lambda _: False
    ) -> Offered:
        """Numbers as they came, with 1 in `again` for retransmissions. `doubted(place)`: a step ahead there is not
        what the board's clock says."""
        count = len(wire)
        if self.expected is not None and not self._held and wire[0] == self.expected % WIRE_NUMBERS:
            seq = np.arange(self.expected, self.expected + count, dtype=np.int64)
            if count == 1 or bool((np.array(wire, np.int64) == seq % WIRE_NUMBERS).all()):
                if self._lowest is None:
                    self._lowest = self.expected
                self.expected += count
                self._newest = self.expected - 1
                if self.on_way:
                    self._overrun()
                return Offered(seq, np.zeros(count, np.uint8))
        answer = self._offer_each(wire, again, now_s, doubted)
        self._overrun()
        return answer

    def _offer_each(self, wire: Sequence[int], again: Sequence[int], now_s: float, doubted: Callable[[int], bool]) -> Offered:
        answer = Offered(np.zeros(len(wire), np.int64), np.zeros(len(wire), np.uint8))
        for place, number in enumerate(wire):
            if self.expected is None:
                self.begin = self.expected = number
            ahead = _ahead(number, self.expected)
            seq = self.expected + ahead
            if ahead < 0:
                verdict = self._behind(place, seq, bool(again[place]), now_s, answer)
            elif ahead > MAX_JUMP or (ahead and doubted(place)):
                verdict = self._far(place, seq, now_s, answer)
            else:
                self._drop_held(place, answer)
                verdict = self._forward(seq, seq, now_s)
            answer.seq[place], answer.verdict[place] = seq, verdict
            if answer.anew is not None:
                break
        return answer

    def _forward(self, first: int, seq: int, now_s: float) -> Verdict:
        """The numbers first … seq are there, whatever lies before them has been skipped."""
        assert self.expected is not None
        if first > self.expected:
            self._open(self.expected, first - 1, now_s)
        self.expected, self._newest, self._back = seq + 1, seq, -1
        self._lowest = first if self._lowest is None else min(self._lowest, first)
        return Verdict.ACCEPTED

    def _far(self, place: int, seq: int, now_s: float, answer: Offered) -> Verdict:
        """A number that is hard to believe: held until two more continue from it."""
        if not (self._held and not self._held_back and seq == self._held[-1] + 1):
            self._drop_held(place, answer)
        self._held_back = False
        self._held.append(seq)
        if len(self._held) < CONFIRM:
            return Verdict.HELD
        if self.one_number and self._counts_anew_unsaid:  # the only number before was the wrong one
            answer.anew = place
            return Verdict.HELD
        first, self._held = self._held[0], []
        answer.fates[place] = True
        return self._forward(first, seq, now_s)

    def _behind(self, place: int, seq: int, again: bool, now_s: float, answer: Offered) -> Verdict:
        if self._counts_anew_unsaid and self._stepped_back(place, seq, answer):
            return Verdict.HELD
        stretch = self.on_way.at(seq) or self.lost.at(seq)
        if stretch is None and not self._is_early(seq, again, now_s):
            if not again:
                answer.restarted |= self.retransmits and seq == self._back + 1
                self._back = seq
            return Verdict.DUPLICATE
        asked = self.asking.end(seq, now_s)
        if stretch is not None:
            self._came(seq, stretch)
        if again and not asked:
            self.asking.passed(seq, now_s)
        self._lowest = seq if self._lowest is None else min(self._lowest, seq)
        if not again and seq > self._newest and self.retransmits:
            self._newest = seq
            return Verdict.ACCEPTED
        early = stretch is None or stretch.early
        return Verdict.RECOVERED if not early and (again or asked) else Verdict.LATE

    def _came(self, seq: int, stretch: Stretch) -> None:
        if not self.on_way.cut(seq, seq):
            self.lost.cut(seq, seq)
            self.lost_here -= not stretch.earlier
        # What the board brought along from before we met it was never missing: no gap of the record.
        self.changed.put(seq, seq, (GapState.BEFORE if stretch.early else GapState.RECOVERED, stretch))

    def _is_early(self, seq: int, again: bool, now_s: float) -> bool:
        """Before the account, but held by the board all the same: the account begins with it, nothing being settled yet."""
        if self.begin is None or seq >= self.begin or self.fixed or self._counts_anew_unsaid or seq < 0:
            return False
        if seq < self.begin - max(self.buffer or 0 if again else 0, MAX_JUMP):  # a live one is not that late
            return False
        if seq + 1 < self.begin:
            self._open(seq + 1, self.begin - 1, now_s, early=True)
        self.begin = seq
        return True

    def _stepped_back(self, place: int, seq: int, answer: Offered) -> bool:
        """Level 0 has no boot number: two numbers in a row that were here already mean that it counts anew."""
        assert self.expected is not None
        if self._held_back and self._held and seq == self._held[-1] + 1:
            answer.anew = place
            return True
        if self.on_way.at(seq) is not None or seq == self.expected - 1:
            return False
        self._drop_held(place, answer)
        self._held, self._held_back = [seq], True
        return True

    def _drop_held(self, place: int, answer: Offered) -> None:
        if not self._held:
            return
        answer.fates[place] = False
        if self._held_back:
            answer.repeated += len(self._held)
        elif self._newest >= 0:
            answer.discarded += len(self._held)
        else:  # before the first live one nothing is known of the board's clock, and no number is wrong
            answer.too_soon += len(self._held)
        self._held = []

    # --- fates

    def _open(
        self, first: int, last: int, now_s: float, *, after: int | None = None, offered: bool = False, early: bool = False
    ) -> Stretch:
        due_s = now_s + (NAK_AFTER_S if self.retransmits else LATE_S)
        after = last + 1 + NAK_AFTER_READINGS if after is None else after
        stretch = Stretch(first, last, due_s, after, offered=offered, early=early)
        self.on_way.put(first, last, stretch)
        self.changed.put(first, last, (GapState.OPEN, stretch))
        self.new.append(stretch)
        self.found += 0 if early else last - first + 1
        return stretch

    def _again(self, piece: Piece[Stretch]) -> None:
        self.on_way.put(*piece)
        self.changed.put(piece.first, piece.last, (GapState.OPEN, piece.value))
        self.lost_here -= 0 if piece.value.earlier else piece.size

    def _overrun(self) -> None:
        """A board with `buffer` places cannot hold a number more than `buffer` behind its newest."""
        if self.retransmits and self.buffer is not None and self.expected is not None:
            self._lose(0, self.expected - self.buffer - 1)

    def _lose(self, first: int, last: int) -> None:
        """Those of first … last that are on their way are lost; but where the board does not say what it held when we met
        it, what is below all that came is taken for before the account."""
        if not self.on_way or self.on_way.first > last:
            return
        doubtful = self._doubtful
        for piece in self.on_way.cut(first, last):
            if piece.first < doubtful:
                self.changed.put(piece.first, piece.last, (GapState.BEFORE, piece.value))
                self.begin = max(self.begin or 0, piece.last + 1)
                continue
            self.lost.put(*piece)
            self.changed.put(piece.first, piece.last, (GapState.LOST, piece.value))
            self.lost_here += piece.size
            piece.value.earlier = False
        while len(self.lost) > MAX_LOST:
            self.lost.cut(self.lost.first, next(iter(self.lost)).last)

    def poll(self, now_s: float) -> list[int]:
        """Wire numbers to ask for now; at level 0 what is too late is lost. Call a few times a second or more."""
        if not self.on_way:
            return []
        if not self.retransmits:
            for piece in [piece for piece in self.on_way if piece.value.due_s <= now_s]:
                self._lose(piece.first, piece.last)
            return []
        return [seq % WIRE_NUMBERS for seq in self.asking.due(self._askable(now_s), now_s)]

    def _askable(self, now_s: float) -> Iterator[tuple[int, int]]:
        """Stretches of numbers that the board may be asked for, from where it was asked last, once round."""
        cursor = self.asking.cursor
        for piece in islice(self.on_way.beginning_after(cursor), LOOKED_AT):
            first, last = self._askable_of(piece, now_s)
            yield max(first, cursor + 1), last
        for piece in islice(self.on_way, LOOKED_AT):
            first, last = self._askable_of(piece, now_s)
            yield first, min(last, cursor)

    def _askable_of(self, piece: Piece[Stretch], now_s: float) -> tuple[int, int]:
        stretch = piece.value
        if stretch.offered and not self.asking.paused(now_s):
            return piece.first, min(piece.last, self.asking.offered_up_to - 1)
        if not stretch.offered and now_s < stretch.due_s and (self.expected or 0) <= stretch.after:
            return piece.first, piece.first - 1
        if piece.last < self._doubtful:
            return piece.last, piece.last  # whether it holds any of these: the newest will tell
        return piece.first, piece.last

    def take_changed(self) -> Ranges[Fate]:
        """What became of which numbers since the last call."""
        changed, self.changed = self.changed, Ranges()
        return changed

    def give_back(self, changed: Ranges[Fate]) -> None:
        """What was taken could not be stored: it comes again, under what changed since."""
        newer, self.changed = self.changed, changed
        for piece in newer:
            self.changed.put(*piece)


def _ahead(wire: int, expected: int) -> int:
    """How far a wire number is ahead of the expected one, by the shorter way round."""
    return (wire - expected + WIRE_NUMBERS // 2) % WIRE_NUMBERS - WIRE_NUMBERS // 2
