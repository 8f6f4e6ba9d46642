"""The guard in front of everything: whose page this is, who may ask, how much, and what a browser may do with the answer.

A page that can command hardware must not be reachable by other sites: not by a foreign name that resolves to us
(DNS rebinding, so `Host` is checked), not by a foreign page that posts to us (`Origin`, `Sec-Fetch-Site`), not by a frame.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.settings import Settings
from services.web.access import OPERATOR, VIEWER, Access, is_loopback
from services.web.callbacks import CALLBACK_PATH, MalformedCallError, Rules, called
from services.web.errors import error_response

MAX_BODY = 1_000_000
BODY_TIMEOUT_S = 10.0
READING = frozenset({"GET", "HEAD"})
CHANGING = frozenset({"POST", "PUT"})
LOGIN_PATH, LOGIN_SCRIPT = "/api/login", "/login.js"
PROBE_PATH = "/api/health"
SOCKET_PATH = "/ws/realtime"  # the only one: Dash's own transport would carry callbacks past their rules
ROLE_HEADER = b"x-powermon-role"  # who asks, for whoever stands behind the guard; what a client sends under it is dropped
_HERE = Path(__file__).parent


class Policy(msgspec.Struct, frozen=True):
    """What the guard goes by. `access` is None on a page only this machine can reach."""

    hosts: frozenset[str]
    csp: str
    access: Access | None = None
    trust_proxy: bool = False
    callbacks: Rules = {}


def make_policy(
    settings: Settings, access: Access | None, script_hashes: Sequence[str] = (), callbacks: Rules | None = None
) -> Policy:
    """The policy of the settings; `script_hashes` and `callbacks` are those of the page."""
    own = socket.gethostname().lower()
    hosts = frozenset({"localhost", own, own.partition(".")[0], settings.host, *settings.allow_host})
    return Policy(hosts, content_security_policy(script_hashes), access, settings.trust_proxy, callbacks or {})


def content_security_policy(script_hashes: Sequence[str]) -> str:
    """Scripts from here or known by their hash, never eval; plotly sets styles, and makes images as blobs."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join((chr(39) + 'self' + chr(39), *script_hashes))}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self' blob:",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class RefusedError(Exception):
    """The request ends here, with this answer."""

    def __init__(self, status: int, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.response = error_response(status, code, message, field)


class Guard:
    """ASGI application around another; lifespan passes through."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        send = self._with_headers(scope, send)
        try:
            headers = Headers(scope=scope)
            self._behind_proxy(scope, headers)
            self._check_host(scope, headers)
            self._check_origin(scope, headers)
            _check_socket(scope)
            answer = self._recognise(scope, headers)
            body = None if answer else await _whole_body(scope, headers, receive)
            answer = answer or self._check_role(scope, body)
            receive = receive if body is None else _replay(body, receive)
        except RefusedError as refusal:
            answer = refusal.response
        if answer is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, send)

    # --- who are we -------------------------------------------------------------------------------------------------

    def _behind_proxy(self, scope: Scope, headers: Headers) -> None:
        """What a reverse proxy on this machine says of the browser's own request."""
        scope.setdefault("state", {})["host"] = headers.get("host", "")
        client = scope.get("client")
        if self._policy.trust_proxy and client and is_loopback(client[0]):
            scope["state"]["host"] = headers.get("x-forwarded-host", headers.get("host", "")).split(",")[0].strip()
            if headers.get("x-forwarded-proto", "").lower() == "https":
                scope["scheme"] = "wss" if scope["type"] == "websocket" else "https"

    def _check_host(self, scope: Scope, headers: Headers) -> None:
        if len(headers.getlist("host")) != 1:
            raise RefusedError(400, "host", "a request needs exactly one Host header")
        name = host_name(scope["state"]["host"])
        if not (name in self._policy.hosts or name.endswith(".local") or _is_address(name)):
            message = (
                f"this program does not answer to the name {name[:100]!r}; start it with --allow-host {name[:100]} if it should"
            )
            raise RefusedError(403, "host", message)

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """Other sites may link to us; they may neither change anything nor listen."""
        if scope["type"] == "http":
            if scope["method"] in READING:
                return
            if scope["method"] not in CHANGING:
                raise RefusedError(405, "method_not_allowed", f"{scope['method'][:20]} is not used here")
        origin = headers.get("origin")
        if origin is not None and not _same_origin(origin, scope["state"]["host"], scope["scheme"]):
            raise RefusedError(403, "origin", "requests from other sites are refused")
        if origin is None and headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise RefusedError(403, "origin", "requests from other sites are refused")

    # --- who asks ---------------------------------------------------------------------------------------------------

    def _recognise(self, scope: Scope, headers: Headers) -> Response | None:
        """None when the request may go on; its role is then in the scope."""
        access = self._policy.access
        if access is None:
            scope["state"]["role"] = OPERATOR
            return None
        path, method = scope["path"], scope.get("method", "GET")
        if path == LOGIN_PATH and method == "POST":
            return None
        if path == LOGIN_SCRIPT:
            return Response((_HERE / "login.js").read_bytes(), media_type="text/javascript")
        role = access.role(dict(headers))
        if role is None and not (path == PROBE_PATH and method in READING):
            return _ask_for_token(access, headers)
        scope["state"]["role"] = role
        return None

    def _check_role(self, scope: Scope, body: bytes | None) -> Response | None:
        """A viewer changes nothing, whichever way it is asked for. Whoever answers is told who asks."""
        access = self._policy.access
        if access is not None and scope["path"] == LOGIN_PATH and body is not None:
            return _log_in(access, scope, body)
        role = scope["state"].get("role")
        scope["headers"] = [item for item in scope["headers"] if item[0].lower() != ROLE_HEADER]
        scope["headers"] += [(ROLE_HEADER, role.encode())] if role else []
        if body is None:
            return None
        changes = True
        if scope["path"] == CALLBACK_PATH:  # the page asks for its content by POST, too
            try:
                changes = called(body, self._policy.callbacks).changes
            except MalformedCallError as error:
                raise RefusedError(400, "bad_request", str(error)) from None
        if role == VIEWER and changes:
            raise RefusedError(403, "viewer", "a viewer may look, not command")
        return None

    # --- what a browser may do with the answer ----------------------------------------------------------------------

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._policy.csp
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), usb=(), serial=()"
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return sending


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _is_address(name: str) -> bool:
    """An address cannot be rebound to another one as a name can."""
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _same_origin(origin: str, host: str, scheme: str) -> bool:
    secure = scheme in ("https", "wss")
    origin_scheme, _, origin_host = origin.partition("://")
    default = ":443" if secure else ":80"
    return origin_scheme == ("https" if secure else "http") and origin_host.lower().removesuffix(
        default
    ) == host.lower().removesuffix(default)


def _check_socket(scope: Scope) -> None:
    if scope["type"] == "websocket" and scope["path"] != SOCKET_PATH:
        raise RefusedError(403, "socket", f"the only WebSocket here is {SOCKET_PATH}")


async def _whole_body(scope: Scope, headers: Headers, receive: Receive) -> bytes | None:
    """The body of a request that changes something: JSON, bounded, in time. None for other requests."""
    if scope["type"] != "http" or scope["method"] not in CHANGING:
        return None
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(415, "not_json", "the body must be JSON (Content-Type: application/json)")
    declared = headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > MAX_BODY:
        raise RefusedError(413, "too_large", f"the body may have at most {MAX_BODY} bytes")
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _read(receive)
    except TimeoutError:
        raise RefusedError(408, "slow", f"the body did not come within {BODY_TIMEOUT_S:.0f} s") from None


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "gone", "the client went away")
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise RefusedError(413, "too_large", f"the body may have at most {MAX_BODY} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replaying() -> Message:
        return pending.pop() if pending else await receive()

    return replaying


def _log_in(access: Access, scope: Scope, body: bytes) -> Response:
    try:
        given: Any = orjson.loads(body)
        token = given["token"] if isinstance(given["token"], str) else ""
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise RefusedError(400, "bad_request", 'the body must be {"token": "…"}', "token") from None
    role = access.role_of_token(token)
    if role is None:
        if access.locked:
            raise RefusedError(429, "too_many", "too many wrong tokens; wait a minute")
        raise RefusedError(401, "wrong_token", "this token is not valid", "token")
    response = Response(orjson.dumps({"role": role}), media_type="application/json")
    response.headers["Set-Cookie"] = access.cookie_header(role, scope["scheme"] == "https")
    return response


def _ask_for_token(access: Access, headers: Headers) -> Response:
    if access.locked and "authorization" in headers:
        return error_response(429, "too_many", "too many wrong tokens; wait a minute")
    if "text/html" in headers.get("accept", ""):
        page = (_HERE / "login.html").read_text(encoding="utf-8")
        return Response(page, 401, media_type="text/html", headers={"Cache-Control": "no-store"})
    message = "a token is needed: Authorization: Bearer <token>"
    return error_response(401, "token_needed", message, headers={"WWW-Authenticate": "Bearer"})
