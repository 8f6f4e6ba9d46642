"""Limits on a channel: when it is in warning or danger, and when that has ended.

A limit is pending from the first reading beyond `on`, fires when every reading since has been beyond it for `hold_s`,
and ends with the first reading that is back at `off`. Between `off` and `on` everything stays as it is (hysteresis).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from services.model import CHANNELS, F64, I64, Level

SECOND_US = 1_000_000
SEVERITY = {Level.NORMAL: 0, Level.WARNING: 1, Level.DANGER: 2}


class Limit(msgspec.Struct, frozen=True):
    """One limit of one channel, in its unit. `above`: beyond means greater than `on`, else less than `on`."""

    channel: str
    level: Level
    on: float
    off: float
    hold_s: float = 0.0
    above: bool = True

    def problem(self) -> str:
        """What is wrong with this limit, as a sentence; empty when nothing is."""
        if self.channel not in CHANNELS:
            return f"channel must be one of {', '.join(CHANNELS)}, not {self.channel!r}"
        if self.level not in (Level.WARNING, Level.DANGER):
            return "level must be warning or danger"
        if not all(map(math.isfinite, (self.on, self.off, self.hold_s))) or self.hold_s < 0:
            return "on, off and hold_s must be finite numbers, and hold_s not negative"
        if self.off > self.on if self.above else self.off < self.on:
            return f"off ({self.off:g}) must not be {'above' if self.above else 'below'} on ({self.on:g})"
        return ""


class Change(msgspec.Struct, frozen=True):
    """A channel went from one level to another, because of `limit`, at a reading of `value`."""

    time_us: int
    channel: str
    before: Level
    level: Level
    value: float
    limit: Limit


class Thresholds:
    """The limits of one channel and how it stands against them now. Limits of other channels are left out."""

    def __init__(self, channel: str, limits: Iterable[Limit]) -> None:
        self.channel = channel
        self._watches = [_Watch(limit) for limit in limits if limit.channel == channel]

    @property
    def level(self) -> Level:
        """The worst of the limits that fire now."""
        return _worst(watch.level for watch in self._watches)

    def update(self, time_us: int, value: float) -> Level:
        """Take in one reading; the level after it."""
        self.update_all(np.array([time_us], np.int64), np.array([value]))
        return self.level

    def update_all(self, time_us: I64, values: F64) -> list[Change]:
        """Take in a batch; every change of level in it. Readings older than one before them change nothing."""
        if not len(values) or not self._watches:
            return []
        if len(values) > 1 and (time_us[1:] < time_us[:-1]).any():
            ascending = time_us >= np.maximum.accumulate(time_us)
            time_us, values = time_us[ascending], values[ascending]
        levels = [watch.level for watch in self._watches]
        turns: dict[int, dict[int, Level]] = {}
        last_us = int(time_us[-1])
        low, high = (float(values.min()), float(values.max())) if len(values) > 1 else (float(values[0]),) * 2
        for number, watch in enumerate(self._watches):
            if not watch.stays(low, high):
                for row, level in watch.run(time_us, values):
                    turns.setdefault(row, {})[number] = level
            watch.seen(last_us)
        return list(self._changes(turns, levels, time_us, values)) if turns else []

    def _changes(self, turns: dict[int, dict[int, Level]], levels: list[Level], time_us: I64, values: F64) -> Iterator[Change]:
        """Changes of the worst level; limits that turn at the same row make one change, named after the severest."""
        before = _worst(levels)
        for row in sorted(turns):
            for number, level in turns[row].items():
                levels[number] = level
            after = _worst(levels)
            if after != before:
                limits = (self._watches[number].limit for number in turns[row])
                limit = max(limits, key=lambda limit: SEVERITY[limit.level])
                yield Change(int(time_us[row]), self.channel, before, after, float(values[row]), limit)
            before = after


class _Watch:
    """One limit: normal → pending → firing → normal."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._hold_us = round(limit.hold_s * SECOND_US)
        # Below is above with every sign turned round.
        self._sign = 1.0 if limit.above else -1.0
        self._on, self._off = limit.on * self._sign, limit.off * self._sign
        self._firing = False
        self._since_us: int | None = None  # pending since
        self._last_us: int | None = None

    @property
    def level(self) -> Level:
        return self.limit.level if self._firing else Level.NORMAL

    def stays(self, low: float, high: float) -> bool:
        """Whether readings between these values cannot change anything."""
        if self._firing:
            return (low if self.limit.above else -high) > self._off
        return self._since_us is None and (high if self.limit.above else -low) <= self._on

    def seen(self, time_us: int) -> None:
        """Readings up to this time were taken in."""
        self._last_us = time_us if self._last_us is None else max(self._last_us, time_us)

    def run(self, time_us: I64, values: F64) -> list[tuple[int, Level]]:
        """Take in an ascending batch; the rows where the limit began to fire or ended, and its level from there.

        Goes from one turn to the next, not from row to row.
        """
        values = values * self._sign
        ends, beyond, within = (np.flatnonzero(what) for what in (values <= self._off, values > self._on, values <= self._on))
        turns: list[tuple[int, Level]] = []
        count = len(values)
        row = 0 if self._last_us is None else int(time_us.searchsorted(self._last_us))
        while row < count:
            if self._firing:
                row = _next(ends, row, count)
                if row < count:
                    self._firing = False
                    turns.append((row, self.level))
            elif self._since_us is None:
                row = _next(beyond, row, count)
                if row < count:
                    self._since_us = int(time_us[row])
            else:
                row = self._wait(row, time_us, _next(within, row, count))
                if self._firing:
                    turns.append((row, self.level))
        return turns

    def _wait(self, row: int, time_us: I64, back: int) -> int:
        """Pending: fire when the hold time is over before the reading at `back` that is within the limit again."""
        assert self._since_us is not None
        due = max(row, int(time_us.searchsorted(self._since_us + self._hold_us)))
        self._firing = due < back
        if self._firing or back < len(time_us):
            self._since_us = None
        return min(due, back)


def _next(rows: I64, row: int, count: int) -> int:
    """The first of ascending `rows` that is not before `row`; `count` when there is none."""
    at = int(rows.searchsorted(row))
    return int(rows[at]) if at < len(rows) else count


def _worst(levels: Iterable[Level]) -> Level:
    return max(levels, key=SEVERITY.__getitem__, default=Level.NORMAL)
