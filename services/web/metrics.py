"""`GET /metrics`: what is measured, as OpenMetrics text. Format and escaping are prometheus_client's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.responses import Response

from services.errors import UnknownDevice
from services.live_model import Health, Snapshot
from services.model import LinkState
from services.monitor import Monitor
from services.web.parameters import monitor_of, query

COUNTED = ("received", "recovered", "late", "rejected", "lost", "duplicates", "bad_lines", "corrupt")
Figure = Callable[[Snapshot], float | int | None]
FIGURES: tuple[tuple[str, str, Figure], ...] = (
    ("powermon_missing", "Numbers that may still come.", lambda s: s.counts.missing),
    ("powermon_completeness_ratio", "Came of expected.", lambda s: s.counts.completeness),
    ("powermon_live", "1 while readings come.", lambda s: int(s.info.state is LinkState.LIVE)),
    ("powermon_readings_per_second", "Over the last seconds.", lambda s: s.info.rate_hz),
    ("powermon_voltage_volts", "The last reading.", lambda s: s.last.v if s.last else None),
    ("powermon_current_amperes", "The last reading.", lambda s: s.last.a if s.last else None),
    ("powermon_power_watts", "The last reading.", lambda s: s.last.w if s.last else None),
)

router = APIRouter(tags=["health"])


@router.get("/metrics", summary="OpenMetrics text", response_class=Response)
async def metrics(request: Request) -> Response:
    """Counts and states as they are; nothing estimated. A figure that nobody measured is left out."""
    return Response(await query(request, _text, monitor_of(request)), media_type=CONTENT_TYPE_LATEST)


def _text(monitor: Monitor) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Measured(monitor))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


class _Measured(Collector):
    """Reads the façade when it is asked; a registry of its own for each answer, so nothing is kept between two."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[Metric]:
        yield from _of_program(self._monitor.health())
        snapshots = list(_snapshots(self._monitor))
        for name in COUNTED:
            family = CounterMetricFamily(f"powermon_{name}", f"Of this session: {name.replace('_', ' ')}.", labels=["device"])
            for snapshot in snapshots:
                family.add_metric([snapshot.info.device], getattr(snapshot.counts, name))
            yield family
        for name, text, figure in FIGURES:
            yield _gauge(name, text, "device", {s.info.device: figure(s) for s in snapshots})


def _snapshots(monitor: Monitor) -> Iterator[Snapshot]:
    for info in monitor.devices():
        try:
            yield monitor.snapshot(info.device)
        except UnknownDevice:
            continue  # in the database only


def _of_program(health: Health) -> Iterator[Metric]:
    storage = health.storage
    yield InfoMetricFamily("powermon_build", "The program.", {"version": health.version})
    yield GaugeMetricFamily("powermon_uptime_seconds", "Since the program started.", health.uptime_s)
    yield GaugeMetricFamily("powermon_ready", "1 when nothing is wrong.", int(health.status == "ok"))
    yield GaugeMetricFamily("powermon_storage_ok", "1 when the database takes what comes.", int(storage.ok))
    yield GaugeMetricFamily("powermon_storage_queued", "Readings accepted and not yet committed.", storage.queued)
    yield CounterMetricFamily("powermon_storage_committed", "Readings on disk since the start.", storage.committed)
    yield CounterMetricFamily("powermon_storage_dropped", "Readings that neither disk nor memory could take.", storage.dropped)
    yield GaugeMetricFamily("powermon_database_bytes", "Size of the database file.", storage.file_bytes)
    if storage.free_bytes is not None:
        yield GaugeMetricFamily("powermon_disk_free_bytes", "Space left beside it.", storage.free_bytes)
    yield _gauge("powermon_latency_ms", "Received to window, measured.", "quantile", health.latency_ms)


def _gauge(name: str, text: str, label: str, values: dict[str, float | int | None]) -> Metric:
    """A gauge with one label."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        if value is not None:
            family.add_metric([key], value)
    return family
