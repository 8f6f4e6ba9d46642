"""One board's chain in order, and the one lock of its live state; no SQL and no wait under it.

bytes → messages → whose are they → sequence and times → ranges → window, statistics, energy, limits → storage; and back:
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
from services.device.acknowledging import Acknowledging
from services.device.alert_actions import AlertActions
from services.device.boot import Boot, Taken
from services.device.boot_identity import Begin, BoardIdentity, Drop, Step, Welcome
from services.device.columns import Line
from services.device.commands import CommandQueue, Pending
from services.device.device_info import device_info
from services.device.holds import stale_us
from services.device.live_state import LiveState
from services.device.liveness import Liveness
from services.device.refused import Refused
from services.device.self_checks import SelfChecks
from services.device.session_counts import Ledger
from services.device.verdicts import Judge
from services.errors import CommandError
from services.link.reader import Link
from services.live_model import CommandOutcome, DeviceInfo, Snapshot
from services.model import Curve, EventKind, Gap, GapState, LinkState, Readings, SpanStats
from services.settings import Settings
from services.storage.store import Store
from services.wire.decoders import (
    BadLine,
    BadReading,
    Gone,
    Hello,
    HostDecoder,
    HostEvent,
    ReadingLine,
    Reply,
    encode_nack,
    printable,
)

HELLO_AGAIN_S = 1.0  # a small ring is overrun in a few seconds
COMMAND_WAIT_S = 15.0
EXPIRE_S = 60.0
LATENCIES = 1_000
_LINES = {ReadingLine, BadReading}


class Device:
    """A board and everything live about it. The link's thread writes; anyone reads, through the lock."""

    def __init__(
        self, name: str, url: str, settings: Settings, storage: Store, clock: Clock, revive: Callable[[], None] | None = None
    ) -> None:
        """`revive` starts the simulated board behind the port again when it has died; real boards have none."""
        self.name = name
        self.url = url
        self.demo = revive is not None
        self.serial = (settings.baud, settings.dtr)
        self._clock = clock
        self._lock = threading.RLock()
        self.link = Link(url, self, baud=settings.baud, dtr=settings.dtr, monotonic_s=clock.monotonic_s, prepare=revive)
        self._decoder = HostDecoder()
        self._commands = CommandQueue(name)
        self._identity = BoardIdentity()
        self._recalled = False  # whether the database was asked what it knows
        self._hello_due_s = 0.0
        self._acknowledging = Acknowledging(storage.nudge)
        self._refused = Refused()
        self._expire_s = 0.0
        self._retention_us = round(settings.retention_h * 3.6e9)
        self._liveness = Liveness(clock, settings.baud)
        self._live = LiveState(name, clock.now_us())
        self.alerts = AlertActions(name, map(rule_of, settings.thresholds), storage, self._commands, clock, self._lock)
        self._checks = SelfChecks(name, settings.outliers)
        self._ledger = Ledger(name, storage, clock, self._identity.waiting)
        self._judge = Judge(name, settings.limits)
        _, self._segment = clock.reading_us()
        self._latencies: deque[float] = deque(maxlen=LATENCIES)

    # --- the link's thread calls these

    def opened(self) -> None:
        """A new connection: whatever was half said before is forgotten, and the board is asked who it is."""
        self._recall()
        with self._lock:
            self._decoder.reset()
            self._identity.connected()
            self._hello_due_s, now_s = 0.0, self._clock.monotonic_s()
            self._liveness.opened(now_s)
            if self._boot is not None:
                self._boot.tracker.resume(now_s)
            self._ledger.event(EventKind.LINK, f"connected to {self.url}", {"state": "open", "url": self.url})

    def closed(self) -> None:
        """The connection is gone; commands on their way will not be repeated on the next one."""
        with self._lock:
            for pending in self._commands.fail_all("the link was lost", self._clock.monotonic_s()):
                self._finished(pending)
            if self._boot is not None and not self._liveness.silent:
                self._boot.link_lost()
            self.alerts.store_progress()
            self._ledger.event(EventKind.LINK, printable(self.link.problem or f"{self.url} was closed", 300), {"state": "lost"})
            self._ledger.flush()

    def silent_too_long(self) -> bool:
        """A port that gives nothing for this long is opened anew."""
        with self._lock:
            return self._liveness.silent_too_long(self._boot.usual_silence_us / 1e6 if self._boot is not None else 0.0)

    def received(self, data: bytes) -> None:
        """Bytes from the board."""
        (now_us, segment), now_s = self._clock.reading_us(), self._clock.monotonic_s()
        events = self._decoder.feed(data)
        self._recall()
        with self._lock:
            self._follow_clock(segment)
            self._liveness.heard(data, len(events), now_s)
            if not events:
                return
            mended = self._ledger.mended
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
                self._liveness.since_us += step.set_us
                self._identity.clock_followed(step)
        self._segment = segment

    def _recall(self) -> None:
        """What the database knows of the board: asked without the lock, for a page must not wait for a disk."""
        if not self._recalled:
            stored = self._ledger.restored()
            with self._lock:
                self._identity.boots.recall(stored)
                self._recalled = True

    def _forget(self) -> None:
        """Start over from what the database holds: the board is asked who it is, and for everything after that."""
        self._identity.forget()
        self._recalled, self._hello_due_s = False, 0.0

    @property
    def _boot(self) -> Boot | None:
        return self._identity.boot

    def tick(self) -> bytes:
        """What is to be sent now: commands, requests for what is missing, acknowledgements."""
        (now_us, segment), now_s = self._clock.reading_us(), self._clock.monotonic_s()
        with self._lock:
            self._follow_clock(segment)
            self._run(self._identity.on_tick(now_us, now_s), now_us, now_s)
            self._ask_hello(now_s)
            self._expire(now_us, now_s)
            out = self._repairs(now_s)
            if self._boot is not None and self._identity.known:
                out += self._acknowledging.line(self._boot)
            # Our hello always carries a checksum: a board may insist on it, others ignore the member.
            command, failed = self._commands.poll(now_s, crc=self._decoder.crc_seen or self._commands.waiting("hello"))
            if failed is not None:
                self._finished(failed)
            self._ledger.summaries(now_us)
            self._watch_state()
            self.alerts.tick(now_us, now_s, self._liveness.line_s, self._ledger.counts, self.link.state)
            for event in self._checks.outliers(self._live.window):
                self._ledger.event(event.kind, event.text, event.data, event.time_us)
            self._ledger.flush()
            return out + command

    def durable(self, boot: int, ack: int) -> None:
        """The storage's thread: every reading of `boot` up to `ack` is on disk."""
        with self._lock:
            if self._boot is not None and self._boot.number == boot:
                self._boot.durable = max(ack, self._boot.durable if self._boot.durable is not None else ack)
                self._boot.tracker.fixed = True

    # --- readings

    def _lines(self, lines: list[Line], now_us: int, now_s: float) -> None:
        self._run(self._identity.on_lines(lines, self._decoder.crc_seen, now_us, now_s), now_us, now_s)

    def _run(self, steps: list[Step], now_us: int, now_s: float) -> None:
        for step in steps:
            if isinstance(step, Begin):
                self._begin(step.boot, reboot=self._ledger.begun)
            elif isinstance(step, Welcome):
                self._welcome(step.hello, step.offers, now_us, now_s)
            elif isinstance(step, Drop):
                self._ledger.dropped(step.lines, now_us)
                self._liveness.lines.dropped(step.lines)
            elif (boot := step.over or self._boot) is not None:
                self._take_in(boot, step.lines, now_us, now_s)

    def _take_in(self, boot: Boot, lines: list[Line], now_us: int, now_s: float) -> None:
        self._liveness.line_s = now_s
        boot.mark()
        taken = boot.take(lines, now_us, now_s)
        boot.stamp_gaps(now_us, taken)
        after = self._identity.anew(taken.reboot, now_s) if taken.reboot else boot
        goes_on = after is not boot and after.tracker.expected is not None
        taken.wild += goes_on
        taken.unaccounted += goes_on
        self._account(boot, taken, now_us, now_s)
        if taken.restarted and boot is self._boot:
            self._identity.suspect()
        if taken.reboot:
            self._begin(after, reboot=not goes_on)
            self._take_in(after, taken.reboot, now_us, now_s)
        elif boot is not self._boot:
            self._ledger.closed(boot)

    def _account(self, boot: Boot, taken: Taken, now_us: int, now_s: float) -> None:
        """Readings to the window and to the storage, everything else to the counts."""
        judged = self._judge.judge(taken)
        self._liveness.lines.sorted_out(taken, judged, level_0=boot.wire is None)
        self._ledger.sensor(taken.lines)
        fresh = self._refused.not_shown(judged.readings)
        self._live.add(fresh, now_us, self._judge.words)
        self.alerts.add(fresh, self._liveness.data_s)
        if taken.duplicates and boot.wire is not None:
            self._acknowledging.again = True
        if not self._ledger.readings(boot, taken, judged, now_us, self._judge.words):
            self._refused.put_back(boot, taken.readings, judged.readings, now_s)
            if boot.wire is None and len(taken.readings):
                self._ledger.no_room(len(taken.readings))

    # --- everything else that a board says

    def _other(self, event: HostEvent, now_us: int, now_s: float) -> None:
        if isinstance(event, BadLine):
            self._liveness.lines.bad_line(event)
            self._ledger.bad_line(event, now_us, numbered=self._boot is not None and self._boot.tracked)
        elif isinstance(event, Hello):
            self._run(self._identity.on_hello(event, now_us, now_s), now_us, now_s)
        elif isinstance(event, Reply):
            pending = self._commands.reply(event, now_s)
            if pending is not None:
                self._finished(pending)
        elif isinstance(event, Gone) and self._boot is not None and self._boot.wire == event.boot:
            self._boot.tracker.gone(event.gone, now_s)
            self._ledger.settled(self._boot)

    def _welcome(self, hello: Hello, offers: bool, now_us: int, now_s: float) -> None:
        """The boot that speaks says what it holds."""
        self._judge.sensor_range(hello.range)
        boot = self._boot
        assert boot is not None
        boot.greet(hello, now_s)
        boot.mark()
        boot.tracker.greet(hello.seq, hello.oldest, now_s, offers=offers)
        boot.stamp_gaps(now_us)
        self._acknowledging.again = True
        self._ledger.settled(boot)

    def _begin(self, boot: Boot, *, reboot: bool) -> None:
        old, self._identity.boot, self._refused = self._boot, boot, Refused()
        self._acknowledging.begin()
        if old is not None:
            self._ledger.closed(old)
        self._identity.boots.speaks(boot)
        self._ledger.begins(boot, self._identity.boots.end_stored(self._identity.hello))
        kind = EventKind.REBOOT if reboot else EventKind.HELLO
        text = f"the board restarted (boot {boot.number})" if reboot else f"the board is there (boot {boot.number})"
        self._ledger.event(kind, text, {"boot": boot.number, "wire_boot": boot.wire})

    # --- back to the board

    def _ask_hello(self, now_s: float) -> None:
        wanted = self._identity.wanted and (self._decoder.crc_seen or self._hello_due_s == 0.0)
        if wanted and now_s >= self._hello_due_s and not self._commands.waiting("hello"):
            self._commands.add("hello", {}, internal=True)
            self._hello_due_s = now_s + HELLO_AGAIN_S
        if self._commands.waiting("hello"):
            self._identity.asked_s = now_s

    def _expire(self, now_us: int, now_s: float) -> None:
        """What is past the retention is not waited for any more."""
        if self._boot is not None and now_s >= self._expire_s:
            self._expire_s = now_s + EXPIRE_S
            self._boot.tracker.expire(now_us - self._retention_us)

    def _repairs(self, now_s: float) -> bytes:
        boot = self._boot
        if boot is None:
            return b""
        acknowledgeable = boot.tracker.ack
        due = boot.tracker.poll(now_s) if boot.wire is None or self._identity.known else []
        self._ledger.settle_unsaid(boot, acknowledgeable)
        if not due or boot.wire is None:
            return b""
        return b"".join(encode_nack(due, boot.wire))

    def command(self, name: str, args: dict[str, Any]) -> CommandOutcome:
        """Send a command and wait for what becomes of it. Raises CommandError when it cannot be sent."""
        with self._lock:
            if self.link.state is not LinkState.WAITING:
                raise CommandError(f"{self.name} is not connected: {self.link.problem or self.link.state.value}")
            pending = self._commands.add(name, args)
        pending.done.wait(COMMAND_WAIT_S)
        with self._lock:
            if self._commands.give_up(pending, "no answer", self._clock.monotonic_s()):
                self._finished(pending)
        assert pending.outcome is not None
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

    def _watch_state(self) -> None:
        told = self._liveness.watch_lines()
        if told is not None:
            self._ledger.event(EventKind.LINK, told, {"state": "trouble" if self._liveness.trouble else "well"})
        interval_us = self._boot.interval_us if self._boot is not None else 0.0
        self._liveness.watch(self.link.state, self._live.last is not None, stale_us(interval_us) / 1e6)

    def info(self) -> DeviceInfo:
        """The board and its link."""
        with self._lock:
            self._watch_state()
            chain = self.link, self._identity, self._liveness, self._live, self._clock
            return device_info(self.name, *chain, sensor=self._ledger.sensor_says, demo=self.demo)

    def snapshot(self) -> Snapshot:
        """A consistent copy of the live state."""
        with self._lock:
            now_us, info, live = self._clock.now_us(), self.info(), self._live
            version = self._liveness.changes + self._ledger.version + self.alerts.version
            health = self._checks.lamps(now_us, live.window, info.clock, self.alerts.share)
            more = self.alerts.figures() | {"counts": self._ledger.counts, "marked": self._judge.marked, "health": health}
            return Snapshot(now_us=now_us, info=info, version=version, **live.figures(now_us), **more)

    def gaps(self, t0_us: int, t1_us: int) -> list[Gap]:
        """Gaps of the window as they stand now."""
        with self._lock:
            return self._ledger.gaps(t0_us, t1_us)

    def moment(self, span_s: float, points: int) -> tuple[Snapshot, Curve, SpanStats, list[Gap]]:
        """Live state, curve, statistics and gaps of the last `span_s` seconds: all of one moment."""
        with self._lock:
            state = self.snapshot()
            t0_us, t1_us = state.now_us - round(span_s * 1e6), state.now_us + 1
            gaps = [gap for gap in self._ledger.gaps(t0_us, t1_us) if gap.state is not GapState.BEFORE]
            return state, *self._live.shown(t0_us, t1_us, points), gaps

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
