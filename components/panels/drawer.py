"""The drawer at the side: one panel at a time, mounted when it is opened and gone when it is closed.

A drawer is a module of this folder with `layout(text)` and `register(app, monitor)`; page.py lists it under a name, the
words are `drawer.<name>`. A bar at the foot of the screen has a button for each. The chart stays in sight and in use: nothing
lies over the page but the drawer itself, and the page scrolls behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import dash_bootstrap_components as dbc
from anyio import to_thread
from dash import Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component

from components import ids
from components.access import for_viewer, may_change
from components.look.parts import attrs
from components.view import View
from components.words.text import words

if TYPE_CHECKING:
    from services.monitor import Monitor

ALERTS = "alerts"  # the name of the drawer with the rules
HIDDEN, SHOWN = {"display": "none"}, {"display": "block"}


class Drawer(NamedTuple):
    """A panel of the drawer. `demo_only`: has a button only while the simulated board is looked at."""

    panel: ModuleType
    demo_only: bool = False


def layout() -> Component:
    """Closed and empty."""
    return dbc.Offcanvas([], id=ids.DRAWER, is_open=False, placement="end", backdrop=False, scrollable=True, title="")


def bar(text: dict[str, str], drawers: Mapping[str, Drawer]) -> Component:
    """A button for each, in a bar at the foot of the screen."""
    buttons = [
        dbc.Button(
            text[f"drawer.{name}"],
            id=ids.open_drawer(name),
            color="link",
            className="drawer-button",
            n_clicks=0,
            style=HIDDEN if each.demo_only else SHOWN,
        )
        for name, each in drawers.items()
    ]
    return html.Nav(buttons, className="drawer-bar", **attrs(aria_label=text["drawer.bar"]))


def content(name: str, drawers: Mapping[str, Drawer], text: dict[str, str], *, operator: bool) -> Component:
    """A panel as the asker may use it."""
    made: Component = drawers[name].panel.layout(text)
    return html.Div(made if operator else for_viewer(made, text), className=f"drawer-body of-{name}")


def register(app: Dash, monitor: Monitor, drawers: Mapping[str, Drawer]) -> None:
    """A button opens its drawer, the same button closes it again, as Esc and the cross do."""
    buttons = {ids.open_drawer(name): name for name in drawers}
    marks = [Output(id_, "active") for id_ in buttons]
    same = (no_update,) * (4 + len(marks))

    @app.callback(
        Output(ids.DRAWER, "is_open"),
        Output(ids.DRAWER, "title"),
        Output(ids.DRAWER, "children"),
        Output(ids.DRAWER, "labelledby"),
        *marks,
        [Input(id_, "n_clicks") for id_ in buttons],
        Input(ids.DRAWER, "is_open"),
        Input(ids.MOVED, "data"),
        State(ids.DRAWER, "title"),
        State(ids.VIEW, "data"),
        prevent_initial_call=True,
    )
    def open_drawer(*given: Any) -> Any:
        *_clicks, is_open, moved, title, choices = given
        name = buttons.get(str(ctx.triggered_id))
        text = words(View.from_store(choices).language)
        if ctx.triggered_id == ids.MOVED:  # a limit line was dragged: the form of its rule is there, or comes
            if not moved or (is_open and title == text[f"drawer.{ALERTS}"]):
                return same
            name, is_open = ALERTS, False
        if name is None:  # opened or closed: when it is closed, nothing of it stays
            return same if is_open else (no_update, "", [], no_update, *[False] * len(marks))
        if not ctx.triggered[0]["value"]:
            return same
        if is_open and title == text[f"drawer.{name}"]:
            return False, "", [], no_update, *[False] * len(marks)
        active = [each == name for each in buttons.values()]
        made = content(name, drawers, text, operator=may_change())
        return True, text[f"drawer.{name}"], made, ids.open_drawer(name), *active  # its button names it to a screen reader

    @app.callback(
        *(Output(ids.open_drawer(name), "style") for name, each in drawers.items() if each.demo_only),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
    )
    async def offer_demo(_n: int, choices: Any) -> Any:
        offered = await is_demo(monitor, View.from_store(choices))
        return SHOWN if offered else HIDDEN


async def is_demo(monitor: Monitor, view: View) -> bool:
    """Is the simulated board the one that is looked at?"""
    shown = view.device or monitor.default_device() or ""
    devices = await to_thread.run_sync(monitor.devices)
    return any(info.device == shown and info.demo and info.url for info in devices)
