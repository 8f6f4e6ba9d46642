"""Times on Plotly's time axis, which knows no zone. Pure.

What the axis shows is UTC moved by one offset, that of the reader's zone at the picture's end: across a change of daylight
saving time a picture keeps its true durations. Texts are shown as they are. Numbers (a third of the size) are taken by
plotly.js for milliseconds UTC and moved into the *browser's* zone: they are given so that the right time comes out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from components.look.times import EPOCH, SECOND_US, offset_us, parse_typed, zone_of
from components.view import View
from services.model import I64


class TimeAxis(NamedTuple):
    """`offset_us`: what is shown is UTC plus this; `browser_zone`: the zone that the browser moves numbers to."""

    offset_us: int
    browser_zone: str

    def text(self, time_us: int) -> str:
        """A moment as the axis shows it."""
        return f"{_shown(time_us + self.offset_us):%Y-%m-%d %H:%M:%S.%f}"

    def end(self, time_us: int) -> float:
        """The same for `autorangeoptions`, which take the milliseconds of what is shown and no text."""
        return (time_us + self.offset_us) / 1000

    def numbers(self, times_us: I64) -> NDArray[np.float64]:
        """Ascending moments as milliseconds that plotly.js shows as `text` does."""
        if not len(times_us):
            return np.empty(0)
        shown = times_us + self.offset_us
        ends = [_seen_from(int(end), self.browser_zone) for end in (shown[0], shown[-1])]
        moved: I64 = shown + (ends[0] - int(shown[0]))
        if ends[1] != int(moved[-1]):  # the browser's zone changes its offset on the way
            local = pd.DatetimeIndex(shown.astype("datetime64[us]"))
            utc = local.tz_localize(zone_of(self.browser_zone), ambiguous=np.zeros(len(local), bool), nonexistent="shift_forward")
            moved = utc.as_unit("us").asi8
        numbers: NDArray[np.float64] = moved / 1000
        return numbers

    def moment_us(self, place: Any) -> int | None:
        """What Plotly gives for a place on the axis → microseconds UTC."""
        if isinstance(place, int | float):
            return round(place * 1000) - self.offset_us
        time_us = parse_typed(place, "UTC", 0) if isinstance(place, str) else None
        return None if time_us is None else time_us - self.offset_us


def time_axis(view: View, t1_us: int) -> TimeAxis:
    """The axis of a picture that ends at `t1_us`."""
    return TimeAxis(offset_us(view.zone, t1_us), view.local_zone)


def points_us(frame: pd.DataFrame) -> I64:
    """Where the points of a frame stand: at their time, or in the middle of what a point stands for."""
    index = frame.index
    assert isinstance(index, pd.DatetimeIndex)
    return index.as_unit("us").asi8 + frame.attrs.get("bucket_us", 0) // 2


def _shown(time_us: int) -> datetime:
    return EPOCH.replace(tzinfo=None) + timedelta(microseconds=time_us)


def _seen_from(shown_us: int, zone: str) -> int:
    """UTC of what a clock in the zone shows."""
    there = _shown(shown_us).replace(tzinfo=zone_of(zone)) - EPOCH
    return (there.days * 86_400 + there.seconds) * SECOND_US + there.microseconds
