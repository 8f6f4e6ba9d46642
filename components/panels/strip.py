"""The status strip: lamp and word, board, rate, completeness, alerts, clock; language and theme."""

from __future__ import annotations

from typing import Any

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from components import ids
from components.feed import Look
from components.look.parts import attrs, exact, icon, named, sign_button
from components.look.scales import percent
from components.look.times import clock, duration, zone_name
from components.look.units import number
from components.panels import lamps
from components.view import View
from components.words.text import words
from services.alert_model import Level
from services.live_model import Snapshot
from services.model import LinkState

SOURCES = ("live", "demo", "replay")


def layout(text: dict[str, str]) -> Component:
    """Brand and board stand still; what the tick brings comes into one place."""
    return dbc.Navbar(
        [
            html.Div([html.Span(className="brand-mark"), html.H1("Powermon")], className="brand"),
            html.Div("", id=ids.STRIP_LIVE, className="strip-live"),
            named(dbc.Select(id=ids.BOARD, options=[], size="sm", className="board-select"), text["strip.board"]),
            html.Div(
                [
                    html.Button("–", id=ids.ZONE, className="strip-clock number", title=text["choice.zone"], n_clicks=0),
                    dbc.Button(text["language.other"], id=ids.LANGUAGE, color="link", className="sign-button", n_clicks=0),
                    sign_button(ids.THEME, "system", text["choice.theme"], n_clicks=0),
                    sign_button(ids.HELP, "help", text["choice.help"], n_clicks=0),
                ],
                className="strip-choices",
            ),
            html.Div("", id=ids.ANNOUNCER, className="visually-hidden", role="status", **attrs(aria_live="polite")),
        ],
        className="strip",
        color="",
        tag="header",
        role="banner",
    )


def render(look: Look, view: View, snoozed: int = 0) -> list[Component]:
    """How the link stands, in one line; `snoozed`: how many rules do not disturb."""
    text = words(view.language)
    name = state_of(look)
    state = look.tick.state if look.tick else None
    pill = html.Span(
        [html.Span(className="lamp"), html.Strong(text[f"state.{name}"]), html.Span(detail_of(name, look, text))],
        id=ids.STATE,
        className="state",
        **attrs(data_state=name),
    )
    parts: list[Component] = [pill]
    if state is not None:
        parts += [*_figures(state, text), *lamps.worst(state.health, view.language)]
    if snoozed:
        parts.append(html.Span(text["strip.snoozed"].format(n=snoozed), className="strip-snoozed"))
    return parts


def render_clock(look: Look, view: View) -> str:
    """The server's time in the reader's zone."""
    return f"{clock(look.now_us, view.zone)} {zone_name(view.zone, look.now_us)}"


def _figures(state: Snapshot, text: dict[str, str]) -> list[Component]:
    rate, counts, info = state.info.rate_hz, state.counts, state.info
    share = counts.completeness if info.tracked or info.level is None else None
    words_ = [f"{percent(share)} {text['strip.complete']}"]
    if counts.recovered:
        words_.append(text["strip.recovered"].format(n=number(counts.recovered, 0)))
    if counts.lost:
        words_.append(text["strip.lost"].format(n=number(counts.lost, 0)))
    pace = f"{number(rate, 0 if rate >= 100 else 1)} {text['strip.rate']}"
    account = {"className": "number", "title": text["tip.completeness"], **exact(share)}
    found: list[Component] = [
        html.Span(pace, id=ids.RATE, className="number", **exact(rate)),
        html.Span(", ".join(words_), id=ids.COMPLETENESS, **account),
    ]
    others = {one.rule.channel for one in state.alerts if one.episode and one.rule.channel not in state.levels}
    active = sum(level is not Level.NORMAL for level in state.levels.values()) + len(others)
    if active:
        seen = [one.acknowledged for one in state.alerts if one.episode]
        told = text["strip.alerts"].format(n=active) + (f", {text['strip.seen']}" if seen and all(seen) else "")
        found.append(html.Span([icon("warning"), told], className="strip-alerts"))
    return found


def state_of(look: Look) -> str:
    """One word for where the numbers come from and whether they are of now."""
    if not look.device:
        return "noboard"
    if look.tick is None:
        return "history"
    info = look.tick.state.info
    if info.state is LinkState.LIVE:
        return "replay" if info.replay else "demo" if info.demo else "live"
    return info.state.value if info.state in (LinkState.STALE, LinkState.WAITING) else "reconnecting"


def detail_of(name: str, look: Look, text: dict[str, str]) -> str:
    """How old the last reading is, or when the next try comes."""
    if look.tick is None:
        return ""
    state = look.tick.state
    if name == "stale" and state.last is not None:
        return duration(max(0.0, (look.now_us - state.last.time_us) / 1e6), text)
    if name == "waiting":
        return text["state.silent"]
    if name == "reconnecting" and state.info.next_try_s is not None:
        return text["state.in"].format(s=max(1, round(state.info.next_try_s + 0.5)))
    return ""


def spoken(look: Look, view: View) -> str:
    """What a screen reader hears when it changes: the state and every channel beyond a limit, not the values."""
    text = words(view.language)
    said = [text[f"say.{state_of(look)}"]]
    for channel, level in look.tick.state.levels.items() if look.tick else ():
        if level is not Level.NORMAL:
            said.append(text[f"say.level.{level.value}"].format(channel=text[f"channel.{channel}"]))
    return " ".join(said)


def register(app: Dash, monitor: Any) -> None:
    """The list of boards, from time to time and when the reader turns to another."""

    @app.callback(
        Output(ids.BOARD, "options"),
        Output(ids.BOARD, "value"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
        State(ids.BOARD, "options"),
        State(ids.BOARD, "value"),
    )
    def show_boards(_n: int, choices: Any, options: Any, value: Any) -> Any:
        names = [info.device for info in monitor.devices()]
        wanted = [{"label": name, "value": name} for name in names]
        shown = View.from_store(choices).device or monitor.default_device()
        return (no_update if wanted == options else wanted, no_update if shown == value else shown)
