"""A fake façade with a board that never existed, and a server that gives its readings to a real page.

Reading k is taken at k/10 s of Unix time and numbered k - first_k; its values are a function of k, so that tests know
what the page must show.
"""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import orjson
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import Response

from components.page import create_page
from services.analysis.alerts import Limit
from services.analysis.decimate import curve_from_readings
from services.clock import Clock
from services.errors import UnknownDevice
from services.model import (
    I64,
    ChannelStats,
    ClockHealth,
    CommandOutcome,
    Counts,
    DeviceInfo,
    Event,
    EventKind,
    Gap,
    GapState,
    Health,
    Level,
    LinkState,
    MovingMean,
    PortInfo,
    Reading,
    Readings,
    Reason,
    Rejected,
    Snapshot,
    SpanStats,
    StorageHealth,
)
from services.web import payloads
from services.web.changes import Changes
from services.web.security import content_security_policy

STEP_US = 100_000
HISTORY_US = 48 * 3_600_000_000
SPIKE_EVERY = 3000


def values(k: I64) -> tuple[Any, Any, Any]:
    """v, a, w of reading k: a calm voltage, a stepping current, a spike every 300 s."""
    seconds = k / 10
    noise = np.sin(k * 12.9898) * 43758.5453
    noise = noise - np.floor(noise) - 0.5
    v = np.round(5.0 + 0.05 * np.sin(seconds / 9) + 0.01 * noise, 3)
    a = np.round(0.25 + 0.1 * (np.sin(seconds / 5) > 0) + 0.004 * noise + 0.9 * (k % SPIKE_EVERY == 0), 4)
    return v, a, np.round(v * a, 3)


class FakeMonitor:
    """As much of the façade as the page uses. Tests change `info`, `levels`, `gaps` … and see what the page says."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Everything as at the start, for the next test on the same server."""
        self.clock = Clock()
        self.version = "0.0-test"
        self.settings = SimpleNamespace(interval_ms=100, thresholds=(Limit("w", Level.DANGER, 9.0, 8.5),), retention_h=48.0)
        self.first_k = (self.clock.now_us() - HISTORY_US) // STEP_US
        self.frozen_us: int | None = None
        self.started = True  # False: no board was ever seen
        self.known_only = False  # True: the board is in the database, without a link
        self.levels = {"v": Level.NORMAL, "a": Level.NORMAL, "w": Level.NORMAL}
        self.counts_now = Counts(received=12345, recovered=0)
        self.gap_list: list[Gap] = []
        self.missing: list[tuple[int, int]] = []
        self.event_list: list[Event] = []
        self.rejected_list: list[Rejected] = []
        self.port_list: list[PortInfo] = []
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.faults: list[tuple[str, float]] = []
        self.connected: list[tuple[str, str]] = []
        self.state_version = 1
        self.role = "operator"
        self.storage = StorageHealth(True, "", 3, 0, 123456, self.now_us(), 4_100_000, 33.2, 1_150_000_000, 55_000_000_000, 48.0)
        self.info = DeviceInfo(
            device="bench-1",
            url="/dev/ttyACM0",
            state=LinkState.LIVE,
            state_since_us=self.now_us() - 60_000_000,
            problem="",
            next_try_s=None,
            demo=False,
            replay=False,
            level=1,
            tracked=True,
            firmware="1.0.0",
            board_id="bench-1",
            boot=17,
            interval_ms=100.0,
            rate_hz=10.0,
            last_reading_us=None,
            sensor="ok",
            clock=ClockHealth(-12.5, 1.4, 0),
            buffer=48,
        )

    # --- what the page's server callbacks ask ---

    def events(self, _device: str | None, _t0_us: int, _t1_us: int, limit: int = 200) -> list[Event]:
        return self.event_list[-limit:]

    def rejected(self, _device: str | None, limit: int = 100) -> list[Rejected]:
        return self.rejected_list[-limit:]

    def ports(self) -> list[PortInfo]:
        return self.port_list

    def health(self) -> Health:
        return Health("ok", (), self.version, 60.0, self.storage, (self.info,), {"p50": 1.2, "p95": 3.4})

    # --- what the API asks ---

    def now_us(self) -> int:
        return self.clock.now_us()

    def newest_us(self) -> int:
        return self.frozen_us if self.frozen_us is not None else self.now_us()

    def readings(self, t0_us: int, t1_us: int) -> Readings:
        begin = max(self.first_k, -(-t0_us // STEP_US))
        end = max(begin, min(-(-t1_us // STEP_US), self.newest_us() // STEP_US + 1))
        k = np.arange(begin, end, dtype=np.int64)
        for first, last in self.missing:
            k = k[(k < first) | (k > last)]
        v, a, w = values(k)
        shape = len(k)
        return Readings(
            np.full(shape, 17), k - self.first_k, k * STEP_US, np.full(shape, STEP_US), v, a, w, np.zeros(shape, np.uint16)
        )

    def snapshot(self) -> Snapshot:
        if not self.started or self.known_only:
            raise UnknownDevice("bench-1", [])
        now_us = self.now_us()
        minute = self.readings(now_us - 60_000_000, now_us)
        stats = span_stats(minute, now_us - 60_000_000, now_us)
        last = None
        if len(minute):
            row = minute.take(slice(-1, None))
            last = Reading(
                self.info.device,
                17,
                int(row.seq[0]),
                int(row.time_us[0]),
                int(row.time_us[0]),
                float(row.v[0]),
                float(row.a[0]),
                float(row.w[0]),
            )
        info = msgspec.structs.replace(self.info, last_reading_us=last.time_us if last else None)
        moving = tuple(MovingMean(span, min(span, 58.2), stats.v.mean, stats.a.mean, stats.w.mean) for span in (60, 300, 900))
        return Snapshot(
            now_us,
            info,
            last,
            stats,
            moving,
            0.1234,
            24.56,
            now_us - 3_600_000_000,
            self.counts_now,
            self.levels,
            0.0004,
            self.state_version,
        )


def channel_stats(column: Any) -> ChannelStats:
    return ChannelStats(float(column.min()), float(column.mean()), float(column.max())) if len(column) else ChannelStats()


def span_stats(rows: Readings, t0_us: int, t1_us: int) -> SpanStats:
    hours = rows.hold_us / 3.6e9
    return SpanStats(
        t0_us,
        t1_us,
        len(rows),
        float(rows.hold_us.sum() / 1e6),
        channel_stats(rows.v),
        channel_stats(rows.a),
        channel_stats(rows.w),
        float((rows.w * hours).sum()),
        float((rows.a * hours).sum() * 1000),
        Counts(received=len(rows)),
    )


def answer(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), status, media_type="application/json")


def marks(monitor: FakeMonitor, t0_us: int, t1_us: int) -> dict[str, Any]:
    gaps = [payloads.gap(gap, payloads.ms) for gap in monitor.gap_list if gap.t1_us >= t0_us and gap.t0_us <= t1_us]
    flags = [payloads.event(event, payloads.ms) for event in monitor.event_list if t0_us <= event.time_us <= t1_us]
    return {"gaps": gaps, "events": [flag for flag in flags if flag["kind"] not in ("gap", "recovered", "lost")]}


def live_parts(
    changes: Changes, state: Snapshot, seen: str, gaps: list[dict[str, Any]], events: list[dict[str, Any]]
) -> dict[str, Any]:
    """What /api/live tells beside the curve, as the real one does."""
    changes.update(payloads.live_leaves(payloads.snapshot(state, payloads.ms), gaps, events))
    everything, tree = changes.since(seen)
    lists = {name: list(tree.get(name, {}).values()) for name in ("gaps", "events")}
    return lists | {"seen": changes.word, "all": everything, "snapshot": tree.get("snapshot", {})}


def add_live_routes(app: FastAPI, monitor: FakeMonitor) -> None:
    """/api/live and /api/curve."""
    changes = Changes()

    @app.get("/api/live")
    def live(cursor: int | None = None, seen: str = "", span_s: float = 60.0, points: int = 1200) -> Response:
        try:
            state = monitor.snapshot()
        except UnknownDevice as error:
            return answer({"error": {"code": "unknown_device", "message": str(error), "field": "device"}}, 400)
        now_us = state.now_us
        whole = cursor is None
        t0_us = now_us - int(span_s * 1e6)
        from_us = t0_us if cursor is None else max(t0_us, (cursor + 1) * STEP_US)
        rows = monitor.readings(from_us, now_us)
        newest = int(rows.time_us[-1]) // STEP_US if len(rows) else (cursor or 0)
        body = {
            "device": monitor.info.device,
            "now": now_us / 1000,
            "cursor": newest,
            "whole": whole,
            "from": from_us / 1000,
            "dropped": 0,
        }
        body |= payloads.curve_columns(curve_from_readings(rows, from_us, now_us, max(points, len(rows))))
        return answer(body | live_parts(changes, state, seen, **marks(monitor, t0_us, now_us)))

    @app.get("/api/curve")
    def curve(request: Request, points: int = 1200) -> Response:
        t0_us, t1_us = (int(float(request.query_params[name]) * 1e6) for name in ("from", "to"))
        drawn = curve_from_readings(monitor.readings(t0_us, t1_us), t0_us, t1_us, points)
        body = {"device": monitor.info.device, "from": t0_us / 1000, "to": t1_us / 1000, **payloads.curve_columns(drawn)}
        return answer(body | {"count": drawn.count} | marks(monitor, t0_us, t1_us))

    @app.get("/api/stats")
    def stats(request: Request) -> Response:
        t0_us, t1_us = (int(float(request.query_params[name]) * 1e6) for name in ("from", "to"))
        return answer(payloads.span_stats(monitor.info.device, span_stats(monitor.readings(t0_us, t1_us), t0_us, t1_us)))

    @app.get("/api/session")
    def session() -> Response:
        return answer({"role": monitor.role, "version": monitor.version})

    @app.get("/api/devices")
    def devices() -> Response:
        return answer(
            {
                "default": monitor.info.device,
                "devices": [payloads.device_info(monitor.info, payloads.iso)] if monitor.started else [],
            }
        )


def add_changing_routes(app: FastAPI, monitor: FakeMonitor) -> None:
    """Commands, faults, connections and exports."""

    @app.post("/api/devices/{device}/commands")
    async def command(device: str, request: Request) -> Response:
        body = await request.json()
        name = body.pop("cmd")
        monitor.commands.append((name, body))
        return answer(msgspec.to_builtins(CommandOutcome(device, 1, name, body, "ok", "", 1, 41.7)))

    @app.post("/api/demo/fault")
    async def fault(request: Request) -> Response:
        body = await request.json()
        monitor.faults.append((body["name"], body["value"]))
        return answer({"result": "ok"})

    @app.post("/api/connect")
    async def connect(request: Request) -> Response:
        body = await request.json()
        monitor.connected.append((body["url"], body["name"]))
        return answer({"device": body["name"] or "board-2"})

    @app.get("/api/export/estimate")
    def estimate(request: Request) -> Response:
        t0_us, t1_us = (int(float(request.query_params[name]) * 1e6) for name in ("from", "to"))
        rows = (t1_us - t0_us) // STEP_US
        return answer({"rows": rows, "bytes": rows * 70, "seconds": rows / 200_000})

    @app.get("/api/history")
    def history(request: Request) -> Response:
        t0_us, t1_us = (int(float(request.query_params[name]) * 1e6) for name in ("from", "to"))
        rows = monitor.readings(t0_us, t1_us)
        lines = ["time,device,boot,seq,voltage_v,current_a,power_w,status,recovered"]
        lines += [
            f"{payloads.iso(int(rows.time_us[i]))},bench-1,17,{rows.seq[i]},{rows.v[i]},{rows.a[i]},{rows.w[i]},ok,false"
            for i in range(len(rows))
        ]
        headers = {"Content-Disposition": 'attachment; filename="powermon.csv"'}
        return Response("\r\n".join(lines) + "\r\n", media_type="text/csv", headers=headers)


class FakeServer:
    """The page on a real port, in a thread. `stop` and `start` again keep the port."""

    def __init__(self, monitor: FakeMonitor) -> None:
        self.monitor = monitor
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        app = FastAPI()
        add_live_routes(app, self.monitor)
        add_changing_routes(app, self.monitor)
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
        self._server.should_exit = True
        self._thread.join(10)


def example_gap(monitor: FakeMonitor, seconds_ago: float, count: int, state: GapState) -> Gap:
    """A gap of `count` readings that ended `seconds_ago`."""
    last = int(monitor.now_us() - seconds_ago * 1e6) // STEP_US
    first = last - count + 1
    amount = {"missing": 0, "recovered": 0, "lost": 0} | {
        {"open": "missing", "recovered": "recovered", "lost": "lost"}[state.value]: count
    }
    return Gap("bench-1", 17, first, last, (first - 1) * STEP_US, (last + 1) * STEP_US, state, **amount)


def example_event(monitor: FakeMonitor, seconds_ago: float, kind: EventKind, text: str, number: int = 1) -> Event:
    return Event("bench-1", monitor.now_us() - int(seconds_ago * 1e6), kind, text, {}, number)


def example_rejected(monitor: FakeMonitor, line: str, reason: Reason = Reason.NOT_JSON) -> Rejected:
    return Rejected("bench-1", monitor.now_us(), reason, line)
