"""When a board is asked for what is missing: never before it could have come by itself, and never more than it can answer.

A board that does not answer is asked again, ever more rarely; that it does not answer proves nothing about a number.
Pure: time is `now_s`, monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

UNANSWERED = 64
RTO_S, RTO_LEAST_S, RTO_MOST_S = 0.5, 0.3, 3.0
WAIT_MOST_S = 30.0
REMEMBERED = 1_024  # numbers asked for; beyond it the oldest are forgotten, and may be asked for again early


class _Asked(msgspec.Struct):
    at_s: float
    times: int = 1


class Asking:
    """What one boot was asked for, and how long its answers take."""

    def __init__(self) -> None:
        self.cursor = -1  # the number asked for last: the next round begins after it
        self.offered_up_to = 0  # a number that came by itself: what the board offered below it has been sent
        self.most_s = WAIT_MOST_S  # between two questions
        self._offer_s = -1e9  # when the offer began or its last number came
        self._answer_s = self._vain_s = -1e9
        self._asked: dict[int, _Asked] = {}
        self._rto_s = RTO_S
        self._wait_s = RTO_S

    def begin_anew(self, now_s: float) -> None:
        """A hello, or a new connection: the board will offer what it holds, from the oldest on."""
        self._asked.clear()
        self.cursor, self.offered_up_to, self._offer_s = -1, 0, now_s
        self.answered(now_s)

    def answered(self, now_s: float) -> None:
        """The board is there."""
        self._answer_s, self._wait_s = now_s, self._rto_s

    def passed(self, seq: int, now_s: float) -> None:
        """A number that was not asked for came again: those before it have been offered."""
        self.offered_up_to, self._offer_s = max(self.offered_up_to, seq), now_s
        self.answered(now_s)

    def paused(self, now_s: float) -> bool:
        """Whether nothing was offered for a round trip."""
        return now_s - self._offer_s >= self._rto_s

    def end(self, seq: int, now_s: float) -> bool:
        """The number came, or is gone. Whether it had been asked for."""
        asked = self._asked.pop(seq, None)
        if asked is None:
            return False
        if asked.times == 1:
            self._rto_s = _within(self._rto_s * 7 / 8 + (now_s - asked.at_s) / 2)
        self.answered(now_s)
        return True

    def due(self, askable: Iterable[tuple[int, int]], now_s: float) -> list[int]:
        """Of these numbers the next ones to ask for."""
        waiting = [asked for asked in self._asked.values() if now_s - asked.at_s < self._wait_s]
        room = UNANSWERED - len(waiting)
        if self._asked and not waiting:
            newest_s = max(asked.at_s for asked in self._asked.values())
            if newest_s > max(self._answer_s, self._vain_s):
                self._vain_s = newest_s
                self._wait_s = min(self._wait_s * 2, max(RTO_LEAST_S, min(self.most_s, WAIT_MOST_S)))
        chosen: list[int] = []
        for first, last in askable:
            seq = first
            while seq <= last and len(chosen) < room:
                asked = self._asked.get(seq)
                if asked is None or now_s - asked.at_s >= self._wait_s:
                    chosen.append(seq)
                seq += 1
            if len(chosen) >= room:
                break
        self._note(chosen, now_s)
        return chosen

    def _note(self, chosen: list[int], now_s: float) -> None:
        for seq in chosen:
            before = self._asked.pop(seq, None)
            self._asked[seq] = _Asked(now_s, before.times + 1 if before else 1)
        while len(self._asked) > REMEMBERED:
            del self._asked[next(iter(self._asked))]
        if chosen:
            self.cursor = chosen[-1]


def _within(rto_s: float) -> float:
    return min(RTO_MOST_S, max(RTO_LEAST_S, rto_s))
