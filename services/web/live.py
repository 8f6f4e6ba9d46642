"""What the page asks for ten times a second: one compact answer with everything a tick needs, made once for all tabs.

Time is cut into ticks of 50 ms. Whoever asks within one is told the same and given the same cursor, so that tabs fall
into step: their next questions are the same, and one answer serves them all.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, NamedTuple

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.model import EventKind, Live
from services.monitor import Monitor
from services.web import payloads
from services.web.changes import Changes
from services.web.parameters import DeviceAsked, Points, Span, SpanAsked, known_device, monitor_of, query

TICK_S = 0.05
MARKS_S = 0.5  # gaps and flags come from the database: asked at most twice a second
MAX_FEEDS = 16  # ways to ask (board, span, points) that are kept
MAX_ANSWERS = 8  # of one way and tick; tabs in step need one or two
MAX_EVENTS = 50
NO_FLAG = frozenset({EventKind.GAP, EventKind.RECOVERED, EventKind.LOST})  # the gaps themselves tell that

router = APIRouter(tags=["page"])


class Marks(NamedTuple):
    """Gaps and flags of a span as JSON-able dicts."""

    gaps: list[dict[str, Any]]
    events: list[dict[str, Any]]


class Feed:
    """What all tabs that ask the same way are told. Times are arguments."""

    def __init__(self) -> None:
        self._changes = Changes()
        self._asking = asyncio.Lock()  # 20 tabs, one query
        self._marks = Marks([], [])
        self._marks_s = self._tick_s = float("-inf")
        self._head: Live | None = None
        self._answers: dict[tuple[int | None, str], bytes] = {}

    async def refresh(self, request: Request, device: str, span_s: float) -> None:
        """Begins a new tick when the last one is over. Raises UnknownDevice."""
        monitor = monitor_of(request)
        async with self._asking:
            if monitor.clock.monotonic_s() - self._marks_s >= MARKS_S:
                t1_us = monitor.clock.now_us() + 1
                self._marks = await query(request, _ask_marks, monitor, device, t1_us - int(span_s * 1e6), t1_us)
                self._marks_s = monitor.clock.monotonic_s()
        now_s = monitor.clock.monotonic_s()
        if now_s - self._tick_s >= TICK_S:
            state = payloads.snapshot(monitor.snapshot(device), payloads.ms)
            self._changes.update(payloads.live_leaves(state, *self._marks))
            self._tick_s, self._head = now_s, None
            self._answers.clear()

    def find(self, cursor: int | None, seen: str) -> bytes | None:
        """This tick's answer to the same question."""
        return self._answers.get((cursor, seen))

    def make(self, live: Live, cursor: int | None, seen: str) -> bytes:
        """This tick's answer. `live`: what is new since `cursor`."""
        # The cursor of this tick's first answer holds for all: what came since is sent again and replaces itself.
        # Not when the curve is made of other buckets: they do not fit together.
        if self._head is None or self._head.curve.bucket_us != live.curve.bucket_us:
            self._head = live
        body = orjson.dumps(_tick(live, self._head.cursor) | self._parts(seen), option=orjson.OPT_SERIALIZE_NUMPY)
        if len(self._answers) < MAX_ANSWERS:
            self._answers[cursor, seen] = body
        return body

    def _parts(self, seen: str) -> dict[str, Any]:
        everything, tree = self._changes.since(seen)
        parts: dict[str, Any] = {"seen": self._changes.word, "all": everything, "snapshot": tree.get("snapshot", {})}
        return parts | {name: list(tree.get(name, {}).values()) for name in ("gaps", "events") if everything or name in tree}


class LiveAnswers:
    """The feeds in use; the one that was not asked for longest goes when there are too many."""

    def __init__(self) -> None:
        self._feeds: dict[tuple[str, float, int], Feed] = {}

    def feed(self, device: str, span_s: float, points: int) -> Feed:
        """The feed for this way of asking."""
        key = (device, span_s, points)
        feed = self._feeds.pop(key) if key in self._feeds else Feed()
        self._feeds[key] = feed
        while len(self._feeds) > MAX_FEEDS:
            del self._feeds[next(iter(self._feeds))]
        return feed

    def __len__(self) -> int:
        return len(self._feeds)


@router.get("/api/live", summary="What is new since a cursor, for the live page")
async def live(
    request: Request,
    device: DeviceAsked = None,
    cursor: Annotated[int | None, Query(ge=0, description="`cursor` of the answer before; none: everything in the span")] = None,
    seen: Annotated[str, Query(max_length=32, description="`seen` of the answer before: what has not changed is left out")] = "",
    span_s: Annotated[float, Query(gt=0, le=3600, allow_inf_nan=False)] = 60.0,
    points: Points = 1200,
) -> Response:
    """Curve, gaps, flags and the board's live state in one answer."""
    return Response(await answer(request, device, cursor, seen, span_s, points), media_type="application/json")


async def answer(request: Request, device: str | None, cursor: int | None, seen: str, span_s: float, points: int) -> bytes:
    """The answer to checked parameters. Raises UnknownDevice, BadRequest."""
    monitor = monitor_of(request)
    answers: LiveAnswers = request.app.state.live_answers
    device = device if device is not None else await known_device(request, None)
    feed = answers.feed(device, span_s, points)
    await feed.refresh(request, device, span_s)
    body = feed.find(cursor, seen)
    if body is None:
        body = feed.make(monitor.live(device, cursor, span_s, points), cursor, seen)
    return body


def _tick(live: Live, cursor: int) -> dict[str, Any]:
    return {
        "device": live.device,
        "now": payloads.ms(live.now_us),
        "cursor": cursor,
        "whole": live.whole,
        "from": payloads.ms(live.replace_from_us),
        "dropped": live.dropped,
        **payloads.curve_columns(live.curve),
    }


def _ask_marks(monitor: Monitor, device: str, t0_us: int, t1_us: int) -> Marks:
    events = monitor.events(device, t0_us, t1_us, MAX_EVENTS)
    return Marks(
        [payloads.gap(gap, payloads.ms) for gap in monitor.gaps(device, t0_us, t1_us)],
        [payloads.event(event, payloads.ms) for event in events if event.kind not in NO_FLAG],
    )


@router.get("/api/curve", summary="A span of the history to draw")
async def curve(request: Request, span: SpanAsked, points: Points = 1200) -> Response:
    """Columns as `/api/live` gives them: readings when they are few, else buckets with exact extremes."""
    body = await query(request, _curve, monitor_of(request), span, points)
    return Response(body, media_type="application/json")


def _curve(monitor: Monitor, span: Span, points: int) -> bytes:
    drawn = monitor.history(*span, points)
    body = {
        "device": span.device,
        "from": payloads.ms(span.t0_us),
        "to": payloads.ms(span.t1_us),
        **payloads.curve_columns(drawn),
        "count": drawn.count,
        **_ask_marks(monitor, *span)._asdict(),
    }
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
