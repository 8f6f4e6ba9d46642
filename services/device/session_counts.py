"""One board's account: what came, what is missing, what was refused, what happened; and how all of it gets written.

Not locked: the device that owns it holds its lock.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from services.analysis.ranges import Ranges, part_of
from services.clock import Clock
from services.device.boot import Boot, Taken
from services.device.boot_identity import KEPT
from services.device.columns import Line
from services.device.sequence import SequenceTracker
from services.device.verdicts import Judged, refused_line
from services.errors import DatabaseError
from services.live_model import CommandOutcome
from services.model import Counts, Event, EventKind, Gap, Reason, Rejected, Restored, Tally, Write
from services.storage.store import Store
from services.wire.decoders import BadLine, ReadingLine, printable

log = logging.getLogger(__name__)
SUMMARY_US = 1_000_000  # losses and repairs are told once a second, not once each
MAX_GAPS = 2_000  # remembered for the live chart
MAX_EVENTS = 1_000  # that wait for room in the storage
_WORDS = {EventKind.GAP: "missing", EventKind.RECOVERED: "recovered", EventKind.LOST: "lost"}


class Ledger:
    """Counts and events of one device, and the way to its storage."""

    def __init__(self, device: str, storage: Store, clock: Clock, waiting: Callable[[], int] = int) -> None:
        """`waiting()`: how many lines came of which it is not known yet what they are."""
        self._device = device
        self._storage = storage
        self._clock = clock
        self._waiting = waiting
        self._counts = Counts()
        self._events: list[Event] = []
        self._noted: Counter[EventKind] = Counter()
        self._noted_us = 0
        self._trackers: list[SequenceTracker] = []  # of this session, the one that runs last
        self._lost_before = 0  # by those that are forgotten, and by boots of earlier sessions that ended in this one
        self._told = Counter[str]()  # of what the trackers found and lost, what was told
        self._gaps: dict[int, Ranges[Gap]] = {}
        self._unsaid: dict[int, Boot] = {}  # what became of their numbers could not be handed over: it must be tried again
        self._ended: list[Gap] = []  # likewise, of boots of earlier sessions
        self.sensor_says = "ok"
        self.version = 0  # grows with everything but readings: events, gaps, lines that were refused

    @property
    def counts(self) -> Counts:
        """A copy. What is missing and lost follows from the boots' accounts."""
        on_way = self._trackers[-1].on_way.total if self._trackers else 0
        now = {"missing": on_way, "lost": self._lost, "waiting": self._waiting()}
        return msgspec.structs.replace(self._counts, reasons=dict(self._counts.reasons), **now)

    @property
    def _lost(self) -> int:
        return self._lost_before + sum(tracker.lost_here for tracker in self._trackers)

    @property
    def begun(self) -> bool:
        """Whether any reading came yet."""
        return self._counts.received > 0

    @property
    def mended(self) -> int:
        """Readings that came later than in their turn."""
        return self._counts.recovered + self._counts.late

    def gaps(self, t0_us: int, t1_us: int) -> list[Gap]:
        """Gaps of this session as they stand now, in the order in which they replace what is stored of them."""
        found = (part_of(gap, first, last) for gaps in self._gaps.values() for first, last, gap in gaps)
        return [gap for gap in found if gap.t1_us >= t0_us and gap.t0_us < t1_us]

    def restored(self) -> Restored:
        """What the database knows of this board's boots; nothing, and said so, when it cannot be read. Not to be called
        under a lock: it waits for the disk."""
        try:
            return self._storage.restored(self._device)
        except DatabaseError as error:
            log.warning("%s: what is stored is not known, so this counts as a new boot: %s", self._device, error)
            # A number that no boot before can have had: readings of two boots must never meet under one.
            return Restored(highest_boot=self._clock.now_us() // 1_000_000)

    # --- what came

    def readings(self, boot: Boot, taken: Taken, judged: Judged, now_us: int, words: tuple[str, ...]) -> bool:
        """A batch: its readings are to be stored, everything else is counted; one write. False when there was no room for
        it: then it counts as if it had not come."""
        good, rejected, marks = judged.readings, judged.rejected, judged.marks
        kinds: Counter[str] = Counter()
        if taken.duplicates or rejected or taken.wild or taken.unaccounted:
            kinds.update({"duplicates": taken.duplicates - taken.contradicting, "rejected": len(rejected)})
            kinds.update({Reason.WILD_JUMP: taken.wild})
            kinds.update({"unaccounted": taken.unaccounted})
            kinds.update(item.reason for item in rejected)
        kinds.update(marks)
        if taken.strays:
            self.dropped(taken.strays, now_us)
        stored = self._write(
            boot,
            readings=good if len(good) else None,
            rejected=tuple(rejected),
            tallies=_tallies(kinds, now_us),
            identity=boot.identity,
            words=words if marks else (),
        )
        if stored:
            self._count(taken, judged)
        return stored

    def _count(self, taken: Taken, judged: Judged) -> None:
        counts, good, rejected, marks = self._counts, judged.readings, judged.rejected, judged.marks
        counts.received += len(good)
        counts.marked += sum(marks.values())
        counts.recovered += taken.recovered
        counts.late += taken.late
        counts.duplicates += taken.duplicates - taken.contradicting
        counts.rejected += len(rejected)
        counts.unaccounted += taken.unaccounted
        self._noted[EventKind.RECOVERED] += taken.recovered
        if rejected or marks:
            self._reasons(item.reason for item in rejected)
            self._reasons(reason for reason, count in marks.items() for _ in range(count))

    def bad_line(self, line: BadLine, now_us: int, *, numbered: bool) -> None:
        """A line that says nothing. Where readings are numbered, its number will tell what is missing."""
        self._counts.bad_lines += 1
        self._counts.corrupt += line.reason is Reason.CORRUPT
        self._counts.unaccounted += not numbered
        kinds: Counter[str] = Counter({"bad_lines": 1, line.reason: 1, "unaccounted": int(not numbered)})
        self._reasons([line.reason])
        text = printable(line.line.decode("utf-8", "replace"), 256)
        kept = Rejected(self._device, now_us, line.reason, text, line.detail)
        self._write(rejected=(kept,), tallies=_tallies(kinds, now_us))

    def dropped(self, lines: list[Line], now_us: int) -> None:
        """Lines without a number where others have one, or that are no readings at all, or nobody's."""
        refused = [refused_line(self._device, line, now_us) for line in lines]
        kinds = Counter[str]({"unaccounted": len(lines)})
        kinds.update(self._reasons(item.reason for item in refused))
        self._counts.unaccounted += len(lines)
        self._write(rejected=tuple(refused), tallies=_tallies(kinds, now_us))

    def begins(self, boot: Boot, ended: list[Gap]) -> None:
        """Another boot speaks; `ended`: what boots of earlier sessions still had on their way is lost."""
        if boot.tracker in self._trackers:
            self._trackers.remove(boot.tracker)
        self._trackers.append(boot.tracker)
        while len(self._trackers) > KEPT:
            self._lost_before += self._trackers.pop(0).lost_here
        self._lost_before += sum(gap.lost for gap in ended)
        self._ended += ended
        self._note_gaps(ended)
        self._write_ended()

    def settled(self, boot: Boot) -> None:
        """What became of numbers, and how far everything is accounted for."""
        self._write(boot, identity=boot.identity)

    def closed(self, boot: Boot) -> None:
        """The boot is over: what it still misses is lost."""
        boot.tracker.end()
        self.settled(boot)

    def settle_unsaid(self, boot: Boot, acknowledgeable: int | None) -> None:
        """Hand over what changed since the last time, if anything did."""
        if boot.tracker.changed or boot.tracker.ack != acknowledgeable:
            self.settled(boot)
        if self._unsaid or self._ended:
            for unsaid in list(self._unsaid.values()):
                self.settled(unsaid)
            self._write_ended()

    def _write_ended(self) -> None:
        if self._ended and self._storage.append(Write(self._device, gaps=tuple(self._ended))):
            self._ended = []

    # --- what happened

    def event(self, kind: EventKind, text: str, data: dict[str, Any], time_us: int | None = None) -> None:
        """To be stored with the next write, or by `flush`."""
        self._events.append(Event(self._device, time_us or self._clock.now_us(), kind, text, data))
        self.version += 1

    def no_room(self, count: int) -> None:
        """Readings of level 0 that are lost by our own act."""
        text = f"{count} readings were lost: neither disk nor memory has room for them"
        self.event(EventKind.LOST, text, {"count": count, "refused": True})

    def sensor(self, lines: list[Line]) -> None:
        """An event when the board's word for its sensor is another one at the end of these lines."""
        status = lines[-1].status if lines and isinstance(lines[-1], ReadingLine) else self.sensor_says
        if status != self.sensor_says:
            text = "the sensor measures again" if status == "ok" else f"the board says: {status}"
            self.event(EventKind.SENSOR, text, {"status": status})
            self.sensor_says = status

    def command(self, outcome: CommandOutcome) -> None:
        """What became of a command."""
        said = f": {outcome.detail}" if outcome.detail else ""
        data = {name: getattr(outcome, name) for name in ("seq", "name", "result", "detail", "tries", "took_ms", "args")}
        self.event(EventKind.COMMAND, f"{outcome.name} → {outcome.result}{said} ({outcome.took_ms:.0f} ms)", data)

    def summaries(self, now_us: int) -> None:
        """Losses and repairs since the last time, one event each."""
        if 0 <= now_us - self._noted_us < SUMMARY_US:
            return
        for kind, total in ((EventKind.GAP, sum(tracker.found for tracker in self._trackers)), (EventKind.LOST, self._lost)):
            self._noted[kind] += max(0, total - self._told[kind])
            self._told[kind] = total
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

    def _write(self, boot: Boot | None = None, **parts: Any) -> bool:
        """Hand over, with what waits to be said of the boot and of events. False when the storage has no room for it."""
        changed = boot.tracker.take_changed() if boot is not None and boot.tracker.changed else None
        if boot is not None:
            parts |= {"boot": boot.number, "ack": boot.tracker.ack}
            parts["gaps"] = boot.gaps_of(changed, self._device) if changed is not None else ()
        self.version += any(parts.get(name) for name in ("rejected", "gaps", "tallies"))
        events = self._take_events()
        if self._storage.append(Write(self._device, events=events, **parts)):
            self._note_gaps(parts.get("gaps", ()))
            if boot is not None:
                self._unsaid.pop(boot.number, None)
            return True
        self._events = [*events, *self._events][-MAX_EVENTS:]
        if boot is not None:
            self._unsaid[boot.number] = boot
            if changed is not None:
                boot.tracker.give_back(changed)
        return False

    def _take_events(self) -> tuple[Event, ...]:
        events, self._events = tuple(self._events), []
        return events

    def _reasons(self, reasons: Iterable[Reason]) -> list[Reason]:
        told = list(reasons)
        for reason in told:
            self._counts.reasons[str(reason)] = self._counts.reasons.get(str(reason), 0) + 1
        return told

    def _note_gaps(self, gaps: Iterable[Gap]) -> None:
        for gap in gaps:
            known = self._gaps.setdefault(gap.boot, Ranges())
            known.put(gap.first, gap.last, gap)
            if len(known) > MAX_GAPS:
                known.cut(known.first, next(iter(known)).last)
        while len(self._gaps) > KEPT:
            del self._gaps[next(iter(self._gaps))]


def _tallies(kinds: Counter[Any], now_us: int) -> tuple[Tally, ...]:
    second_us = now_us - now_us % 1_000_000
    return tuple(Tally(second_us, str(kind), count) for kind, count in kinds.items() if count)
