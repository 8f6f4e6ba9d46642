"""One board's account: what came, what is missing, what was refused, what happened; and how all of it gets written.

Not locked: the device that owns it holds its lock.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from services.clock import Clock
from services.device.boot import Boot, Taken
from services.device.verdicts import Judged
from services.errors import DatabaseError
from services.model import (
    WIRE_NUMBERS,
    CommandOutcome,
    Counts,
    Event,
    EventKind,
    Gap,
    Reason,
    Rejected,
    Restored,
    Tally,
    Write,
)
from services.storage.storage import Storage
from services.wire.decoders import BadLine, printable

log = logging.getLogger(__name__)
SUMMARY_US = 1_000_000  # losses and repairs are told once a second, not once each
MAX_GAPS = 2_000  # remembered for the live chart
FORGOTTEN_GAPS = 1_000  # closed ones, when there are more than that
_WORDS = {EventKind.GAP: "missing", EventKind.RECOVERED: "recovered", EventKind.LOST: "lost"}


class Ledger:
    """Counts and events of one device, and the way to its storage."""

    def __init__(self, device: str, storage: Storage, clock: Clock) -> None:
        self._device = device
        self._storage = storage
        self._clock = clock
        self._counts = Counts()
        self._events: list[Event] = []
        self._noted: Counter[EventKind] = Counter()
        self._noted_us = 0
        self._gaps: dict[tuple[int, int], Gap] = {}
        self.version = 0  # grows with everything but readings: events, gaps, lines that were refused

    @property
    def counts(self) -> Counts:
        """A copy."""
        return msgspec.structs.replace(self._counts, reasons=dict(self._counts.reasons))

    @property
    def begun(self) -> bool:
        """Whether any reading came yet."""
        return self._counts.received > 0

    @property
    def mended(self) -> int:
        """Readings that came later than in their turn."""
        return self._counts.recovered + self._counts.late

    def gaps(self, t0_us: int, t1_us: int) -> list[Gap]:
        """Gaps of the window as they stand now, the newest state of each."""
        return [gap for gap in self._gaps.values() if gap.t1_us >= t0_us and gap.t0_us < t1_us]

    def restored(self) -> Restored | None:
        """What the database knows of this board's newest boot; nothing, and said so, when it cannot be read."""
        try:
            return self._storage.restored(self._device)
        except DatabaseError as error:
            log.warning("%s: what is stored is not known, so this counts as a new boot: %s", self._device, error)
            # A number that no boot before can have had: readings of two boots must never meet under one.
            return Restored(-1, WIRE_NUMBERS - 1, 0, (), (), self._clock.now_us() // 1_000_000)

    # --- what came

    def readings(self, boot: Boot, taken: Taken, judged: Judged, now_us: int, words: tuple[str, ...]) -> None:
        """A batch: its readings are to be stored, everything else is counted; one write."""
        counts, good, rejected, marks = self._counts, judged.readings, judged.rejected, judged.marks
        counts.received += len(good)
        counts.marked += sum(marks.values())
        counts.recovered += taken.recovered
        counts.late += taken.late
        counts.duplicates += taken.duplicates
        counts.rejected += len(rejected)
        if taken.recovered:
            self._noted[EventKind.RECOVERED] += taken.recovered
        kinds: Counter[str] = Counter()
        if taken.duplicates or rejected or taken.wild:
            kinds.update({"duplicates": taken.duplicates, "rejected": len(rejected), Reason.WILD_JUMP: taken.wild})
            kinds.update(self._reasons(item.reason for item in rejected))
        if marks:
            kinds.update(self._reasons(reason for reason, count in marks.items() for _ in range(count)))
        self._write(
            readings=good if len(good) else None,
            rejected=tuple(rejected),
            gaps=self._changed_gaps(boot),
            tallies=_tallies(kinds, now_us),
            boot=boot.number,
            ack=boot.tracker.ack,
            words=words if marks else (),
        )

    def bad_line(self, line: BadLine, now_us: int) -> None:
        """A line that says nothing."""
        self._counts.bad_lines += 1
        self._counts.corrupt += line.reason is Reason.CORRUPT
        kinds = Counter({"bad_lines": 1, line.reason: 1})
        self._reasons([line.reason])
        text = printable(line.line.decode("utf-8", "replace"), 256)
        kept = Rejected(self._device, now_us, line.reason, text, line.detail)
        self._write(rejected=(kept,), tallies=_tallies(kinds, now_us))

    def settled(self, boot: Boot) -> None:
        """What became of gaps, and how far everything is accounted for."""
        self._write(gaps=self._changed_gaps(boot), boot=boot.number, ack=boot.tracker.ack)

    def closed(self, boot: Boot) -> None:
        """The boot is over: what it still misses is lost."""
        boot.tracker.give_up()
        self._write(gaps=self._changed_gaps(boot))

    def announced(self, boot: Boot) -> None:
        """Gaps that a hello opened; nothing is acknowledged by that."""
        self._write(gaps=self._changed_gaps(boot))

    # --- what happened

    def event(self, kind: EventKind, text: str, data: dict[str, Any], time_us: int | None = None) -> None:
        """To be stored with the next write, or by `flush`."""
        self._events.append(Event(self._device, time_us or self._clock.now_us(), kind, text, data))
        self.version += 1

    def command(self, outcome: CommandOutcome) -> None:
        """What became of a command."""
        said = f": {outcome.detail}" if outcome.detail else ""
        data = {name: getattr(outcome, name) for name in ("seq", "name", "result", "detail", "tries", "took_ms", "args")}
        self.event(EventKind.COMMAND, f"{outcome.name} → {outcome.result}{said} ({outcome.took_ms:.0f} ms)", data)

    def summaries(self, now_us: int) -> None:
        """Losses and repairs since the last time, one event each."""
        if not self._noted or 0 <= now_us - self._noted_us < SUMMARY_US:
            return
        for kind, count in self._noted.items():
            if count:
                self.event(kind, f"{count} reading{'s' if count > 1 else ''} {_WORDS[kind]}", {"count": count})
        self._noted.clear()
        self._noted_us = now_us

    def flush(self) -> None:
        """Hand waiting events to the storage."""
        if self._events:
            self._storage.append(Write(self._device, events=self._take_events()))

    # --- inside

    def _write(self, **parts: Any) -> None:
        told = any(parts.get(name) for name in ("rejected", "gaps", "tallies"))
        self.version += told
        if told or "ack" in parts:
            self._storage.append(Write(self._device, events=self._take_events(), **parts))

    def _take_events(self) -> tuple[Event, ...]:
        events, self._events = tuple(self._events), []
        return events

    def _reasons(self, reasons: Iterable[Reason]) -> list[Reason]:
        told = list(reasons)
        for reason in told:
            self._counts.reasons[str(reason)] = self._counts.reasons.get(str(reason), 0) + 1
        return told

    def _changed_gaps(self, boot: Boot) -> tuple[Gap, ...]:
        changed = boot.changed_gaps(self._device)
        for gap in changed:
            before = self._gaps.get((gap.boot, gap.first))
            if before is None and gap.missing:
                self._noted[EventKind.GAP] += gap.missing
            self._counts.missing += gap.missing - (before.missing if before else 0)
            lost = gap.lost - (before.lost if before else 0)
            self._counts.lost += lost
            self._noted[EventKind.LOST] += max(0, lost)
            self._gaps[gap.boot, gap.first] = gap
        if len(self._gaps) > MAX_GAPS:
            for key in [key for key, gap in self._gaps.items() if not gap.missing][:FORGOTTEN_GAPS]:
                del self._gaps[key]
        return changed


def _tallies(kinds: Counter[Any], now_us: int) -> tuple[Tally, ...]:
    second_us = now_us - now_us % 1_000_000
    return tuple(Tally(second_us, str(kind), count) for kind, count in kinds.items() if count)
