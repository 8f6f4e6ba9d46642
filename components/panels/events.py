"""The event log: what happened, newest first. The example of components/README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import to_thread
from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from components import ids
from components.look.parts import only_changed
from components.look.times import stamp
from components.view import View
from components.words.sentences import sentence
from components.words.text import words
from services.model import Event

if TYPE_CHECKING:
    from services.monitor import Monitor

MOST = 100
ALWAYS_US = 2**62  # later than any event


def layout(text: dict[str, str]) -> Component:
    """An empty list; the first events come with the callback, which runs when this is mounted."""
    return html.Ol([html.Li(text["events.none"])], id=ids.EVENTS, className="log")


def render(events: list[Event], view: View, now_us: int) -> list[Component]:
    """One line an event, newest first."""
    text = words(view.language)
    lines = [
        (stamp(event.time_us, view.zone, now_us), text[f"event.{event.kind.value}"], sentence(event, view.language))
        for event in events
    ]
    return [html.Li("\t".join(line)) for line in lines] or [html.Li(text["events.none"])]


def register(app: Dash, monitor: Monitor) -> None:
    """Looks again every few seconds while the list is open; sends it when it changed."""

    @app.callback(
        Output(ids.EVENTS, "children"),
        Output(ids.EVENTS, "data-shown"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
        State(ids.EVENTS, "data-shown"),  # the mark of what is shown already: the same is not sent again
    )
    async def show_events(_n: int, choices: Any, shown: str | None) -> Any:
        view = View.from_store(choices)
        device = view.device or monitor.default_device() or ""
        events = await to_thread.run_sync(monitor.events, device, 0, ALWAYS_US, MOST)
        return only_changed(render(events, view, monitor.clock.now_us()), shown)
