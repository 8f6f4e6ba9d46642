"""The sheet of keys and gestures, on `?` and on the button in the strip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from components import ids
from components.view import View
from components.words.text import words

if TYPE_CHECKING:
    from services.monitor import Monitor

# (what to press or do, what it does): words `key.<name>` where it is a word, else the key itself
GESTURES = (
    ("key.drag", "help.drag.tool"),
    ("key.double", "help.double"),
    ("key.wheel", "help.wheel"),
    ("key.pinch", "help.pinch"),
    ("key.overview", "help.overview"),
    ("key.legend", "help.legend"),
)
KEYS = (
    ("← →", "help.arrows"),
    ("Shift + ← →", "help.move"),
    ("+ −", "help.zoom"),
    ("S", "help.s"),
    ("L", "help.l"),
    ("A", "help.all"),
    ("1 2 3", "help.curves"),
    ("Esc", "help.esc"),
    ("?", "help.help"),
)


def layout() -> Component:
    """Closed and empty."""
    return dbc.Modal([], id=ids.HELP_DIALOG, is_open=False, centered=True, scrollable=True, labelledby="help-title")


def content(text: dict[str, str]) -> list[Component]:
    """Gestures, then keys."""
    return [
        dbc.ModalHeader(dbc.ModalTitle(text["help.title"], id="help-title"), close_button=True),
        dbc.ModalBody(
            [
                html.H3(text["help.gestures"]),
                html.Dl([part for key, what in GESTURES for part in (html.Dt(text[key]), html.Dd(text[what]))]),
                html.H3(text["help.keys"]),
                html.Dl([part for keys, what in KEYS for part in (html.Dt(_keys(keys)), html.Dd(text[what]))], className="keys"),
            ],
            class_name="help-sheet",
        ),
    ]


def _keys(keys: str) -> list[Component]:
    return [html.Kbd(key) for key in keys.replace(" + ", " ").split()]


def register(app: Dash, _monitor: Monitor) -> None:
    """The button opens it; assets/keys.js presses that on `?`."""

    @app.callback(
        Output(ids.HELP_DIALOG, "is_open"),
        Output(ids.HELP_DIALOG, "children"),
        Input(ids.HELP, "n_clicks"),
        State(ids.VIEW, "data"),
        prevent_initial_call=True,
    )
    def open_help(clicks: int | None, choices: Any) -> Any:
        return (True, content(words(View.from_store(choices).language))) if clicks else (no_update, no_update)
