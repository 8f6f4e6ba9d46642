"""Boards: what is attached, and what one tells them. Everything that changes something is a JSON POST."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool
from starlette.exceptions import HTTPException

from services.errors import BadRequest, UnknownDevice
from services.web import payloads
from services.web.parameters import DeviceAsked, known_device, monitor_of, query, workers_of

MAX_ARGS = 8

router = APIRouter(tags=["boards"])
DeviceInPath = Annotated[str, Path(max_length=64)]


class Command(BaseModel):
    """A command by name; its arguments stand beside it, for example `{"cmd": "set_interval", "value_ms": 500}`."""

    model_config = ConfigDict(extra="allow")
    cmd: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", examples=["set_interval"])


class Connection(BaseModel):
    """Where the board is (device or pyserial URL) and what to call it."""

    model_config = ConfigDict(extra="forbid")
    url: str = Field(min_length=1, max_length=200, examples=["socket://127.0.0.1:5000"])
    name: str = Field(default="", max_length=32, pattern=r"^([A-Za-z0-9][A-Za-z0-9_.\-]*)?$")
    baud: int | None = Field(default=None, strict=True, ge=300, le=12_000_000)
    dtr: StrictBool | None = None


class Fault(BaseModel):
    """Something that goes wrong on purpose, in the simulated board only."""

    model_config = ConfigDict(extra="forbid")
    device: str = Field(max_length=64)
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", examples=["drop"])
    value: float = Field(default=0.0, strict=True, allow_inf_nan=False)


@router.get("/api/latest", summary="The live state of each board")
async def latest(request: Request, device: DeviceAsked = None) -> dict[str, Any]:
    """Last reading, 60 s statistics, moving averages, energy, completeness and link state."""
    monitor = monitor_of(request)
    named = None if device is None else await known_device(request, device)
    states = []
    for info in monitor.devices():
        if named in (None, info.device):
            try:
                state = monitor.snapshot(info.device)
            except UnknownDevice:
                continue  # known from the database only: it has a history, no live state
            told = payloads.snapshot(state, payloads.iso)
            del told["last"]  # here the reading is told in full
            states.append(told | {"reading": None if state.last is None else payloads.reading(state.last)})
    return {"time": payloads.iso(monitor.clock.now_us()), "devices": states}


@router.get("/api/devices", summary="Boards with their link state")
async def devices(request: Request) -> dict[str, Any]:
    """Every board known, and the one that is meant when none is named."""
    monitor = monitor_of(request)
    return {
        "default": monitor.default_device(),
        "devices": [payloads.device_info(info, payloads.iso) for info in monitor.devices()],
    }


@router.post("/api/devices/{device}/commands", summary="Send a command to a board and wait for its answer")
async def command(request: Request, device: DeviceInPath, command: Command) -> dict[str, Any]:
    """`result`: ok, error (the board refused), failed (no answer)."""
    args = dict(command.__pydantic_extra__ or {})
    _check_args(args)
    workers = workers_of(request)
    outcome = await workers.run(workers.commands, monitor_of(request).command, device, command.cmd, args)
    result: dict[str, Any] = msgspec.to_builtins(outcome)
    return result


def _check_args(args: dict[str, object]) -> None:
    for name, value in args.items():
        if name == "seq":
            raise BadRequest("seq: commands are numbered by powermon, leave it out", "seq")
        if not isinstance(value, bool | int | float | str):
            raise BadRequest(f"{name}: must be a number, a text, true or false", name)
    if len(args) > MAX_ARGS:
        raise BadRequest(f"a command has at most {MAX_ARGS} arguments")


@router.get("/api/ports", summary="Serial ports of this machine")
async def ports(request: Request) -> dict[str, Any]:
    """Each with VID:PID, description, and what the port doctor says."""
    return {"ports": [payloads.port(item) for item in await query(request, monitor_of(request).ports)]}


@router.post("/api/connect", summary="Read one more board")
async def connect(request: Request, connection: Annotated[Connection, Body()]) -> dict[str, Any]:
    """Adds a link, now and after a restart. Answers when the port opened; else 502 with the reason, and nothing is left of it.

    `url` is one of the ports found, `socket://host:port`, `rfc2217://host:port` or `loop://`; `--allow-connect` adds others.
    """
    workers, asked = workers_of(request), (connection.url, connection.name, connection.baud, connection.dtr)
    return {"device": await workers.run(workers.commands, monitor_of(request).connect, *asked)}


@router.delete("/api/devices/{device}", summary="Stop reading a board")
async def remove(request: Request, device: DeviceInPath) -> dict[str, Any]:
    """Removes the link, not the record. 404: no such board; 409: it has no link, or is being added just now.

    A board that the command line, the environment or the settings file names is there again after a restart.
    """
    workers = workers_of(request)
    try:
        await workers.run(workers.commands, monitor_of(request).remove, device)
    except UnknownDevice as error:
        raise HTTPException(404, str(error)) from error
    return {"device": device, "removed": True}


@router.post("/api/demo/fault", summary="Make the simulated board misbehave")
async def fault(request: Request, fault: Annotated[Fault, Body()]) -> dict[str, Any]:
    """Only a simulated board takes faults."""
    workers = workers_of(request)
    await workers.run(workers.commands, monitor_of(request).fault, fault.device, fault.name, fault.value)
    return {"result": "ok"}
