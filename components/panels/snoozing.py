"""Keep a rule quiet for a time: it is still judged, shown and stored. A part of the drawer of the alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from anyio import to_thread
from dash import Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component

from components import ids
from components.access import changes
from components.look.parts import outcome, said
from components.look.times import stamp
from components.view import View
from components.words.phrases import phrase
from components.words.text import words
from services.errors import PowermonError

if TYPE_CHECKING:
    from services.monitor import Monitor

HOUR_US = 3_600_000_000
WEEKS_US = 30 * 24 * HOUR_US  # farther away than any time that can be asked for: until somebody ends it
FOR_S: dict[str, float | None] = {"3600": 3600.0, "28800": 28_800.0, "ever": None, "0": 0.0}


def layout(text: dict[str, str]) -> Component:
    """A button for each length, and what became of it."""
    buttons = [
        dbc.Button(text[f"snooze.{name}"], id=ids.snooze(name), outline=True, color="secondary", size="sm", n_clicks=0)
        for name in FOR_S
    ]
    row = html.Div([html.Span(text["snooze.title"]), *buttons], className="button-row")
    return html.Div([changes([row], text["snooze.title"]), outcome(ids.SNOOZE_RESULT)])


def quiet_until(until_us: int, view: View, now_us: int) -> str:
    """How long a rule is quiet, in words; empty when it is not."""
    text = words(view.language)
    if until_us <= now_us:
        return ""
    if until_us - now_us > WEEKS_US:
        return text["rules.snoozed"]
    return text["rules.snoozed_until"].format(time=stamp(until_us, view.zone, now_us)[:-4])


def register(app: Dash, monitor: Monitor) -> None:
    """The buttons; operators only (page.py, CHANGING)."""

    @app.callback(
        Output(ids.SNOOZE_RESULT, "children"),
        *(Input(ids.snooze(name), "n_clicks") for name in FOR_S),
        State(ids.RULE_PICK, "value"),
        State(ids.VIEW, "data"),
        prevent_initial_call=True,
    )
    async def snooze(*given: Any) -> Any:
        *_clicks, picked, choices = given
        if not ctx.triggered[0]["value"]:
            return no_update
        view = View.from_store(choices)
        text, name = words(view.language), str(ctx.triggered_id).removeprefix("snooze-")
        if picked not in {rule.id for rule in monitor.alerts.rules.rules}:
            return said(text["snooze.pick"], "problem")
        try:
            rules = await to_thread.run_sync(monitor.alerts.snooze, picked, FOR_S[name])
        except PowermonError as error:
            return said(phrase(str(error), view.language), "problem")
        until_us = rules.snoozed_until_us.get(picked, 0)
        told = text.get(f"snooze.{name}.done") or text["snooze.done"]
        return said(told.format(time=stamp(until_us, view.zone, monitor.clock.now_us())[:-4]))
