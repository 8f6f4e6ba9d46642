"""How the recording stands: what the retention needs, measured; what is in the file; problems first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from anyio import to_thread
from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from components import ids
from components.look.parts import attrs, exact, facts, icon, only_changed, section
from components.look.times import duration, stamp
from components.look.units import data_size, hours, number
from components.view import View
from components.words.phrases import phrase
from components.words.text import words
from services.live_model import Health, StorageHealth

if TYPE_CHECKING:
    from services.monitor import Monitor

Extent = tuple[int, int] | None


def layout(text: dict[str, str]) -> Component:
    """Filled when it is there, then every few seconds."""
    return html.Div([html.P(text["storage.waiting"], className="hint")], id=ids.RECORDING)


def render(health: Health, extent: Extent, view: View, now_us: int) -> list[Component]:
    """Problems, what the retention needs, what there is."""
    text, storage = words(view.language), health.storage
    found = [_banner("danger", phrase(storage.problem, view.language))] if storage.problem else []
    found += [_banner("danger", text["storage.dropped"].format(n=number(storage.dropped, 0)))] if storage.dropped else []
    found += [_banner("warning", phrase(note, view.language)) for note in storage.notes]
    if not found:
        found = [html.P([icon("done"), html.Span(text["storage.well"])], className="said said-ok")]
    return [
        *found,
        section(text["storage.title.need"], [_need(storage, text), *_room(storage, text)]),
        section(text["storage.title.file"], [facts(_facts(health, extent, view, now_us))]),
    ]


def _banner(kind: str, told: str) -> Component:
    return dbc.Alert([icon("warning"), html.Span(told)], color=kind, className=f"banner banner-{kind}")


def _need(storage: StorageHealth, text: dict[str, str]) -> Component:
    """`48 h at this rate need 1.2 GB (33 bytes a reading, measured)`, or that it is not known yet."""
    span = text["time.h"].format(n=hours(storage.retention_h))
    if storage.predicted_bytes is None or storage.bytes_per_reading is None:
        return html.P(text["storage.need.unknown"].format(span=span))
    per_reading = number(storage.bytes_per_reading, 0)
    told = text["storage.need"].format(span=span, size=data_size(storage.predicted_bytes), bytes=per_reading)
    return html.P(told, **exact(storage.predicted_bytes))


def _room(storage: StorageHealth, text: dict[str, str]) -> list[Component]:
    """How much of what the retention needs is there, and whether the disk has room for the rest."""
    need, free = storage.predicted_bytes, storage.free_bytes
    if not need:
        return []
    share = min(100.0, 100 * storage.file_bytes / need)
    label = text["storage.share"].format(now=data_size(storage.file_bytes), all=data_size(need))
    # The bar has no name that a screen reader could read: the sentence under it says the same.
    bar = html.Div(dbc.Progress(value=share, class_name="room"), **attrs(aria_hidden="true"))
    found: list[Component] = [bar, html.P(label, className="hint number")]
    if free is not None and need - storage.file_bytes > free:
        found.append(_banner("warning", text["storage.tight"].format(free=data_size(free))))
    return found


def _facts(health: Health, extent: Extent, view: View, now_us: int) -> list[tuple[str, str]]:
    text, storage = words(view.language), health.storage
    oldest, newest = (stamp(end, view.zone, now_us) for end in extent) if extent else (text["storage.nothing"],) * 2
    ago = ""
    if storage.last_commit_us is not None:
        ago = text["readout.ago"].format(s=duration(max(0.0, (now_us - storage.last_commit_us) / 1e6), text))
    return [
        (text["storage.file"], data_size(storage.file_bytes)),
        (text["storage.per_reading"], _bytes(storage.bytes_per_reading, text)),
        (text["storage.free"], data_size(storage.free_bytes)),
        (text["storage.oldest"], oldest),
        (text["storage.newest"], newest),
        (text["storage.last_commit"], ago or text["storage.nothing"]),
        (text["storage.committed"], number(storage.committed, 0)),
        (text["storage.queued"], number(storage.queued, 0)),
        (text["storage.latency"], latency_text(health.latency_ms, text)),
    ]


def _bytes(amount: float | None, text: dict[str, str]) -> str:
    return text["storage.measuring"] if amount is None else text["storage.bytes"].format(n=number(amount, 1))


def latency_text(latency_ms: dict[str, float | None], text: dict[str, str]) -> str:
    """Half and 95 % of the readings, from the line received to the window, measured."""
    p50, p95 = latency_ms.get("p50"), latency_ms.get("p95")
    if p50 is None or p95 is None:
        return text["storage.measuring"]
    return text["fact.speed.value"].format(p50=number(p50, 1), p95=number(p95, 1))


def register(app: Dash, monitor: Monitor) -> None:
    """Asks for the program's health every few seconds while it is open."""

    @app.callback(
        Output(ids.RECORDING, "children"),
        Output(ids.RECORDING, "data-shown"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
        State(ids.RECORDING, "data-shown"),
    )
    async def show_recording(_n: int, choices: Any, shown: str | None) -> Any:
        view = View.from_store(choices)
        device = view.device or monitor.default_device() or ""
        health = await to_thread.run_sync(monitor.health)
        extent = await to_thread.run_sync(monitor.extent, device) if device else None
        return only_changed(render(health, extent, view, monitor.clock.now_us()), shown)
