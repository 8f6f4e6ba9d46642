"""How the program is: readiness with reasons."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from services.web import payloads
from services.web.access import role_of
from services.web.parameters import monitor_of, query

router = APIRouter(tags=["health"])


@router.get("/api/health", summary="Readiness with reasons")
async def health(request: Request) -> dict[str, Any]:
    """`status` is ok or degraded; the answer is 200 either way, for the program itself is up."""
    state = await query(request, monitor_of(request).health)
    if role_of(request.scope) is None:  # a probe without a token learns that we are up, no more
        return {"status": state.status}
    return payloads.health(state)


@router.get("/api/session", summary="What the asker may do")
async def session(request: Request) -> dict[str, Any]:
    """`role` is operator (may command) or viewer (may look)."""
    return {"role": role_of(request.scope), "version": monitor_of(request).version}
