"""What the lines of a connection are worth, in words: bytes without an end, lines that are no readings, numbers that contradict.

A connection over which much comes and nothing is recorded must not look like one that waits. Pure; its device's lock is held.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from services.device.boot import Taken
from services.device.columns import Line
from services.device.verdicts import Judged
from services.model import Reason
from services.wire.decoders import BadLine, BadReading

SLOT_S = 5.0  # judged is what came in this slot and in the one before
JUDGED_S = 0.25
SETTLING_S = 2.0  # after opening: half a line, the rest of a bootloader
FEW = 5  # lines; fewer prove nothing
SOME = 20
UNENDED_BYTES, UNENDED_S = 512, 5.0  # two whole lines, or whatever does not end for so long
MOST_REASONS = 3
NOT_OURS = (Reason.UNKNOWN_KIND, Reason.MISSING_VALUE, Reason.BAD_TYPE, Reason.NOT_OBJECT, Reason.BAD_SEQ)


class Slot(msgspec.Struct):
    """What came within a few seconds."""

    lines: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    garbled: int = 0  # of the refused: not even plain text
    readings: int = 0
    repeated: int = 0  # at level 0; at level 1 a board may offer twice
    jumping: int = 0  # numbers that contradict the others
    offered: int = 0  # again, at level 1


class LineHealth:
    """`problem` is empty while all is well."""

    def __init__(self, baud: int, now_s: float = 0.0) -> None:
        """One for each connection, made when it opens."""
        self._baud = baud
        self.bytes = 0  # on this connection
        self.lines = 0
        self._opened_s, self._turn_s = now_s, now_s + SLOT_S
        self._now, self._before = Slot(), Slot()
        self._problem, self._judge_s = "", now_s
        self._unended = 0  # bytes since the last end of a line
        self._unended_s = 0.0
        self._returns = False  # among them carriage returns

    def came(self, data: bytes, lines: int, now_s: float) -> None:
        """Bytes, and how many lines they completed."""
        self.bytes += len(data)
        if now_s >= self._turn_s:
            self._turn(now_s)
        if lines:
            self.lines += lines
            self._now.lines += lines
        if lines or b"\n" in data:
            self._unended, self._returns = 0, False
            return
        if not self._unended:
            self._unended_s = now_s
        self._unended += len(data)
        self._returns = self._returns or b"\r" in data

    def bad_line(self, line: BadLine) -> None:
        """One that says nothing."""
        self._now.refused[line.reason] += 1
        self._now.garbled += not line.line.isascii()

    def sorted_out(self, taken: Taken, judged: Judged, *, level_0: bool) -> None:
        """What became of lines that look like readings."""
        now = self._now
        now.readings += len(judged.readings)
        if taken.unaccounted or taken.duplicates:
            now.jumping += taken.wild if level_0 else taken.unaccounted  # at level 1 a number is never given twice
            now.repeated += taken.duplicates if level_0 else 0
            now.offered += 0 if level_0 else taken.duplicates - taken.contradicting
        if judged.rejected:
            now.refused.update(item.reason for item in judged.rejected)
        if taken.strays:
            self.dropped(taken.strays)

    def dropped(self, lines: list[Line]) -> None:
        """Readings without a number where one is due, or that are nobody's."""
        self._now.refused.update(line.reason if isinstance(line, BadReading) else Reason.BAD_SEQ for line in lines)

    def problem(self, now_s: float) -> str:
        """What is wrong, why probably, and what to do; judged anew each JUDGED_S, for it is asked at every clump of bytes."""
        if now_s >= self._judge_s:
            self._judge_s = now_s + JUDGED_S
            if now_s >= self._turn_s:
                self._turn(now_s)
            settled = now_s - self._opened_s >= SETTLING_S
            self._problem = (self._without_end(now_s) or self._no_readings() or self._contradicting()) if settled else ""
        return self._problem

    def _turn(self, now_s: float) -> None:
        """A new slot begins."""
        self._before = self._now if now_s < self._turn_s + SLOT_S else Slot()
        self._now, self._turn_s = Slot(), now_s + SLOT_S

    def _sum(self, name: str) -> int:
        return int(getattr(self._now, name) + getattr(self._before, name))

    def _without_end(self, now_s: float) -> str:
        if not self._unended or (self._unended < UNENDED_BYTES and now_s - self._unended_s < UNENDED_S):
            return ""
        what = f"{self._unended} bytes came, but no end of a line"
        if self._returns:
            return f"{what}: the board ends its lines with a carriage return alone; each must end with a line feed"
        return f"{what}: probably another baud rate ({self._baud} here), or another device"

    def _no_readings(self) -> str:
        lines, refused = self._sum("lines"), self._now.refused + self._before.refused
        count = refused.total()
        if count < FEW or 2 * count < lines:
            return ""
        reasons = ", ".join(f"{reason} {n}" for reason, n in refused.most_common(MOST_REASONS))
        cause = self._cause(refused.most_common(1)[0][0], count)
        if not self._sum("readings"):
            return f"lines arrive, but none is a reading: {count} of {max(count, lines)} refused ({reasons}): {cause}"
        return f"{count} of the last {max(count, lines)} lines were refused ({reasons}): {cause}"

    def _cause(self, reason: str, count: int) -> str:
        if reason == Reason.CORRUPT:
            return "noise on the line, or two programs that write to it"
        if 3 * self._sum("garbled") >= count:
            return f"probably another baud rate ({self._baud} here), or another device"
        if reason in NOT_OURS:
            return "JSON of another device, or of a sketch that does not send v and a"
        return "probably another device, or a sketch that does not send JSON"

    def _contradicting(self) -> str:
        lines, jumping, repeated = self._sum("lines"), self._sum("jumping"), self._sum("repeated")
        if jumping >= SOME and 5 * jumping >= lines:
            return f"the numbers of {jumping} of the last {lines} lines contradict the others: probably two boards on one port"
        if repeated >= SOME and 2 * repeated >= lines:
            return f"{repeated} of the last {lines} lines repeat a number: `seq` must grow by one with each reading"
        if lines >= SOME and not self._sum("readings") + self._sum("offered") + jumping + repeated:
            return "lines arrive, but the board does not answer who it is (`hello`): is its receiving line connected?"
        return ""
