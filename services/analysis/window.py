"""The last minutes of readings in memory, in the order of their time.

The rows live in one long array per column and are always one contiguous slice of it: new rows go behind the slice,
old rows fall off its front, and when the end of the array is reached the slice moves back to the start. So every
question is answered with views and binary search.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.analysis.decimate import SECOND, curve_of_rows, no_curve, width_for
from services.model import Curve, Readings

START_ROWS = 8192
MAX_ROWS = 2**20  # 60 s at 17 000 readings/s; about 90 MB
SLACK = 4  # the array is a quarter longer than the rows it may hold: one row is moved four times at most

# Cursors count arrivals from a base that grows faster with time than readings do, so that a cursor from before a
# restart of the program is older than every cursor after it. Below 2^45 until 2075.
EPOCH_2020_US = 1_577_836_800_000_000
BASE_US = 50
KEPT_LATE = 1024

_TYPES = (np.int64, np.int64, np.int64, np.int64, np.float64, np.float64, np.float64, np.uint16, np.int64)
_TIME, _ARRIVAL = 2, 8  # columns: those of Readings in their order, then the arrival's number


class Window:
    """Readings of the last `span_s` seconds, at most `max_rows` of them (the oldest go first)."""

    def __init__(self, span_s: float = 300.0, max_rows: int = MAX_ROWS) -> None:
        self.span_us = round(span_s * SECOND)
        self._max_rows = max_rows
        self._rows = min(START_ROWS, max_rows)  # how many rows the array is made for now
        self._columns: list[NDArray[Any]] = [np.empty(_length(self._rows), kind) for kind in _TYPES]
        self._lo = self._hi = 0
        self._base = self._cursor = 0
        self.evicted = 0  # readings that have left, ever
        self._late = _Late()

    def __len__(self) -> int:
        return self._hi - self._lo

    @property
    def cursor(self) -> int:
        """Grows by one with each arrival; what `since` takes."""
        return self._cursor

    @property
    def oldest_us(self) -> int:
        """Time of the oldest reading that is here; 0 when there is none."""
        return int(self._columns[_TIME][self._lo]) if len(self) else 0

    @property
    def newest_us(self) -> int:
        """Time of the newest reading; 0 when there is none."""
        return int(self._columns[_TIME][self._hi - 1]) if len(self) else 0

    def append(self, readings: Readings) -> None:
        """Take in a batch; rows older than some already here are put where they belong."""
        count = len(readings)
        if not count:
            return
        time_us = readings.time_us
        if not self._base:
            self._base = self._cursor = max(1, (int(time_us[0]) - EPOCH_2020_US) // BASE_US)
        if count > 1 and (time_us[1:] < time_us[:-1]).any():
            readings = readings.take(np.argsort(time_us, kind="stable"))
            time_us = readings.time_us
        newest_us = self.newest_us
        if int(time_us[0]) >= newest_us or not len(self):
            self._put(readings)
            return
        late = int(time_us.searchsorted(newest_us))
        self._put(readings.take(slice(0, late)), late=True)
        self._put(readings.take(slice(late, None)))

    def clear(self) -> None:
        """Forget all rows; whoever has not seen them is told that they were dropped."""
        self._drop(len(self))

    def evict(self, now_us: int) -> None:
        """Drop the rows that are older than the span."""
        if self._lo < self._hi and int(self._columns[_TIME][self._lo]) < now_us - self.span_us:
            self._drop(self.index(now_us - self.span_us))

    def index(self, time_us: int) -> int:
        """How many rows are before `time_us`."""
        return int(self._columns[_TIME][self._lo : self._hi].searchsorted(time_us))

    def rows(self, first: int, end: int | None = None) -> Readings:
        """Rows by position: views, valid until the next change of the window."""
        lo, hi = self._lo + first, self._hi if end is None else self._lo + end
        return Readings(*(column[lo:hi] for column in self._columns[:_ARRIVAL]))

    def after(self, t0_us: int, t1_us: int) -> Readings:
        """Rows with time in (t0, t1]: views, valid until the next change of the window."""
        return self.rows(self.index(t0_us + 1), self.index(t1_us + 1))

    def between(self, t0_us: int, t1_us: int) -> Readings:
        """Copies of the rows with time in [t0, t1)."""
        return _copies(self.rows(self.index(t0_us), max(self.index(t1_us), self.index(t0_us))))

    def since(self, cursor: int | None) -> tuple[int, Readings, int]:
        """What arrived after `cursor`, by time: (new cursor, copies, how many left unseen).

        None means from now on: nothing yet. A cursor that is not ours gets everything that is here.
        """
        if cursor is None:
            return self._cursor, self.rows(len(self)), 0
        if not self.knows(cursor):
            return self._cursor, _copies(self.rows(0)), 0
        first = self.index(self.changed_us(cursor))
        fresh = np.flatnonzero(self._columns[_ARRIVAL][self._lo + first : self._hi] > cursor)
        return self._cursor, self.rows(first).take(fresh), self.missed(cursor)

    def knows(self, cursor: int) -> bool:
        """Whether a cursor is one of this window's, and young enough to tell what is new."""
        return self._base <= cursor <= self._cursor and cursor >= self._late.floor

    def missed(self, cursor: int) -> int:
        """How many readings came after `cursor` and are gone."""
        return max(0, self._base + self.evicted - cursor)

    def changed_us(self, cursor: int) -> int:
        """Everything that arrived after `cursor` has this time or a later one."""
        unseen = self._cursor - cursor
        if unseen >= len(self):
            return int(self._columns[_TIME][self._lo]) if len(self) else 0
        # Rows that came in order are the last ones; each late row after `cursor` takes the place of one of them.
        in_order = int(self._columns[_TIME][self._hi - unseen]) if unseen else self.newest_us + 1
        late = self._late.since(cursor)
        return in_order if late is None else min(in_order, late)

    def curve(self, t0_us: int, t1_us: int, points: int) -> Curve:
        """What to draw of [t0, t1): the readings while there are at most `points`, else buckets with exact extremes.

        The bucket that t0 lies in is whole, so that a curve does not change at its beginning as time goes on.
        """
        few = self.index(t1_us) - self.index(t0_us) <= points
        width_us = 0 if few else width_for(t0_us, t1_us, points)
        first, end = self.index(t0_us // width_us * width_us if width_us else t0_us), self.index(t1_us)
        if first >= end:
            return no_curve(width_us)
        return curve_of_rows(self.rows(first, end), width_us, self.rows(max(first - 1, 0), first))

    def _put(self, readings: Readings, late: bool = False) -> None:
        """Store rows that are in order among themselves: behind all others, or (late) between them."""
        for first in range(0, len(readings), self._max_rows):
            part = readings if len(readings) <= self._max_rows else readings.take(slice(first, first + self._max_rows))
            self._room(len(part))
            self._write(part)
            if late:
                self._sort(len(part))
            if len(self) > self._max_rows:
                self._drop(len(self) - self._max_rows)

    def _write(self, readings: Readings) -> None:
        lo, count = self._hi, len(readings)
        hi = lo + count
        names = readings.__struct_fields__
        for name, column in zip(names, self._columns, strict=False):
            column[lo:hi] = getattr(readings, name)
        if count == 1:
            self._columns[_ARRIVAL][lo] = self._cursor + 1
        else:
            self._columns[_ARRIVAL][lo:hi] = np.arange(self._cursor + 1, self._cursor + 1 + count)
        self._cursor += count
        self._hi = hi

    def _sort(self, count: int) -> None:
        """Bring the last rows, `count` late ones, to their places; equal times stay in the order of their arrival."""
        times = self._columns[_TIME]
        old = self._hi - count
        from_us = int(times[old])
        self._late.add(self._cursor, from_us)
        lo = self._lo + int(times[self._lo : old].searchsorted(from_us, side="right"))
        order = np.argsort(times[lo : self._hi], kind="stable")
        for column in self._columns:
            column[lo : self._hi] = column[lo : self._hi][order]

    def _drop(self, count: int) -> None:
        self._lo += count
        self.evicted += count

    def _room(self, count: int) -> None:
        """Make sure that `count` rows fit behind the last."""
        if self._hi + count <= len(self._columns[0]):
            return
        self.evict(self.newest_us)
        surplus = len(self) + count - self._max_rows
        if surplus > 0:
            self._drop(min(surplus, len(self)))
        while self._rows < len(self) + count:
            self._rows = min(self._rows * 2, self._max_rows)
        self._move(_length(self._rows))

    def _move(self, length: int) -> None:
        """Bring the rows to the start of their array, or of a new one of another length."""
        rows = len(self)
        for number, column in enumerate(self._columns):
            target = column if len(column) == length else np.empty(length, column.dtype)
            target[:rows] = column[self._lo : self._hi]
            self._columns[number] = target
        self._lo, self._hi = 0, rows


class _Late:
    """Which cursors do not know of which late rows: a short list, times and cursors both rising."""

    def __init__(self) -> None:
        self.floor = 0  # a cursor below this is too old to tell
        self._cursors: list[int] = []
        self._times: list[int] = []

    def add(self, cursor: int, from_us: int) -> None:
        """Late rows arrived, up to number `cursor`, the oldest of them at `from_us`."""
        while self._times and self._times[-1] >= from_us:
            del self._times[-1], self._cursors[-1]
        self._cursors.append(cursor)
        self._times.append(from_us)
        if len(self._times) > KEPT_LATE:
            self.floor = self._cursors[0]
            del self._times[0], self._cursors[0]

    def since(self, cursor: int) -> int | None:
        """The oldest time among the late rows that came after `cursor`."""
        at = bisect_right(self._cursors, cursor)
        return self._times[at] if at < len(self._times) else None


def _length(rows: int) -> int:
    return rows + max(rows // SLACK, 16)


def _copies(rows: Readings) -> Readings:
    return Readings(*(getattr(rows, name).copy() for name in rows.__struct_fields__))
