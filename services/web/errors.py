"""One shape for everything that goes wrong: `{"error": {"code", "message", "field"}}`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.errors import BadRequest, CommandError, Conflict, PortNotOpened, PowermonError, WireError

CALLBACK_PATH = "/_dash-update-component"
log = logging.getLogger(__name__)
_CODES = {401: "token_needed", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "not_json"}


def error_body(code: str, message: str, field: str = "") -> dict[str, Any]:
    """The shape; `field` names the parameter that is wrong, or is empty."""
    return {"error": {"code": code, "message": message, "field": field}}


def error_response(status: int, code: str, message: str, field: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """The shape as a response."""
    body = orjson.dumps(error_body(code, message, field))
    return Response(body, status, headers=dict(headers or {}), media_type="application/json")


class RefusedError(Exception):
    """A request ends here, with this answer; `closing` also ends its connection, where the rest of it is not worth reading."""

    def __init__(
        self, status: int, code: str, message: str, field: str = "", *, closing: bool = False, **headers: str
    ) -> None:
        super().__init__(message)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.response = error_response(status, code, message, field, named | ({"Connection": "close"} if closing else {}))


def install(app: FastAPI) -> None:
    """Every exception a route may raise gets the shape."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(PowermonError, _powermon)
    app.add_exception_handler(Exception, _unexpected)
    app.add_middleware(LoggedCallbacks)  # before Dash adds its own, which then stands around it


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    # loc is ("query", "points") or ("body", "cmd"), sometimes with an index in the text when the body is no JSON
    field = ".".join(str(part) for part in first["loc"][1:] if isinstance(part, str))
    return error_response(400, "bad_request", f"{field or 'the request'}: {first['msg']}", field)


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return error_response(error.status_code, _CODES.get(error.status_code, "error"), str(error.detail), headers=error.headers)


async def _powermon(_request: Request, error: Exception) -> Response:
    if isinstance(error, BadRequest):
        return error_response(409 if isinstance(error, Conflict) else 400, error.code, str(error), error.field)
    if isinstance(error, PortNotOpened):
        return error_response(502, "port_not_opened", str(error), "url")
    if isinstance(error, CommandError | WireError):
        return error_response(400, "command", str(error))
    log.warning("request failed: %s", error)
    return error_response(503, "unavailable", str(error), headers={"Retry-After": "1"})


async def _unexpected(_request: Request, _error: Exception) -> Response:
    # The traceback goes to the log (uvicorn writes it); the client learns nothing of our insides.
    return _mistake()


def _mistake() -> Response:
    return error_response(500, "internal", "the program made a mistake; its log has the details")


class LoggedCallbacks:
    """ASGI application between Dash and its routes: Dash answers a callback that failed with 500 and says nothing in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            if scope["type"] != "http" or scope["path"] != CALLBACK_PATH or type(error).__name__ == "PreventUpdate":
                raise  # the last is Dash's way to say that nothing changes
            log.exception("a callback of the page failed")
            await _mistake()(scope, receive, send)
