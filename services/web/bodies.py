"""What a request may carry: a bounded head, and a bounded body that comes in time."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from services.web.errors import RefusedError

MAX_BODY = 1_000_000
MAX_HEADERS, MAX_HEADER_BYTES = 100, 32_768
BODY_TIMEOUT_S = 10.0


def check_head(scope: Scope, headers: Headers) -> None:
    """Raises RefusedError when there is more of it than any browser sends."""
    size = len(scope.get("raw_path") or b"") + len(scope["query_string"]) + sum(len(a) + len(b) for a, b in headers.raw)
    if len(headers.raw) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise RefusedError(431, "head", f"a request has at most {MAX_HEADERS} headers and {MAX_HEADER_BYTES} bytes of them")


async def read_json(headers: Headers, receive: Receive, most: int = MAX_BODY) -> bytes:
    """The whole body. Raises RefusedError when it is not declared as JSON, too large, or too slow."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(415, "not_json", "the body must be JSON (Content-Type: application/json)")
    declared = headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()) or len(declared) > 12 or int(declared) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _read(receive, most)
    except TimeoutError:
        raise RefusedError(408, "slow", f"the body did not come within {BODY_TIMEOUT_S:.0f} s", closing=True) from None


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, "too_large", f"the body may have at most {most} bytes", closing=True)


async def _read(receive: Receive, most: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "gone", "the client went away")
        body += message.get("body", b"")
        if len(body) > most:
            raise _too_large(most)
        if not message.get("more_body", False):
            return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """`receive` for whoever comes next, with the body that was read already."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replaying() -> Message:
        return pending.pop() if pending else await receive()

    return replaying
