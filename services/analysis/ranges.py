"""Whole numbers in stretches, each stretch with a value; and gaps of the record laid over older ones. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

import msgspec

from services.model import Gap, GapState

T = TypeVar("T")


class Piece(NamedTuple, Generic[T]):
    """The numbers first … last, both included."""

    first: int
    last: int
    value: T

    @property
    def size(self) -> int:
        """How many numbers."""
        return self.last - self.first + 1


class Ranges(Generic[T]):
    """Disjoint pieces, ascending; neighbours of equal value are one. `total`: how many numbers they hold."""

    def __init__(self) -> None:
        self._first: list[int] = []
        self._last: list[int] = []
        self._value: list[T] = []
        self.total = 0

    def __len__(self) -> int:
        return len(self._first)

    def __iter__(self) -> Iterator[Piece[T]]:
        return map(Piece, self._first, self._last, self._value)

    @property
    def first(self) -> int:
        """The lowest number; there must be one."""
        return self._first[0]

    @property
    def last(self) -> int:
        """The highest number; there must be one."""
        return self._last[-1]

    def at(self, number: int) -> T | None:
        """The value of a number; None when no piece holds it."""
        place = bisect_right(self._first, number) - 1
        return self._value[place] if place >= 0 and number <= self._last[place] else None

    def beginning_after(self, number: int) -> Iterator[Piece[T]]:
        """Pieces, from the first that reaches beyond `number` on."""
        for place in range(bisect_right(self._last, number), len(self._first)):
            yield Piece(self._first[place], self._last[place], self._value[place])

    def put(self, first: int, last: int, value: T) -> None:
        """Give first … last this value, whatever they had."""
        self.cut(first, last)
        place = bisect_left(self._first, first)
        self.total += last - first + 1
        if place and self._last[place - 1] == first - 1 and self._value[place - 1] == value:
            place -= 1
            self._last[place] = last
        else:
            self._first.insert(place, first)
            self._last.insert(place, last)
            self._value.insert(place, value)
        if place + 1 < len(self._first) and self._first[place + 1] == last + 1 and self._value[place + 1] == value:
            self._last[place] = self._last[place + 1]
            self._delete(place + 1, place + 2)

    def cut(self, first: int, last: int) -> list[Piece[T]]:
        """Take first … last out; returns what was there, ascending."""
        begin, end = bisect_left(self._last, first), bisect_right(self._first, last)
        if begin >= end:
            return []
        found = [Piece(self._first[at], self._last[at], self._value[at]) for at in range(begin, end)]
        self._delete(begin, end)
        for piece in (found[0], found[-1]) if len(found) > 1 else found:
            self._give_back(piece, first, last)
        found = [Piece(max(piece.first, first), min(piece.last, last), piece.value) for piece in found]
        self.total -= sum(piece.size for piece in found)
        return found

    def _give_back(self, piece: Piece[T], first: int, last: int) -> None:
        """The parts of a piece that lie outside first … last stay."""
        for low, high in ((piece.first, min(piece.last, first - 1)), (max(piece.first, last + 1), piece.last)):
            if low <= high:
                place = bisect_left(self._first, low)
                self._first.insert(place, low)
                self._last.insert(place, high)
                self._value.insert(place, piece.value)

    def _delete(self, begin: int, end: int) -> None:
        del self._first[begin:end], self._last[begin:end], self._value[begin:end]


def part_of(gap: Gap, first: int, last: int) -> Gap:
    """The numbers first … last of a gap, with their share of its time."""

    def time_us(number: int) -> int:
        return gap.t0_us + (gap.t1_us - gap.t0_us) * (number - gap.first + 1) // (gap.last - gap.first + 2)

    return msgspec.structs.replace(gap, first=first, last=last, t0_us=time_us(first - 1), t1_us=time_us(last + 1))


def overlaid(older: Iterable[Gap], newer: Iterable[Gap]) -> list[Gap]:
    """Gaps of one device as they stand when each of `newer`, in their order, replaces what is under it."""
    boots: dict[int, Ranges[Gap]] = {}
    for gap in (*older, *newer):
        boots.setdefault(gap.boot, Ranges()).put(gap.first, gap.last, gap)
    found = (part_of(gap, first, last) for ranges in boots.values() for first, last, gap in ranges)
    return [gap for gap in found if gap.state is not GapState.BEFORE]
