"""The record: readings, statistics, gaps, events, rejected lines, exports. Streamed page by page, bounded in memory."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import repeat
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import orjson
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response, StreamingResponse

from services.errors import BadRequest
from services.model import CHANNELS, Curve, Readings
from services.monitor import Monitor
from services.storage.export import ExportOptions, harmless
from services.web import payloads
from services.web.access import VIEWER, role_of
from services.web.parameters import (
    DeviceAsked,
    Span,
    SpanAsked,
    TimesAsked,
    Workers,
    close_in_thread,
    known_device,
    monitor_of,
    query,
    workers_of,
)

MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json", "parquet": "application/vnd.apache.parquet"}
DELIMITERS = {",": ",", ";": ";", "\t": "\t", "|": "|", "comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
DECIMALS = {".": ".", ",": ",", "point": ".", "comma": ","}

router = APIRouter(tags=["history"])

Format = Annotated[Literal["json", "csv", "parquet"], Query(alias="format")]
Limit = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/api/history", summary="Every stored reading of a span, or at most `points` buckets")
async def history(
    request: Request,
    span: SpanAsked,
    format_: Format = "json",
    points: Annotated[
        int | None, Query(ge=1, le=20_000, description="Buckets with min, mean, max and count instead of readings")
    ] = None,
    channels: Annotated[str, Query(description="Some of v,a,w", max_length=20)] = "v,a,w",
    delimiter: Annotated[str, Query(description="CSV: comma, semicolon, tab, pipe", max_length=10)] = ",",
    decimal: Annotated[str, Query(description="CSV: point or comma", max_length=10)] = ".",
    zone: Annotated[str, Query(description="CSV: IANA time zone of the time column", max_length=64)] = "UTC",
    header_units: Annotated[bool, Query(description="CSV: voltage_v rather than voltage")] = True,
) -> Response:
    """JSON, CSV or Parquet. Without `points` the answer is streamed and holds every reading in [from, to)."""
    chosen = chosen_channels(channels)
    if points is not None:
        return await _buckets(request, span, format_, points, chosen, _one_of(DELIMITERS, delimiter, "delimiter"))
    monitor = monitor_of(request)
    if format_ == "json":
        chunks = json_chunks(span, monitor.pages(*span), chosen, monitor.status_words)
    else:
        chunks = monitor.export(*span, format_, export_options(delimiter, decimal, zone, chosen, header_units))
    return await _streamed(workers_of(request), chunks, _headers(span, format_, is_replay(monitor, span.device)))


def chosen_channels(text: str) -> tuple[str, ...]:
    """`v,w` → ("v", "w") in our own order. Raises BadRequest."""
    names = {name.strip() for name in text.split(",")}
    if not names <= set(CHANNELS):
        raise BadRequest(f"channels: {text!r} must be some of v,a,w", "channels")
    return tuple(channel for channel in CHANNELS if channel in names)


def export_options(delimiter: str, decimal: str, zone: str, channels: tuple[str, ...], header_units: bool) -> ExportOptions:
    """Checked options of an export. Raises BadRequest."""
    mark, point = _one_of(DELIMITERS, delimiter, "delimiter"), _one_of(DECIMALS, decimal, "decimal")
    if mark == point:
        raise BadRequest("delimiter: must differ from the decimal mark", "delimiter")
    return ExportOptions(mark, point, zone, channels, header_units)


def _one_of(words: dict[str, str], text: str, field: str) -> str:
    if text not in words:
        raise BadRequest(f"{field}: must be one of {', '.join(word for word in words if len(word) > 1)}", field)
    return words[text]


# --- streams --------------------------------------------------------------------------------------------------------


async def _streamed(workers: Workers, chunks: Iterator[bytes], headers: dict[str, str]) -> Response:
    # The first chunk is made before the status is sent: what goes wrong there is still an answer, not a torn stream.
    first = await workers.run(workers.exports, next, chunks, b"")
    media = headers.pop("Content-Type")
    return StreamingResponse(_rest(workers, first, chunks), headers=headers, media_type=media)


async def _rest(workers: Workers, first: bytes, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    try:
        chunk: bytes | None = first
        while chunk is not None:
            yield chunk
            chunk = await workers.run(workers.exports, next, chunks, None)
    finally:  # also when the client is gone: the generator lets go of the database
        close = getattr(chunks, "close", None)
        if close is not None:
            await close_in_thread(workers, close)


def json_chunks(
    span: Span, pages: Iterator[Readings], channels: tuple[str, ...], words: Callable[[], Sequence[str]] = tuple
) -> Iterator[bytes]:
    """`{"device": …, "from": …, "to": …, "readings": […]}`, one chunk a page."""
    head = orjson.dumps({"device": span.device, "from": payloads.iso(span.t0_us), "to": payloads.iso(span.t1_us)})[:-1]
    before = head + b',"readings":['
    for page in pages:
        if len(page):
            yield before + orjson.dumps(payloads.reading_rows(span.device, page, channels, words))[1:-1]
            before = b","
    yield b"]}" if before == b"," else before + b"]}"


def is_replay(monitor: Monitor, device: str) -> bool:
    """Does the board say that it plays a recording?"""
    return any(info.device == device and info.replay for info in monitor.devices())


def _headers(span: Span, format_: str, replay: bool) -> dict[str, str]:
    """What was not measured is called so by the file's name: the simulated board is named `demo`, a replay is said."""
    headers = {"Content-Type": MEDIA[format_], "Cache-Control": "no-store"}
    if format_ != "json":
        device = re.sub(r"[^A-Za-z0-9._-]", "_", span.device) + ("_REPLAY" if replay else "")
        name = f"powermon_{device}_{_stamp(span.t0_us)}_{_stamp(span.t1_us)}.{format_}"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return headers


def _stamp(time_us: int) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")


# --- buckets --------------------------------------------------------------------------------------------------------


async def _buckets(
    request: Request, span: Span, format_: str, points: int, channels: tuple[str, ...], delimiter: str
) -> Response:
    if format_ == "parquet":
        raise BadRequest("format: parquet holds readings, not buckets; leave out 'points' or ask for csv or json", "format")
    body = await query(request, _bucket_body, monitor_of(request), span, format_, points, channels, delimiter)
    headers = _headers(span, format_, is_replay(monitor_of(request), span.device))
    return Response(body, media_type=headers.pop("Content-Type"), headers=headers)


def _bucket_body(monitor: Monitor, span: Span, format_: str, points: int, channels: tuple[str, ...], delimiter: str) -> bytes:
    curve = monitor.curve(*span, points)
    if format_ == "csv":
        return curve_csv(span.device, curve, channels, delimiter)
    return orjson.dumps(
        {
            "device": span.device,
            "from": payloads.iso(span.t0_us),
            "to": payloads.iso(span.t1_us),
            "bucket_s": curve.bucket_us / 1e6,
            "points": payloads.curve_points(curve, channels),
        }
    )


def curve_csv(device: str, curve: Curve, channels: tuple[str, ...], delimiter: str) -> bytes:
    """A curve as CSV; the numbers carry a decimal point."""
    names = {"v": "voltage_{}_v", "a": "current_{}_a", "w": "power_{}_w"}
    fields = [(channel, field) for channel in channels for field in payloads.FIELDS]
    columns = [_cells(payloads.rounded(getattr(curve, f"{channel}_{field}"))) for channel, field in fields]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(["time", "device", "count", "marked", *(names[channel].format(field) for channel, field in fields)])
    counted = (curve.count.tolist(), curve.marked.tolist())
    writer.writerows(zip(payloads.iso_column(curve.time_us), repeat(harmless(device)), *counted, *columns, strict=False))
    return text.getvalue().encode()


def _cells(values: NDArray[np.float64]) -> list[float | str]:
    """NaN: there was none, an empty cell."""
    cells: list[float | str] = values.tolist()
    for at in np.flatnonzero(np.isnan(values)).tolist():
        cells[at] = ""
    return cells


@router.get("/api/export/estimate", summary="How large an export will be")
async def estimate(request: Request, span: SpanAsked, format_: Format = "csv") -> dict[str, Any]:
    """Rows, bytes and seconds, estimated from what is stored."""
    result: dict[str, Any] = msgspec.to_builtins(await query(request, monitor_of(request).estimate, *span, format_))
    return result


# --- statistics and lists -------------------------------------------------------------------------------------------


@router.get("/api/stats", summary="Statistics of any span")
async def stats(request: Request, span: SpanAsked) -> dict[str, Any]:
    """min/mean/max/std, Wh, mAh, coverage and completeness of [from, to)."""
    return payloads.span_stats(span.device, await query(request, monitor_of(request).stats, *span))


@router.get("/api/gaps", summary="Numbers that did not come in their turn")
async def gaps(request: Request, span: SpanAsked) -> dict[str, Any]:
    """Every gap of the span: still open, recovered, or lost."""
    found = await query(request, monitor_of(request).gaps, *span)
    return {"device": span.device, "gaps": [payloads.gap(gap, payloads.iso) for gap in found]}


@router.get("/api/events", summary="The event log")
async def events(request: Request, times: TimesAsked, device: DeviceAsked = None, limit: Limit = 200) -> dict[str, Any]:
    """The newest events of the span; of all boards when none is named."""
    named = None if device is None else await known_device(request, device)
    found = await query(request, monitor_of(request).events, named, *times, limit)
    return {"events": [payloads.event(event, payloads.iso) for event in found]}


@router.get("/api/rejected", summary="Lines that were not accepted")
async def rejected(request: Request, device: DeviceAsked = None, limit: Limit = 100) -> dict[str, Any]:
    """The newest lines with the reason why; of all boards when none is named."""
    named = None if device is None else await known_device(request, device)
    asked = partial(monitor_of(request).rejected, named, limit, spoken_only=role_of(request.scope) == VIEWER)
    found = await query(request, asked)
    return {"rejected": [payloads.rejected(item) for item in found]}
