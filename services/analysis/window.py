"""The last minutes of readings in memory, in the order of their time.

The rows live in one long array per column and are always one contiguous slice of it: new rows go behind the slice,
old rows fall off its front, and when the end of the array is reached the slice moves back to the start. So every
question is answered with views and binary search.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from services.analysis.decimate import LADDER_US, SECOND, curve_of_rows, no_curve
from services.model import Curve, Live, Readings

if TYPE_CHECKING:
    import pandas as pd

START_ROWS = 8192
MAX_ROWS = 2**20  # 60 s at 17 000 readings/s; about 90 MB
SLACK = 4  # the array is a quarter longer than the rows it may hold: one row is moved four times at most

# Cursors count arrivals from a base that grows faster with time than readings do, so that a cursor from before a
# restart of the program is older than every cursor after it. Below 2^45 until 2075.
EPOCH_2020_US = 1_577_836_800_000_000
BASE_US = 50
KEPT_LATE = 1024

# A cursor of `live` also says how the curve was shaped (width and span), for another shape needs the whole curve.
# All of it stays below 2^53, which is as far as a browser can count.
LIVE_WIDTHS_US = tuple(width_us for width_us in LADDER_US if 10_000 <= width_us <= 60_000_000)
SPANS = 16
USUAL_SPANS_S = (10, 30, 60, 120, 300)
SHAPES = 16 * SPANS
BACK_TO_RAW = 0.8  # of the points: from buckets back to readings only when they have become clearly fewer

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

    def live(self, cursor: int | None, span_s: float, points: int, now_us: int, device: str) -> Live:
        """What of the last `span_s` seconds is new since a cursor of `live` (None: all of it), to draw.

        Readings while there are at most `points`, else buckets: at most `points` and the two at the ends.
        """
        span_us = round(span_s * SECOND)
        t0_us = now_us - span_us
        known, shape_was = (None, None) if cursor is None else divmod(cursor, SHAPES)
        width_us = self._width(t0_us, span_us, points, shape_was)
        shape = _shape(width_us, span_s)
        start_us = _floor(t0_us, width_us)
        from_us, whole, dropped = start_us, True, 0
        if known is not None and self.knows(known):
            dropped = self.missed(known)
            changed_us = self.changed_us(known)
            if known < self._cursor:
                changed_us = _floor(changed_us, width_us)
            if shape == shape_was and not dropped and (changed_us >= start_us or known == self._cursor):
                from_us, whole = changed_us, False
        curve = self._curve(from_us, width_us)
        return Live(device, self._cursor * SHAPES + shape, now_us, whole, from_us, dropped, curve)

    def frame(self) -> pd.DataFrame:
        """The window as a table: UTC time as index; boot, seq, v, a, w, flags."""
        import pandas as pd  # it takes half a second to load, and only notebooks and exports ask for a frame

        rows = _copies(self.rows(0))
        index = pd.DatetimeIndex(pd.to_datetime(rows.time_us, unit="us", utc=True), name="time")
        columns = {name: getattr(rows, name) for name in ("boot", "seq", "v", "a", "w", "flags")}
        return pd.DataFrame(columns, index=index)

    def _width(self, t0_us: int, span_us: int, points: int, shape: int | None) -> int:
        """The width of the buckets to draw; 0 for readings as they are."""
        shown = len(self) - self.index(t0_us)
        was_raw = shape is None or shape // SPANS == 0
        if shown <= points * (1.0 if was_raw else BACK_TO_RAW):
            return 0
        fitting = (width_us for width_us in LIVE_WIDTHS_US if span_us <= points * width_us)
        return next(fitting, LIVE_WIDTHS_US[-1])

    def _curve(self, from_us: int, width_us: int) -> Curve:
        first = self.index(from_us)
        if first == len(self):
            return no_curve(width_us)
        return curve_of_rows(self.rows(first), width_us, self.rows(max(first - 1, 0), first))

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


def _shape(width_us: int, span_s: float) -> int:
    """Width and span in one small number; two spans seldom have the same, and the usual ones never."""
    width = LIVE_WIDTHS_US.index(width_us) + 1 if width_us else 0
    span = USUAL_SPANS_S.index(span_s) if span_s in USUAL_SPANS_S else len(USUAL_SPANS_S) + round(span_s * 1000) % 11
    return width * SPANS + span


def _floor(time_us: int, width_us: int) -> int:
    return time_us // width_us * width_us if width_us else time_us


def _length(rows: int) -> int:
    return rows + max(rows // SLACK, 16)


def _copies(rows: Readings) -> Readings:
    return Readings(*(getattr(rows, name).copy() for name in rows.__struct_fields__))
