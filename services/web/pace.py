"""Nobody's questions keep the others waiting: who takes more than a fair share of the program is served one at a time.

What counts is time that answers take, not their number: for each asker (a session, or a connection of nobody known) and, for
nobody known, for the address it comes from. Answers that are under way together share it: on a busy machine all of them take
longer, and nobody has taken more for that. Below the limits, where every page and most scripts are, nothing waits. Beyond,
those askers' requests wait for each other, and whoever let most time pass since its last answer goes first: a tab asks and
then rests, a flood never does. A second place is for those alone who did rest. So a tab among fifty floods of its own address
waits for nobody, or for another tab.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, OrderedDict
from collections.abc import Callable

import msgspec
from starlette.types import Message, Send

MEMORY_S = 5.0  # what was taken is forgotten at this pace
# Remembered: 44 % of the program all the time. Twenty tabs that ask twice a second, at 2 to 5 ms, take 8 to 20 %; a flood that
# is answered one at a time takes 50 % and so stays beyond.
LIMIT_S = 2.2
MOST_AT_ONCE = 8  # answers under way; a browser asks for six things at once
MOST_RESTED_AT_ONCE = 24  # of one address, for those who did rest: twenty tabs whose clocks tick together
NEWCOMER_S = 0.1  # a new connection is taken to have rested so long: more than a flood, not enough for the second place
MOST_REST_S = 2.0
PATIENCE = 0.1  # seconds of rest that a second of waiting is worth, so that everybody's turn comes
RESTED_S = 0.15
MOST_BREAK_S = 0.25
HOLD_S = 1.0  # an answer that takes longer goes on, and the next one begins
MOST_ASKERS = 4_096


class _Taken(msgspec.Struct):
    seconds: float
    at_s: float


class Shares:
    """How much each asker has taken lately, in seconds of answering. `now_s` is a monotonic clock."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._taken: OrderedDict[str, _Taken] = OrderedDict()

    def of(self, asker: str) -> float:
        """What is remembered of it."""
        taken = self._taken.get(asker)
        return 0.0 if taken is None else taken.seconds * math.exp((taken.at_s - self._now_s()) / MEMORY_S)

    def rest_s(self, asker: str) -> float:
        """Time since its last answer."""
        taken = self._taken.get(asker)
        return NEWCOMER_S if taken is None else min(self._now_s() - taken.at_s, MOST_REST_S)

    def add(self, asker: str, seconds: float) -> None:
        """It was answered for so long, until now."""
        self._taken[asker] = _Taken(self.of(asker) + seconds, self._now_s())
        self._taken.move_to_end(asker)
        if len(self._taken) > MOST_ASKERS:
            self._taken.popitem(last=False)


class _Waiting(msgspec.Struct, eq=False):
    turn: asyncio.Future[int]
    rest_s: float  # before it asked
    since_s: float


ANYBODY, RESTED = 0, 1  # the places; each is one answer at a time


class Turns:
    """Who is answered now, and who next."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._shares = Shares(now_s)
        self._waiting: list[_Waiting] = []
        self._free = {ANYBODY, RESTED}
        self._under_way: Counter[str] = Counter()
        self._answers = 0  # under way
        self._shared_s, self._shared_at_s = 0.0, now_s()

    async def begin(self, asker: str, source: str) -> Turn:
        """Comes back when it is the asker's turn; at once for whoever takes little. `source` is empty for somebody known."""
        rested = self._shares.rest_s(asker) >= RESTED_S
        lined_up = self._much(asker, MOST_AT_ONCE) or self._much(source, MOST_RESTED_AT_ONCE if rested else MOST_AT_ONCE)
        place = await self._place(asker) if lined_up else None
        self._under_way.update(filter(None, (asker, source)))
        shared_s = self._share_time()
        self._answers += 1
        return Turn(self, asker, source, self._now_s(), shared_s, place)

    def _much(self, name: str, at_once: int) -> bool:
        return bool(name) and (self._under_way[name] >= at_once or self._shares.of(name) > LIMIT_S)

    def _share_time(self) -> float:
        """Seconds up to now that one answer would have had for itself: those under way together have a part each."""
        now_s = self._now_s()
        self._shared_s += (now_s - self._shared_at_s) / max(1, self._answers)
        self._shared_at_s = now_s
        return self._shared_s

    async def _place(self, asker: str) -> int:
        rest_s = self._shares.rest_s(asker)
        for place in (RESTED, ANYBODY):
            if place in self._free and (place == ANYBODY or rest_s >= RESTED_S):
                self._free.remove(place)
                return place
        waiting = _Waiting(asyncio.get_running_loop().create_future(), rest_s, self._now_s())
        self._waiting.append(waiting)
        try:
            return await waiting.turn
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            elif not waiting.turn.cancelled():  # it was its turn just now
                self._next(waiting.turn.result())
            raise

    def ended(self, turn: Turn) -> None:
        """For Turn only."""
        seconds, taken_s = min(self._now_s() - turn.began_s, HOLD_S), self._share_time() - turn.shared_s
        self._answers -= 1
        for name in filter(None, (turn.asker, turn.source)):
            self._shares.add(name, min(taken_s, HOLD_S))
            self._under_way[name] -= 1
            if not self._under_way[name]:
                del self._under_way[name]
        if turn.place == RESTED or (turn.place is not None and not self._waiting):
            self._next(turn.place)
        elif turn.place is not None:  # as long again for everybody else: boards, sockets, those who need no turn
            asyncio.get_running_loop().call_later(min(seconds, MOST_BREAK_S), self._next, turn.place)

    def _next(self, place: int) -> None:
        """A place is free: who has rested longest gets it."""
        now_s = self._now_s()
        those = [one for one in self._waiting if not one.turn.done() and (place == ANYBODY or one.rest_s >= RESTED_S)]
        if not those:
            self._free.add(place)
            return
        patience = PATIENCE if place == ANYBODY else 0.0
        first = max(those, key=lambda one: one.rest_s + patience * (now_s - one.since_s))
        self._waiting.remove(first)
        first.turn.set_result(place)


class Turn:
    """One answer. It ends with the answer's first piece, when HOLD_S are over, or with `end`."""

    def __init__(self, turns: Turns, asker: str, source: str, began_s: float, shared_s: float, place: int | None) -> None:
        self.asker, self.source, self.began_s, self.shared_s, self.place = asker, source, began_s, shared_s, place
        self._turns = turns
        self._open = True
        self._timer = asyncio.get_running_loop().call_later(HOLD_S, self.end) if place is not None else None

    def end(self) -> None:
        """More than once is once."""
        if self._open:
            self._open = False
            if self._timer is not None:
                self._timer.cancel()
            self._turns.ended(self)

    def around(self, send: Send) -> Send:
        """`send` for the answer."""

        async def sending(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body":
                self.end()

        return sending


class Pace:
    """So many at once, and so many a second for as long as one likes. `now_s` is a monotonic clock."""

    def __init__(self, now_s: Callable[[], float], rate: float, burst: float) -> None:
        self._now_s, self._rate, self._burst = now_s, rate, burst
        self._left, self._at_s = burst, now_s()

    def exceeded(self) -> bool:
        """Counts one; True when there were too many."""
        now_s = self._now_s()
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        if self._left < 1.0:
            return True
        self._left -= 1.0
        return False


class Paces:
    """A pace for each of many askers; the one that was not heard of for longest is forgotten first."""

    def __init__(self, now_s: Callable[[], float], rate: float, burst: float) -> None:
        self._now_s, self._rate, self._burst = now_s, rate, burst
        self._of: OrderedDict[str, Pace] = OrderedDict()

    def exceeded(self, asker: str) -> bool:
        """Counts one of this asker's."""
        pace = self._of.get(asker) or self._of.setdefault(asker, Pace(self._now_s, self._rate, self._burst))
        self._of.move_to_end(asker)
        if len(self._of) > MOST_ASKERS:
            self._of.popitem(last=False)
        return pace.exceeded()
