"""What a request asks for: device, span of time, number of points. Checked here, once, for every route."""

from __future__ import annotations

import asyncio
import math
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, TypeVar, cast

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Query, Request
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from services.errors import BadRequest, ExportCancelled, PowermonError, UnknownDevice
from services.monitor import Monitor
from services.storage.store import ending_when

T = TypeVar("T")
HOUR_US = 3_600_000_000
DEFAULT_SPAN_US = 48 * HOUR_US
MAX_SECONDS = 253_402_300_799.0  # the last second of the year 9999
LOOK_S = 0.1  # between two looks whether the client is still there
QUEUE = 64  # requests that may wait for a thread; beyond it the answer is "busy", not a growing queue
_SPACE_FOR_PLUS = re.compile(r" (\d\d:?\d\d)$")  # "+09:00" arrives as " 09:00" when the client did not escape it


class BusyError(PowermonError):
    """Too many requests wait already."""


class Workers:
    """The threads that blocking questions run in, each kind with its own limit."""

    def __init__(self) -> None:
        self.queries = CapacityLimiter(4)
        self.exports = CapacityLimiter(4)
        self.commands = CapacityLimiter(8)

    async def run(self, limiter: CapacityLimiter, function: Callable[..., T], *args: Any) -> T:
        """The function's answer, computed outside the event loop. Raises BusyError when too many wait."""
        if limiter.statistics().tasks_waiting >= QUEUE:
            raise BusyError("too many requests are waiting; try again in a moment")
        return await to_thread.run_sync(function, *args, limiter=limiter)


def monitor_of(connection: HTTPConnection) -> Monitor:
    """The façade this application was made with."""
    return cast(Monitor, connection.app.state.monitor)


def workers_of(connection: HTTPConnection) -> Workers:
    """The threads of this application."""
    return cast(Workers, connection.app.state.workers)


async def query(connection: HTTPConnection, function: Callable[..., T], *args: Any) -> T:
    """Asks the façade something that may read the database; ends early when the client of a request is gone."""
    workers = workers_of(connection)
    if not isinstance(connection, Request):  # a WebSocket's end cancels its task
        return await workers.run(workers.queries, function, *args)
    gone = threading.Event()
    with anyio.CancelScope() as scope, ending_when(gone.is_set):  # the thread gets a copy of this context
        watcher = asyncio.create_task(_watch(connection, gone, scope))
        try:
            return await workers.run(workers.queries, function, *args)
        except ExportCancelled:
            pass
        finally:
            watcher.cancel()
    raise HTTPException(499, "the client is gone")


async def _watch(request: Request, gone: threading.Event, scope: anyio.CancelScope) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(LOOK_S)
    gone.set()
    scope.cancel()  # while it still waits for a thread


def parse_time(text: str, field: str) -> int:
    """ISO 8601 (UTC when it names no zone) or Unix seconds → microseconds since 1970."""
    try:
        seconds = float(text)
    except ValueError:
        return _parse_iso(text, field)
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_SECONDS:
        raise BadRequest(f"{field}: {text!r} is no time; Unix time is given in seconds", field)
    return round(seconds * 1_000_000)


def _parse_iso(text: str, field: str) -> int:
    try:
        when = datetime.fromisoformat(_SPACE_FOR_PLUS.sub(r"+\1", text.strip()))
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        since = when - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadRequest(f"{field}: {text!r} is neither ISO 8601 (2026-01-31T12:00:00Z) nor Unix seconds", field) from None
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if microseconds < 0:
        raise BadRequest(f"{field}: {text!r} is before 1970", field)
    return microseconds


class Span(NamedTuple):
    """A device and the half-open span [t0, t1) asked about."""

    device: str
    t0_us: int
    t1_us: int


def span_of_times(
    from_: str | float | None, to: str | float | None, now_us: int, default_us: int = DEFAULT_SPAN_US
) -> tuple[int, int]:
    """[t0, t1) from two optional times; by default what ends now."""
    t1_us = now_us if to is None else parse_time(str(to), "to")
    t0_us = max(0, t1_us - default_us) if from_ is None else parse_time(str(from_), "from")
    if t0_us > t1_us:
        raise BadRequest("from: must not be later than 'to'", "from")
    return t0_us, t1_us


async def known_device(connection: HTTPConnection, device: str | None) -> str:
    """The device asked for, or the default one. Raises UnknownDevice."""
    monitor = monitor_of(connection)
    if device is None:
        device = monitor.default_device()
        if device is None:
            raise BadRequest("no board has been seen yet; see /api/devices", "device", "unknown_device")
        return device
    known = [info.device for info in monitor.devices()]
    if device not in known and await query(connection, monitor.extent, device) is None:
        raise UnknownDevice(device, known)
    return device


DeviceAsked = Annotated[str | None, Query(description="Board; by default the first real one", max_length=64)]
FromAsked = Annotated[
    str | None, Query(alias="from", description="ISO 8601 or Unix seconds; by default 48 h before `to`", max_length=40)
]
ToAsked = Annotated[
    str | None, Query(alias="to", description="ISO 8601 or Unix seconds, not included; by default now", max_length=40)
]
Points = Annotated[int, Query(ge=1, le=20_000, description="At most that many points")]


async def times_asked(request: Request, from_: FromAsked = None, to: ToAsked = None) -> tuple[int, int]:
    """`from` and `to` of a request, checked."""
    return span_of_times(from_, to, monitor_of(request).clock.now_us())


TimesAsked = Annotated[tuple[int, int], Depends(times_asked)]


async def span_asked(request: Request, times: TimesAsked, device: DeviceAsked = None) -> Span:
    """`device`, `from` and `to` of a request, checked."""
    return Span(await known_device(request, device), *times)


SpanAsked = Annotated[Span, Depends(span_asked)]


async def close_in_thread(workers: Workers, close: Callable[[], None]) -> None:
    """Runs a generator's close() outside the event loop, also when the request was cancelled."""
    with anyio.CancelScope(shield=True):
        await to_thread.run_sync(close, limiter=workers.exports)
