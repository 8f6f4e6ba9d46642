"""What a tick shows, made once and shared by every tab that looks at the same.

The façade is asked in worker threads. Each answer is kept for a moment under what was asked; whoever asks the same within
that moment gets the same answer, and while it is being made the others wait for it.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from components.figures.time_axis import points_us
from components.view import Range, View
from services.errors import UnknownDevice
from services.live_model import Tick
from services.model import Event, EventKind, Gap, SpanStats

if TYPE_CHECKING:
    import pandas as pd

    from services.monitor import Monitor

T = TypeVar("T")
WINDOW_S = 300  # live spans up to this come from the window in memory
SHARE = 0.2  # of an interval: so long a tick's answer serves other tabs
MARKS_S = 1.0  # gaps and flags of a live span come from the database
LONG_LIVE_S = (2.0, 30.0)  # a long live span is asked for again at a pace that depends on its length
YOUNG_US, YOUNG_S, OLD_S = 900_000_000, 5.0, 60.0  # what is younger than this may still be mended
RECORD_S = 5.0
KEPT = 64
FEW, BESIDE_US = 50, 2_000_000
MAX_EVENTS, MAX_GAPS = 200, 400
NO_MARK = frozenset({EventKind.GAP, EventKind.RECOVERED, EventKind.LOST, EventKind.COMMAND})  # gaps are drawn themselves


class Picture(msgspec.Struct, frozen=True):
    """What the chart shows: [t0, t1) of one board. Equal `serial`s mean the same picture."""

    serial: str
    live: bool
    t0_us: int
    t1_us: int
    frame: pd.DataFrame
    stats: SpanStats
    gaps: tuple[Gap, ...]
    events: tuple[Event, ...]
    record: Range | None
    selection: SpanStats | None = None


class Look(msgspec.Struct, frozen=True):
    """One tick for one view. `tick` is None for a board that only the record knows, `picture` None without any board."""

    now_us: int
    device: str
    tick: Tick | None
    picture: Picture | None


class _Slot(Generic[T]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made_s = float("-inf")
        self.serial = 0
        self.value: T | None = None


class Kept(Generic[T]):
    """Answers by question, each as old as the asker allows; the least used ones are forgotten."""

    def __init__(self, monotonic_s: Callable[[], float], size: int = KEPT) -> None:
        self._now_s, self._size = monotonic_s, size
        self._lock = threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot[T]] = OrderedDict()

    def get(self, key: Hashable, age_s: float, make: Callable[[], T]) -> tuple[T, int]:
        """(the answer, how often it was made). Whatever `make` raises reaches the asker and is not kept."""
        slot = self._slot(key)
        with slot.lock:
            if slot.value is None or self._now_s() - slot.made_s >= age_s:
                slot.value = make()
                slot.made_s, slot.serial = self._now_s(), slot.serial + 1
            return slot.value, slot.serial

    def _slot(self, key: Hashable) -> _Slot[T]:
        with self._lock:
            slot = self._slots.pop(key, None) or _Slot()
            self._slots[key] = slot
            while len(self._slots) > self._size:
                self._slots.popitem(last=False)
            return slot

    def __len__(self) -> int:
        return len(self._slots)


class Feed:
    """Everything that the page's callbacks show of a board. Thread-safe."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        clock = monitor.clock.monotonic_s
        self._epoch = f"{monitor.clock.now_us():x}"  # pictures of another run of the program are others
        self._ticks: Kept[Tick] = Kept(clock)
        self._pictures: Kept[Picture] = Kept(clock)
        self._stats: Kept[SpanStats] = Kept(clock)
        self._marks: Kept[tuple[list[Gap], list[Event]]] = Kept(clock)
        self._records: Kept[tuple[Range | None]] = Kept(clock)
        self.answers: Kept[Any] = Kept(clock)  # rendered ticks (live.py)

    def look(self, view: View) -> Look:
        """What a view shows now."""
        now_us = self._monitor.clock.now_us()
        device = view.device or self._monitor.default_device() or ""
        if not device:
            return Look(now_us, "", None, None)
        windowed = view.live and view.span_s <= WINDOW_S
        tick, serial = self._tick(device, view.span_s if windowed else 1, view.points if windowed else 1)
        if tick is not None and windowed:
            picture = self._window(device, tick, f"{self._epoch}.{serial}")
        else:
            picture = self._history(device, view, now_us)
        if view.selection_us is not None:
            picture = msgspec.structs.replace(picture, selection=self.stats(device, *view.selection_us))
        return Look(tick.state.now_us if tick else now_us, device, tick, picture)

    def record(self, device: str) -> Range | None:
        """Times of the oldest and the newest stored reading."""
        if not device:
            return None
        return self._records.get(device, RECORD_S, lambda: (self._monitor.extent(device),))[0][0]

    def stats(self, device: str, t0_us: int, t1_us: int) -> SpanStats:
        """Figures of a span of the record."""
        age_s = self._age_s(t1_us)
        return self._stats.get((device, t0_us, t1_us), age_s, lambda: self._monitor.stats(device, t0_us, t1_us))[0]

    def overview(self, device: str, points: int) -> Picture | None:
        """The whole record."""
        record = self.record(device)
        if record is None:
            return None
        t1_us = max(record[1], self._monitor.clock.now_us()) if self._is_linked(device) else record[1] + 1
        key = ("overview", device, points)
        return self._pictures.get(key, RECORD_S - 1, lambda: self._make(device, record[0], t1_us, points, False))[0]

    # --- how it is come by

    def _is_linked(self, device: str) -> bool:
        return any(info.device == device and info.url for info in self._monitor.devices())

    def _tick(self, device: str, span_s: int, points: int) -> tuple[Tick | None, int]:
        try:
            key = (device, span_s, points)
            fresh_s = self._monitor.settings.interval_ms / 1000 * SHARE
            return self._ticks.get(key, fresh_s, lambda: self._monitor.tick(device, span_s, points))
        except UnknownDevice:
            return None, 0

    def _window(self, device: str, tick: Tick, serial: str) -> Picture:
        """A short live span: curve and figures of the tick, and over it what only the record knows."""
        span_us = tick.t1_us - tick.t0_us
        (gaps, events), _ = self._marks.get((device, span_us), MARKS_S, lambda: self._ask_marks(device, tick.t0_us, tick.t1_us))
        known = [gap for gap in gaps if gap.t1_us >= tick.t0_us and not any(_overlap(gap, newer) for newer in tick.gaps)]
        counts, _ = self._stats.get(
            (device, "live", span_us), MARKS_S, lambda: self._monitor.stats(device, tick.t0_us, tick.t1_us)
        )
        stats = msgspec.structs.replace(tick.stats, counts=counts.counts)
        flags = tuple(event for event in events if event.time_us >= tick.t0_us)
        return Picture(serial, True, tick.t0_us, tick.t1_us, tick.frame, stats, (*known, *tick.gaps), flags, self.record(device))

    def _history(self, device: str, view: View, now_us: int) -> Picture:
        """A range, or a long live span, out of the record."""
        record = self.record(device)
        if view.range_us is not None:
            t0_us, t1_us = view.range_us
            key: Hashable = (device, view.range_us, view.points)
            age_s = self._age_s(t1_us)
        else:
            end_us = now_us if self._is_linked(device) or record is None else record[1] + 1
            t0_us, t1_us = end_us - view.span_s * 1_000_000, end_us
            if record is not None and view.span_s > WINDOW_S:  # nobody looks at what was before the record
                t0_us = max(t0_us, min(record[0], end_us - WINDOW_S * 1_000_000))
            key = (device, view.span_s, view.points)
            age_s = min(LONG_LIVE_S[1], max(LONG_LIVE_S[0], view.span_s / 600))
        made, _ = self._pictures.get(key, age_s, lambda: self._make(device, t0_us, t1_us, view.points, view.live))
        return msgspec.structs.replace(made, record=record)

    def _make(self, device: str, t0_us: int, t1_us: int, points: int, live: bool) -> Picture:
        frame = self._monitor.history(device, t0_us, t1_us, points)
        if len(frame) < FEW:  # what joins them lies beside: a line is seen from the picture's edge on
            beside_us = max(BESIDE_US, t1_us - t0_us)
            frame = self._monitor.history(device, t0_us - beside_us, t1_us + beside_us, 20 * points)
        gaps, events = self._ask_marks(device, t0_us, t1_us)
        stats = self._monitor.stats(device, t0_us, t1_us)
        marks = (tuple(gaps[-MAX_GAPS:]), tuple(events))
        return Picture(_digest(device, t0_us, t1_us, frame, marks), live, t0_us, t1_us, frame, stats, *marks, None)

    def _ask_marks(self, device: str, t0_us: int, t1_us: int) -> tuple[list[Gap], list[Event]]:
        events = self._monitor.events(device, t0_us, t1_us, MAX_EVENTS)
        return self._monitor.gaps(device, t0_us, t1_us), [event for event in events if event.kind not in NO_MARK]

    def _age_s(self, t1_us: int) -> float:
        return YOUNG_S if self._monitor.clock.now_us() - t1_us < YOUNG_US else OLD_S


def _overlap(gap: Gap, newer: Gap) -> bool:
    """What is known now takes the place of what is stored of the same numbers."""
    return gap.boot == newer.boot and gap.first <= newer.last and newer.first <= gap.last


def _digest(device: str, t0_us: int, t1_us: int, frame: pd.DataFrame, marks: Any) -> str:
    """Pictures that look the same have the same: nothing is sent again."""
    digest = zlib.crc32(repr((device, t0_us, t1_us, marks)).encode())
    for column in (points_us(frame), *(frame[name].to_numpy() for name in ("v_mean", "w_max", "n", "recovered"))):
        digest = zlib.crc32(column.tobytes(), digest)
    return f"h{digest:x}"
