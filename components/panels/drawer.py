"""The drawer at the side: one panel at a time, mounted when it is opened and gone when it is closed.

A drawer is a module of this folder with `layout(text)` and `register(app, monitor)`; page.py lists it under a name, the
words are `drawer.<name>`. A bar at the foot of the screen has a button for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component

from components import ids
from components.look.parts import attrs
from components.view import View
from components.words.text import words


def layout() -> Component:
    """Closed and empty."""
    return dbc.Offcanvas([], id=ids.DRAWER, is_open=False, placement="end", backdrop=False, scrollable=True, title="")


def bar(text: dict[str, str], drawers: Mapping[str, ModuleType]) -> Component:
    """A button for each, in a bar at the foot of the screen."""
    buttons = [
        dbc.Button(text[f"drawer.{name}"], id=ids.open_drawer(name), color="link", className="drawer-button", n_clicks=0)
        for name in drawers
    ]
    return html.Nav(buttons, className="drawer-bar", **attrs(aria_label=text["drawer.bar"]))


def register(app: Dash, drawers: Mapping[str, ModuleType]) -> None:
    """A button opens its drawer, the same button closes it again."""
    buttons = {ids.open_drawer(name): name for name in drawers}

    @app.callback(
        Output(ids.DRAWER, "is_open"),
        Output(ids.DRAWER, "title"),
        Output(ids.DRAWER, "children"),
        [Input(id_, "n_clicks") for id_ in buttons],
        State(ids.DRAWER, "is_open"),
        State(ids.DRAWER, "title"),
        State(ids.VIEW, "data"),
        prevent_initial_call=True,
    )
    def open_drawer(*given: Any) -> Any:
        *_clicks, is_open, title, choices = given
        name = buttons.get(str(ctx.triggered_id))
        if name is None or not ctx.triggered[0]["value"]:
            return no_update, no_update, no_update
        text = words(View.from_store(choices).language)
        if is_open and title == text[f"drawer.{name}"]:
            return False, title, []
        return True, text[f"drawer.{name}"], drawers[name].layout(text)
