"""The guard in front of everything: whose page this is, who may ask, how much, and what a browser may do with the answer.

A page that can command hardware must not be reachable by other sites: not by a foreign name that resolves to us
(DNS rebinding, so `Host` is checked), not by a foreign page that asks or posts (`Origin`, `Sec-Fetch-Site`), not by a frame.
What protects whom from what, and what does not: docs/security.md.
"""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.settings import Settings
from services.web.access import MOST_WAIT_S, OPERATOR, VIEWER, Access, bearer
from services.web.callbacks import CALLBACK_PATH, MalformedCallError, Rules, called
from services.web.connections import KNOWN_KEY, MAX_BODY, check_head, read_json, replay
from services.web.errors import RefusedError, error_response
from services.web.origins import foreign, host_name, is_address, is_loopback, mere_link, source_of
from services.web.pace import Paces, Turns

READING, CHANGING = frozenset({"GET", "HEAD"}), frozenset({"POST", "PUT", "DELETE"})
LOGIN_PATH, LOGOUT_PATH, LOGIN_SCRIPT = "/api/login", "/api/logout", "/login.js"
MAX_LOGIN_BODY = 4_096  # it is read before anybody knows who sends it
REFUSALS, REFUSAL_S = 20.0, 0.5  # answered at once, each second to one address; each further one only so much later
PROBE_PATH = "/api/health"
SOCKET_PATH = "/ws/realtime"  # the only one: Dash's own transport would carry callbacks past their rules
# Who asks, and whether in a session that can be ended, for whoever stands behind the guard; what a client sends under these
# names is dropped.
ROLE_HEADER, SESSION_HEADER = b"x-powermon-role", b"x-powermon-session"
BROWSER_RULES = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=()",
}
Methods = Callable[[str], Iterable[str]]
_HERE = Path(__file__).parent


class Policy(msgspec.Struct, frozen=True):
    """What the guard goes by. `access` is None on a page only this machine can reach."""

    hosts: frozenset[str]
    csp: str
    access: Access | None = None
    trust_proxy: bool = False
    callbacks: Rules = {}
    methods: Methods | None = None


def make_policy(
    settings: Settings,
    access: Access | None,
    script_hashes: Sequence[str] = (),
    callbacks: Rules | None = None,
    methods: Methods | None = None,
) -> Policy:
    """The policy of the settings; `script_hashes` and `callbacks` are those of the page, `methods` tells those of a path."""
    own = socket.gethostname().lower()
    short = own.partition(".")[0]
    hosts = frozenset({"localhost", own, short, f"{short}.local", settings.host, *settings.allow_host})
    csp = content_security_policy(script_hashes)
    return Policy(hosts, csp, access, settings.trust_proxy, callbacks or {}, methods)


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


class _Asker(msgspec.Struct):
    """What is known of who asks."""

    source: str  # where it comes from
    host: str = ""  # the name the browser used
    role: str | None = None
    session: str = ""  # the one it has, if that has not ended


class Guard:
    """ASGI application around another; lifespan passes through."""

    def __init__(self, app: ASGIApp, policy: Policy, now_s: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._policy = policy
        self._turns = Turns(now_s)
        self._refusals = Paces(now_s, REFUSALS, REFUSALS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        send = self._with_headers(scope, send)
        asker = _Asker(source=source_of(scope.get("client")))
        try:
            receive, send, answer = await self._admit(scope, receive, send, asker)
        except RefusedError as refusal:
            answer = refusal.response
        if scope["type"] == "websocket":
            await self._pass_on(scope, receive, send, answer)
            return
        if answer is not None and answer.status_code >= 400 and self._refusals.exceeded(asker.source):
            await asyncio.sleep(REFUSAL_S)  # a flood of refused requests costs its sender more than us
        turn = await self._turns.begin(*self._counted_as(scope, asker))
        try:
            await self._pass_on(scope, receive, turn.around(send), answer)
        finally:
            turn.end()

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, answer: Response | None) -> None:
        if answer is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, send)

    def _counted_as(self, scope: Scope, asker: _Asker) -> tuple[str, str]:
        """Whose request it is as far as fairness goes, and where nobody known comes from."""
        if self._policy.access is not None and asker.role is not None:
            return asker.session or f"{asker.source} {asker.role}", ""
        return str(scope.get("client")), asker.source

    async def _admit(
        self, scope: Scope, receive: Receive, send: Send, asker: _Asker
    ) -> tuple[Receive, Send, Response | None]:
        """What the application gets, or the answer instead of it; fills in who asks. Raises RefusedError."""
        headers = Headers(scope=scope)
        check_head(scope, headers)
        self._find_names(scope, headers, asker)
        self._check_method(scope)
        _check_origin(scope, headers, asker.host)
        answer = await self._recognise(scope, headers, asker)
        if answer is not None:
            return receive, send, answer
        if scope["type"] == "websocket":
            if scope["path"] != SOCKET_PATH:
                raise RefusedError(403, "socket", f"the only WebSocket here is {SOCKET_PATH}")
            send = self._while_logged_in(asker, send)
        elif scope["method"] in READING:
            receive = replay(b"", receive)  # a question has no body: what waits for its end would wait for ever
        else:
            body = await _body(scope, headers, receive)
            if scope["path"] in (LOGIN_PATH, LOGOUT_PATH) and scope["method"] == "POST":
                return receive, send, await self._log_in_or_out(scope, body, asker)
            self._check_role(scope["path"], body, asker)
            receive = replay(body, receive)
        _tell(scope, asker)
        return receive, send, None

    def _check_method(self, scope: Scope) -> None:
        if scope["type"] == "http" and scope["method"] not in READING | CHANGING:
            allowed = set(self._policy.methods(scope["path"])) if self._policy.methods else set()
            message = f"{scope['method'][:20]} is not used here"
            raise RefusedError(405, "method_not_allowed", message, Allow=", ".join(sorted(allowed or READING)))

    # --- who are we -------------------------------------------------------------------------------------------------

    def _find_names(self, scope: Scope, headers: Headers, asker: _Asker) -> None:
        """Where a request goes and where it comes from: a reverse proxy on this machine may tell, if it is to be believed."""
        if len(headers.getlist("host")) != 1:
            raise RefusedError(400, "host", "a request needs exactly one Host header")
        client, asker.host = scope.get("client"), headers["host"]
        self._check_host(asker.host)
        if not (self._policy.trust_proxy and client and is_loopback(client[0])):
            return
        for forwarded in ",".join(headers.getlist("x-forwarded-host")).split(","):
            if forwarded.strip():
                asker.host = forwarded.strip()
                self._check_host(asker.host)
        if headers.get("x-forwarded-proto", "").lower() == "https":
            scope["scheme"] = "wss" if scope["type"] == "websocket" else "https"
        asker.source = source_of(client, ",".join(headers.getlist("x-forwarded-for")))

    def _check_host(self, host: str) -> None:
        name = host_name(host)
        if name not in self._policy.hosts and not is_address(name):
            shown = name or "?"
            message = (
                f"this program does not answer to the name {shown[:100]!r}; start it with --allow-host {shown[:100]} if it should"
            )
            raise RefusedError(403, "host", message)

    # --- who asks ---------------------------------------------------------------------------------------------------

    async def _recognise(self, scope: Scope, headers: Headers, asker: _Asker) -> Response | None:
        """Finds the asker's role; the answer when there is none and one is needed."""
        access, path = self._policy.access, scope["path"]
        if access is None:
            asker.role = OPERATOR
            return None
        token = bearer(headers)
        if token is None:
            session = access.session(headers)
            asker.role = access.sessions.role(session)
            asker.session = session if asker.role else ""
        elif path != LOGIN_PATH:
            asker.role = await _role_of_token(access, asker.source, token)
        if asker.role is not None and KNOWN_KEY in scope.get("state", {}):
            scope["state"][KNOWN_KEY].vouch()
        reading = scope["type"] == "http" and scope["method"] in READING
        if path == LOGIN_SCRIPT and reading:
            return Response((_HERE / "login.js").read_bytes(), media_type="text/javascript")
        if asker.role is not None or path == LOGIN_PATH or (path == PROBE_PATH and reading):
            return None
        return _ask_for_token(headers)

    def _check_role(self, path: str, body: bytes, asker: _Asker) -> None:
        """A viewer changes nothing, whichever way it is asked for."""
        changes = True
        if path == CALLBACK_PATH:  # the page asks for its content by POST, too
            try:
                changes = called(body, self._policy.callbacks).changes
            except MalformedCallError as error:
                raise RefusedError(400, "bad_request", str(error)) from None
        if asker.role == VIEWER and changes:
            raise RefusedError(403, "viewer", "a viewer may look, not command")

    async def _log_in_or_out(self, scope: Scope, body: bytes, asker: _Asker) -> Response:
        access = self._policy.access
        given = _document(body)
        if access is None:  # nobody logs in where everybody is an operator
            return _json({"role": OPERATOR})
        if scope["path"] == LOGOUT_PATH:
            if given.get("everywhere") is True and asker.role == OPERATOR:
                access.sessions.end_all()
            access.sessions.end(asker.session)
            return _json({"role": None}, access.cookie("", scope["scheme"] == "https"))
        token = given.get("token")
        if not isinstance(token, str):
            raise RefusedError(400, "bad_request", 'the body must be {"token": "…"}', "token")
        role = await _role_of_token(access, asker.source, token)
        if role is None:
            raise RefusedError(401, "wrong_token", "this token is not valid", "token")
        access.sessions.end(asker.session)
        return _json({"role": role}, access.cookie(access.sessions.open(role), scope["scheme"] == "https"))

    def _while_logged_in(self, asker: _Asker, send: Send) -> Send:
        """A socket ends with the session that opened it."""
        access = self._policy.access
        if access is None or not asker.session:
            return send

        async def sending(message: Message) -> None:
            if message["type"] == "websocket.send" and access.sessions.role(asker.session) != asker.role:
                message = {"type": "websocket.close", "code": 1008, "reason": "logged out"}
            await send(message)

        return sending

    # --- what a browser may do with the answer ----------------------------------------------------------------------

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._policy.csp
                for name, value in BROWSER_RULES.items():
                    headers[name] = value
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return sending


def _check_origin(scope: Scope, headers: Headers, host: str) -> None:
    """Other sites may link to the page; they may neither ask anything, nor change anything, nor listen."""
    if not foreign(headers, host, scope["scheme"]):
        return
    if scope["type"] == "http" and scope["method"] in READING and mere_link(headers, scope["path"]):
        return
    raise RefusedError(403, "origin", "requests from other sites are refused")


async def _body(scope: Scope, headers: Headers, receive: Receive) -> bytes:
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers and "content-type" not in headers:
        return b""  # DELETE needs none; what needs one says so itself
    return await read_json(headers, receive, MAX_LOGIN_BODY if scope["path"] == LOGIN_PATH else MAX_BODY)


async def _role_of_token(access: Access, source: str, token: str) -> str | None:
    """The role, after the source has waited for its turn. Raises RefusedError when too many wait."""
    wait_s = access.tries.wait_s(source, token)
    if wait_s > MOST_WAIT_S:
        raise RefusedError(429, "too_many", "too many wrong tokens from there", Retry_After=str(math.ceil(wait_s)))
    if wait_s > 0:
        await asyncio.sleep(wait_s)
    role = access.role_of_token(token)
    if role is None:
        access.tries.failed(source)
    else:
        access.tries.succeeded(source, token)
    return role


def _tell(scope: Scope, asker: _Asker) -> None:
    scope.setdefault("state", {})["role"] = asker.role
    scope["headers"] = [item for item in scope["headers"] if item[0].lower() not in (ROLE_HEADER, SESSION_HEADER)]
    scope["headers"] += [(ROLE_HEADER, asker.role.encode())] if asker.role else []
    scope["headers"] += [(SESSION_HEADER, b"open")] if asker.session else []


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise RefusedError(400, "bad_request", "the body must be a JSON object", "token")
    return document


def _json(document: object, cookie: str = "") -> Response:
    headers = {"Set-Cookie": cookie} if cookie else {}
    return Response(orjson.dumps(document), media_type="application/json", headers=headers)


def _ask_for_token(headers: Headers) -> Response:
    if "text/html" in headers.get("accept", ""):
        page = (_HERE / "login.html").read_text(encoding="utf-8")
        return Response(page, 401, media_type="text/html", headers={"Cache-Control": "no-store"})
    message = "a token is needed: Authorization: Bearer <token>"
    return error_response(401, "token_needed", message, headers={"WWW-Authenticate": "Bearer"})
