"""What a client holds before anything is known of it: a connection, bytes of a request, time. All three are bounded here.

uvicorn bounds none of them: its parser keeps a header of any size, a connection without a request stays for ever, and at
`limit_concurrency` everybody gets 503. Here the connection that has waited longest without asking anything makes room, so that
idle and half-sent ones cannot keep anybody out, and those on which somebody showed a token stay.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.web.errors import RefusedError
from services.web.origins import source_of

KNOWN_KEY = "connection"  # in a scope's state: the connection, which the guard tells that somebody showed a token on it
OTHER_FILES = 256  # boards, database readers, WebSockets, log
GRACE_S = 0.25  # from the connection to the request
MOST_QUEUED = 16  # requests that a client may send before the first is answered
MAX_BODY = 1_000_000
MAX_HEADERS, MAX_HEADER_BYTES = 100, 32_768
BODY_TIMEOUT_S = 10.0


class Limits(msgspec.Struct, frozen=True):
    """How many, and how long in seconds."""

    connections: int = 2048
    unknown: int = 1536  # on which nobody showed a token; the rest is a reserve for those who did
    of_one_source: int = 1024
    head_s: float = 10.0  # from the first byte, or from the connection, to the end of the head
    body_s: float = 20.0  # from there to the end of the body; the guard itself waits less
    idle_s: float = 20.0  # between an answer and the next request


def limits_here() -> Limits:
    """As many as the system lets this process have files, of which the rest of the program needs some."""
    limits = Limits()
    if sys.platform == "win32":  # it has no such limit
        return limits
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    share = 1.0 if soft == resource.RLIM_INFINITY else min(1.0, max(16, soft - OTHER_FILES) / limits.connections)
    return Limits(*(int(number * share) for number in (limits.connections, limits.unknown, limits.of_one_source)))


class Gate:
    """The connections of a server, WebSockets not included (services/web/realtime.py counts those)."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.open: set[Connection] = set()
        self._unknown_of: Counter[str] = Counter()

    def enter(self, connection: Connection) -> None:
        """Lets it in; another one goes for it where there are too many."""
        others = self.open.copy() if len(self.open) >= self.limits.of_one_source else set()
        self.open.add(connection)
        self._unknown_of[connection.source] += 1
        limits = self.limits
        if self._unknown_of[connection.source] > limits.of_one_source:
            self._make_room(one for one in others if not one.known and one.source == connection.source)
        elif self._unknown_of.total() > limits.unknown:
            self._make_room(one for one in others if not one.known)
        elif len(self.open) > limits.connections:
            self._make_room(others)

    def leave(self, connection: Connection) -> None:
        """It is gone."""
        if connection in self.open:
            self.open.remove(connection)
            if not connection.known:
                self._no_longer_unknown(connection)

    def vouch(self, connection: Connection) -> None:
        """Somebody showed a token on it."""
        if not connection.known and connection in self.open:
            connection.known = True
            self._no_longer_unknown(connection)

    def _no_longer_unknown(self, connection: Connection) -> None:
        self._unknown_of[connection.source] -= 1
        if not self._unknown_of[connection.source]:
            del self._unknown_of[connection.source]

    def _make_room(self, those: Iterable[Connection]) -> None:
        """First one that had time to ask and did not; then one that is kept open between requests; each time of the source that
        has most, the one that waits longest. Of those that are being answered the newest."""
        now_s, candidates = time.monotonic(), list(those)
        waiting = [one for one in candidates if one.waiting]
        if waiting:
            of_source = Counter(one.source for one in waiting)
            victim = min(waiting, key=lambda one: (one.worth(now_s), -of_source[one.source], one.since_s))
        else:
            victim = max(candidates, key=lambda one: one.since_s)
        victim.cut_off()


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP protocol with bounds."""

    def __init__(self, gate: Gate, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._gate = gate
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head, self._head_bytes = True, 0
        self.source = ""
        self.known = False
        self.asked = False  # a whole request came
        self.waiting = True  # for the rest of a request, or for one
        self.since_s = time.monotonic()

    def vouch(self) -> None:
        """Somebody showed a token on it."""
        self._gate.vouch(self)

    def worth(self, now_s: float) -> int:
        """What is given up first has the least."""
        if self.asked:
            return 1
        return 0 if now_s - self.since_s > GRACE_S else 2

    def cut_off(self) -> None:
        """End it now, whatever is on its way."""
        self._gate.leave(self)
        self._expect(None)
        if self.transport is not None:
            self.transport.abort()

    def _expect(self, within_s: float | None) -> None:
        """Cuts the connection off unless the next step comes in time; None: it is our turn."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if within_s is None else self.loop.call_later(within_s, self.cut_off)

    def _now(self, *, waiting: bool) -> None:
        self.waiting, self.since_s = waiting, time.monotonic()

    # --- asyncio calls these

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.source = source_of(self.client)
        self._expect(self._gate.limits.head_s)
        self._gate.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.leave(self)
        self._expect(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEADER_BYTES:  # a whole head is measured by the guard
            self.cut_off()

    def handle_websocket_upgrade(self) -> None:
        self._gate.leave(self)
        self._expect(None)
        super().handle_websocket_upgrade()

    # --- the parser calls these

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][KNOWN_KEY] = self
        if self.waiting:
            self._expect(self._gate.limits.head_s)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.pipeline) >= MOST_QUEUED:
            raise ValueError("too many requests at once")  # the parser gives up, and uvicorn answers 400
        super().on_headers_complete()
        if self.waiting:
            self._expect(self._gate.limits.body_s)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.asked = True
        self._in_head, self._head_bytes = True, 0  # of the next one; empty lines before it count
        answered = self.cycle is not None and self.cycle.response_complete  # without having been read to its end
        if self.waiting:
            self._now(waiting=answered)
            self._expect(self._gate.limits.idle_s if answered else None)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        whole = self.cycle.response_complete and not self.cycle.more_body
        if whole and not self.waiting:
            self._now(waiting=True)
            self._expect(self._gate.limits.idle_s)


# --- requests


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
