"""The event log: what happened, newest first, and the lines that were not accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import to_thread
from dash import Dash, Input, Output, html, no_update
from dash.development.base_component import Component

from components import ids
from components.parts import attrs, empty, panel, when
from components.phrases import phrase
from components.sentences import sentence
from components.text import words
from services.model import Event, Rejected

if TYPE_CHECKING:
    from services.monitor import Monitor

EVENTS = 100
REJECTED = 50
MAX_US = 2**62  # later than any reading


def layout() -> Component:
    """Two lists, each scrolling in itself."""
    return html.Div(
        [
            panel(
                "panel.events", [html.Div(empty("events.none"), id=ids.EVENT_LIST, className="log", tabIndex="0")], "events-panel"
            ),
            panel(
                "panel.rejected",
                [html.Div(empty("rejected.none"), id=ids.REJECTED_LIST, className="log", tabIndex="0")],
                "rejected-panel",
            ),
        ],
        className="column",
    )


def register(app: Dash, monitor: Monitor) -> None:
    """Both lists are asked for again when the device's state has changed."""

    @app.callback(Output(ids.EVENT_LIST, "children"), Input(ids.PULSE, "data"))
    async def show_events(pulse: dict[str, str] | None) -> object:
        if not pulse:
            return no_update
        found = await to_thread.run_sync(monitor.events, pulse["device"], 0, MAX_US, EVENTS)
        return event_list(found, pulse["language"])

    @app.callback(Output(ids.REJECTED_LIST, "children"), Input(ids.PULSE, "data"))
    async def show_rejected(pulse: dict[str, str] | None) -> object:
        if not pulse:
            return no_update
        found = await to_thread.run_sync(monitor.rejected, pulse["device"], REJECTED)
        return rejected_list(found, pulse["language"])


def event_list(events: list[Event], language: str) -> Component:
    """One line an event, newest first."""
    if not events:
        return empty("events.none")
    newest_first = sorted(events, key=lambda event: event.time_us, reverse=True)
    return html.Ol([_event(event, language) for event in newest_first], className="log-lines")


def _event(event: Event, language: str) -> Component:
    kind, text = event.kind.value, words(language)
    said = html.Span(sentence(event, language), className="what")
    return html.Li(
        [when(event.time_us), html.Span(text[f"event.{kind}"], className="kind"), said],
        **attrs(data_kind=kind),
    )


def rejected_list(lines: list[Rejected], language: str) -> Component:
    """Time, reason and the line itself as it came."""
    if not lines:
        return empty("rejected.none")
    return html.Ol([_rejected(line, language) for line in lines], className="log-lines")


def _rejected(line: Rejected, language: str) -> Component:
    reason = line.reason.value
    detail = f": {phrase(line.detail, language)}" if line.detail else ""
    return html.Li(
        [
            when(line.time_us),
            html.Span(words(language)[f"reason.{reason}"] + detail, className="what"),
            html.Code(line.line, className="raw"),
        ],
        **attrs(data_reason=reason),
    )
