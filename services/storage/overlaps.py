"""Spans of time that a device has twice, because the computer's clock was set back. Curves are not joined in them.

Readings of a device ascend in time but for those that came late. One that is far behind those before it was measured after
the clock was set back, whether the program ran at that moment or was started later.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from services.model import I64, Curve, Event, EventKind, Flag
from services.storage.database import Connection
from services.storage.rows import Rows

LEAST_US = 5_000_000  # less than that is the disorder of arrivals
_LATE = int(Flag.RECOVERED | Flag.LATE)
_NEWEST = "SELECT coalesce(max(last_us), 0) FROM runs WHERE device_id = ?"
_LAST = "SELECT t0_us, t1_us FROM overlaps WHERE device_id = ? ORDER BY t1_us DESC LIMIT 1"
_TOUCHING = "SELECT t0_us, t1_us FROM overlaps WHERE device_id = ? AND t0_us < ? AND t1_us >= ?"


class Overlap(NamedTuple):
    """From the first reading in the new time to the newest in the old one."""

    t0_us: int
    t1_us: int


class Overlaps:
    """What the writer remembers of one device: how far its time has come, and the overlap that is being filled."""

    def __init__(self, conn: Connection, device_id: int, name: str) -> None:
        self._device_id, self._name = device_id, name
        self._newest_us = int(conn.execute(_NEWEST, (device_id,)).fetchone()[0])
        found = conn.execute(_LAST, (device_id,)).fetchone()
        self._filling = Overlap(*found) if found is not None else Overlap(0, 0)

    def note(self, conn: Connection, rows: Rows) -> list[Event]:
        """New readings of one run, ascending in number; what is to be told of them."""
        if int(rows.time_us.min()) >= self._newest_us - LEAST_US and _in_order(rows.time_us):
            self._newest_us = max(self._newest_us, int(rows.time_us.max()))
            return []
        times = rows.time_us[rows.flags & _LATE == 0]
        events = []
        if len(times):
            peaks = np.maximum.accumulate(np.concatenate(([self._newest_us], times)))
            behind = np.flatnonzero(peaks[:-1] - times > LEAST_US)
            if len(behind):
                found = Overlap(int(times[behind].min()), int(peaks[behind[0]]))
                events = self._begin(conn, found)
            self._newest_us = int(peaks[-1])
        return events

    def _begin(self, conn: Connection, found: Overlap) -> list[Event]:
        known = self._filling
        if found.t1_us == known.t1_us and found.t0_us >= known.t0_us:
            return []
        conn.execute("INSERT OR REPLACE INTO overlaps VALUES (?, ?, ?)", (self._device_id, *found))
        self._filling = found
        text = f"readings from here on overlap in time with earlier ones for {(found.t1_us - found.t0_us) / 1e6:.1f} s"
        data = {"overlap_us": found.t1_us - found.t0_us, "until_us": found.t1_us}
        return [Event(self._name, found.t0_us, EventKind.CLOCK, text, data)]


def _in_order(times: I64) -> bool:
    return len(times) == 1 or bool((times[1:] >= times[:-1] - LEAST_US).all())


def overlaps_between(conn: Connection, device_id: int, t0_us: int, t1_us: int) -> list[Overlap]:
    """Those that touch [t0, t1)."""
    return [Overlap(*row) for row in conn.execute(_TOUCHING, (device_id, t1_us, t0_us))]


def unjoined(curve: Curve, overlaps: list[Overlap]) -> Curve:
    """The curve with no line through what is there twice, nor out of it."""
    for overlap in overlaps:
        inside = (curve.time_us + curve.bucket_us >= overlap.t0_us) & (curve.time_us <= overlap.t1_us)
        curve.break_before[inside] = 1
        curve.break_before[1:][inside[:-1]] = 1
    return curve
