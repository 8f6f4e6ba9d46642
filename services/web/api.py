"""The HTTP application: routes, errors, start and stop of what it serves."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from services.errors import PowermonError
from services.monitor import Monitor
from services.web import alerts, boards, docs, errors, health, history, metrics, realtime
from services.web.connections import MAX_BODY
from services.web.parameters import Workers

log = logging.getLogger(__name__)

DESCRIPTION = """Volts, amperes and watts of every board: live, and as recorded.

Times are ISO 8601 or Unix seconds; spans are half-open: `from` is included, `to` is not.
Errors have one shape: `{"error": {"code": "…", "message": "…", "field": "…"}}`.
Live values come over the WebSocket `/ws/realtime?device=&interval_ms=100..1000`.
"""


def create_api(monitor: Monitor) -> FastAPI:
    """The application; the page may be attached to it. The monitor runs while the application does."""
    app = FastAPI(
        title="Powermon",
        version=monitor.version,
        lifespan=_running,
        docs_url=None,
        redoc_url=None,
        openapi_url=docs.OPENAPI_PATH,
        max_body_size=MAX_BODY,
    )
    app.state.monitor = monitor
    app.state.workers = Workers()
    app.state.on_failed_start = None
    errors.install(app)
    for module in (history, boards, alerts, health, metrics):
        app.include_router(module.router)
    realtime.install(app)
    docs.install(app, DESCRIPTION)
    # Last: Dash answers every path it does not know with the page and 200, which a script must never get from /api.
    app.add_api_route("/api/{path:path}", _unknown, methods=["GET", "HEAD", "POST", "PUT", "DELETE"], include_in_schema=False)
    return app


async def _unknown(request: Request, path: str) -> None:
    allowed = methods_of(request.app, request.url.path)
    if allowed:
        message = f"{request.method} is not used for /api/{path[:60]}"
        raise HTTPException(405, message, {"Allow": ", ".join(sorted(allowed))})
    raise HTTPException(404, f"there is no /api/{path[:60]}; see /api/docs")


def methods_of(app: FastAPI, path: str) -> set[str]:
    """What a path of the description may be asked by; empty for others."""
    described: dict[str, dict[str, Any]] = app.openapi()["paths"]
    fitting = [methods for template, methods in described.items() if compile_path(template)[0].match(path)]
    allowed = {method.upper() for methods in fitting for method in methods}
    return allowed | ({"HEAD"} if "GET" in allowed else set())


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    """Starts the monitor, and stops it with everything accepted committed."""
    monitor: Monitor = app.state.monitor
    give_up: Callable[[PowermonError], None] | None = app.state.on_failed_start
    try:
        await to_thread.run_sync(monitor.start)
    except PowermonError as error:
        if give_up is None:
            raise
        give_up(error)  # the server says it in one sentence; a traceback would hide it
        yield
        return
    try:
        yield
    finally:
        await to_thread.run_sync(monitor.stop)
