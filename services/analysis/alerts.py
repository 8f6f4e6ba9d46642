"""A rule against the values of one board: normal → pending → firing → recovering. Pure; time is that of the values.

Nothing is assumed for time in which nothing was measured: a rule fires and ends at a reading. How readings are split
into batches makes no difference. A batch costs two comparisons as long as it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.alert_model import AlertRule, AlertState, Level
from services.analysis.alert_rules import MICRO, SECOND_US
from services.analysis.marks import MARK_MASK, MARK_SHIFT, OVERFLOW, SENSOR_ERROR
from services.model import F64, I64, U16, Flag

SEVERITY = {Level.NORMAL: 0, Level.WARNING: 1, Level.DANGER: 2}
Mask = NDArray[np.bool_]
ACTIVE = frozenset({AlertState.FIRING, AlertState.RECOVERING})


class Turn(msgspec.Struct, frozen=True):
    """A rule began to fire (`ended` None) or has ended, at a value of `value`. Times as in `Episode`."""

    start_us: int
    fired_us: int
    at_us: int  # of the reading at which it turned
    value: float
    peak: float
    readings: int
    end_us: int | None = None


class _Tally:
    """How many values, and the most extreme of them, the right way up."""

    __slots__ = ("count", "peak")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.count, self.peak = 0, -np.inf

    def add(self, count: int, peak: float) -> None:
        self.count += count
        self.peak = max(self.peak, peak)

    def add_rows(self, values: F64) -> None:
        if len(values):
            self.add(len(values), float(values.max()))


class Watch:
    """One rule on one board. Values are whole millionths of the unit, as floats; times ascend, also over batches."""

    def __init__(self, rule: AlertRule) -> None:
        self.rule = rule
        self.state = AlertState.NORMAL
        self.start_us = self.fired_us = 0  # of the episode, while there is one
        self._sign = 1.0 if rule.above else -1.0  # below is above with every sign turned round
        self._on, self._off = (float(np.rint(limit * MICRO)) * self._sign for limit in (rule.on, rule.off))
        self._hold_us, self._clear_us = (round(span_s * SECOND_US) for span_s in (rule.hold_s, rule.clear_s))
        self._since_us = 0  # pending or recovering since
        self._sure = _Tally()  # of the episode
        self._tail = _Tally()  # of what belongs to it only if it goes on

    @property
    def active(self) -> bool:
        """Firing, or recovering from it."""
        return self.state in ACTIVE

    @property
    def at_work(self) -> bool:
        """Anything but normal: what comes counts."""
        return self.state is not AlertState.NORMAL

    @property
    def peak(self) -> float:
        """The most extreme value of the episode, in the unit."""
        return self._sure.peak * self._sign / MICRO

    @property
    def readings(self) -> int:
        """How many values the episode has."""
        return self._sure.count

    def resume(self, start_us: int, fired_us: int, peak: float, readings: int) -> None:
        """Go on with an episode that was firing when the program ended."""
        self.state, self.start_us, self.fired_us = AlertState.FIRING, start_us, fired_us
        self._sure.clear()
        self._sure.add(readings, float(np.rint(peak * MICRO)) * self._sign)

    def shift(self, us: int) -> None:
        """The clock was set by so much."""
        if self.at_work:
            self._since_us += us
            self.start_us += us
            self.fired_us += us

    def stays(self, low: float, high: float, last_us: int) -> bool:
        """Whether values from `low` to `high`, the last not after `last_us`, cannot turn anything."""
        least, most = (low, high) if self._sign > 0 else (-high, -low)
        if self.state is AlertState.NORMAL:
            return most <= self._on
        if self.state is AlertState.FIRING:
            return least > self._off
        if self.state is AlertState.PENDING:
            return least > self._on and last_us < self._since_us + self._hold_us
        return most <= self._off and last_us < self._since_us + self._clear_us

    def passes(self, count: int, low: float, high: float, last_us: int) -> bool:
        """Take in `count` values at once if they cannot turn anything; else nothing is taken in, and the answer is False."""
        if not self.stays(low, high, last_us):
            return False
        if self.state is not AlertState.NORMAL:
            tally = self._tail if self.state is AlertState.RECOVERING else self._sure
            tally.add(count, high if self._sign > 0 else -low)
        return True

    def beyond(self, values: F64) -> Mask:
        """Which values are beyond `on`."""
        return values * self._sign > self._on

    def take(self, time_us: I64, values: F64) -> list[Turn]:
        """Take in an ascending batch; every turn in it, in order. The cost does not grow with how often it turns."""
        if not len(values):
            return []
        values = values * self._sign
        pending, recovering = self.state is AlertState.PENDING, self.state is AlertState.RECOVERING
        beyond = _Runs(time_us, values > self._on, self._hold_us, self._since_us if pending else None)
        back = _Runs(time_us, values <= self._off, self._clear_us, self._since_us if recovering else None)
        if recovering and back.carried_through:
            self._tail.add_rows(values)
            return []
        events = _alternating(beyond, back, self.active)
        if recovering and not (len(events.row) and events.carried[0]):  # not back after all: it belongs to the episode
            self._sure.add(self._tail.count, self._tail.peak)
        if pending and not (beyond.carried and (beyond.carried_through or (len(events.row) and events.carried[0]))):
            self._sure.clear()
        turns = self._turns(time_us, values, events)
        self._settle(values, beyond, back, events)
        return turns

    def _turns(self, time_us: I64, values: F64, events: _Events) -> list[Turn]:
        """What happened, with the tally of each episode up to there; the last one's stays in `_sure`."""
        if not len(events.row):
            return []
        counts, peaks = _tallies(values, *events.segments)
        turns = []
        rows = zip(
            events.fires.tolist(), events.row.tolist(), events.since_us.tolist(), events.carried.tolist(),
            time_us[events.row].tolist(), values[events.row].tolist(), counts.tolist(), peaks.tolist(), strict=True,
        )  # fmt: skip
        for fires, _, since_us, carried, at_us, value, count, peak in rows:
            if fires:
                if not carried:
                    self._sure.clear()
                self.start_us, self.fired_us = since_us, at_us
            self._sure.add(count, peak)
            end_us = None if fires else since_us
            value *= self._sign / MICRO
            turns.append(Turn(self.start_us, self.fired_us, at_us, value, self.peak, self.readings, end_us))
        return turns

    def _settle(self, values: F64, beyond: _Runs, back: _Runs, events: _Events) -> None:
        """How things stand behind the last row."""
        active, first = self.active, 0
        if len(events.row):
            active = bool(events.fires[-1])
            first = int(events.row[-1]) + 1
        if active and back.open_start is not None:
            self._sure.add_rows(values[first : back.open_start])
            self._tail.clear()
            self._tail.add_rows(values[back.open_start :])
            self.state, self._since_us = AlertState.RECOVERING, back.open_since_us
        elif active:
            self._sure.add_rows(values[first:])
            self.state = AlertState.FIRING
        elif beyond.open_start is not None:
            if not beyond.carried_through:
                self._sure.clear()
            self._sure.add_rows(values[beyond.open_start :])
            self.state = AlertState.PENDING
            self.start_us = self._since_us = beyond.open_since_us
        else:
            self.state = AlertState.NORMAL


class _Runs:
    """Stretches of rows that are alike, each with the time since when, and the row at which it has lasted long enough.

    `carried_us`: since when a stretch goes on that began before the batch, if there is one.
    """

    def __init__(self, time_us: I64, mask: Mask, hold_us: int, carried_us: int | None) -> None:
        edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
        self.start, end = edges[::2], edges[1::2]
        self.since_us: I64 = time_us[self.start]
        self.carried = carried_us is not None and bool(mask[0])
        if self.carried and carried_us is not None:
            self.since_us[0] = carried_us
        due = np.maximum(time_us.searchsorted(self.since_us + hold_us), self.start)
        self.lasting = np.flatnonzero(due < end)
        self.due_row: I64 = due[self.lasting]
        whole = len(end) > 0 and int(end[-1]) == len(mask)
        self.open_start = int(self.start[-1]) if whole else None
        self.open_since_us = int(self.since_us[-1]) if whole else 0
        self.carried_through = self.carried and whole and len(end) == 1 and not len(self.lasting)


class _Events(msgspec.Struct):
    """Turns as columns: the row of each, whether it begins to fire, since when, and whether that began before the batch.

    `segments`: the rows [first, end) that each adds to the tally of its episode.
    """

    row: I64
    fires: Mask
    since_us: I64
    carried: Mask
    segments: tuple[I64, I64]


def _alternating(beyond: _Runs, back: _Runs, active: bool) -> _Events:
    """Of all rows where a stretch has lasted long enough those that turn something: firing and ending take turns."""
    row = np.concatenate((beyond.due_row, back.due_row))
    fires = np.arange(len(row)) < len(beyond.due_row)
    since_us = np.concatenate((beyond.since_us[beyond.lasting], back.since_us[back.lasting]))
    start = np.concatenate((beyond.start[beyond.lasting], back.start[back.lasting]))
    carried = np.concatenate((beyond.lasting == 0, back.lasting == 0)) & np.where(fires, beyond.carried, back.carried)
    order = np.argsort(row, kind="stable")
    order = order[np.diff(fires[order], prepend=active)]
    row, fires, since_us, start, carried = row[order], fires[order], since_us[order], start[order], carried[order]
    before = np.concatenate(([0], row[:-1] + 1))
    return _Events(row, fires, since_us, carried, (np.where(fires, start, before), np.where(fires, row + 1, start)))


def _tallies(values: F64, first: I64, end: I64) -> tuple[I64, F64]:
    """How many rows each of some stretches has, and their highest value; −inf for one without rows."""
    pairs = np.stack((first, np.maximum(end, first)), axis=1).ravel()
    highest = np.maximum.reduceat(np.append(values, -np.inf), pairs)[::2]
    counts = np.maximum(end - first, 0)
    return counts, np.where(counts > 0, highest, -np.inf)


def complaints(flags: U16) -> Mask:
    """Which readings came with a word of their board that something is wrong."""
    mask: Mask = (flags >> MARK_SHIFT & MARK_MASK) >= OVERFLOW
    return mask


def doubted(flags: U16) -> Mask | None:
    """Which readings have values that their board doubts; None: no one."""
    if not (flags & int(Flag.MARKED)).any():
        return None
    mask: Mask = (flags >> MARK_SHIFT & MARK_MASK) >= SENSOR_ERROR
    return mask if mask.any() else None


def believed(watch: Watch, time_us: I64, values: F64, doubts: Mask) -> tuple[I64, F64]:
    """What a rule goes by: a value that its board doubts can begin an alarm, and never ends one."""
    kept = ~doubts | watch.beyond(values)
    return time_us[kept], values[kept]


def residual_uw(v_uv: F64, a_ua: F64, w_uw: F64) -> F64:
    """|v·a − w| in whole microwatts, a half upwards: so SQL can say the same."""
    residual: F64 = np.floor(np.abs(v_uv * a_ua / MICRO - w_uw) + 0.5)
    return residual


def worst(levels: Iterable[Level]) -> Level:
    """The most severe of some levels; normal when there is none."""
    return max(levels, key=SEVERITY.__getitem__, default=Level.NORMAL)
