"""The mark of a reading that is kept and shown but rests in no statistic: which one, and the word it is told with.

In a reading's flags bit 4 says that it is marked, bits 5 to 7 by what, bits 8 to 15 which of the board's own words it came
with (0: none, or one that the mark says already).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.model import U16, Flag, Readings, Reason

VOLTAGE, CURRENT, POWER, OVERFLOW, SENSOR_ERROR, STATUS = range(1, 7)
REASONS = (
    None,
    *(Reason(f"{name}_range") for name in ("voltage", "current", "power")),
    Reason.OVERFLOW,
    Reason.STATUS,
    Reason.STATUS,
)
STATUSES = ("ok", "voltage_range", "current_range", "power_range", "overflow", "sensor_error", "status")
CHANNEL_OF = {VOLTAGE: "v", CURRENT: "a", POWER: "w"}
MARK_SHIFT, MARK_MASK, WORD_SHIFT = 5, 7, 8
MOST_WORDS = 255
OTHER = "other"  # what word 255 is called: nobody has so many
STATUS_BITS = np.uint16(0xFFF0)  # all that a status depends on
_MARKED = int(Flag.MARKED)


def flags_of(mark: int, word: int = 0) -> int:
    """The bits that a marked reading has in its flags."""
    return _MARKED | mark << MARK_SHIFT | word << WORD_SHIFT


def mark_of(flags: int) -> int:
    """Which mark; 0 when there is none."""
    return flags >> MARK_SHIFT & MARK_MASK


def marked(flags: U16) -> NDArray[np.bool_]:
    """Which of them are marked."""
    return (flags & _MARKED).astype(bool)


def parted(rows: Readings) -> tuple[Readings, Readings | None]:
    """(those without a mark, those with one or None): at most batches the first is what was given."""
    if not (rows.flags & _MARKED).any():
        return rows, None
    where = marked(rows.flags)
    return rows.take(~where), rows.take(where)


def status_of(flags: int, words: Sequence[str] = ()) -> str:
    """The status as people read it: `ok`, the range it is out of, or the board's own word (`words`: the first is word 1)."""
    word = flags >> WORD_SHIFT
    if word:
        return words[word - 1] if word <= len(words) else STATUSES[STATUS]
    mark = mark_of(flags)
    return STATUSES[mark] if mark < len(STATUSES) else STATUSES[STATUS]


def statuses(flags: U16, words: Sequence[str] = ()) -> list[str]:
    """`status_of` for many."""
    if not (flags & _MARKED).any():
        return [STATUSES[0]] * len(flags)
    kinds, index = np.unique(flags & STATUS_BITS, return_inverse=True)
    texts = [status_of(int(kind), words) for kind in kinds]
    return [texts[at] for at in index.tolist()]


class StatusWords:
    """The words that a board says instead of `ok`, numbered from 1 in the order they were first heard."""

    def __init__(self) -> None:
        self.known: tuple[str, ...] = ()

    def mark_flags(self, status: str) -> int:
        """The bits for a reading whose board says `status`."""
        if status == STATUSES[OVERFLOW]:
            return flags_of(OVERFLOW)
        if status == STATUSES[SENSOR_ERROR]:
            return flags_of(SENSOR_ERROR)
        return flags_of(STATUS, self._number(status))

    def _number(self, word: str) -> int:
        if word in self.known:
            return self.known.index(word) + 1
        if len(self.known) < MOST_WORDS:
            self.known += (word if len(self.known) < MOST_WORDS - 1 else OTHER,)
        return len(self.known)
