"""Which tier answers for which part of a span. Pure: no file, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.analysis.decimate import LADDER_US
from services.storage.schema import MINUTE_TIER, MINUTE_US, WIDTHS

RAW = -1  # the readings themselves
LEAST_US = 1_000  # no bucket is narrower


class Piece(NamedTuple):
    """[t0, t1) is read from a tier, or from the readings when `tier` is RAW."""

    tier: int
    t0_us: int
    t1_us: int


def tier_for(width_us: int) -> int:
    """The coarsest tier whose buckets fill one of `width_us` exactly; RAW when none does."""
    return next((tier for tier in range(MINUTE_TIER, -1, -1) if width_us % WIDTHS[tier] == 0), RAW)


def widths_from(width_us: int) -> Iterable[int]:
    """This bucket width and the coarser ones that may be used in its place, up to a minute."""
    return sorted({width_us, *(width for width in (*LADDER_US, *WIDTHS) if width_us < width <= MINUTE_US)})


def cover(t0_us: int, t1_us: int, tier: int, finest: Mapping[int, int], horizon_us: int) -> list[Piece]:
    """Disjoint pieces, ascending, that hold exactly the readings of [t0, t1).

    `finest` gives a minute's (by its start) finest tier; minutes that are not in it have no readings. It must know the
    minutes in which the span begins and ends, and all of them if `tier` is finer than a minute. Before the horizon the
    readings are gone and only whole minutes are left: there a minute belongs to the span when it begins in it.
    """
    pieces = []
    if t0_us < horizon_us:
        low, high = _up(t0_us, MINUTE_US), _up(min(t1_us, horizon_us), MINUTE_US)
        pieces.append(Piece(MINUTE_TIER, low, min(high, horizon_us)))
        t0_us = horizon_us
    first, last = _up(t0_us, MINUTE_US), t1_us // MINUTE_US * MINUTE_US
    if t0_us >= t1_us:
        return _solid(pieces)
    if first > last:  # all in one minute
        return _solid(pieces + _split(t0_us, t1_us, tier, finest.get(last)))
    pieces += _split(t0_us, first, tier, finest.get(first - MINUTE_US))
    pieces += [Piece(tier, first, last)] if tier == MINUTE_TIER else _inner(first, last, tier, finest)
    pieces += _split(last, t1_us, tier, finest.get(last))
    return _solid(pieces)


def _inner(first_us: int, last_us: int, tier: int, finest: Mapping[int, int]) -> list[Piece]:
    """Whole minutes, each from the tier if it has it; neighbours of one kind in one piece."""
    pieces: list[Piece] = []
    for minute_us in sorted(minute for minute in finest if first_us <= minute < last_us):
        kind = tier if tier >= finest[minute_us] else RAW
        if pieces and pieces[-1].tier == kind:  # minutes without readings may lie between: they add nothing
            pieces[-1] = pieces[-1]._replace(t1_us=minute_us + MINUTE_US)
        else:
            pieces.append(Piece(kind, minute_us, minute_us + MINUTE_US))
    return pieces


def _split(t0_us: int, t1_us: int, tier: int, finest: int | None) -> list[Piece]:
    """Part of a minute: whole buckets of the tier, finer ones towards the ends, readings at the very ends."""
    if finest is None or t0_us >= t1_us:
        return []
    for level in range(tier, finest - 1, -1):
        low, high = _up(t0_us, WIDTHS[level]), t1_us // WIDTHS[level] * WIDTHS[level]
        if low < high:
            return [*_split(t0_us, low, level - 1, finest), Piece(level, low, high), *_split(high, t1_us, level - 1, finest)]
    return [Piece(RAW, t0_us, t1_us)]


def _solid(pieces: list[Piece]) -> list[Piece]:
    return [piece for piece in pieces if piece.t0_us < piece.t1_us]


def _up(time_us: int, width_us: int) -> int:
    return -(-time_us // width_us) * width_us
