"""How the program is: readiness with reasons, and measured figures as OpenMetrics text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.errors import UnknownDevice
from services.model import Health, LinkState, Snapshot
from services.monitor import Monitor
from services.web import payloads
from services.web.access import role_of
from services.web.parameters import monitor_of, query

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
COUNTED = ("received", "recovered", "late", "rejected", "lost", "duplicates", "bad_lines", "corrupt")

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


@router.get("/metrics", summary="OpenMetrics text", response_class=Response)
async def metrics(request: Request) -> Response:
    """Counts and states as they are; nothing estimated."""
    return Response(await query(request, _metrics, monitor_of(request)), media_type=OPEN_METRICS)


def _metrics(monitor: Monitor) -> str:
    health, snapshots = monitor.health(), list(_snapshots(monitor))
    lines = [*_of_program(health)]
    for name in COUNTED:
        values = [({"device": s.info.device}, getattr(s.counts, name)) for s in snapshots]
        lines += _family(f"powermon_{name}", "counter", f"Of this session: {name.replace('_', ' ')}.", values)
    lines += _of_devices(snapshots)
    return "\n".join([*lines, "# EOF", ""])


def _snapshots(monitor: Monitor) -> Iterator[Snapshot]:
    for info in monitor.devices():
        try:
            yield monitor.snapshot(info.device)
        except UnknownDevice:
            continue  # in the database only


Values = list[tuple[dict[str, str], float | int | None]]


def _of_program(health: Health) -> list[str]:
    storage = health.storage
    return [
        *_family("powermon_build", "info", "The program.", [({"version": health.version}, 1)]),
        *_family("powermon_uptime_seconds", "gauge", "Since the program started.", [({}, health.uptime_s)]),
        *_family("powermon_ready", "gauge", "1 when nothing is wrong.", [({}, int(health.status == "ok"))]),
        *_family("powermon_storage_ok", "gauge", "1 when the database takes what comes.", [({}, int(storage.ok))]),
        *_family("powermon_storage_queued", "gauge", "Readings accepted and not yet committed.", [({}, storage.queued)]),
        *_family("powermon_storage_committed", "counter", "Readings on disk since the start.", [({}, storage.committed)]),
        *_family(
            "powermon_storage_dropped", "counter", "Readings that neither disk nor memory could take.", [({}, storage.dropped)]
        ),
        *_family("powermon_database_bytes", "gauge", "Size of the database file.", [({}, storage.file_bytes)]),
        *_family("powermon_disk_free_bytes", "gauge", "Space left beside it.", [({}, storage.free_bytes)]),
        *_family(
            "powermon_latency_ms",
            "gauge",
            "Received to window, measured.",
            [({"quantile": q}, v) for q, v in health.latency_ms.items()],
        ),
    ]


def _of_devices(snapshots: list[Snapshot]) -> list[str]:
    def column(pick: Any) -> Values:
        return [({"device": s.info.device}, pick(s)) for s in snapshots]

    lines = _family("powermon_missing", "gauge", "Numbers that may still come.", column(lambda s: s.counts.missing))
    lines += _family("powermon_completeness_ratio", "gauge", "Came of expected.", column(lambda s: s.counts.completeness))
    lines += _family("powermon_live", "gauge", "1 while readings come.", column(lambda s: int(s.info.state == LinkState.LIVE)))
    lines += _family("powermon_readings_per_second", "gauge", "Over the last seconds.", column(lambda s: s.info.rate_hz))
    for channel, name in (("v", "voltage_volts"), ("a", "current_amperes"), ("w", "power_watts")):
        lines += _family(
            f"powermon_{name}", "gauge", "The last reading.", column(lambda s, c=channel: s.last and getattr(s.last, c))
        )
    return lines


def _family(name: str, kind: str, text: str, values: Values) -> list[str]:
    """One metric family; values nobody measured are left out."""
    suffix = {"counter": "_total", "info": "_info"}.get(kind, "")
    lines = [f"{name}{suffix}{_labels(labels)} {float(value):.10g}" for labels, value in values if value is not None]
    return [f"# TYPE {name} {kind}", f"# HELP {name} {text}", *lines] if lines else []


def _labels(labels: dict[str, str]) -> str:
    pairs = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
