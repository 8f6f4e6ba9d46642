"""A fake façade with boards that never existed, and a server that gives their readings to a real page.

Reading k is taken at k/10 s of Unix time and numbered k - first_k; its values are a function of k and of the board, so that
tests know what the page must show.
"""

from __future__ import annotations

import socket
import threading
from typing import Any

import msgspec
import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import Response

from components.page import create_page
from services.alert_model import Level
from services.analysis.alert_rules import Limit
from services.analysis.frame import frame_of_curve
from services.clock import Clock
from services.errors import UnknownDevice
from services.live_model import ClockHealth, DeviceInfo, Health, MovingMean, Snapshot, StorageHealth, Tick
from services.model import I64, ChannelStats, Counts, Event, Gap, LinkState, Reading, Readings, SpanStats
from services.settings import Settings
from services.web.security import content_security_policy
from tests.analysis.making import curve_from_readings
from tests.web.fake_alerts import ListedAlerts, book

STEP_US = 100_000
HISTORY_US = 48 * 3_600_000_000
SPIKE_EVERY = 3000
BOARDS = ("bench-1", "bench-2")
OLD = "old-board"  # only the record knows it
LIMITS = (Limit("w", Level.DANGER, 9.0, 8.5),)


def values(k: I64, board: str = BOARDS[0]) -> tuple[Any, Any, Any]:
    """v, a, w of reading k: a calm voltage, a stepping current, a spike every 300 s. The second board has 12 V."""
    seconds = k / 10
    noise = np.sin(k * 12.9898) * 43758.5453
    noise = noise - np.floor(noise) - 0.5
    volts = 5.0 if board == BOARDS[0] else 12.0
    v = np.round(volts + 0.05 * np.sin(seconds / 9) + 0.01 * noise, 3)
    a = np.round(0.25 + 0.1 * (np.sin(seconds / 5) > 0) + 0.004 * noise + 0.9 * (k % SPIKE_EVERY == 0), 4)
    return v, a, np.round(v * a, 3)


class FakeMonitor:
    """As much of the façade as the page uses. Tests change `state`, `levels`, `gap_list` … and see what the page says."""

    def __init__(self) -> None:
        self.settings = Settings(thresholds=LIMITS)
        self.version = "0.0-test"
        self.first_k = (Clock().now_us() - HISTORY_US) // STEP_US  # the page remembers the record's ends from test to test
        self.reset()

    def reset(self) -> None:
        """Everything as at the start, for the next test on the same server."""
        self.clock = Clock()
        self.listed = ListedAlerts()
        self.alerts = book(self.listed, self.settings, self.clock)
        self.boards: tuple[str, ...] = BOARDS
        self.frozen_us: int | None = None  # no reading is newer
        self.missing: list[tuple[int, int]] = []  # numbers k of readings that never came
        self.levels = dict.fromkeys("vaw", Level.NORMAL)
        self.counts_now = Counts(received=12345)
        self.gap_list: list[Gap] = []
        self.recovered: int | None = None  # of every span; None: what is in the gaps
        self.event_list: list[Event] = []
        self.storage = StorageHealth(True, "", 0, 0, 0, None, 4_100_000, None, None, None, 48.0)
        self.info = _info(BOARDS[0])
        self.ticks = 0  # how often a tick was made
        self.hold = threading.Event()  # a slow program waits for it in `tick`
        self.hold.set()

    # --- boards

    def devices(self) -> list[DeviceInfo]:
        linked = [msgspec.structs.replace(self.info, device=board) for board in self.boards]
        old = msgspec.structs.replace(self.info, device=OLD, url="", state=LinkState.CLOSED)
        return [*linked, old]

    def default_device(self) -> str | None:
        return self.boards[0] if self.boards else None

    def now_us(self) -> int:
        return self.clock.now_us()

    def newest_us(self) -> int:
        return self.frozen_us if self.frozen_us is not None else self.now_us()

    def readings(self, device: str, t0_us: int, t1_us: int) -> Readings:
        begin = max(self.first_k, -(-t0_us // STEP_US))
        end = max(begin, min(-(-t1_us // STEP_US), self.newest_us() // STEP_US + 1))
        k = np.arange(begin, end, max(1, (end - begin) // 100_000), dtype=np.int64)  # days need not be whole
        for first, last in self.missing:
            k = k[(k < first) | (k > last)]
        v, a, w = values(k, device)
        hold, flags = np.full(len(k), STEP_US), np.zeros(len(k), np.uint16)
        return Readings(np.full(len(k), 17), k - self.first_k, k * STEP_US, hold, v, a, w, flags)

    def tick(self, device: str, span_s: float, points: int) -> Tick:
        if device not in self.boards:
            raise UnknownDevice(device, list(self.boards))
        self.hold.wait(20)
        self.ticks += 1
        now_us = self.now_us()
        t0_us = now_us - round(span_s * 1e6)
        rows = self.readings(device, t0_us, now_us + 1)
        frame = frame_of_curve(curve_from_readings(rows, t0_us, now_us + 1, points))
        return Tick(t0_us, now_us, self._snapshot(device, now_us), frame, span_stats(rows, t0_us, now_us), tuple(self.gap_list))

    def _snapshot(self, device: str, now_us: int) -> Snapshot:
        minute = self.readings(device, now_us - 60_000_000, now_us + 1)
        stats = span_stats(minute, now_us - 60_000_000, now_us)
        newest = self.readings(device, self.newest_us() - 10_000_000, self.newest_us() + 1)
        last = _last(device, newest)
        info = msgspec.structs.replace(self.info, device=device, last_reading_us=last.time_us if last else None)
        moving = tuple(MovingMean(span, min(span, 58.2), stats.v.mean, stats.a.mean, stats.w.mean) for span in (60, 300, 900))
        sums = (0.1234, 24.56, now_us - 3_600_000_000)
        return Snapshot(now_us, info, last, stats, moving, *sums, self.counts_now, self.levels, 0.0004, 1)

    # --- record

    def history(self, device: str, t0_us: int, t1_us: int, points: int) -> Any:
        return frame_of_curve(curve_from_readings(self.readings(device, t0_us, t1_us), t0_us, t1_us, points))

    def stats(self, device: str, t0_us: int, t1_us: int) -> SpanStats:
        found = span_stats(self.readings(device, t0_us, t1_us), t0_us, t1_us)
        recovered = sum(gap.recovered for gap in self.gaps(device, t0_us, t1_us)) if self.recovered is None else self.recovered
        return msgspec.structs.replace(found, counts=Counts(received=found.count, recovered=recovered))

    def gaps(self, _device: str, t0_us: int, t1_us: int) -> list[Gap]:
        return [gap for gap in self.gap_list if gap.t1_us >= t0_us and gap.t0_us < t1_us]

    def events(self, _device: str | None, t0_us: int, t1_us: int, limit: int = 200) -> list[Event]:
        return [event for event in self.event_list if t0_us <= event.time_us < t1_us][-limit:]

    def extent(self, _device: str) -> tuple[int, int] | None:
        return self.first_k * STEP_US, self.newest_us() // STEP_US * STEP_US

    def health(self) -> Health:
        return Health("ok", (), self.version, 60.0, self.storage, tuple(self.devices()), {"p50": 1.2, "p95": 3.4})


def _info(device: str) -> DeviceInfo:
    return DeviceInfo(
        device=device,
        url="/dev/ttyACM0",
        state=LinkState.LIVE,
        state_since_us=0,
        problem="",
        next_try_s=None,
        demo=False,
        replay=False,
        level=1,
        tracked=True,
        firmware="1.0.0",
        board_id=device,
        boot=17,
        interval_ms=100.0,
        rate_hz=10.0,
        last_reading_us=None,
        sensor="ok",
        clock=ClockHealth(-12.5, 1.4, 0),
        buffer=48,
    )


def _last(device: str, rows: Readings) -> Reading | None:
    if not len(rows):
        return None
    row = rows.take(slice(-1, None))
    (seq,), (time_us,) = row.seq.tolist(), row.time_us.tolist()
    return Reading(device, 17, seq, time_us, time_us, float(row.v[0]), float(row.a[0]), float(row.w[0]))


def channel_stats(column: Any) -> ChannelStats:
    if not len(column):
        return ChannelStats()
    return ChannelStats(float(column.min()), float(column.mean()), float(column.max()), float(column.std()))


def span_stats(rows: Readings, t0_us: int, t1_us: int) -> SpanStats:
    hours = rows.hold_us / 3.6e9
    channels = (channel_stats(rows.v), channel_stats(rows.a), channel_stats(rows.w))
    sums = (float((rows.w * hours).sum()), float((rows.a * hours).sum() * 1000))
    counts = Counts(received=len(rows))
    return SpanStats(t0_us, t1_us, len(rows), float(rows.hold_us.sum() / 1e6), *channels, *sums, counts)


class FakeServer:
    """The page of a fake façade on a free port. It can be stopped and started again."""

    def __init__(self, monitor: FakeMonitor) -> None:
        self.monitor = monitor
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        app = FastAPI()
        page = create_page(app, self.monitor)  # type: ignore[arg-type]
        policy = content_security_policy(page.csp_hashes())

        @app.middleware("http")
        async def headers(request: Request, call_next: Any) -> Response:
            response: Response = await call_next(request)
            response.headers["Content-Security-Policy"] = policy
            return response

        config = uvicorn.Config(app, host="127.0.0.1", port=self.port, log_level="warning", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the fake server did not start")
            threading.Event().wait(0.01)

    def stop(self) -> None:
        self.monitor.hold.set()
        self._server.should_exit = True
        self._thread.join(10)
