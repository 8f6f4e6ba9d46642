"""One summary per second of the last quarter of an hour: what minutes are made of.

Everything in a summary can be merged in any order (count, sums, extremes), so a late reading needs no repair.
"""

from __future__ import annotations

import numpy as np

from services.model import F64, I64, Readings

SECOND_US = 1_000_000
KEPT_S = 1024  # at least 15 minutes, and then some for late readings

# The columns of a summary: count, Σhold, Σx·hold, min and max of v, a, w.
COUNT, HOLD = 0, 1
SUMS = slice(0, 5)
WEIGHTED = slice(2, 5)
LOWS = slice(5, 8)
HIGHS = slice(8, 11)
WIDTH = 11


def blank(rows: int) -> F64:
    """Summaries of nothing: neutral to `merge`."""
    table = np.zeros((rows, WIDTH))
    table[:, LOWS] = np.inf
    table[:, HIGHS] = -np.inf
    return table


def summarise(rows: Readings) -> F64:
    """The summary of some readings (none is fine)."""
    if not len(rows):
        return blank(1).ravel()
    values = np.array((rows.v, rows.a, rows.w))
    hold = rows.hold_us.astype(np.float64)
    summary = np.empty(WIDTH)
    summary[COUNT], summary[HOLD] = len(hold), hold.sum()
    summary[WEIGHTED] = values @ hold
    summary[LOWS] = values.min(axis=1)
    summary[HIGHS] = values.max(axis=1)
    return summary


def merge(table: F64) -> F64:
    """One summary out of many."""
    if not len(table):
        return blank(1).ravel()
    parts: tuple[F64, ...] = (table[:, SUMS].sum(axis=0), table[:, LOWS].min(axis=0), table[:, HIGHS].max(axis=0))
    return np.concatenate(parts)


def _summaries(rows: Readings, starts: I64) -> F64:
    """One summary for each run of rows that begins at one of `starts`."""
    values = np.array((rows.v, rows.a, rows.w))
    hold = rows.hold_us.astype(np.float64)
    table = np.empty((len(starts), WIDTH))
    table[:-1, COUNT] = starts[1:] - starts[:-1]
    table[-1, COUNT] = len(hold) - starts[-1]
    table[:, HOLD] = np.add.reduceat(hold, starts)
    table[:, WEIGHTED] = np.add.reduceat(values * hold, starts, axis=1).T
    table[:, LOWS] = np.minimum.reduceat(values, starts, axis=1).T
    table[:, HIGHS] = np.maximum.reduceat(values, starts, axis=1).T
    return table


class Seconds:
    """Summaries by absolute second; the newest `KEPT_S` and up to as many older ones are held in one array."""

    def __init__(self) -> None:
        self._table = blank(2 * KEPT_S)
        self._origin = 0  # the second of the table's first row
        self._end = 0  # one past the newest second with a reading; 0 before the first

    def clear(self) -> None:
        """Begin anew, at any time."""
        self._table, self._origin, self._end = blank(2 * KEPT_S), 0, 0

    def add(self, readings: Readings) -> None:
        """Take in readings in any order; those older than what is kept are ignored."""
        if not len(readings):
            return
        first, last = int(readings.time_us.min()) // SECOND_US, int(readings.time_us.max()) // SECOND_US
        if first == last:
            self._merge_into(last, summarise(readings))
            return
        second = readings.time_us // SECOND_US
        if (second[1:] < second[:-1]).any():
            order = np.argsort(second, kind="stable")
            readings, second = readings.take(order), second[order]
        self._add_sorted(readings, second)

    def between(self, first: int, end: int) -> F64:
        """The summaries of the seconds [first, end): a view, shorter where nothing is kept, valid until the next `add`."""
        lo = max(first - self._origin, 0)
        return self._table[lo : max(min(end, self._end) - self._origin, lo)]

    def _merge_into(self, second: int, summary: F64) -> None:
        self._reach(second)
        if second >= self._origin:
            row = self._table[second - self._origin]
            row[SUMS] += summary[SUMS]
            row[LOWS] = np.minimum(row[LOWS], summary[LOWS])
            row[HIGHS] = np.maximum(row[HIGHS], summary[HIGHS])

    def _add_sorted(self, readings: Readings, second: I64) -> None:
        self._reach(int(second[-1]))
        starts = np.concatenate(([0], np.flatnonzero(second[1:] != second[:-1]) + 1)).astype(np.intp)
        row = second[starts] - self._origin
        fresh = _summaries(readings, starts)
        if row[0] < 0:
            row, fresh = row[row >= 0], fresh[row >= 0]
        old = self._table[row]
        old[:, SUMS] += fresh[:, SUMS]
        old[:, LOWS] = np.minimum(old[:, LOWS], fresh[:, LOWS])
        old[:, HIGHS] = np.maximum(old[:, HIGHS], fresh[:, HIGHS])
        self._table[row] = old

    def _reach(self, second: int) -> None:
        """Make room for a second."""
        if second < self._end:
            return
        if second - self._origin >= len(self._table):
            self._slide(second)
        self._end = second + 1

    def _slide(self, second: int) -> None:
        """Let the table begin `KEPT_S` before a new newest second."""
        origin = second - KEPT_S + 1
        kept = self._table[max(origin - self._origin, 0) : max(self._end - self._origin, 0)]
        table = blank(2 * KEPT_S)
        if len(kept):
            first = max(origin, self._origin) - origin
            table[first : first + len(kept)] = kept
        self._table, self._origin = table, origin
