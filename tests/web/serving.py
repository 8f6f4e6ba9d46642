"""The real server on a free port, for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI

from services.settings import Settings
from services.web import serve
from services.web.access import Access, token_needed
from services.web.api import create_api, methods_of
from services.web.callbacks import Rules
from services.web.connections import Gate, Limits
from services.web.security import Guard, make_policy
from tests.web.fake_monitor import FakeMonitor

LIMIT_S = 20.0


def wait_for(condition: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Looks until it is true; fails after the limit."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@contextmanager
def running(monitor: FakeMonitor, settings: Settings | None = None, **options: Any) -> Iterator[str]:
    """Serves the API around a façade; gives host:port."""
    with serving(create_api(monitor), settings or Settings(), **options) as address:  # type: ignore[arg-type]
        yield address


@contextmanager
def serving(
    app: FastAPI,
    settings: Settings,
    *,
    now_s: Callable[[], float] = time.monotonic,
    hashes: Sequence[str] = (),
    callbacks: Rules | None = None,
    limits: Limits | None = None,
) -> Iterator[str]:
    """Serves as `serve` does, in a thread; gives host:port."""
    listening = serve.listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    access = Access(settings.token, settings.viewer_token, f"powermon_{port}", now_s) if token_needed(settings) else None
    guard = Guard(app, make_policy(settings, access, hashes, callbacks, partial(methods_of, app)))
    server = uvicorn.Server(serve._config(guard, settings, Gate(limits)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(LIMIT_S)
        listening.close()
        assert not thread.is_alive()
