"""`/ws/realtime`: every reading as it comes, at the pace of the slowest listener and of nobody else.

Pull per client: at each interval the client's own task asks the window what is new since its cursor. There is no queue to
overflow; a slow client gets more readings in fewer messages, and what the window has let go meanwhile is counted as dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import numpy as np
import orjson
from fastapi import APIRouter, FastAPI
from starlette.websockets import WebSocket, WebSocketDisconnect

from services.analysis.marks import marked
from services.errors import BadRequest, PowermonError
from services.live_model import Snapshot
from services.model import CHANNELS, Readings
from services.web import alerts, payloads
from services.web.errors import error_body
from services.web.pace import Pace
from services.web.parameters import known_device, monitor_of, query, span_of_times

MIN_INTERVAL_MS, MAX_INTERVAL_MS, DEFAULT_INTERVAL_MS = 100, 1000, 500
MAX_CLIENTS = 100
MAX_SAMPLES = 20_000  # readings in one message (about 1 MB); older ones are counted as dropped
MAX_POINTS = 20_000
HEARTBEAT_S = 1.0  # with nothing new, the statistics still age: say so at this pace
SEND_TIMEOUT_S = 5.0
ASKED_RATE, ASKED_BURST = 5.0, 20.0  # messages a second from one client, for as long as it likes and at once
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013

router = APIRouter()


class Clients:
    """How many listen now."""

    def __init__(self) -> None:
        self.count = 0


@router.websocket("/ws/realtime")
async def realtime(websocket: WebSocket) -> None:
    """Checks what is asked for, then serves until the client is gone."""
    await websocket.accept()
    clients: Clients = websocket.app.state.clients
    if clients.count >= MAX_CLIENTS:
        await _refuse(websocket, TRY_AGAIN_LATER, error_body("too_many", f"at most {MAX_CLIENTS} clients may listen"))
        return
    clients.count += 1
    try:
        client = await _make_client(websocket)
        await client.serve()
    except BadRequest as error:
        await _refuse(websocket, POLICY_VIOLATION, error_body(error.code, str(error), error.field))
    finally:
        clients.count -= 1


async def _refuse(websocket: WebSocket, code: int, body: dict[str, Any]) -> None:
    with contextlib.suppress(WebSocketDisconnect, TimeoutError):
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await websocket.send_text(orjson.dumps({"type": "error", **body}).decode())
            await websocket.close(code, body["error"]["message"][:100])  # a close reason holds at most 123 bytes


async def _make_client(websocket: WebSocket) -> Client:
    interval_ms = _whole_number(
        websocket.query_params.get("interval_ms", DEFAULT_INTERVAL_MS), "interval_ms", MIN_INTERVAL_MS, MAX_INTERVAL_MS
    )
    device = await known_device(websocket, websocket.query_params.get("device"))
    monitor_of(websocket).snapshot(device)  # a board without a link has a history but nothing to listen to
    return Client(websocket, device, interval_ms / 1000)


def _whole_number(value: Any, field: str, low: int, high: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = low - 1
    if not low <= number <= high:
        raise BadRequest(f"{field}: must be a whole number from {low} to {high}", field)
    return number


class Client:
    """One listener."""

    def __init__(self, websocket: WebSocket, device: str, interval_s: float) -> None:
        self._websocket = websocket
        self._monitor = monitor_of(websocket)
        self._device = device
        self._interval_s = interval_s
        self._cursor = self._monitor.samples(device, None)[0]  # from now on; the past is a history request
        self._alerts = self._monitor.alerts.since(None)[0]
        self._status: tuple[object, ...] = ()
        self._sent_s = float("-inf")
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        """Returns when the client is gone or does not take what is sent."""
        tasks = {asyncio.create_task(self._pump()), asyncio.create_task(self._listen())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        expected = (WebSocketDisconnect, TimeoutError, asyncio.CancelledError)
        for error in results:
            if isinstance(error, BaseException) and not isinstance(error, expected):
                raise error

    async def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            await self._tick(loop.time())
            due_s = max(due_s + self._interval_s, loop.time())  # a late tick is not made up for
            await asyncio.sleep(due_s - loop.time())

    async def _tick(self, now_s: float) -> None:
        self._cursor, readings, dropped = self._monitor.samples(self._device, self._cursor)
        state = self._monitor.snapshot(self._device)
        status = status_of(state)
        if status != self._status:
            self._status = status
            await self._send({"type": "status", "data": status_data(state)})
        self._alerts, changes = self._monitor.alerts.since(self._alerts, self._device)
        for change in changes:
            await self._send({"type": "alert", "data": alerts.change(change)})
        if state.last is not None and (len(readings) or now_s - self._sent_s >= HEARTBEAT_S):
            self._sent_s = now_s
            await self._send({"type": "realtime", "data": realtime_data(state, readings, dropped)})

    async def _listen(self) -> None:
        pace = Pace(time.monotonic, ASKED_RATE, ASKED_BURST)
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            while pace.exceeded():
                await asyncio.sleep(1 / ASKED_RATE)
            try:
                await self._send(await self._answer(message.get("text") or ""))
            except PowermonError as error:
                field = error.field if isinstance(error, BadRequest) else ""
                code = error.code if isinstance(error, BadRequest) else "unavailable"
                await self._send({"type": "error", **error_body(code, str(error), field)})

    async def _answer(self, text: str) -> dict[str, Any]:
        try:
            asked = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise BadRequest("a message must be JSON") from None
        if not isinstance(asked, dict) or asked.get("type") != "history":
            raise BadRequest('the only message understood is {"type": "history", …}', "type")
        t0_us, t1_us = span_of_times(asked.get("from"), asked.get("to"), self._monitor.clock.now_us())
        points = _whole_number(asked.get("points", 1000), "points", 1, MAX_POINTS)
        curve = await query(self._websocket, self._monitor.curve, self._device, t0_us, t1_us, points)
        data = {"device": self._device, "from": payloads.iso(t0_us), "to": payloads.iso(t1_us), "bucket_s": curve.bucket_us / 1e6}
        return {"type": "history", "data": data | {"points": payloads.curve_points(curve, CHANNELS)}}

    async def _send(self, message: dict[str, Any]) -> None:
        """Raises TimeoutError when the client does not take it: a stalled browser is let go."""
        text = orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY).decode()
        async with self._sending, asyncio.timeout(SEND_TIMEOUT_S):
            await self._websocket.send_text(text)


def status_of(state: Snapshot) -> tuple[object, ...]:
    """What a status message is about: two equal ones need no new message."""
    info = state.info
    return (info.state, info.url, info.problem, info.boot, info.sensor, info.demo, info.replay)


def status_data(state: Snapshot) -> dict[str, Any]:
    """The link, as a status message tells it."""
    info = state.info
    return {
        "device": info.device,
        "state": info.state.value,
        "since": info.state_since_us / 1e6,
        "url": info.url,
        "problem": info.problem,
        "next_try_s": info.next_try_s,
        "boot": info.boot,
        "sensor": info.sensor,
        "demo": info.demo,
        "replay": info.replay,
    }


def realtime_data(state: Snapshot, readings: Readings, dropped: int) -> dict[str, Any]:
    """The last reading, the last minute, and every reading since the last message."""
    last = state.last
    assert last is not None
    if len(readings) > MAX_SAMPLES:
        dropped += len(readings) - MAX_SAMPLES
        readings = readings.take(slice(-MAX_SAMPLES, None))
    return {
        "device": last.device,
        "v": last.v,
        "a": last.a,
        "w": last.w,
        "seq": payloads.wire_seq(last.seq),
        "ts": last.time_us / 1e6,
        "status": last.status,
        "stats_1m": payloads.stats_1m(state.stats_1m),
        "samples": {
            "t": readings.time_us / 1e6,
            "seq": readings.seq & payloads.WIRE_MASK,
            **{channel: getattr(readings, channel) for channel in CHANNELS},
            "marked": np.flatnonzero(marked(readings.flags)),
        },
        "dropped": dropped,
    }


def install(app: FastAPI) -> None:
    """Adds the WebSocket route and what it counts."""
    app.state.clients = Clients()
    app.include_router(router)
