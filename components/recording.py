"""How the recording stands: what 48 hours need, measured, and what is in the file now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import to_thread
from dash import Dash, Input, Output, html, no_update
from dash.development.base_component import Component

from components import ids
from components.parts import attrs, empty, panel
from components.text import words
from components.units import NO_VALUE, data_size, hours, number
from services.model import Health, StorageHealth

if TYPE_CHECKING:
    from services.monitor import Monitor


def layout() -> Component:
    """Filled every few seconds."""
    return panel("panel.recording", [html.Div(empty("storage.waiting"), id=ids.STORAGE_FACTS)], "recording-panel")


def register(app: Dash, monitor: Monitor) -> None:
    """Asks for the program's health."""

    @app.callback(Output(ids.STORAGE_FACTS, "children"), Input(ids.SLOW_PULSE, "data"))
    async def show_storage(pulse: dict[str, str] | None) -> object:
        if not pulse:
            return no_update
        return storage_facts(await to_thread.run_sync(monitor.health), pulse["language"])


def storage_facts(health: Health, language: str) -> Component:
    """The sentence about the need, then the facts it rests on."""
    text, storage = words(language), health.storage
    return html.Div(
        [
            html.P(
                need_sentence(storage, text),
                id="storage-need",
                className="need",
                **attrs(data_value=storage.predicted_bytes or ""),
            ),
            html.Dl(
                [
                    _fact(text["storage.file"], data_size(storage.file_bytes), storage.file_bytes),
                    _fact(text["storage.free"], data_size(storage.free_bytes), storage.free_bytes),
                    _fact(text["storage.committed"], number(storage.committed, 0), storage.committed),
                    _fact(text["storage.queued"], number(storage.queued, 0), storage.queued),
                    _fact(text["storage.latency"], latency_text(health.latency_ms), None),
                ],
                className="facts",
            ),
        ]
    )


def need_sentence(storage: StorageHealth, text: dict[str, str]) -> str:
    """`48 h at this rate need 1.2 GB (33 bytes a reading, measured)`, or that it is not known yet."""
    span = text["time.h"].format(n=hours(storage.retention_h))
    if storage.predicted_bytes is None or storage.bytes_per_reading is None:
        return text["storage.need.unknown"].format(span=span)
    per_reading = number(storage.bytes_per_reading, 0)
    return text["storage.need"].format(span=span, size=data_size(storage.predicted_bytes), bytes=per_reading)


def latency_text(latency_ms: dict[str, float | None]) -> str:
    """p50 / p95 from the line received to the window, measured."""
    known = [f"{name} {number(value, 1)} ms" for name, value in sorted(latency_ms.items()) if value is not None]
    return " · ".join(known) or NO_VALUE


def _fact(name: str, value: str, exact: float | None) -> Component:
    return html.Div(
        [html.Dt(name), html.Dd(value, className="number", **attrs(data_value="" if exact is None else str(exact)))],
        className="fact",
    )
