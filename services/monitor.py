"""The façade: everything that page and API may ask or tell the program."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from services.actions.alert_book import AlertBook
from services.actions.webhook import Webhook
from services.analysis.frame import frame_of_curve
from services.analysis.ranges import overlaid
from services.clock import Clock, Step
from services.device.boards import Boards
from services.device.device import Device
from services.errors import CommandError, Conflict
from services.link.clock_watch import ClockWatch
from services.link.simulated_board import SimulatedBoard
from services.live_model import ClockHealth, CommandOutcome, DemoState, DeviceInfo, Health, PortInfo, Snapshot, Tick
from services.live_settings import LiveSettings
from services.model import Counts, Curve, Event, EventKind, Gap, LinkState, Readings, Rejected, SpanStats, Write
from services.options import DEMO_NAME
from services.settings import Settings, program_version
from services.storage import export as exports
from services.storage.storage import Storage
from services.storage.store import Durable, Store

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


class Monitor:
    """The boards, their record, and how the program stands. Thread-safe; nothing here waits for a wire but `command`."""

    def __init__(self, settings: Settings) -> None:
        self.version = program_version()
        self.clock = Clock()
        self._started_s = self.clock.monotonic_s()
        self._storage: Store = Storage(
            settings.database,
            self.clock,
            retention_h=settings.retention_h,
            max_bytes=settings.max_bytes,
            compact_days=settings.compact_days,
            commit_s=settings.commit_s,
            synchronous=settings.synchronous,
            on_commit=self._committed,
            on_begun=lambda: self.alerts.store_again(),  # the book is made after it
        )
        self._live_settings = LiveSettings(settings, self._storage)
        self._webhook = self._make_webhook() if settings.webhook else None
        deliver = self._webhook.deliver if self._webhook is not None else None
        self.alerts = AlertBook(settings, self._storage, self.clock, deliver)
        self._clock_watch = ClockWatch(self.clock, self._clock_followed)
        self._boards = Boards(settings, self._storage, self.clock, self._watch_alerts, self.alerts.release)

    # --- running

    def start(self) -> None:
        """Open the database, then the links. Raises DatabaseError."""
        self._storage.start()
        self._live_settings.start()
        self.alerts.start()
        if self._webhook is not None:
            self._webhook.start()
        self._boards.start()
        self._clock_watch.start()

    def stop(self) -> None:
        """Close the links, commit everything that was accepted, close the database."""
        self._clock_watch.stop()
        self._boards.stop()
        if self._webhook is not None:
            self._webhook.stop()
        self._storage.stop()

    def _make_webhook(self) -> Webhook:
        settings = self.settings
        told = lambda episode, evidence: self.alerts.add_evidence(episode, evidence)  # noqa: E731 - the book is made after it
        return Webhook(settings.webhook, settings.webhook_token, settings.page_address, told)

    @property
    def settings(self) -> Settings:
        """Those in effect: some can be changed while running."""
        return self._live_settings.now

    def changeable(self) -> dict[str, Any]:
        """Settings that can be changed while running, by option."""
        return self._live_settings.values()

    def change_settings(self, wanted: Mapping[str, Any]) -> list[str]:
        """All of them or none, remembered over a restart; answers which are another now. Raises BadRequest."""
        return self._live_settings.change(wanted)

    def _watch_alerts(self, device: Device) -> None:
        self.alerts.adopt(device.name, device.alerts)

    def _committed(self, durable: list[Durable]) -> None:
        """In the storage's thread, after each commit."""
        for done in durable:
            self._boards.durable(done.device, done.boot, done.ack)

    def _clock_followed(self, step: Step) -> None:
        """In the clock's thread: the host's clock was set, or this machine slept."""
        log.warning(step.said)
        data = {"step_us": step.after_us - step.before_us, "slept_us": step.slept_us, "before_us": step.before_us}
        self._storage.append(Write("", events=(Event("", step.after_us, EventKind.CLOCK, step.said, data),)))

    # --- boards

    def devices(self) -> list[DeviceInfo]:
        """Boards with a link, then those that only the database knows."""
        devices = self._devices
        live = [device.info() for device in devices.values()]
        return live + [_stored_only(name) for name in self._storage.devices() if name and name not in devices]

    def default_device(self) -> str | None:
        """The first real board, else the simulated one, else a stored one."""
        devices = self._devices
        real = [name for name, device in devices.items() if not device.demo]
        stored = [] if devices else [name for name in self._storage.devices() if name]
        return next(iter([*real, *devices, *stored]), None)

    @property
    def _devices(self) -> dict[str, Device]:
        return self._boards.linked

    def _device(self, name: str) -> Device:
        return self._boards.device(name)

    def snapshot(self, device: str) -> Snapshot:
        """The live state of a board. Raises UnknownDevice."""
        return self._device(device).snapshot()

    def tick(self, device: str, span_s: float, points: int) -> Tick:
        """What a page shows of a board right now, all of one moment. Raises UnknownDevice."""
        state, curve, stats, gaps = self._device(device).moment(span_s, points)
        return Tick(stats.t0_us, stats.t1_us, state, frame_of_curve(curve), stats, tuple(gaps))

    def window(self, device: str, span_s: float, points: int) -> pd.DataFrame:
        """The last `span_s` seconds as a frame of at most `points` rows, extremes exact. Raises UnknownDevice."""
        return self.tick(device, span_s, points).frame

    def samples(self, device: str, cursor: int | None) -> tuple[int, Readings, int]:
        """(cursor, every reading since the one given, how many were dropped). Raises UnknownDevice."""
        return self._device(device).samples(cursor)

    def command(self, device: str, name: str, args: dict[str, Any]) -> CommandOutcome:
        """Send a command and wait for its outcome. Raises UnknownDevice, CommandError."""
        return self._device(device).command(name, args)

    def ports(self) -> list[PortInfo]:
        """The serial ports of this machine, and what the port doctor says of each."""
        return self._boards.ports()

    def connect(self, url: str, name: str = "", baud: int | None = None, dtr: bool | None = None) -> str:
        """Add a board while running, now and after a restart; answers its name once the port opened. Without a speed and DTR
        of its own it has those of the settings.

        Raises BadRequest, Conflict, or PortNotOpened with the reason; nothing is left of it then.
        """
        return self._boards.connect(url, name, baud, dtr)

    def remove(self, device: str) -> None:
        """End a board's link; its record stays. Raises UnknownDevice, Conflict."""
        if device not in self._devices and device in self._storage.devices():
            raise Conflict(f"{device} has no link: there is only its record, which stays", "device")
        self._boards.remove(device)

    def fault(self, device: str, name: str, value: float) -> None:
        """Make the simulated board misbehave. Raises CommandError for a real one."""
        if not self._boards.fault(device, name, value):
            raise CommandError("faults are for the simulated board only")

    def demo(self) -> DemoState:
        """What the simulated board does. Raises CommandError without one."""
        simulated, name = self._simulated()
        return DemoState(name, simulated.scenario, self._device(name).info().interval_ms, simulated.faults())

    def begin_scenario(self, device: str, name: str) -> None:
        """Let the simulated board measure something else. Raises CommandError."""
        simulated, demo = self._simulated()
        if device != demo:
            raise CommandError("scenarios are for the simulated board only")
        simulated.begin(name)

    def _simulated(self) -> tuple[SimulatedBoard, str]:
        simulated, linked = self._boards.demo(), [name for name, device in self._devices.items() if device.demo]
        if simulated is None or not linked:
            raise CommandError("there is no simulated board")
        return simulated, linked[0]

    # --- record

    def history(self, device: str, t0_us: int, t1_us: int, points: int) -> pd.DataFrame:
        """[t0, t1) as a frame of at most `points` rows, extremes exact: out of the window when that reaches back so far,
        else out of the record, which is up to one commit behind."""
        live = self._devices.get(device)
        curve = live.curve(t0_us, t1_us, points) if live is not None else None
        return frame_of_curve(curve if curve is not None else self.curve(device, t0_us, t1_us, points))

    def curve(self, device: str, t0_us: int, t1_us: int, points: int) -> Curve:
        """The same of the record as plain columns."""
        return self._storage.curve(device, t0_us, t1_us, points)

    def pages(self, device: str, t0_us: int, t1_us: int) -> Iterator[Readings]:
        """Every stored reading, ascending."""
        return self._storage.pages(device, t0_us, t1_us)

    def status_words(self) -> tuple[str, ...]:
        """The boards' own words that the flags of stored readings name: the first is word 1."""
        return self._storage.status_words()

    def export(self, device: str, t0_us: int, t1_us: int, format_: str, options: exports.ExportOptions) -> Iterator[bytes]:
        """The record as CSV or Parquet, in pieces."""
        return exports.export(device, self._storage.pages(device, t0_us, t1_us), format_, options, self._storage.status_words)

    def estimate(self, device: str, t0_us: int, t1_us: int, format_: str) -> dict[str, Any]:
        """rows, bytes and seconds that an export would have."""
        stats = self._storage.span_stats(device, t0_us, t1_us)
        rows = stats.count + stats.marked
        answer: dict[str, Any] = msgspec.structs.asdict(exports.estimate(rows, format_))
        return answer

    def stats(self, device: str, t0_us: int, t1_us: int) -> SpanStats:
        """Statistics and account of a span."""
        return self._storage.span_stats(device, t0_us, t1_us)

    def counts(self, device: str, t0_us: int, t1_us: int) -> Counts:
        """The account of a span."""
        return self._storage.counts(device, t0_us, t1_us)

    def gaps(self, device: str, t0_us: int, t1_us: int) -> list[Gap]:
        """Gaps of a span: the record, and over it what is known but not committed yet."""
        live = self._devices.get(device)
        newer = live.gaps(t0_us, t1_us) if live is not None else []
        return sorted(overlaid(self._storage.gaps(device, t0_us, t1_us), newer), key=lambda gap: gap.t0_us)

    def events(self, device: str | None, t0_us: int, t1_us: int, limit: int = 200) -> list[Event]:
        """The event log, newest first."""
        return self._storage.events(device, t0_us, t1_us, limit)

    def rejected(self, device: str | None, limit: int = 100, *, spoken_only: bool = False) -> list[Rejected]:
        """Lines that were not accepted, newest first.

        With `spoken_only` without those of ports that have never spoken as a board: what they carry may be anything, a
        console for example, and is not for viewers.
        """
        lines = self._storage.rejected(device, limit)
        if not spoken_only:
            return lines
        spoken = {name for name in {line.device for line in lines} if self._has_spoken(name)}
        return [line for line in lines if line.device in spoken]

    def _has_spoken(self, device: str) -> bool:
        live = self._devices.get(device)
        return (live is not None and live.info().boot is not None) or self._storage.extent(device) is not None

    def extent(self, device: str) -> tuple[int, int] | None:
        """Times of the oldest and the newest stored reading."""
        return self._storage.extent(device)

    # --- health

    def health(self) -> Health:
        """Ready or not, and why not."""
        storage = self._storage.health()
        devices = self.devices()
        reasons = [storage.problem] if storage.problem else []
        choice = self._boards.choice()
        reasons += [choice] if choice else []
        linked = [info for info in devices if info.device in self._devices]
        if not linked and not choice:
            reasons.append("no board is connected: plug one in, or name its port")
        troubled = [info for info in linked if info.problem or info.state is not LinkState.LIVE]
        reasons += [f"{info.device}: {info.problem or info.state.value}" for info in troubled]
        dead = [name for name, device in self._devices.items() if not device.link.alive]
        reasons += [f"{name}: its reader has stopped" for name in dead]
        uptime_s = self.clock.monotonic_s() - self._started_s
        status, found = "degraded" if reasons else "ok", tuple(self._boards.found())
        return Health(status, tuple(reasons), self.version, uptime_s, storage, tuple(devices), self._latency_ms(), found)

    def _latency_ms(self) -> dict[str, float | None]:
        values = [value for device in self._devices.values() for value in device.latencies_ms()]
        if not values:
            return {"p50": None, "p95": None}
        p50, p95 = np.percentile(values, (50, 95))
        return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}


def _stored_only(name: str) -> DeviceInfo:
    return DeviceInfo(
        device=name,
        url="",
        state=LinkState.CLOSED,
        state_since_us=0,
        problem="",
        next_try_s=None,
        demo=name == DEMO_NAME,
        replay=False,
        level=None,
        tracked=True,
        firmware="",
        board_id="",
        boot=None,
        interval_ms=None,
        rate_hz=0.0,
        last_reading_us=None,
        sensor="ok",
        clock=ClockHealth(),
        buffer=None,
    )
