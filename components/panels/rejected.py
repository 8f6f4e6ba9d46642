"""Lines that were not accepted, newest first, each with the reason and the bytes as they came."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from components import ids
from components.access import may_change
from components.look.parts import attrs, only_changed
from components.look.times import stamp
from components.view import View
from components.words.phrases import phrase
from components.words.text import words
from services.model import Rejected

if TYPE_CHECKING:
    from services.monitor import Monitor

MOST = 60


def layout(text: dict[str, str]) -> Component:
    """An empty list."""
    return html.Div(
        [
            html.P(text["rejected.hint"], className="hint"),
            html.Ol(
                [html.Li(text["rejected.none"])], id=ids.REJECTED, className="log raw", **attrs(aria_label=text["panel.rejected"])
            ),
        ]
    )


def render(lines: list[Rejected], view: View, now_us: int) -> list[Component]:
    """One component a line: its first line says when and why, the rest is what came."""
    text = words(view.language)
    shown = []
    for line in lines:
        why = text.get(f"reason.{line.reason.value}", line.reason.value)
        detail = f": {phrase(line.detail, view.language)}" if line.detail else ""
        shown.append(html.Li(f"{stamp(line.time_us, view.zone, now_us)}\t{why}{detail}\n{line.line or ' '}"))
    return list(shown) or [html.Li(text["rejected.none"], className="hint")]


def register(app: Dash, monitor: Monitor) -> None:
    """Looks again every few seconds while the list is open."""

    @app.callback(
        Output(ids.REJECTED, "children"),
        Output(ids.REJECTED, "data-shown"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
        State(ids.REJECTED, "data-shown"),
    )
    async def show_rejected(_n: int, choices: Any, shown: str | None) -> Any:
        view = View.from_store(choices)
        device = view.device or monitor.default_device() or ""
        ask = partial(monitor.rejected, device, MOST, spoken_only=not may_change())
        lines = await to_thread.run_sync(ask)
        return only_changed(render(lines, view, monitor.clock.now_us()), shown)
