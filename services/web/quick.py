"""A shorter way for the one question that every open page asks ten times a second.

The framework's way to `/api/live` (middleware, routing, parameters) costs more than the answer. A plain question is
answered here; whatever is not plain, and every error, takes the framework's way and gets its answer there.
"""

from __future__ import annotations

import math
from typing import NamedTuple
from urllib.parse import parse_qsl

from fastapi import FastAPI, HTTPException, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.errors import PowermonError
from services.web import live

PATH = "/api/live"
NAMES = frozenset({"device", "cursor", "seen", "span_s", "points"})
MAX_QUERY = 400
MOST_SPAN_S, MOST_POINTS, MOST_DEVICE, MOST_SEEN, MOST_DIGITS = 3600.0, 20_000, 64, 32, 17


class Asked(NamedTuple):
    """The parameters of a plain question."""

    device: str | None
    cursor: int | None
    seen: str
    span_s: float
    points: int


class Quick:
    """ASGI application around the framework's."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "GET":
            asked = plain(scope["query_string"])
            if asked is not None and await self._answer(asked, scope, receive, send):
                return
        await self._app(scope, receive, send)

    async def _answer(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> bool:
        request = Request({**scope, "app": self._app}, receive)
        try:
            body = await live.answer(request, *asked)
        except (PowermonError, HTTPException):
            return False
        await Response(body, media_type="application/json")(scope, receive, send)
        return True


def plain(query: bytes) -> Asked | None:
    """What is asked, when there is nothing odd about it."""
    pairs = parse_qsl(query.decode("latin-1")) if len(query) <= MAX_QUERY else None
    if pairs is None or not NAMES.issuperset(name for name, _ in pairs) or len({name for name, _ in pairs}) < len(pairs):
        return None
    given = dict(pairs)
    span_s, points = _span_s(given.get("span_s", "60")), _whole(given.get("points", "1200"))
    cursor = _whole(given["cursor"]) if "cursor" in given else None
    device, seen = given.get("device"), given.get("seen", "")
    if span_s is None or points is None or not 1 <= points <= MOST_POINTS or (cursor is None and "cursor" in given):
        return None
    if len(device or "") > MOST_DEVICE or len(seen) > MOST_SEEN:
        return None
    return Asked(device, cursor, seen, span_s, points)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def _span_s(text: str) -> float | None:
    try:
        span_s = float(text)
    except ValueError:
        return None
    return span_s if math.isfinite(span_s) and 0 < span_s <= MOST_SPAN_S else None
