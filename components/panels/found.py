"""A board that is plugged in and not read, beside the simulated one or among several: a card offers it, nothing takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from anyio import to_thread
from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from components import ids
from components.access import changes, may_change
from components.look.parts import icon, named, only_changed, outcome, said
from components.view import View
from components.words.phrases import phrase
from components.words.text import words
from services.errors import PowermonError
from services.live_model import PortInfo

if TYPE_CHECKING:
    from services.monitor import Monitor


def layout() -> Component:
    """Nothing, as long as nothing is found."""
    return html.Div([], id=ids.FOUND, role="status")


def render(ports: list[PortInfo], text: dict[str, str], *, demo: bool, operator: bool) -> list[Component]:
    """The ports on which boards speak, and what can be done: use one, look at all of them, leave it as it is."""
    if not ports:
        return []
    told = [icon("info"), html.Span(_sentence(ports, text))]
    use = [_pick(ports, text), _button(ids.FOUND_USE, text["found.use"], color="primary", outline=False)]
    fieldset = changes(use, text["found.use"], disabled=not operator, title="" if operator else text["role.viewer"])
    leave = text["found.keep" if demo else "found.later"]
    rest = [_button(ids.FOUND_CHOOSE, text["found.choose"]), _button(ids.FOUND_KEEP, leave)]
    reason = [] if operator else [html.Small(text["role.viewer"], className="hint")]
    content = [*told, fieldset, *rest, *reason, outcome(ids.FOUND_RESULT)]
    return [dbc.Alert(content, color="info", className="banner banner-info found")]


def _sentence(ports: list[PortInfo], text: dict[str, str]) -> str:
    if len(ports) > 1:
        return text["found.several"].format(n=len(ports))
    port = ports[0]
    about = f" ({port.description})" if port.description and port.description != port.url else ""
    return text["found.one"].format(port=f"{port.url}{about}")


def _pick(ports: list[PortInfo], text: dict[str, str]) -> Component:
    """Which of them; with one there is nothing to pick."""
    options = [{"label": port.url, "value": port.url} for port in ports]
    select = dbc.Select(id=ids.FOUND_PORT, options=options, value=ports[0].url, size="sm")
    return html.Div(named(select, text["found.port"]), hidden=len(ports) == 1)


def _button(id_: str, label: str, *, color: str = "secondary", outline: bool = True) -> Component:
    return dbc.Button(label, id=id_, size="sm", color=color, outline=outline, n_clicks=0)


def offered(monitor: Monitor, kept: list[str], view: View) -> tuple[list[PortInfo], bool]:
    """What was found and not declined, and whether the simulated board is looked at; for a worker thread."""
    ports = [port for port in monitor.health().found_ports if port.url not in kept]
    shown = view.device or monitor.default_device() or ""
    return ports, any(info.device == shown and info.demo for info in monitor.devices())


def register(app: Dash, monitor: Monitor) -> None:
    """Looks every few seconds; using a board is for operators, declining one is the reader's own."""

    @app.callback(
        Output(ids.FOUND, "children"),
        Output(ids.FOUND, "data-shown"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
        Input(ids.FOUND_KEPT, "data"),
        State(ids.FOUND, "data-shown"),
    )
    async def show_found(_n: int, choices: Any, kept: list[str] | None, shown: str | None) -> Any:
        view = View.from_store(choices)
        ports, demo = await to_thread.run_sync(offered, monitor, kept or [], view)
        return only_changed(render(ports, words(view.language), demo=demo, operator=may_change()), shown)

    @app.callback(
        Output(ids.FOUND_RESULT, "children"),
        Output(ids.FOUND_RESULT, "data-device"),
        Input(ids.FOUND_USE, "n_clicks"),
        State(ids.FOUND_PORT, "value"),
        State(ids.VIEW, "data"),
        running=[(Output(ids.FOUND_USE, "disabled"), True, False)],
        prevent_initial_call=True,
    )
    async def use(clicks: int | None, url: str | None, choices: Any) -> Any:
        if not clicks or not url:
            return no_update, no_update
        try:
            device = await to_thread.run_sync(monitor.connect, url)
        except PowermonError as error:
            return said(phrase(str(error), View.from_store(choices).language), "problem"), no_update
        return no_update, device

    # A callback of its own, as in connect.py.
    @app.callback(
        Output(ids.BOARD, "value", allow_duplicate=True),
        Input(ids.FOUND_RESULT, "data-device"),
        prevent_initial_call=True,
    )
    def turn_to(device: str | None) -> Any:
        return device or no_update

    @app.callback(
        Output(ids.open_drawer("boards"), "n_clicks"),
        Input(ids.FOUND_CHOOSE, "n_clicks"),
        State(ids.open_drawer("boards"), "n_clicks"),
        State(ids.open_drawer("boards"), "active"),
        prevent_initial_call=True,
    )
    def choose(clicks: int | None, opened: int | None, is_open: bool | None) -> Any:
        return (opened or 0) + 1 if clicks and not is_open else no_update

    @app.callback(
        Output(ids.FOUND_KEPT, "data"),
        Input(ids.FOUND_KEEP, "n_clicks"),
        State(ids.FOUND_PORT, "options"),
        State(ids.FOUND_KEPT, "data"),
        prevent_initial_call=True,
    )
    def keep(clicks: int | None, options: list[dict[str, str]] | None, kept: list[str] | None) -> Any:
        urls = [option["value"] for option in options or []]
        return sorted({*(kept or []), *urls}) if clicks else no_update
