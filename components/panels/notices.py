"""What just fired: a notice in the corner, and a notification of the browser where the reader allowed it (assets/notices.js).

It has a clock of its own, which goes on in a hidden tab if notifications are allowed; the answer is empty as long as nothing
changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from components import ids
from components.look.times import stamp
from components.panels.rules import rule_text
from components.view import View
from components.words.sentences import watched
from components.words.text import words
from services.alert_model import AlertChange, Level

if TYPE_CHECKING:
    from services.monitor import Monitor

SHOWN_MS, EVERY_MS = 12_000, 5_000
MOST = 3  # at a time; more of them are in the list of what fired


def layout() -> Component:
    """Nothing, in the corner."""
    clock = dcc.Interval(id=ids.NEWS_CLOCK, interval=EVERY_MS)
    return html.Div([html.Div([], id=ids.NOTICES, className="notices"), dcc.Store(id=ids.NEWS), clock])


def news(changes: list[AlertChange], snoozed_until_us: dict[str, int], view: View, now_us: int) -> list[dict[str, str]]:
    """What to say of what fired, newest first; a rule that fired several times on one board is said once, with their number."""
    text = words(view.language)
    fired = [one.episode for one in changes if one.kind == "fired" and snoozed_until_us.get(one.episode.rule.id, 0) <= now_us]
    groups: dict[tuple[str, str], int] = {}
    for one in fired:
        groups[one.rule.id, one.device] = groups.get((one.rule.id, one.device), 0) + 1
    newest = {(one.rule.id, one.device): one for one in fired}
    return [
        {
            "tag": "-".join(key),
            "severity": str(one.rule.severity),
            "title": f"{text[f'level.{one.rule.severity}']} · {one.device}" + (f" · {groups[key]} ×" if groups[key] > 1 else ""),
            "body": f"{rule_text(one.rule, view.language)}: {watched(str(one.rule.channel), one.peak)}, "
            f"{stamp(one.start_us, view.zone, now_us)}",
            "link": view.of_board(one.device).but(range_us=(one.start_us - 30_000_000, one.seen_us + 30_000_000)).address(),
        }
        for key, one in reversed(newest.items())
    ]


def render(told: list[dict[str, str]], view: View) -> list[Component]:
    """A notice each, with a link to that moment."""
    look = words(view.language)["notices.look"]
    return [
        dbc.Toast(
            [html.Div(one["body"]), html.A(look, href=one["link"])],
            header=one["title"],
            icon="danger" if one["severity"] == Level.DANGER else "warning",
            duration=SHOWN_MS,
            dismissable=True,
            is_open=True,
        )
        for one in told[:MOST]
    ]


def register(app: Dash, monitor: Monitor) -> None:
    """The list of what is new since this page asked last."""

    @app.callback(
        Output(ids.NOTICES, "children"),
        Output(ids.NEWS, "data"),
        Input(ids.NEWS_CLOCK, "n_intervals"),
        State(ids.NEWS, "data"),
        State(ids.VIEW, "data"),
    )
    async def show_news(_n: int, before: dict[str, Any] | None, choices: Any) -> Any:
        cursor, changes = monitor.alerts.since(before["cursor"] if before else None)
        if before and cursor == before["cursor"]:
            return no_update, no_update
        view = View.from_store(choices)
        told = news(changes, monitor.alerts.rules.snoozed_until_us, view, monitor.clock.now_us())
        return render(told, view) if told else no_update, {"cursor": cursor, "news": told[:MOST]}

    in_browser: Any = app.clientside_callback
    in_browser(ClientsideFunction("powermon", "notify"), Input(ids.NEWS, "data"))
    allow = ClientsideFunction("powermon", "allowNotices")
    in_browser(allow, Output(ids.NOTIFY_STATE, "className"), Input(ids.NOTIFY, "n_clicks"))
