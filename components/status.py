"""The status strip: how the link stands, in one line. assets/status.js keeps it current."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import Dash, html
from dash.development.base_component import Component

from components import ids
from components.parts import attrs, icon, label, tip, title, word

if TYPE_CHECKING:
    from services.monitor import Monitor


def layout() -> Component:
    """Brand · lamp and word · board · rate · completeness · wire level · clock · language · theme."""
    return html.Header(
        [
            html.Div([html.Span(className="brand-mark", **attrs(aria_hidden="true")), html.H1("Powermon")], className="brand"),
            _state(),
            html.Div([_board(), *_figures()], className="strip-figures"),
            html.Div(_choices(), className="strip-choices"),
            html.Div(id=ids.ANNOUNCER, className="for-screen-readers", role="status", **attrs(aria_live="polite")),
        ],
        className="strip",
    )


def register(app: Dash, monitor: Monitor) -> None:
    """Nothing here asks the server: the tick brings everything."""


def _state() -> Component:
    return html.Div(
        [
            html.Span(id=ids.LAMP, className="lamp", **attrs(aria_hidden="true")),
            html.Strong(word("state.none"), id=ids.STATE_WORD, className="state-word", **attrs(data_state="none")),
            html.Span(id=ids.STATE_DETAIL, className="state-detail number"),
        ],
        id="state",
        className="state",
        **attrs(data_state="none"),
    )


def _board() -> Component:
    return html.Div(
        [
            html.Select(id=ids.DEVICE_SELECT, className="device-select", hidden=True, **label("strip.board")),
            html.Span(id="device-name", className="device-name"),
            html.Span(id=ids.PORT_NAME, className="port-name"),
        ],
        className="strip-board",
    )


def _figures() -> list[Component]:
    return [
        html.Span([html.Span("–", id=ids.RATE, className="number"), word("strip.rate")], className="strip-figure"),
        html.Span(
            [
                html.Span("–", id=ids.COMPLETENESS, className="number"),
                word("strip.complete"),
                html.Span(id=ids.STRIP_RECOVERED, className="strip-count recovered number", hidden=True),
                html.Span(id=ids.STRIP_LOST, className="strip-count lost number", hidden=True),
            ],
            className="strip-figure has-tip",
            **tip("tip.completeness"),
        ),
        html.Span(
            [word("strip.level"), html.Span("–", id=ids.WIRE_LEVEL, className="number")],
            className="strip-figure has-tip",
            id="wire-level-tip",
            **tip("tip.level.none"),
        ),
        html.Span(
            [icon("warning"), html.Span(id=ids.ALERT_COUNT)],
            className="strip-figure strip-alerts",
            id="strip-alerts",
            hidden=True,
        ),
    ]


def _choices() -> list[Component]:
    return [
        html.Button(
            html.Span("–", id=ids.CLOCK, className="number"),
            id=ids.ZONE_BUTTON,
            type="button",
            className="quiet",
            **title("choice.zone"),
        ),
        html.Button("한국어", id=ids.LANGUAGE_BUTTON, type="button", className="quiet", lang="ko"),
        html.Button(
            html.Span(className="icon icon-system", id="theme-icon", **attrs(aria_hidden="true")),
            id=ids.THEME_BUTTON,
            type="button",
            className="quiet",
            **title("choice.theme.system"),
        ),
        html.Button("?", id=ids.HELP_BUTTON, type="button", className="quiet", **title("choice.help")),
    ]
