"""A façade without boards, threads or files: what the web side needs to be tested on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from services.alert_model import Level
from services.clock import Clock
from services.errors import CommandError, Conflict, PowermonError, UnknownDevice
from services.live_model import ClockHealth, CommandOutcome, DeviceInfo, Health, MovingMean, PortInfo, Snapshot, StorageHealth
from services.model import (
    ChannelStats,
    Counts,
    Curve,
    Event,
    EventKind,
    Flag,
    Gap,
    GapState,
    LinkState,
    Reading,
    Readings,
    Reason,
    Rejected,
    SpanStats,
    no_readings,
)
from services.settings import Settings
from tests.web.fake_alerts import ListedAlerts, book

T0_US = 1_700_000_000_000_000
STEP_US = 100_000
DEVICE, STORED_ONLY = "bench-1", "old-board"
FIRST_SEQ = 2**32 - 3  # the numbers roll over within the first readings


def make_readings(count: int, first: int = 0) -> Readings:
    """`count` readings from the `first` on, each determined by its place."""
    place = np.arange(first, first + count, dtype=np.int64)
    v = np.round(5 + np.sin(place / 10), 6)
    a = np.round(0.2 + place % 7 / 100, 6)
    flags = np.where(place % 50 == 49, Flag.RECOVERED, 0).astype(np.uint16)
    boot = np.full(count, 3, np.int64)
    return Readings(
        boot, FIRST_SEQ + place, T0_US + place * STEP_US, np.full(count, STEP_US, np.int64), v, a, np.round(v * a, 6), flags
    )


class FixedClock(Clock):
    """Stands at the end of what the fake has stored; its monotonic side runs."""

    def __init__(self, fake: FakeMonitor) -> None:
        super().__init__()
        self._fake = fake

    def now_us(self) -> int:
        return T0_US + len(self._fake.stored) * STEP_US


class FakeMonitor:
    """Implements the façade on an array. Tests set and read its attributes."""

    def __init__(self, settings: Settings | None = None, count: int = 200) -> None:
        self.settings = settings or Settings()
        self.version = "1.2.3"
        self.stored = make_readings(count)
        self.clock: Clock = FixedClock(self)
        self.started = self.stopped = False
        self.fail_start: PowermonError | None = None
        self.state = LinkState.LIVE
        self.boards = [DEVICE]
        self.calls: list[tuple[Any, ...]] = []
        self.page_rows = 60
        self.forgotten = 0  # readings that have left the window
        self.listed = ListedAlerts()
        self.alerts = book(self.listed, self.settings, self.clock)

    # --- running ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        if self.fail_start is not None:
            raise self.fail_start
        self.started = True

    def stop(self) -> None:
        self.stopped = True

    def feed(self, count: int) -> None:
        """The board sends `count` more readings."""
        self.stored = make_readings(len(self.stored) + count)

    # --- live -------------------------------------------------------------------------------------------------------

    def default_device(self) -> str | None:
        return self.boards[0] if self.boards else None

    def devices(self) -> list[DeviceInfo]:
        return [self.info(device) for device in [*self.boards, STORED_ONLY]]

    def info(self, device: str) -> DeviceInfo:
        return DeviceInfo(
            device=device,
            url="socket://127.0.0.1:5000",
            state=self.state,
            state_since_us=T0_US,
            problem="",
            next_try_s=None,
            demo=False,
            replay=False,
            level=1,
            tracked=True,
            firmware="1.0.0",
            board_id=device,
            boot=3,
            interval_ms=100.0,
            rate_hz=10.0,
            last_reading_us=int(self.stored.time_us[-1]),
            sensor="ok",
            clock=ClockHealth(1.5, 0.2, 10),
            buffer=48,
        )

    def snapshot(self, device: str) -> Snapshot:
        if device not in self.boards:
            raise UnknownDevice(device, self.boards)
        last = self.reading(device, -1) if len(self.stored) else None
        now_us = self.clock.now_us()
        return Snapshot(
            now_us=now_us,
            info=self.info(device),
            last=last,
            stats_1m=self.stats(device, now_us - 60_000_000, now_us),
            moving=(MovingMean(60, 58.2, 5.0, 0.2, 1.0),),
            energy_wh=1.5,
            charge_mah=300.0,
            energy_since_us=T0_US,
            counts=Counts(received=len(self.stored), recovered=4, reasons={"corrupt": 1}),
            levels={"v": Level.NORMAL, "a": Level.NORMAL, "w": Level.WARNING},
            residual_w=0.001,
            version=7,
        )

    def reading(self, device: str, place: int) -> Reading:
        row = self.stored.take(place)
        values = (float(row.v), float(row.a), float(row.w))  # type: ignore[arg-type]
        return Reading(device, int(row.boot), int(row.seq), int(row.time_us), int(row.time_us), *values, "ok", int(row.flags))  # type: ignore[call-overload]

    def samples(self, device: str, cursor: int | None) -> tuple[int, Readings, int]:
        self.snapshot(device)
        if cursor is None:
            return len(self.stored), no_readings(), 0
        first = max(cursor, self.forgotten)
        return len(self.stored), self.stored.take(slice(first, None)), first - cursor

    # --- record -----------------------------------------------------------------------------------------------------

    def between(self, device: str, t0_us: int, t1_us: int) -> Readings:
        if device not in (*self.boards, STORED_ONLY):
            raise UnknownDevice(device, self.boards)
        return self.stored.take((self.stored.time_us >= t0_us) & (self.stored.time_us < t1_us))

    def curve(self, device: str, t0_us: int, t1_us: int, points: int) -> Curve:
        found = self.between(device, t0_us, t1_us)
        return raw_curve(found) if len(found) <= points else bucket_curve(found, points)

    def status_words(self) -> tuple[str, ...]:
        return ()

    def pages(self, device: str, t0_us: int, t1_us: int) -> Iterator[Readings]:
        found = self.between(device, t0_us, t1_us)
        for start in range(0, len(found), self.page_rows):
            self.calls.append(("page", start))
            yield found.take(slice(start, start + self.page_rows))

    def export(self, device: str, t0_us: int, t1_us: int, format_: str, options: object) -> Iterator[bytes]:
        self.calls.append(("export", format_, options))
        yield b"time,device\r\n"
        for page in self.pages(device, t0_us, t1_us):
            yield b"".join(b"%d,%s\r\n" % (time, device.encode()) for time in page.time_us)

    def estimate(self, device: str, t0_us: int, t1_us: int, format_: str) -> dict[str, Any]:
        rows = len(self.between(device, t0_us, t1_us))
        return {"rows": rows, "bytes": rows * 70, "seconds": rows / 100_000}

    def stats(self, device: str, t0_us: int, t1_us: int) -> SpanStats:
        found = self.between(device, t0_us, t1_us)
        channels = [channel_stats(getattr(found, name)) for name in ("v", "a", "w")]
        return SpanStats(t0_us, t1_us, len(found), len(found) * STEP_US / 1e6, *channels, 0.5, 100.0, Counts(received=len(found)))

    def counts(self, device: str, t0_us: int, t1_us: int) -> Counts:
        return Counts(received=len(self.between(device, t0_us, t1_us)))

    def gaps(self, device: str, t0_us: int, t1_us: int) -> list[Gap]:
        self.calls.append(("gaps", device))
        return [Gap(device, 3, FIRST_SEQ + 5, FIRST_SEQ + 6, T0_US, T0_US + STEP_US, GapState.RECOVERED)]

    def events(self, device: str | None, t0_us: int, t1_us: int, limit: int = 200) -> list[Event]:
        kinds = (EventKind.REBOOT, EventKind.GAP)
        return [
            Event(device or DEVICE, T0_US, kind, f"{kind.value} of the board", {"boot": 3}, n) for n, kind in enumerate(kinds)
        ][:limit]

    def rejected(self, device: str | None, limit: int = 100, *, spoken_only: bool = False) -> list[Rejected]:
        return [Rejected(device or DEVICE, T0_US, Reason.NOT_JSON, '<b>{"v":', "no end", None, 2**32 + 4)][:limit]

    def extent(self, device: str) -> tuple[int, int] | None:
        known = device in (*self.boards, STORED_ONLY)
        return (int(self.stored.time_us[0]), int(self.stored.time_us[-1])) if known and len(self.stored) else None

    # --- boards -----------------------------------------------------------------------------------------------------

    def command(self, device: str, name: str, args: dict[str, object]) -> CommandOutcome:
        if device not in self.boards:
            raise UnknownDevice(device, self.boards)
        if name == "explode":
            raise CommandError("there is no command 'explode'")
        self.calls.append(("command", device, name, args))
        return CommandOutcome(device, 124, name, args, "ok", "", 1, 12.5)

    def ports(self) -> list[PortInfo]:
        return [PortInfo("/dev/ttyACM0", "Arduino Uno", "2341:0043", True, "")]

    def connect(self, url: str, name: str = "", baud: int | None = None, dtr: bool | None = None) -> str:
        self.calls.append(("connect", url, name, baud, dtr))
        return name or "board"

    def remove(self, device: str) -> None:
        if device == STORED_ONLY:
            raise Conflict(f"{device} has no link: there is only its record, which stays", "device")
        if device not in self.boards:
            raise UnknownDevice(device, self.boards)
        self.calls.append(("remove", device))

    def fault(self, device: str, name: str, value: float) -> None:
        self.calls.append(("fault", device, name, value))

    def health(self) -> Health:
        storage = StorageHealth(True, "", 3, 0, 100, T0_US, 4096, 33.0, None, 10**9, 48.0)
        return Health("ok", (), self.version, 12.5, storage, tuple(self.devices()), {"p50": 1.2, "p95": None})


def channel_stats(values: np.ndarray[Any, Any]) -> ChannelStats:
    """Of the values given."""
    return (
        ChannelStats(float(values.min()), float(values.mean()), float(values.max()), float(values.std()))
        if len(values)
        else ChannelStats()
    )


def raw_curve(rows: Readings) -> Curve:
    """Readings as points."""
    ones, none = np.ones(len(rows), np.int64), np.zeros(len(rows), np.uint8)
    values = [column for name in ("v", "a", "w") for column in [getattr(rows, name)] * 3]
    return Curve(0, rows.time_us, ones, *values, none, (rows.flags & 1).astype(np.uint8), *unmarked(len(rows)))


def unmarked(count: int) -> list[np.ndarray[Any, Any]]:
    """The marked columns of points without any."""
    return [np.zeros(count, np.int64), *[np.full(count, np.nan)] * 6]


def bucket_curve(rows: Readings, points: int) -> Curve:
    """At most `points` buckets of equal counts; good enough for the web side."""
    parts = np.array_split(np.arange(len(rows)), points)
    columns = [[f(getattr(rows, name)[part]) for part in parts] for name in ("v", "a", "w") for f in (np.min, np.mean, np.max)]
    none = np.zeros(len(parts), np.uint8)
    starts = np.array([rows.time_us[part[0]] for part in parts])
    counts = np.array([len(part) for part in parts])
    return Curve(STEP_US, starts, counts, *map(np.array, columns), none, none, *unmarked(len(parts)))
