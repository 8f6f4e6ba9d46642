"""What came, what is missing, what came twice: the account of one boot's sequence numbers.

Pure: time is an argument (`now_s`, monotonic seconds). Numbers on the wire are uint32 and roll over; here they are
extended and never do. Rules: protocol of the wire, "Host, sequence".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import islice, pairwise

import msgspec
import numpy as np

from services.model import I64, U8, GapState

WIRE = 1 << 32
MAX_JUMP = 10_000  # a larger step is believed only when the next two readings continue from it
CONFIRM = 3
NAK_AFTER_S = 0.25
NAK_AFTER_READINGS = 2
MAX_TRIES = 5
RTO_S, RTO_LEAST_S, RTO_MOST_S = 1.0, 0.3, 3.0
OFFER_S = 1.0  # after a hello the board sends what it holds by itself: wait this long since the last of it
OFFER_MOST_S = 15.0
LATE_S = 2.0  # level 0 cannot be asked: a number that has not come by then will not
MAX_MISSING = 100_000  # asked for at a time; of a longer gap only the newest, the rest is lost at once
MAX_LOST = 1_000  # intervals remembered in case one comes after all
ASKED_AT_ONCE = 64
LOOKED_AT = 512


class Verdict(IntEnum):
    """What became of an offered number."""

    ACCEPTED = 0
    LATE = 1
    RECOVERED = 2
    DUPLICATE = 3
    HELD = 4  # a wild jump, or level 0 stepping back: the next ones decide


class GapTrack(msgspec.Struct):
    """A gap and what became of its numbers; the device fills in the times."""

    first: int
    last: int
    missing: int
    recovered: int = 0
    lost: int = 0
    t0_us: int = 0
    t1_us: int = 0

    @property
    def state(self) -> GapState:
        if self.missing:
            return GapState.OPEN
        return GapState.LOST if self.lost else GapState.RECOVERED


class _Ask(msgspec.Struct):
    gap: GapTrack
    due_s: float
    after: int  # or as soon as the board is this far
    offered: bool = False
    tries: int = 0
    asked_s: float = 0.0


class Offered(msgspec.Struct):
    """Verdict per offered number. `released`: how many numbers held before are believed now (they come first);
    `discarded`: how many are not; `repeated`: level 0 stepped back once, a repetition. `reboot`: level 0 counts
    anew, and the held numbers belong to the new boot."""

    seq: I64
    verdict: U8
    released: int = 0
    discarded: int = 0
    repeated: int = 0
    reboot: bool = False


class SequenceTracker:
    """One (device, boot). `first`: the number to expect, if known; `buffer`: how many readings the board can hold."""

    def __init__(self, *, retransmits: bool, buffer: int | None = None, first: int | None = None) -> None:
        self.retransmits = retransmits
        self.buffer = buffer
        self.expected: int | None = first
        self.floor: int | None = None  # below this nothing is known to have come
        self.new_gaps: list[tuple[GapTrack, int]] = []  # (gap, place in the batch of the reading that showed it)
        self.changed: dict[int, GapTrack] = {}
        self._missing: dict[int, _Ask] = {}  # ascending
        self._lost: list[tuple[int, int, GapTrack]] = []  # ascending
        self._held: list[int] = []  # extended numbers ahead, or wire numbers behind (level 0)
        self._held_back = False
        self._rto_s = RTO_S
        self._last_recovered_s = -1e9
        self._offer_until_s = -1e9
        # A board that we meet for the first time may hold readings from before: nothing is acknowledged, and so
        # nothing forgotten there, until it has offered them and says that there is none before the first of them.
        self._settled = True
        self._probes = 0
        self._probe_due_s = 0.0

    # --- what stands

    @property
    def missing(self) -> int:
        return len(self._missing)

    @property
    def ack(self) -> int | None:
        """Every number up to this one came or was given up; None while that cannot be said."""
        if self.expected is None or not self._settled:
            return None
        return (next(iter(self._missing)) if self._missing else self.expected) - 1

    def restore(self, last: int, present: Sequence[tuple[int, int]], gaps: Iterable[GapTrack], now_s: float) -> None:
        """Go on where the database stood; holes that belong to an open gap are asked for again."""
        self.expected = last + 1
        self.floor = present[0][0] if present else last + 1
        known = sorted(gaps, key=lambda gap: gap.first)
        firsts = [gap.first for gap in known]
        for (_, end), (start, _) in pairwise(present):
            for seq in range(end + 1, min(start, end + 1 + MAX_MISSING)):
                place = bisect_right(firsts, seq) - 1
                if place >= 0 and seq <= known[place].last:
                    self._missing[seq] = _Ask(known[place], now_s + OFFER_S, WIRE * WIRE, offered=True)
        for gap in known:
            still = sum(1 for seq in self._missing if gap.first <= seq <= gap.last)
            gap.recovered += gap.missing - still
            gap.missing = still
            self.changed[gap.first] = gap

    def announce(self, wire: int, now_s: float) -> None:
        """The board says in a hello which number its next new reading will have: all before it were measured."""
        self._offer_until_s = now_s + OFFER_MOST_S
        self.resume(now_s)
        if self.expected is None:
            self.expected = self.floor = wire
            self._settled, self._probe_due_s = False, now_s + OFFER_S
        elif (ahead := _ahead(wire, self.expected)) > 0:
            self._open(self.expected, self.expected + ahead - 1, now_s, 0, offered=True)
            self.expected += ahead

    def resume(self, now_s: float) -> None:
        """The link is back: what was asked for in vain meanwhile does not count."""
        for ask in self._missing.values():
            ask.tries, ask.due_s, ask.offered = 0, now_s + OFFER_S, self.retransmits

    # --- readings come

    def offer(self, wire: Sequence[int], again: Sequence[int], now_s: float) -> Offered:
        """Numbers as they came, with 1 in `again` for retransmissions."""
        count = len(wire)
        if self.expected is not None and not self._held and wire[0] == self.expected % WIRE:
            seq = np.arange(self.expected, self.expected + count, dtype=np.int64)
            if count == 1 or bool((np.array(wire, np.int64) == seq % WIRE).all()):
                self._begin(self.expected)
                self.expected += count
                return Offered(seq, np.zeros(count, np.uint8))
        return self._offer_each(wire, again, now_s)

    def _offer_each(self, wire: Sequence[int], again: Sequence[int], now_s: float) -> Offered:
        answer = Offered(np.zeros(len(wire), np.int64), np.zeros(len(wire), np.uint8))
        for place, number in enumerate(wire):
            seq, verdict = self._one(number, bool(again[place]), now_s, place, answer)
            answer.seq[place] = seq
            answer.verdict[place] = verdict
            if answer.reboot:
                break
        return answer

    def _one(self, wire: int, again: bool, now_s: float, place: int, answer: Offered) -> tuple[int, Verdict]:
        if self.expected is None:
            self.expected = wire
        ahead = _ahead(wire, self.expected)
        seq = self.expected + ahead
        if ahead < 0:
            return seq, self._behind(wire, seq, again, now_s, place, answer)
        if ahead > MAX_JUMP and not self._confirmed(seq, place, now_s, answer):
            return seq, Verdict.HELD
        if answer.released == 0:
            self._drop_held(answer)
        self._begin(seq)
        if seq > self.expected:
            self._open(self.expected, seq - 1, now_s, place)
        self.expected = seq + 1
        return seq, Verdict.ACCEPTED

    def _begin(self, seq: int) -> None:
        if self.floor is None:
            self.floor = seq if self.expected is None else min(seq, self.expected)

    def _confirmed(self, seq: int, place: int, now_s: float, answer: Offered) -> bool:
        """A far number: held until two more continue from it."""
        if not (self._held and not self._held_back and seq == self._held[-1] + 1):
            self._drop_held(answer)
        self._held_back = False
        self._held.append(seq)
        if len(self._held) < CONFIRM:
            return False
        assert self.expected is not None
        self._begin(self._held[0])
        self._open(self.expected, self._held[0] - 1, now_s, place)
        self.expected = seq
        answer.released = len(self._held) - 1
        self._held = []
        return True

    def _behind(self, wire: int, seq: int, again: bool, now_s: float, place: int, answer: Offered) -> Verdict:
        if not self.retransmits and self._stepped_back(wire, seq, answer):
            return Verdict.HELD
        ask = self._missing.pop(seq, None)
        if ask is not None:
            return self._mended(ask, again, now_s)
        gap = self._forget_lost(seq)
        if gap is not None:
            gap.lost -= 1
            gap.recovered += 1
            self.changed[gap.first] = gap
            return Verdict.RECOVERED
        if self.floor is not None and seq < self.floor and self.retransmits:
            return self._earlier(seq, now_s, place)
        return Verdict.DUPLICATE

    def _mended(self, ask: _Ask, again: bool, now_s: float) -> Verdict:
        ask.gap.missing -= 1
        ask.gap.recovered += 1
        self.changed[ask.gap.first] = ask.gap
        self._last_recovered_s = now_s
        if ask.tries == 1:
            self._rto_s = _clamp(self._rto_s * 7 / 8 + (now_s - ask.asked_s) / 2)
        return Verdict.RECOVERED if again or ask.tries else Verdict.LATE

    def _earlier(self, seq: int, now_s: float, place: int) -> Verdict:
        """The board still held readings from before we knew it: its offer begins here."""
        assert self.floor is not None
        if seq < self.floor - 1:
            self._open(seq + 1, self.floor - 1, now_s, place, offered=True)
            self._missing = dict(sorted(self._missing.items()))
        self.floor = seq
        self._last_recovered_s = now_s
        self._probes = 0
        return Verdict.RECOVERED

    def _stepped_back(self, wire: int, seq: int, answer: Offered) -> bool:
        """Level 0 has no boot number: two numbers in a row that were here already mean that it counts anew."""
        assert self.expected is not None
        continues = self._held_back and bool(self._held) and wire == (self._held[-1] + 1) % WIRE
        if continues:
            self._held.append(wire)
            answer.reboot = True
            return True
        if seq in self._missing or seq == self.expected - 1:
            return False
        self._drop_held(answer)
        self._held, self._held_back = [wire], True
        return True

    def _drop_held(self, answer: Offered) -> None:
        if self._held_back:
            answer.repeated += len(self._held)
        else:
            answer.discarded += len(self._held)
        self._held = []

    # --- gaps

    def _open(self, first: int, last: int, now_s: float, place: int, *, offered: bool = False) -> None:
        self.floor = first if self.floor is None else min(self.floor, first)
        count = last - first + 1
        most = min(MAX_MISSING, self.buffer if self.retransmits and self.buffer else MAX_MISSING)
        gap = GapTrack(first, last, missing=min(count, most), lost=max(0, count - most))
        due_s = now_s + (OFFER_S if offered else NAK_AFTER_S if self.retransmits else LATE_S)
        for seq in range(last - gap.missing + 1, last + 1):
            self._missing[seq] = _Ask(gap, due_s, last + 1 + NAK_AFTER_READINGS, offered)
        if gap.lost:
            self._remember_lost(first, last - gap.missing, gap)
        self.new_gaps.append((gap, place))
        self.changed[first] = gap

    def gone(self, wire: Iterable[int]) -> int:
        """The board does not hold these any more. Returns how many are lost by that."""
        count = 0
        for number in wire:
            if self.floor is not None and number == (self.floor - 1) % WIRE:
                self._settled = True
            seq = (self.expected or 0) + _ahead(number, self.expected or 0)
            ask = self._missing.pop(seq, None)
            if ask is not None:
                self._lose(seq, ask)
                count += 1
        return count

    def poll(self, now_s: float) -> list[int]:
        """Wire numbers to ask for now; what was asked for often enough is lost. Call a few times a second or more."""
        due: list[int] = []
        expired = False
        offering = now_s < self._offer_until_s and now_s - self._last_recovered_s < OFFER_S
        for seq, ask in list(islice(self._missing.items(), LOOKED_AT)):
            early = ask.tries == 0 and not ask.offered and self.retransmits and (self.expected or 0) > ask.after
            if (now_s < ask.due_s and not early) or (offering and ask.offered and not ask.tries):
                continue
            if not self.retransmits or ask.tries >= MAX_TRIES:
                self._lose(seq, self._missing.pop(seq))
            elif len(due) < ASKED_AT_ONCE:
                expired |= ask.tries > 0 and self._last_recovered_s < ask.asked_s
                due.append(seq)
        if expired:
            self._rto_s = _clamp(self._rto_s * 2)
        for seq in due:
            ask = self._missing[seq]
            ask.tries, ask.asked_s, ask.due_s = ask.tries + 1, now_s, now_s + self._rto_s
        return [seq % WIRE for seq in due] + self._probe(now_s, offering)

    def _probe(self, now_s: float, offering: bool) -> list[int]:
        """Is there a reading before the first one that we know?"""
        if self._settled or self.floor is None or offering or now_s < self._probe_due_s:
            return []
        if self._probes >= MAX_TRIES:
            self._settled = True
            return []
        self._probes += 1
        self._probe_due_s = now_s + self._rto_s
        return [(self.floor - 1) % WIRE]

    def give_up(self) -> int:
        """The boot is over: what is missing now is lost. Returns how many."""
        count = len(self._missing)
        for seq, ask in list(self._missing.items()):
            self._lose(seq, ask)
        self._missing.clear()
        return count

    def take_changed(self) -> list[GapTrack]:
        """Gaps that are new or have changed since the last call."""
        changed = list(self.changed.values())
        self.changed = {}
        return changed

    def _lose(self, seq: int, ask: _Ask) -> None:
        ask.gap.missing -= 1
        ask.gap.lost += 1
        self.changed[ask.gap.first] = ask.gap
        self._remember_lost(seq, seq, ask.gap)

    def _remember_lost(self, first: int, last: int, gap: GapTrack) -> None:
        if self._lost and self._lost[-1][1] == first - 1 and self._lost[-1][2] is gap:
            self._lost[-1] = (self._lost[-1][0], last, gap)
            return
        self._lost.insert(bisect_right(self._lost, (first, WIRE * WIRE), key=lambda item: item[:2]), (first, last, gap))
        if len(self._lost) > MAX_LOST:
            del self._lost[0]

    def _forget_lost(self, seq: int) -> GapTrack | None:
        place = bisect_right(self._lost, seq, key=lambda item: item[0]) - 1
        if place < 0 or self._lost[place][1] < seq:
            return None
        first, last, gap = self._lost.pop(place)
        pieces = [(first, seq - 1, gap), (seq + 1, last, gap)]
        self._lost[place:place] = [piece for piece in pieces if piece[0] <= piece[1]]
        return gap


def _ahead(wire: int, expected: int) -> int:
    """How far a wire number is ahead of the expected one, by the shorter way round."""
    return (wire - expected + WIRE // 2) % WIRE - WIRE // 2


def _clamp(rto_s: float) -> float:
    return min(RTO_MOST_S, max(RTO_LEAST_S, rto_s))
