"""One board's chain in order, and the one lock of its live state.

bytes → protocol → sequence and times (intake) → ranges → window, statistics, energy, limits → storage; and back:
acknowledgements after the commit, requests for what is missing, commands.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from itertools import groupby
from typing import Any, cast

from services.analysis.alert_rules import rule_of
from services.clock import Clock
from services.device.alert_actions import AlertActions
from services.device.boot import Boot, Taken
from services.device.boot_identity import boot_of, boot_of_level_0, next_of_level_0, ran_backwards
from services.device.columns import Line
from services.device.commands import CommandQueue, Pending
from services.device.holds import stale_us
from services.device.line_health import LineHealth
from services.device.live_state import LiveState
from services.device.self_checks import SelfChecks
from services.device.session_counts import Ledger
from services.device.verdicts import Judge
from services.errors import CommandError
from services.link.reader import Link
from services.model import (
    WIRE_NUMBERS,
    ClockHealth,
    CommandOutcome,
    Curve,
    DeviceInfo,
    EventKind,
    Gap,
    LinkState,
    Readings,
    Snapshot,
    SpanStats,
)
from services.settings import Settings
from services.storage.storage import Storage
from services.wire.decoders import (
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

MAX_PENDING = 20_000  # lines kept while a board has not said which boot they belong to
SILENT_S = 5.0
FIRST_SILENCE_S = 65.0  # a board may be set to one reading a minute
HELLO_AGAIN_S = 5.0
COMMAND_WAIT_S = 15.0
LATENCIES = 1_000
_LINES = {ReadingLine, BadReading}


class Device:
    """A board and everything live about it. The link's thread writes; anyone reads, through the lock."""

    def __init__(
        self, name: str, url: str, settings: Settings, storage: Storage, clock: Clock, revive: Callable[[], None] | None = None
    ) -> None:
        """`revive` starts the simulated board behind the port again when it has died; real boards have none."""
        self.name = name
        self.url = url
        self.demo = revive is not None
        self.serial = (settings.baud, settings.dtr)
        self._storage = storage
        self._clock = clock
        self._lock = threading.RLock()
        self.link = Link(url, self, baud=settings.baud, dtr=settings.dtr, monotonic_s=clock.monotonic_s, prepare=revive)
        self._decoder = HostDecoder()
        self._commands = CommandQueue(name)
        self._boot: Boot | None = None
        self._hello: Hello | None = None
        self._hello_here = False  # on this connection
        self._hello_due_s = 0.0
        self._pending: list[Line] = []
        self._ack_again = False
        self._data_s = self._line_s = 0.0  # when anything came, when lines of readings came
        self._data_here = False
        self._line_health = LineHealth(settings.baud)
        self._baud = settings.baud
        self._trouble = ""  # with the lines
        self._silent = False  # the port is closed because nothing comes, which proves nothing about the board
        self._live = LiveState(name, clock.now_us())
        self.alerts = AlertActions(name, map(rule_of, settings.thresholds), storage, self._commands, clock, self._lock)
        self._checks = SelfChecks(name, settings.outliers)
        self._ledger = Ledger(name, storage, clock)
        self._sensor = "ok"
        self._judge = Judge(name, settings.limits)
        self._version = 0
        self._state = LinkState.CLOSED
        self._state_since_us, self._segment = clock.reading_us()
        self._latencies: deque[float] = deque(maxlen=LATENCIES)

    # --- the link's thread calls these

    def opened(self) -> None:
        """A new connection: whatever was half said before is forgotten, and the board is asked who it is."""
        with self._lock:
            self._decoder.reset()
            self._hello_here = self._data_here = self._silent = False
            self._data_s, self._hello_due_s = self._clock.monotonic_s(), 0.0
            self._line_health = LineHealth(self._baud, self._data_s)
            if self._boot is not None:
                self._boot.tracker.resume(self._data_s)
            self._ledger.event(EventKind.LINK, f"connected to {self.url}", {"state": "open", "url": self.url})

    def closed(self) -> None:
        """The connection is gone; commands on their way will not be repeated on the next one."""
        with self._lock:
            for pending in self._commands.fail_all("the link was lost", self._clock.monotonic_s()):
                self._finished(pending)
            if self._boot is not None and not self._silent:
                self._boot.link_lost()
            self.alerts.store_progress()
            self._ledger.event(EventKind.LINK, printable(self.link.problem or f"{self.url} was closed", 300), {"state": "lost"})
            self._ledger.flush()

    def silent_too_long(self) -> bool:
        """A port that gives nothing for this long is opened anew."""
        with self._lock:
            usual_s = self._boot.usual_silence_us / 1e6 if self._boot is not None else 0.0
            limit_s = max(SILENT_S, usual_s) if self._data_here else FIRST_SILENCE_S
            self._silent = self._clock.monotonic_s() - self._data_s > limit_s
            return self._silent

    def received(self, data: bytes) -> None:
        """Bytes from the board."""
        (now_us, segment), now_s = self._clock.reading_us(), self._clock.monotonic_s()
        events = self._decoder.feed(data)
        with self._lock:
            self._follow_clock(segment)
            self._data_s = now_s  # bytes without an end are not silence
            self._line_health.came(data, len(events), now_s)
            if not events:
                return
            self._data_here, mended = True, self._ledger.mended
            try:
                self._take(events, now_us, now_s)
            except Exception:  # a defect here must not let numbers be acknowledged that were never stored
                self._forget()
                raise
            if self._ledger.mended == mended:  # what was measured long ago says nothing about speed
                self._latencies.append((self._clock.monotonic_s() - now_s) * 1e3)

    def _take(self, events: list[HostEvent], now_us: int, now_s: float) -> None:
        if set(map(type, events)) <= _LINES:
            self._lines(cast("list[Line]", events), now_us, now_s)
            return
        for is_line, group in groupby(events, lambda event: type(event) in _LINES):
            if is_line:
                self._lines(cast("list[Line]", list(group)), now_us, now_s)
            else:
                for event in group:
                    self._other(event, now_us, now_s)

    def _follow_clock(self, segment: int) -> None:
        """Between two readings: what was known in the time of an earlier segment is known in that of this one."""
        if segment == self._segment:
            return
        for step in self._clock.steps_since(self._segment):
            if step.segment <= segment:
                self._live.clock_followed(step)
                self.alerts.clock_followed(step)
                self._state_since_us += step.set_us
                if self._boot is not None:
                    self._boot.clock_followed(step)
        self._segment = segment

    def _forget(self) -> None:
        """Start over from what the database holds: the board is asked who it is, and for everything after that."""
        self._boot, self._hello_here, self._hello_due_s = None, False, 0.0

    def tick(self) -> bytes:
        """What is to be sent now: commands, requests for what is missing, acknowledgements."""
        (now_us, segment), now_s = self._clock.reading_us(), self._clock.monotonic_s()
        with self._lock:
            self._follow_clock(segment)
            self._ask_hello(now_s)
            out = self._repairs(now_s) + self._acknowledgement()
            # Our hello always carries a checksum: a board may insist on it, others ignore the member.
            command, failed = self._commands.poll(now_s, crc=self._decoder.crc_seen or self._commands.waiting("hello"))
            if failed is not None:
                self._finished(failed)
            self._ledger.summaries(now_us)
            self._watch_state(now_us)
            self.alerts.tick(now_us, now_s, self._line_s, self._ledger.counts, self.link.state)
            for event in self._checks.outliers(self._live.window):
                self._ledger.event(event.kind, event.text, event.data, event.time_us)
            self._ledger.flush()
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
            new = boot_of_level_0(lines[0].seq, self._ledger.restored(), self._boot, now_s)
            self._begin(new, reboot=self._ledger.begun)
        boot, self._line_s = self._boot, now_s
        assert boot is not None
        boot.mark()
        taken = boot.take(lines, now_us, now_s)
        boot.stamp_gaps(now_us, taken)
        self._account(boot, taken, now_us)
        if taken.reboot:
            self._begin(next_of_level_0(boot), reboot=True)
            self._lines(taken.reboot, now_us, now_s)

    def _account(self, boot: Boot, taken: Taken, now_us: int) -> None:
        """Readings to the window and to the storage, everything else to the counts."""
        judged = self._judge.judge(taken)
        self._line_health.sorted_out(taken, judged, level_0=boot.wire is None)
        if taken.lines:
            self._watch_sensor(taken.lines[-1])
        self._live.add(judged.readings, now_us, self._judge.words)
        self.alerts.add(judged.readings, self._data_s)
        if taken.duplicates and boot.wire is not None:
            self._ack_again = True
        self._ledger.readings(boot, taken, judged, now_us, self._judge.words)

    def _watch_sensor(self, line: Line) -> None:
        sensor = line.status if isinstance(line, ReadingLine) else self._sensor
        if sensor != self._sensor:
            text = "the sensor measures again" if sensor == "ok" else f"the board says: {sensor}"
            self._ledger.event(EventKind.SENSOR, text, {"status": sensor})
            self._sensor = sensor

    def _postpone(self, lines: list[Line]) -> None:
        """Which boot these belong to is not known yet: they wait for the hello, the board is asked for it."""
        self._pending = (self._pending + lines)[-MAX_PENDING:]
        self._hello_due_s = min(self._hello_due_s, self._clock.monotonic_s())

    def _restarted(self, lines: list[Line]) -> bool:
        assert self._boot is not None
        if not ran_backwards(self._boot, lines):
            return False
        self._hello_here = False  # if it says that it is the same boot after all, that one goes on
        return True

    # --- everything else that a board says

    def _other(self, event: HostEvent, now_us: int, now_s: float) -> None:
        if isinstance(event, BadLine):
            self._line_health.bad_line(event)
            self._ledger.bad_line(event, now_us)
        elif isinstance(event, Hello):
            self._greeted(event, now_us, now_s)
        elif isinstance(event, Reply):
            pending = self._commands.reply(event, now_s)
            if pending is not None:
                self._finished(pending)
        elif isinstance(event, Gone) and self._boot is not None and self._boot.wire == event.boot:
            self._boot.tracker.gone(event.gone)
            self._ledger.settled(self._boot)

    def _greeted(self, hello: Hello, now_us: int, now_s: float) -> None:
        """The board says who it is: go on with its boot, or begin a new one."""
        self._hello, self._hello_here = hello, True
        self._judge.sensor_range(hello.range)
        known = self._boot
        if known is None or known.wire != hello.boot:
            self._begin(boot_of(hello, self._ledger.restored(), known, now_s), reboot=self._ledger.begun)
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
        self._ledger.announced(boot)

    def _begin(self, boot: Boot, *, reboot: bool) -> None:
        old, self._boot = self._boot, boot
        if old is not None:
            self._ledger.closed(old)
        kind = EventKind.REBOOT if reboot else EventKind.HELLO
        text = f"the board restarted (boot {boot.number})" if reboot else f"the board is there (boot {boot.number})"
        self._ledger.event(kind, text, {"boot": boot.number, "wire_boot": boot.wire})

    # --- back to the board

    def _ask_hello(self, now_s: float) -> None:
        wanted = not self._hello_here and (self._decoder.crc_seen or self._hello_due_s == 0.0)
        if wanted and now_s >= self._hello_due_s and not self._commands.waiting("hello"):
            self._commands.add("hello", {}, internal=True)
            self._hello_due_s = now_s + HELLO_AGAIN_S

    def _repairs(self, now_s: float) -> bytes:
        boot = self._boot
        if boot is None:
            return b""
        acknowledgeable = boot.tracker.ack
        due = boot.tracker.poll(now_s)
        if boot.tracker.changed or boot.tracker.ack != acknowledgeable:
            self._ledger.settled(boot)
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
            self._live.energy.reset(self._clock.now_us())
        self.alerts.finished(pending)
        if not pending.internal:
            self._ledger.command(outcome)

    # --- what others see

    def _watch_state(self, now_us: int) -> None:
        self._watch_lines()
        state = self._live_state()
        if state is not self._state:
            self._state, self._state_since_us, self._version = state, now_us, self._version + 1

    def _watch_lines(self) -> None:
        """What is wrong with the lines is an event when it begins and when it ends, not at each change of its figures."""
        before, self._trouble = self._trouble, self._line_health.problem(self._clock.monotonic_s())
        self._version += before != self._trouble
        if bool(before) != bool(self._trouble):
            text = self._trouble or "the lines are readings again"
            self._ledger.event(EventKind.LINK, text, {"state": "trouble" if self._trouble else "well"})

    def _live_state(self) -> LinkState:
        if self.link.state is not LinkState.WAITING or self._live.last is None or not self._data_here:
            return self.link.state
        limit_s = stale_us(self._boot.interval_us if self._boot is not None else 0.0) / 1e6
        return LinkState.LIVE if self._clock.monotonic_s() - self._line_s <= limit_s else LinkState.STALE

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
                problem=self.link.problem or self._trouble,
                next_try_s=None if next_at_s is None else max(0.0, next_at_s - self._clock.monotonic_s()),
                demo=self.demo,
                replay=hello.replay if hello else False,
                level=level,
                tracked=boot.tracked if boot is not None else True,
                firmware=hello.fw if hello else "",
                board_id=hello.id if hello else "",
                boot=boot.number if boot is not None else None,
                interval_ms=round(boot.interval_us / 1e3, 3) if boot is not None else None,
                rate_hz=self._live.rate_hz(now_us),
                last_reading_us=self._live.last.time_us if self._live.last else None,
                sensor=self._sensor,
                clock=boot.timebase.health() if boot is not None and boot.last_ms is not None else ClockHealth(),
                buffer=hello.buffer if hello else None,
                bytes_here=self._line_health.bytes,
                lines_here=self._line_health.lines,
            )

    def snapshot(self) -> Snapshot:
        """A consistent copy of the live state."""
        with self._lock:
            now_us, info = self._clock.now_us(), self.info()
            version, live = self._version + self._ledger.version + self.alerts.version, self._live.figures(now_us)
            health = self._checks.lamps(now_us, self._live.window, info.clock, self.alerts.share)
            more = self.alerts.figures() | {"counts": self._ledger.counts, "marked": self._judge.marked, "health": health}
            return Snapshot(now_us=now_us, info=info, version=version, **live, **more)

    def gaps(self, t0_us: int, t1_us: int) -> list[Gap]:
        """Gaps of the window as they stand now."""
        with self._lock:
            return self._ledger.gaps(t0_us, t1_us)

    def moment(self, span_s: float, points: int) -> tuple[Snapshot, Curve, SpanStats, list[Gap]]:
        """Live state, curve, statistics and gaps of the last `span_s` seconds: all of one moment."""
        with self._lock:
            state = self.snapshot()
            t0_us, t1_us = state.now_us - round(span_s * 1e6), state.now_us + 1
            return state, *self._live.shown(t0_us, t1_us, points), self._ledger.gaps(t0_us, t1_us)

    def curve(self, t0_us: int, t1_us: int, points: int) -> Curve | None:
        """[t0, t1) out of the window, with what is not committed yet; None when it begins before the window does."""
        with self._lock:
            return self._live.window.curve(t0_us, t1_us, points) if 0 < self._live.window.oldest_us <= t0_us else None

    def samples(self, cursor: int | None) -> tuple[int, Readings, int]:
        """Every reading since `cursor`, in the order they came; how many left the window before."""
        with self._lock:
            return self._live.window.since(cursor)

    def latencies_ms(self) -> list[float]:
        """How long the last batches took from the port to the window."""
        with self._lock:
            return list(self._latencies)
