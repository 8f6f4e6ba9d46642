"""Where something is missing, came after all, or happened: areas and marks over the curves' time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from services.model import Event, Gap

OPEN, LOST, RECOVERED = "open", "lost", "recovered"
QUIET_HOLDS, QUIET_US = 3.5, 1_500_000  # so long after the last reading it is missing
LEAST_SHARE = 1 / 500  # of the picture: a shorter gap is drawn so wide, or it could not be seen
MARKS_APART = 1 / 60  # of the picture: nearer ones are one mark


class Area(NamedTuple):
    """[t0, t1) in microseconds."""

    kind: str
    t0_us: int
    t1_us: int


class Mark(NamedTuple):
    """Events too near to be told apart, newest last."""

    time_us: int
    events: tuple[Event, ...]


def areas(frame: pd.DataFrame, gaps: Iterable[Gap], t0_us: int, t1_us: int, last_us: int | None, hold_us: float) -> list[Area]:
    """Gaps that are known by number, holes that nobody numbered, and the time since the last reading when that is long.

    `last_us`: time of the newest reading there is; None when it is not the end of [t0, t1) that is looked at.
    """
    known = [Area(_kind(gap), gap.t0_us, gap.t1_us) for gap in gaps if gap.t1_us >= t0_us and gap.t0_us < t1_us]
    found = [area for area in holes(frame) if not any(_overlap(area, other) for other in known)]
    if last_us is not None and t1_us - last_us > max(QUIET_HOLDS * hold_us, QUIET_US):
        found = [area for area in found if area.t1_us <= last_us]
        known = [area for area in known if area.t0_us < last_us]
        found.append(Area(OPEN, last_us, t1_us))
    least_us = round((t1_us - t0_us) * LEAST_SHARE)
    clipped = [_clipped(area, t0_us, t1_us, least_us) for area in known + found]
    return _merged(area for area in clipped if area.t1_us > area.t0_us)


def holes(frame: pd.DataFrame) -> list[Area]:
    """Between two points that are not joined."""
    index = frame.index
    assert isinstance(index, pd.DatetimeIndex)
    times = index.as_unit("us").asi8
    breaks = np.flatnonzero(frame["break"].to_numpy())
    bucket_us = int(frame.attrs.get("bucket_us", 0))
    return [Area(OPEN, int(times[at - 1]) + bucket_us, int(times[at])) for at in breaks.tolist() if at > 0]


def marks(events: Iterable[Event], t0_us: int, t1_us: int) -> list[Mark]:
    """Events of [t0, t1) in the order of time, grouped when they would touch."""
    apart_us = (t1_us - t0_us) * MARKS_APART
    found: list[list[Event]] = []
    for event in sorted(events, key=lambda event: event.time_us):
        if not t0_us <= event.time_us < t1_us:
            continue
        if found and event.time_us - found[-1][0].time_us < apart_us:
            found[-1].append(event)
        else:
            found.append([event])
    return [Mark(group[0].time_us, tuple(group)) for group in found]


def _kind(gap: Gap) -> str:
    return OPEN if gap.missing else LOST if gap.lost else RECOVERED


def _overlap(one: Area, other: Area) -> bool:
    return one.t0_us < other.t1_us and other.t0_us < one.t1_us


def _clipped(area: Area, t0_us: int, t1_us: int, least_us: int) -> Area:
    lacking = max(0, least_us - (area.t1_us - area.t0_us))
    return Area(area.kind, max(t0_us, area.t0_us - lacking // 2), min(t1_us, area.t1_us + lacking // 2))


def _merged(found: Iterable[Area]) -> list[Area]:
    """Areas of one kind that touch are one."""
    result: list[Area] = []
    for area in sorted(found):
        before = result[-1] if result else None
        if before is not None and before.kind == area.kind and area.t0_us <= before.t1_us:
            result[-1] = before._replace(t1_us=max(before.t1_us, area.t1_us))
        else:
            result.append(area)
    return result
