"""What just fired: a notice in the bar at the foot, where it covers nothing, and a notification of the browser where the reader
allowed it (assets/notices.js).

It has a clock of its own, which goes on in a hidden tab if notifications are allowed; the answer is empty as long as nothing
changed. How far a tab was told outlives its being loaded again; of several tabs one notifies and sounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from anyio import to_thread
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from components import ids
from components.access import may_change
from components.look.times import stamp
from components.panels.rules import rule_text
from components.view import View
from components.words.sentences import watched
from components.words.text import words
from services.alert_model import AlertAction, AlertChange
from services.errors import PowermonError

if TYPE_CHECKING:
    from services.monitor import Monitor

SHOWN_MS, EVERY_MS = 12_000, 5_000
MOST_SEEN = 20  # episodes that one click acknowledges
MOST = 3  # at a time; more of them are in the list of what fired


def layout(cursor: int) -> Component:
    """Nothing, in the bar at the foot. What changed after `cursor` is news; if loaded again, after what this tab was told."""
    clock = dcc.Interval(id=ids.NEWS_CLOCK, interval=EVERY_MS)
    told = dcc.Store(id=ids.NEWS, storage_type="session", data={"cursor": cursor, "news": []})
    return html.Div([html.Div([], id=ids.NOTICES), _outcome(), told, clock], className="notices")


def _outcome() -> Component:
    return html.Div("", id=ids.SEEN_RESULT, className="visually-hidden", role="status")


def news(changes: list[AlertChange], snoozed_until_us: dict[str, int], view: View, now_us: int) -> list[dict[str, Any]]:
    """What to say of what fired, newest first; a rule that fired several times on one board is said once, with their number."""
    text = words(view.language)
    fired = [one.episode for one in changes if one.kind == "fired" and snoozed_until_us.get(one.episode.rule.id, 0) <= now_us]
    groups: dict[tuple[str, str], list[str]] = {}
    for one in fired:
        groups.setdefault((one.rule.id, one.device), []).append(one.id)
    newest = {(one.rule.id, one.device): one for one in fired}
    return [
        {
            "tag": "-".join(key),
            "severity": str(one.rule.severity),
            "notify": AlertAction.NOTIFY in one.rule.actions,
            "sound": AlertAction.SOUND in one.rule.actions,
            "episodes": groups[key][-MOST_SEEN:],
            "title": f"{text[f'level.{one.rule.severity}']} · {one.device}"
            + (f" · {len(groups[key])} ×" if len(groups[key]) > 1 else ""),
            "body": f"{rule_text(one.rule, view.language)}: {watched(str(one.rule.channel), one.peak)}, "
            f"{stamp(one.start_us, view.zone, now_us)}",
            "link": view.of_board(one.device).but(range_us=(one.start_us - 30_000_000, one.seen_us + 30_000_000)).address(),
        }
        for key, one in reversed(newest.items())
    ]


def render(told: list[dict[str, Any]], view: View, *, operator: bool = True) -> list[Component]:
    """A notice each, with a link to that moment, and a button for who may acknowledge."""
    text = words(view.language)
    return [
        dbc.Toast(
            [html.Div(one["body"]), html.Div([html.A(text["notices.look"], href=one["link"]), *_seen(one, text, operator)])],
            header=one["title"],
            class_name=f"notice-{one['severity']}",
            duration=SHOWN_MS,
            dismissable=True,
            is_open=True,
        )
        for one in told[:MOST]
    ]


def _seen(one: dict[str, Any], text: dict[str, str], operator: bool) -> list[Component]:
    button = {"color": "link", "size": "sm", "n_clicks": 0}
    return [dbc.Button(text["notices.seen"], id=ids.seen(one["episodes"]), **button)] if operator else []


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
        if before and (cursor == before["cursor"] or not choices):  # zone and language come with the page's first answer
            return no_update, no_update
        view = View.from_store(choices)
        told = news(changes, monitor.alerts.rules.snoozed_until_us, view, monitor.clock.now_us())
        return render(told, view, operator=may_change()) if told else no_update, {"cursor": cursor, "news": told[:MOST]}

    @app.callback(
        Output(ids.SEEN_RESULT, "children"),
        Input({"type": "seen", "episodes": ALL}, "n_clicks"),
        State(ids.VIEW, "data"),
        prevent_initial_call=True,
    )
    async def acknowledge(clicks: list[int], choices: Any) -> Any:
        if not any(clicks) or not isinstance(ctx.triggered_id, dict):
            return no_update
        text = words(View.from_store(choices).language)
        try:
            episodes = bytes.fromhex(str(ctx.triggered_id["episodes"])).decode().split("\n")
            for episode in episodes[:MOST_SEEN]:
                await to_thread.run_sync(monitor.alerts.acknowledge, episode)
        except (ValueError, PowermonError) as error:
            return str(error)
        return text["rules.acknowledged"]

    in_browser: Any = app.clientside_callback
    in_browser(ClientsideFunction("powermon", "notify"), Input(ids.NEWS, "data"))
    allow = ClientsideFunction("powermon", "allowNotices")
    in_browser(allow, Output(ids.NOTIFY_STATE, "className"), Input(ids.NOTIFY, "n_clicks"))
    sound = ClientsideFunction("powermon", "allowSound")
    in_browser(sound, Output(ids.SOUND_STATE, "className"), Input(ids.SOUND, "n_clicks"))
