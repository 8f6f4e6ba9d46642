"""What the page asks for ten times a second: one compact answer with everything a tick needs, made once for all tabs."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.model import EventKind, Live
from services.monitor import Monitor
from services.web import payloads
from services.web.asking import DeviceAsked, Points, Span, SpanAsked, known_device, monitor_of, query

TICK_S = 0.05  # answers younger than this serve every tab that asks the same
MARKS_S = 0.5  # gaps and flags come from the database: asked at most twice a second
LIMIT = 64  # answers kept; tabs with their own cursors would otherwise fill the memory
MAX_EVENTS = 50
NO_FLAG = frozenset({EventKind.GAP, EventKind.RECOVERED, EventKind.LOST})  # the gaps themselves tell that
T = TypeVar("T")

router = APIRouter(tags=["page"])


class Recent(Generic[T]):
    """Answers of the last moment by question. Time is an argument."""

    def __init__(self, keep_s: float, limit: int = LIMIT) -> None:
        self._keep_s = keep_s
        self._limit = limit
        self._answers: dict[object, tuple[float, T]] = {}

    def get(self, key: object, now_s: float) -> T | None:
        """The answer, while it is young enough."""
        found = self._answers.get(key)
        return found[1] if found is not None and now_s - found[0] < self._keep_s else None

    def put(self, key: object, answer: T, now_s: float) -> T:
        """Keeps the answer; the oldest go when there are too many."""
        self._answers.pop(key, None)
        self._answers[key] = (now_s, answer)
        while len(self._answers) > self._limit:
            del self._answers[next(iter(self._answers))]
        return answer

    def __len__(self) -> int:
        return len(self._answers)


class LiveAnswers:
    """The answers that tabs share."""

    def __init__(self) -> None:
        self.whole: Recent[bytes] = Recent(TICK_S)
        self.snapshots: Recent[bytes] = Recent(TICK_S)
        self.marks: Recent[tuple[bytes, bytes]] = Recent(MARKS_S)
        self.asking_marks = asyncio.Lock()  # 20 tabs, one query


@router.get("/api/live", summary="What is new since a cursor, for the live page")
async def live(
    request: Request,
    device: DeviceAsked = None,
    cursor: Annotated[int | None, Query(ge=0, description="`cursor` of the answer before; none: everything in the span")] = None,
    span_s: Annotated[float, Query(gt=0, le=3600, allow_inf_nan=False)] = 60.0,
    points: Points = 1200,
) -> Response:
    """Curve, gaps, flags and the board's live state in one answer."""
    monitor = monitor_of(request)
    answers: LiveAnswers = request.app.state.live_answers
    device = device if device is not None else await known_device(request, None)
    key = (device, cursor, span_s, points)
    body = answers.whole.get(key, monitor.clock.monotonic_s())
    if body is None:
        gaps, events = await _marks(request, answers, device, span_s)
        tick = _tick(request, answers, monitor.live(device, cursor, span_s, points))
        tick |= {"gaps": orjson.Fragment(gaps), "events": orjson.Fragment(events)}
        body = orjson.dumps(tick, option=orjson.OPT_SERIALIZE_NUMPY)
        answers.whole.put(key, body, monitor.clock.monotonic_s())
    return Response(body, media_type="application/json")


def _tick(request: Request, answers: LiveAnswers, live: Live) -> dict[str, Any]:
    return {
        "device": live.device,
        "now": payloads.ms(live.now_us),
        "cursor": live.cursor,
        "whole": live.whole,
        "from": payloads.ms(live.replace_from_us),
        "dropped": live.dropped,
        **payloads.curve_columns(live.curve),
        "snapshot": orjson.Fragment(_snapshot(request, answers, live.device)),
    }


def _snapshot(request: Request, answers: LiveAnswers, device: str) -> bytes:
    monitor = monitor_of(request)
    now_s = monitor.clock.monotonic_s()
    found = answers.snapshots.get(device, now_s)
    if found is None:
        found = answers.snapshots.put(device, orjson.dumps(payloads.snapshot(monitor.snapshot(device), payloads.ms)), now_s)
    return found


async def _marks(request: Request, answers: LiveAnswers, device: str, span_s: float) -> tuple[bytes, bytes]:
    """Gaps and flags of the span, as JSON."""
    monitor = monitor_of(request)
    key = (device, span_s)
    async with answers.asking_marks:
        found = answers.marks.get(key, monitor.clock.monotonic_s())
        if found is None:
            t1_us = monitor.clock.now_us() + 1
            found = await query(request, _ask_marks, monitor, device, t1_us - int(span_s * 1e6), t1_us)
            answers.marks.put(key, found, monitor.clock.monotonic_s())
    return found


def _ask_marks(monitor: Monitor, device: str, t0_us: int, t1_us: int) -> tuple[bytes, bytes]:
    gaps = [payloads.gap(gap, payloads.ms) for gap in monitor.gaps(device, t0_us, t1_us)]
    events = monitor.events(device, t0_us, t1_us, MAX_EVENTS)
    return orjson.dumps(gaps), orjson.dumps([payloads.event(event, payloads.ms) for event in events if event.kind not in NO_FLAG])


@router.get("/api/curve", summary="A span of the history to draw")
async def curve(request: Request, span: SpanAsked, points: Points = 1200) -> Response:
    """Columns as `/api/live` gives them: readings when they are few, else buckets with exact extremes."""
    body = await query(request, _curve, monitor_of(request), span, points)
    return Response(body, media_type="application/json")


def _curve(monitor: Monitor, span: Span, points: int) -> bytes:
    drawn = monitor.history(*span, points)
    gaps, events = _ask_marks(monitor, *span)
    body = {
        "device": span.device,
        "from": payloads.ms(span.t0_us),
        "to": payloads.ms(span.t1_us),
        **payloads.curve_columns(drawn),
        "count": drawn.count,
        "gaps": orjson.Fragment(gaps),
        "events": orjson.Fragment(events),
    }
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
