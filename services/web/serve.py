"""Serves the application: its socket, its signals, its end."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI

from services.errors import PowermonError
from services.settings import Settings
from services.web.access import Access, make_token, token_needed
from services.web.api import methods_of
from services.web.callbacks import Rules
from services.web.connections import Connection, Gate, limits_here
from services.web.security import Guard, make_policy

log = logging.getLogger(__name__)

STALLED_MS = 15_000  # the kernel drops a connection whose peer took nothing for so long
GRACE_S = 1  # for answers under way at the end; the commit must fit into 3 s too
MAX_MESSAGE = 64 * 1024  # from a WebSocket client


class CannotListenError(PowermonError):
    """The address cannot be listened on; the message says what to do."""


def serve(app: FastAPI, settings: Settings, script_hashes: Sequence[str] = (), callbacks: Rules | None = None) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit code. Prints the address once it is really listened on.

    `script_hashes` and `callbacks` are those of the page, if `app` carries one.
    """
    try:
        listening = listen(settings.host, settings.http_port)
    except CannotListenError as error:
        return _complain(error)
    port = listening.getsockname()[1]
    token = settings.token or make_token()
    access = Access(token, settings.viewer_token, f"powermon_{port}", time.monotonic) if token_needed(settings) else None
    guard = Guard(app, make_policy(settings, access, script_hashes, callbacks, partial(methods_of, app)))
    made_token = token if access is not None and not settings.token else ""
    server = _Server(_config(guard, settings, Gate(limits_here())), _greeting(settings.host, port, made_token))
    app.state.on_failed_start = server.give_up
    # uvicorn listens to signals only while it runs, and raises what it got once more at its end: without a handler of
    # our own an early signal would be "killed" and a late one turn exit code 0 into it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.end())
    with listening:
        server.run(sockets=[listening])
    return _complain(server.failure) if server.failure else 0


def _complain(error: PowermonError) -> int:
    sys.stderr.write(f"powermon: {error}\n")
    return 1


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting
        self.failure: PowermonError | None = None

    def give_up(self, error: PowermonError) -> None:
        """Ends before the first request: what is served could not start."""
        self.failure = error
        self.should_exit = True

    def end(self) -> None:
        """Ends in order."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.failure is None:
            sys.stdout.write(self._greeting)
            sys.stdout.flush()


def _greeting(host: str, port: int, made_token: str) -> str:
    """The address to open; a token we made ourselves is shown here and nowhere else."""
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    lines = [f"powermon: http://{f'[{shown}]' if ':' in shown else shown}:{port}"]
    if made_token:
        lines.append(f"powermon: token for this run: {made_token}")
    return "\n".join(lines) + "\n"


def _config(app: Any, settings: Settings, gate: Gate) -> uvicorn.Config:
    debug = settings.log_level == "debug"
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=debug,
        lifespan="on",
        proxy_headers=False,  # the guard reads them, and only from a proxy on this machine
        server_header=False,
        ws_max_size=MAX_MESSAGE,
        ws_max_queue=4,
        ws_per_message_deflate=False,
        http=partial(Connection, gate),  # type: ignore[arg-type]  # uvicorn only ever calls it
        timeout_keep_alive=3600,  # the gate's time-outs are the ones that count
        timeout_graceful_shutdown=GRACE_S,
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises CannotListenError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise CannotListenError(
            f"the host {host!r} is not known: {error.strerror}; use --host 127.0.0.1 or an address of this machine"
        ) from None
    listening = socket.socket(family, kind, protocol)
    try:
        _prepare(listening)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise CannotListenError(_reason(error, host, port)) from None
    return listening


def _prepare(listening: socket.socket) -> None:
    if sys.platform == "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; accepted connections inherit it
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)


def _reason(error: OSError, host: str, port: int) -> str:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 0
        return f"{where} is taken by another program (perhaps powermon runs already); stop that one or use --http-port {other}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where} may not be listened on: ports below 1024 need privileges; use --http-port 8050"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; use --host 127.0.0.1, or 0.0.0.0 for every one of its addresses"
    return f"{where} cannot be listened on: {error.strerror}"
