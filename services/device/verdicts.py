"""What the lines that came are worth: readings, marked readings, or no readings at all.

The board's own word comes first, then the ranges. What is marked is kept; only what is no number is refused, with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from services.analysis.marks import CHANNEL_OF, REASONS, StatusWords, flags_of, mark_of, marked, status_of
from services.analysis.validation import NO_LIMIT, OPTION_NAMES, Bounds, Limits, Range, all_within, is_number, range_marks
from services.device.boot import Taken
from services.device.columns import Line, line_text
from services.live_model import Marked
from services.model import Readings, Reason, Rejected
from services.wire.decoders import BadReading, ReadingLine


class Judged(msgspec.Struct, frozen=True):
    """A batch after its verdict; `marks`: how many of the readings carry a mark, by reason."""

    readings: Readings
    rejected: list[Rejected] = []
    marks: dict[Reason, int] = {}


class Judge:
    """What holds for one board, and what was marked by it in this session."""

    def __init__(self, device: str, limits: Limits) -> None:
        self._device = device
        self._limits = limits
        self._bounds = limits.bounds()
        self._words = StatusWords()
        self._kinds: dict[int, Marked] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """The board's own words that readings' flags name."""
        return self._words.known

    @property
    def marked(self) -> tuple[Marked, ...]:
        """The marked readings of this session, one for each kind of mark."""
        return tuple(self._kinds.values())

    def sensor_range(self, said: Mapping[str, Range] | None) -> None:
        """What the board says that its sensor can measure; None: nothing."""
        self._bounds = self._limits.bounds(said)

    def judge(self, taken: Taken) -> Judged:
        """The readings of a batch with their marks, and the lines that are none."""
        rows = taken.readings
        if not len(rows) or (not taken.doubtful and all_within(rows.v, rows.a, rows.w, self._bounds)):
            return Judged(rows)
        numbers = is_number(rows.v, rows.a, rows.w)
        marks = range_marks(rows.v, rows.a, rows.w, self._bounds)
        found = np.array([flags_of(mark) if mark else 0 for mark in marks.tolist()], np.uint16)
        for place in taken.doubtful:
            line = taken.lines[place]
            if isinstance(line, BadReading):
                numbers[place] = False
            else:
                found[place] = self._words.mark_flags(line.status)
        rejected = [_rejected(taken, place, self._device) for place in np.flatnonzero(~numbers).tolist()]
        rows = msgspec.structs.replace(rows, flags=rows.flags | found).take(numbers)
        return Judged(rows, rejected, self._count(rows.take(marked(rows.flags))))

    def _count(self, rows: Readings) -> dict[Reason, int]:
        found: dict[Reason, int] = {}
        kinds = np.array([mark_of(flags) for flags in rows.flags.tolist()])
        for mark in np.unique(kinds).tolist():
            kind = _kind(mark, rows.take(kinds == mark), self._bounds, self._words.known)
            self._kinds[mark] = kind if mark not in self._kinds else _joined(self._kinds[mark], kind)
            found[kind.reason] = found.get(kind.reason, 0) + kind.count
        return found


def _rejected(taken: Taken, place: int, device: str) -> Rejected:
    rows, line = taken.readings, taken.lines[place]
    reason, detail = (line.reason, line.detail) if isinstance(line, BadReading) else (Reason.NOT_FINITE, _too_large(line))
    boot, seq, time_us = int(rows.boot[place]), int(rows.seq[place]), int(rows.time_us[place])
    return Rejected(device, time_us, reason, line_text(line), detail, boot, seq)


def refused_line(device: str, line: Line, time_us: int) -> Rejected:
    """A line without a number where one is due, or that is no reading."""
    reason, detail = (line.reason, line.detail) if isinstance(line, BadReading) else (Reason.BAD_SEQ, "it has no number")
    return Rejected(device, time_us, reason, line_text(line), detail)


def _too_large(line: ReadingLine) -> str:
    return f"v {line.v:g}, a {line.a:g}: larger than anything that can be kept"


def _kind(mark: int, rows: Readings, bounds: Bounds, words: tuple[str, ...]) -> Marked:
    reason, newest = REASONS[mark], int(rows.time_us.argmax())
    assert reason is not None
    base = Marked(reason, len(rows), int(rows.time_us[newest]))
    channel = CHANNEL_OF.get(mark)
    if channel is None:
        return msgspec.structs.replace(base, word=status_of(int(rows.flags[newest]), words))
    values = getattr(rows, channel)
    (low, high), value = bounds.of(channel), float(values[newest])
    side = "max" if value > high else "min"
    return msgspec.structs.replace(
        base,
        lowest=float(values.min()),
        highest=float(values.max()),
        low=low,
        high=high,
        origin=bounds.origins.get(f"{channel}_{side}", ""),
        option=f"--{OPTION_NAMES[channel]}-{side}" if abs(value) <= NO_LIMIT else "",
    )


def _joined(before: Marked, now: Marked) -> Marked:
    lowest, highest = now.lowest, now.highest
    if lowest is not None and highest is not None and before.lowest is not None and before.highest is not None:
        lowest, highest = min(before.lowest, lowest), max(before.highest, highest)
    return msgspec.structs.replace(now, count=before.count + now.count, lowest=lowest, highest=highest)
