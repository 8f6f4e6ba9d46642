"""One board's chain in order, and the one lock of its live state.

bytes → protocol → sequence and times (intake) → ranges → window, statistics, energy, limits → storage; and back:
acknowledgements after the commit, requests for what is missing, commands.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from itertools import groupby
from typing import Any

import msgspec
import numpy as np

from services.acquisition.commands import CommandQueue, Pending
from services.acquisition.intake import Boot, Line, Taken
from services.acquisition.link import Link
from services.acquisition.protocol import (
    BadLine,
    BadReading,
    Gone,
    Hello,
    HostDecoder,
    HostEvent,
    ReadingLine,
    Reply,
    encode_ack,
    encode_nack,
    printable,
)
from services.acquisition.sequence import MAX_JUMP, GapTrack, SequenceTracker
from services.acquisition.validator import REASONS, status_reason, validate
from services.analysis.alerts import Thresholds
from services.analysis.energy import Energy
from services.analysis.moving import MovingMeans
from services.analysis.seconds import Seconds
from services.analysis.stats import RollingStats
from services.analysis.window import Window
from services.clock import Clock
from services.errors import CommandError
from services.model import (
    CHANNELS,
    WIRE_NUMBERS,
    ClockHealth,
    CommandOutcome,
    Counts,
    DeviceInfo,
    Event,
    EventKind,
    Gap,
    Level,
    LinkState,
    Live,
    Reading,
    Readings,
    Reason,
    Rejected,
    Restored,
    Snapshot,
    Tally,
    Write,
)
from services.settings import Settings
from services.storage.storage import Storage

MAX_PENDING = 20_000  # lines kept while a board has not said which boot they belong to
STALE_S = 2.0
STALE_INTERVALS = 3
SILENT_S = 5.0
SILENT_INTERVALS = 5
FIRST_SILENCE_S = 65.0  # a board may be set to one reading a minute
SUMMARY_US = 1_000_000  # losses and repairs are told once a second, not once each
HELLO_AGAIN_S = 5.0
COMMAND_WAIT_S = 15.0
RATE_US = 5_000_000
LATENCIES = 1_000
MAX_REJECTED_PER_WRITE = 50


class Device:
    """A board and everything live about it. The link's thread writes; anyone reads, through the lock."""

    def __init__(self, name: str, url: str, settings: Settings, storage: Storage, clock: Clock, *, demo: bool = False) -> None:
        self.name = name
        self.url = url
        self.demo = demo
        self._settings = settings
        self._storage = storage
        self._clock = clock
        self._lock = threading.RLock()
        self.link = Link(url, self, baud=settings.baud, dtr=settings.dtr, monotonic_s=clock.monotonic_s)
        self._decoder = HostDecoder()
        self._commands = CommandQueue(name)
        self._boot: Boot | None = None
        self._hello: Hello | None = None
        self._hello_here = False  # on this connection
        self._hello_due_s = 0.0
        self._pending: list[Line] = []
        self._ack_again = False
        self._data_s = 0.0
        self._data_here = False
        self.window = Window()
        self._seconds = Seconds()
        self._stats = RollingStats(self.window, self._seconds)
        self._moving = MovingMeans(self._seconds)
        self._energy = Energy(clock.now_us())
        self._thresholds = {name: Thresholds(name, settings.thresholds) for name in CHANNELS}
        self._counts = Counts()
        self._last: Reading | None = None
        self._sensor = "ok"
        self._version = 0
        self._events: list[Event] = []
        self._noted: Counter[EventKind] = Counter()
        self._noted_us = 0
        self._state = LinkState.CLOSED
        self._state_since_us = clock.now_us()
        self._latencies: deque[float] = deque(maxlen=LATENCIES)
        self._live_gaps: dict[tuple[int, int], Gap] = {}

    # --- the link's thread calls these

    def opened(self) -> None:
        """A new connection: whatever was half said before is forgotten, and the board is asked who it is."""
        with self._lock:
            self._decoder.reset()
            self._hello_here = self._data_here = False
            self._data_s = self._clock.monotonic_s()
            self._hello_due_s = 0.0
            if self._boot is not None:
                self._boot.tracker.resume(self._data_s)
            self._event(EventKind.LINK, f"connected to {self.url}", {"state": "open"})

    def closed(self) -> None:
        """The connection is gone; commands on their way will not be repeated on the next one."""
        with self._lock:
            for pending in self._commands.fail_all("the link was lost", self._clock.monotonic_s()):
                self._finished(pending)
            self._event(EventKind.LINK, printable(self.link.problem or f"{self.url} was closed", 300), {"state": "lost"})
            self._flush()

    def silent_too_long(self) -> bool:
        """A port that gives nothing for this long is opened anew."""
        with self._lock:
            interval_s = self._boot.interval_us / 1e6 if self._boot is not None else 0.0
            limit_s = max(SILENT_S, SILENT_INTERVALS * interval_s) if self._data_here else FIRST_SILENCE_S
            return self._clock.monotonic_s() - self._data_s > limit_s

    def received(self, data: bytes) -> None:
        """Bytes from the board."""
        now_us, now_s = self._clock.now_us(), self._clock.monotonic_s()
        events = self._decoder.feed(data)
        if not events:
            return
        with self._lock:
            self._data_s, self._data_here = now_s, True
            try:
                self._take(events, now_us, now_s)
            except Exception:  # a defect here must not let numbers be acknowledged that were never stored
                self._forget()
                raise
            self._version += 1
            self._latencies.append((self._clock.monotonic_s() - now_s) * 1e3)

    def _take(self, events: list[HostEvent], now_us: int, now_s: float) -> None:
        for is_line, group in groupby(events, _is_line):
            if is_line:
                self._lines(list(group), now_us, now_s)  # type: ignore[arg-type]
            else:
                for event in group:
                    self._other(event, now_us, now_s)

    def _forget(self) -> None:
        """Start over from what the database holds: the board is asked who it is, and for everything after that."""
        self._boot, self._hello_here, self._hello_due_s = None, False, 0.0

    def tick(self) -> bytes:
        """What is to be sent now: commands, requests for what is missing, acknowledgements."""
        now_us, now_s = self._clock.now_us(), self._clock.monotonic_s()
        with self._lock:
            self._ask_hello(now_s)
            out = self._repairs(now_s) + self._acknowledgement()
            command, failed = self._commands.poll(now_s, crc=self._sealed())
            if failed is not None:
                self._finished(failed)
            self._summaries(now_us)
            self._watch_state(now_us)
            if self._events:
                self._flush()
            return out + command

    def durable(self, boot: int, ack: int) -> None:
        """The storage's thread: every reading of `boot` up to `ack` is on disk."""
        with self._lock:
            if self._boot is not None and self._boot.number == boot:
                self._boot.durable = max(ack, self._boot.durable if self._boot.durable is not None else ack)

    # --- readings

    def _lines(self, lines: list[Line], now_us: int, now_s: float) -> None:
        if self._decoder.crc_seen:
            if self._boot is None or self._boot.wire is None or not self._hello_here or self._restarted(lines):
                self._postpone(lines)
                return
        elif self._boot is None or self._boot.wire is not None:
            self._begin_level_0(lines, now_s)
        boot = self._boot
        assert boot is not None
        boot.mark()
        taken = boot.take(lines, now_us, now_s)
        boot.stamp_gaps(now_us, taken)
        self._account(boot, taken, now_us)
        if taken.reboot:
            self._begin(Boot(boot.number + 1, SequenceTracker(retransmits=False), wire=None, last_us=boot.last_us), reboot=True)
            self._lines(taken.reboot, now_us, now_s)

    def _postpone(self, lines: list[Line]) -> None:
        """Which boot these belong to is not known yet: they wait for the hello, the board is asked for it."""
        self._pending = (self._pending + lines)[-MAX_PENDING:]
        self._hello_due_s = min(self._hello_due_s, self._clock.monotonic_s())

    def _restarted(self, lines: list[Line]) -> bool:
        """The board's clock ran backwards: it restarted, and its hello was lost on the way."""
        boot = self._boot
        assert boot is not None
        line = lines[-1]
        if boot.last_ms is None or line.ms is None or (isinstance(line, ReadingLine) and line.re):
            return False
        back_ms = (boot.last_ms - line.ms + 2**31) % 2**32 - 2**31
        expected = boot.tracker.expected
        if back_ms < 2000 or expected is None or (line.seq or 0) >= expected % WIRE_NUMBERS:
            return False
        self._hello_here = False  # if it says that it is the same boot after all, that one goes on
        return True

    def _account(self, boot: Boot, taken: Taken, now_us: int) -> None:
        """Readings to the window and to the storage, everything else to the counts; one write."""
        rejected = self._judge(taken)
        good = taken.readings
        if rejected and len(good):
            mask = np.ones(len(good), bool)
            mask[list(rejected)] = False
            good = good.take(mask)
        self._keep(good)
        counts = self._counts
        counts.received += len(good)
        counts.recovered += taken.recovered
        counts.late += taken.late
        counts.duplicates += taken.duplicates
        counts.rejected += len(rejected)
        if taken.recovered:
            self._noted[EventKind.RECOVERED] += taken.recovered
        if taken.duplicates and boot.wire is not None:
            self._ack_again = True
        kinds = Counter({"duplicates": taken.duplicates, "rejected": len(rejected), Reason.WILD_JUMP: taken.wild})
        kinds.update(item.reason for item in rejected.values())
        self._count_reasons(item.reason for item in rejected.values())
        self._write(
            readings=good if len(good) else None,
            rejected=tuple(rejected.values()),
            gaps=self._gaps(boot),
            tallies=_tallies(kinds, now_us),
            boot=boot.number,
            ack=boot.tracker.ack,
        )

    def _judge(self, taken: Taken) -> dict[int, Rejected]:
        """Place → why the line is no reading: its own word, or a value out of range."""
        rows, rejected = taken.readings, {}
        if not len(rows):
            return {}
        codes = validate(rows.v, rows.a, rows.w, self._settings.limits)
        doubtful = set(np.flatnonzero(codes).tolist()) | set(taken.reasons)
        doubtful |= {place for place, line in enumerate(taken.lines) if type(line) is ReadingLine and line.status != "ok"}
        for place in sorted(doubtful):
            line = taken.lines[place]
            reason, detail = taken.reasons.get(place) or (REASONS[int(codes[place])], "")
            if isinstance(line, ReadingLine) and (own := status_reason(line.status)) is not None:
                reason, detail = own, line.status
            text = _line_text(line)
            boot, seq, time_us = int(rows.boot[place]), int(rows.seq[place]), int(rows.time_us[place])
            rejected[place] = Rejected(self.name, time_us, reason or Reason.BAD_TYPE, text, detail, boot, seq)
        self._watch_sensor(taken)
        return rejected

    def _watch_sensor(self, taken: Taken) -> None:
        line = taken.lines[-1]
        sensor = line.status if isinstance(line, ReadingLine) else self._sensor
        if sensor != self._sensor:
            text = "the sensor measures again" if sensor == "ok" else f"the board says: {sensor}"
            self._event(EventKind.SENSOR, text, {"status": sensor})
            self._sensor = sensor

    def _keep(self, rows: Readings) -> None:
        if not len(rows):
            return
        if len(rows) > 1 and (np.diff(rows.time_us) < 0).any():
            rows = rows.take(np.argsort(rows.time_us, kind="stable"))
        now_us = self._clock.now_us()
        self.window.append(rows)
        self.window.evict(now_us)
        self._seconds.add(rows)
        self._energy.add(rows)
        for name, threshold in self._thresholds.items():
            for change in threshold.update_all(rows.time_us, getattr(rows, name)):
                data = {"channel": name, "level": change.level, "value": change.value}
                self._event(EventKind.ALERT, f"{name}: {change.level} at {change.value:g}", data, change.time_us)
        newest = rows.take(slice(-1, None))
        if self._last is None or int(newest.time_us[0]) >= self._last.time_us:
            self._last = Reading(
                self.name,
                int(newest.boot[0]),
                int(newest.seq[0]),
                int(newest.time_us[0]),
                now_us,
                float(newest.v[0]),
                float(newest.a[0]),
                float(newest.w[0]),
                "ok",
                int(newest.flags[0]),
            )

    # --- everything else that a board says

    def _other(self, event: HostEvent, now_us: int, now_s: float) -> None:
        if isinstance(event, BadLine):
            self._bad_line(event, now_us)
        elif isinstance(event, Hello):
            self._greeted(event, now_us, now_s)
        elif isinstance(event, Reply):
            pending = self._commands.reply(event, now_s)
            if pending is not None:
                self._finished(pending)
        elif isinstance(event, Gone) and self._boot is not None and self._boot.wire == event.boot:
            self._boot.tracker.gone(event.gone)
            self._write(gaps=self._gaps(self._boot), boot=self._boot.number, ack=self._boot.tracker.ack)

    def _bad_line(self, line: BadLine, now_us: int) -> None:
        self._counts.bad_lines += 1
        self._counts.corrupt += line.reason is Reason.CORRUPT
        self._count_reasons([line.reason])
        kinds = Counter({"bad_lines": 1, line.reason: 1})
        text = printable(line.line.decode("utf-8", "replace"), 256)
        kept = Rejected(self.name, now_us, line.reason, text, line.detail)
        self._write(rejected=(kept,), tallies=_tallies(kinds, now_us))

    def _greeted(self, hello: Hello, now_us: int, now_s: float) -> None:
        """The board says who it is: go on with its boot, or begin a new one."""
        self._hello, self._hello_here = hello, True
        known = self._boot
        if known is None or known.wire != hello.boot:
            self._begin(self._boot_of(hello, now_s), reboot=self._counts.received > 0)
        boot = self._boot
        assert boot is not None
        boot.interval_us, boot.interval_known = hello.interval_ms * 1e3, True
        boot.tracker.buffer = hello.buffer
        pending, self._pending = self._pending, []
        if pending and boot.tracker.expected is None:
            boot.tracker.expected = next((line.seq for line in pending if line.seq is not None), hello.seq)
        if pending:
            self._lines(pending, now_us, now_s)
        boot.mark()
        boot.tracker.announce(hello.seq, now_s)
        boot.stamp_gaps(now_us)
        self._ack_again = True
        self._write(gaps=self._gaps(boot))

    def _boot_of(self, hello: Hello, now_s: float) -> Boot:
        """A boot that the database knows goes on where it stood, unless its numbers say that it is another one."""
        before = self._storage.restored(self.name)
        tracker = SequenceTracker(retransmits=True, buffer=hello.buffer)
        highest = max(before.highest_boot if before else -1, self._boot.number if self._boot is not None else -1)
        goes_on = before is not None and before.boot == hello.boot and hello.seq > before.last_seq % WIRE_NUMBERS
        if before is not None and goes_on and self._boot is None:
            _restore(tracker, before, now_s)
            boot = Boot(hello.boot, tracker, wire=hello.boot, last_us=before.last_time_us)
            boot.last_seq = before.last_seq
            boot.durable = tracker.ack
            return boot
        number = hello.boot if hello.boot > highest else highest + 1
        return Boot(number, tracker, wire=hello.boot)

    def _begin_level_0(self, lines: list[Line], now_s: float) -> None:
        """No boot number on the wire: ours. A count that goes on from the stored one is the same boot."""
        before = self._storage.restored(self.name)
        tracker = SequenceTracker(retransmits=False)
        first = lines[0].seq
        ahead = first - before.last_seq % WIRE_NUMBERS if before is not None and first is not None else 0
        if before is not None and 0 < ahead <= MAX_JUMP and self._boot is None:
            _restore(tracker, before, now_s)
            boot = Boot(before.boot, tracker, wire=None, last_us=before.last_time_us)
            boot.last_seq = before.last_seq
        else:
            highest = max(before.highest_boot if before else 0, self._boot.number if self._boot is not None else 0)
            boot = Boot(highest + 1, tracker, wire=None)
        self._begin(boot, reboot=self._counts.received > 0)

    def _begin(self, boot: Boot, *, reboot: bool) -> None:
        old, self._boot = self._boot, boot
        if old is not None:
            old.tracker.give_up()
            self._write(gaps=self._gaps(old))
        kind = EventKind.REBOOT if reboot else EventKind.HELLO
        text = f"the board restarted (boot {boot.number})" if reboot else f"the board is there (boot {boot.number})"
        self._event(kind, text, {"boot": boot.number, "wire_boot": boot.wire})

    # --- back to the board

    def _sealed(self) -> bool:
        """Our hello always carries a checksum: a board may insist on it, others ignore the member."""
        return self._decoder.crc_seen or self._commands.waiting("hello")

    def _ask_hello(self, now_s: float) -> None:
        wanted = not self._hello_here and (self._decoder.crc_seen or self._hello_due_s == 0.0)
        if wanted and now_s >= self._hello_due_s and not self._commands.waiting("hello"):
            self._commands.add("hello", {}, internal=True)
            self._hello_due_s = now_s + HELLO_AGAIN_S

    def _repairs(self, now_s: float) -> bytes:
        boot = self._boot
        if boot is None:
            return b""
        due = boot.tracker.poll(now_s)
        if boot.tracker.changed:
            self._write(gaps=self._gaps(boot), boot=boot.number, ack=boot.tracker.ack)
        if not due or boot.wire is None or not self._hello_here:
            return b""
        return b"".join(encode_nack(due, boot.wire))

    def _acknowledgement(self) -> bytes:
        boot = self._boot
        if boot is None or boot.wire is None or boot.durable is None or not self._hello_here:
            return b""
        ack = boot.tracker.ack
        if ack is not None and self._hello is not None and ack - boot.durable > self._hello.buffer // 2:
            self._storage.nudge()
        floor = boot.tracker.floor
        if (boot.durable == boot.acked and not self._ack_again) or floor is None or boot.durable < floor:
            return b""
        boot.acked, self._ack_again = boot.durable, False
        return encode_ack(boot.durable % WIRE_NUMBERS, boot.wire)

    def command(self, name: str, args: dict[str, Any]) -> CommandOutcome:
        """Send a command and wait for what becomes of it. Raises CommandError when it cannot be sent."""
        with self._lock:
            if self.link.state is not LinkState.WAITING:
                raise CommandError(f"{self.name} is not connected: {self.link.problem or self.link.state.value}")
            pending = self._commands.add(name, args)
        pending.done.wait(COMMAND_WAIT_S)
        if pending.outcome is None:
            return CommandOutcome(self.name, pending.seq, name, args, "failed", "no answer", pending.tries, COMMAND_WAIT_S * 1e3)
        return pending.outcome

    def _finished(self, pending: Pending) -> None:
        outcome = pending.outcome
        assert outcome is not None
        if outcome.result == "ok" and outcome.name == "set_interval" and self._boot is not None:
            self._boot.interval_us, self._boot.interval_known = float(outcome.args["value_ms"]) * 1e3, True
        if outcome.result == "ok" and outcome.name == "reset_energy":
            self._energy.reset(self._clock.now_us())
        if not pending.internal:
            said = f": {outcome.detail}" if outcome.detail else ""
            data = {name: getattr(outcome, name) for name in ("seq", "result", "tries", "took_ms", "args")}
            self._event(EventKind.COMMAND, f"{outcome.name} → {outcome.result}{said} ({outcome.took_ms:.0f} ms)", data)

    # --- the record

    def _write(self, **parts: Any) -> None:
        if "ack" in parts or any(parts.get(name) for name in ("rejected", "gaps", "tallies")):
            self._storage.append(Write(self.name, events=self._take_events(), **parts))

    def _flush(self) -> None:
        if events := self._take_events():
            self._storage.append(Write(self.name, events=events))

    def _take_events(self) -> tuple[Event, ...]:
        events, self._events = tuple(self._events), []
        return events

    def _event(self, kind: EventKind, text: str, data: dict[str, Any], time_us: int | None = None) -> None:
        self._events.append(Event(self.name, time_us or self._clock.now_us(), kind, text, data))
        self._version += 1

    def _gaps(self, boot: Boot) -> tuple[Gap, ...]:
        changed = boot.changed_gaps(self.name)
        for gap in changed:
            before = self._live_gaps.get((gap.boot, gap.first))
            if before is None and gap.missing:
                self._noted[EventKind.GAP] += gap.missing
            self._counts.missing += gap.missing - (before.missing if before else 0)
            lost = gap.lost - (before.lost if before else 0)
            self._counts.lost += lost
            self._noted[EventKind.LOST] += max(0, lost)
            self._live_gaps[gap.boot, gap.first] = gap
        if len(self._live_gaps) > 2_000:
            closed = [key for key, gap in self._live_gaps.items() if not gap.missing][:1_000]
            for key in closed:
                del self._live_gaps[key]
        return changed

    def gaps(self, t0_us: int, t1_us: int) -> list[Gap]:
        """Gaps of the window as they stand now, the newest state of each."""
        with self._lock:
            return [gap for gap in self._live_gaps.values() if gap.t1_us >= t0_us and gap.t0_us < t1_us]

    def _count_reasons(self, reasons: Any) -> None:
        for reason in reasons:
            self._counts.reasons[str(reason)] = self._counts.reasons.get(str(reason), 0) + 1

    def _summaries(self, now_us: int) -> None:
        if not self._noted or now_us - self._noted_us < SUMMARY_US:
            return
        words = {EventKind.GAP: "missing", EventKind.RECOVERED: "recovered", EventKind.LOST: "lost"}
        for kind, count in self._noted.items():
            if count:
                self._event(kind, f"{count} reading{'s' if count > 1 else ''} {words[kind]}", {"count": count})
        self._noted.clear()
        self._noted_us = now_us

    # --- what others see

    def _watch_state(self, now_us: int) -> None:
        state = self._live_state()
        if state is not self._state:
            self._state, self._state_since_us = state, now_us
            self._version += 1

    def _live_state(self) -> LinkState:
        if self.link.state is not LinkState.WAITING or self._last is None or not self._data_here:
            return self.link.state
        interval_s = self._boot.interval_us / 1e6 if self._boot is not None else 0.0
        limit_s = max(STALE_S, STALE_INTERVALS * interval_s)
        return LinkState.LIVE if self._clock.monotonic_s() - self._data_s <= limit_s else LinkState.STALE

    def info(self) -> DeviceInfo:
        """The board and its link."""
        with self._lock:
            now_us = self._clock.now_us()
            self._watch_state(now_us)
            hello, boot, next_at_s = self._hello, self._boot, self.link.next_try_at_s
            level = None if boot is None else 1 if boot.wire is not None else 0
            return DeviceInfo(
                device=self.name,
                url=self.url,
                state=self._state,
                state_since_us=self._state_since_us,
                problem=self.link.problem,
                next_try_s=None if next_at_s is None else max(0.0, next_at_s - self._clock.monotonic_s()),
                demo=self.demo,
                replay=hello.replay if hello else False,
                level=level,
                tracked=boot.tracked if boot is not None else True,
                firmware=hello.fw if hello else "",
                board_id=hello.id if hello else "",
                boot=boot.number if boot is not None else None,
                interval_ms=round(boot.interval_us / 1e3, 3) if boot is not None else None,
                rate_hz=self._rate_hz(now_us),
                last_reading_us=self._last.time_us if self._last else None,
                sensor=self._sensor,
                clock=boot.timebase.health() if boot is not None and boot.last_ms is not None else ClockHealth(),
                buffer=hello.buffer if hello else None,
            )

    def _rate_hz(self, now_us: int) -> float:
        rows = len(self.window) - self.window.index(now_us - RATE_US)
        return round(rows / (RATE_US / 1e6), 1)

    def snapshot(self) -> Snapshot:
        """A consistent copy of the live state."""
        with self._lock:
            now_us, last = self._clock.now_us(), self._last
            return Snapshot(
                now_us=now_us,
                info=self.info(),
                last=last,
                stats_1m=self._stats.stats(now_us),
                moving=self._moving.means(now_us),
                energy_wh=self._energy.energy_wh,
                charge_mah=self._energy.charge_mah,
                energy_since_us=self._energy.since_us,
                counts=_copied(self._counts),
                levels={name: Level(threshold.level) for name, threshold in self._thresholds.items()},
                residual_w=last.v * last.a - last.w if last else None,
                version=self._version,
            )

    def live(self, cursor: int | None, span_s: float, points: int) -> Live:
        """What is new in the window since `cursor`."""
        with self._lock:
            return self.window.live(cursor, span_s, points, self._clock.now_us(), self.name)

    def samples(self, cursor: int | None) -> tuple[int, Readings, int]:
        """Every reading since `cursor`, in the order they came; how many left the window before."""
        with self._lock:
            return self.window.since(cursor)

    def frame(self) -> Any:
        """The window as a DataFrame."""
        with self._lock:
            return self.window.frame()

    def latencies_ms(self) -> list[float]:
        """How long the last batches took from the port to the window."""
        with self._lock:
            return list(self._latencies)


def _is_line(event: HostEvent) -> bool:
    return type(event) is ReadingLine or type(event) is BadReading


def _tallies(kinds: Counter[Any], now_us: int) -> tuple[Tally, ...]:
    second_us = now_us - now_us % 1_000_000
    return tuple(Tally(second_us, str(kind), count) for kind, count in kinds.items() if count)


def _line_text(line: Line) -> str:
    if isinstance(line, BadReading):
        return printable(line.line.decode("utf-8", "replace"), 256)
    return f'{{"v":{line.v:g},"a":{line.a:g},"w":{line.w},"seq":{line.seq},"status":"{line.status}"}}'


def _restore(tracker: SequenceTracker, before: Restored, now_s: float) -> None:
    gaps = [GapTrack(g.first, g.last, g.missing, g.recovered, g.lost, g.t0_us, g.t1_us) for g in before.gaps]
    tracker.restore(before.last_seq, before.present, gaps, now_s)


def _copied(counts: Counts) -> Counts:
    return msgspec.structs.replace(counts, reasons=dict(counts.reasons))
