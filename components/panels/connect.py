"""A further board: the ports of this machine with what the port doctor says of each, or a URL; speed and DTR. Part of boards.py.

A board is said to be added when its port has opened, and not before; else why it did not, and what mends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from anyio import CapacityLimiter, to_thread
from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from components import ids
from components.access import changes
from components.look.parts import attrs, icon, outcome, said, section, with_commands
from components.view import View
from components.words.phrases import phrase
from components.words.text import words
from services.errors import PowermonError
from services.live_model import PortInfo

if TYPE_CHECKING:
    from services.monitor import Monitor

AT_ONCE = 8  # ports that are being opened for pages at one time; each takes a thread until it has opened or failed
BAUDS = (9600, 19_200, 38_400, 57_600, 115_200, 230_400, 250_000, 460_800, 500_000, 921_600, 1_000_000, 2_000_000)


def layout(text: dict[str, str]) -> Component:
    """Found ports, what is wrong with the one that is chosen, the form."""
    look = dbc.Button(text["ports.look"], id=ids.PORT_LOOK, size="sm", outline=True, color="secondary", n_clicks=0)
    ports = dbc.RadioItems(id=ids.PORT_LIST, options=[], class_name="board-list")
    busy = html.Div(text["ports.opening"], id=ids.CONNECT_BUSY, hidden=True, className="said said-busy")
    return section(
        text["panel.ports"],
        [
            html.Div(look, className="part-tool"),
            html.Div(ports, role="group", **attrs(aria_label=text["ports.found"])),
            html.Div([], id=ids.PORT_ADVICE, role="status"),
            changes([_form(text)], text["panel.ports"]),
            busy,
            outcome(ids.CONNECT_RESULT),
        ],
    )


def _form(text: dict[str, str]) -> Component:
    url = dbc.Input(id=ids.CONNECT_URL, type="text", placeholder=text["ports.url.example"], maxLength=200)
    name = dbc.Input(id=ids.CONNECT_NAME, type="text", placeholder=text["ports.name.example"], maxLength=32)
    baud = dbc.Input(id=ids.CONNECT_BAUD, type="number", step=1, list="bauds", placeholder="115200")
    return html.Div(
        [
            html.Label([text["ports.url"], url], className="field wide"),
            html.Label([text["ports.name"], name], className="field"),
            html.Label([text["ports.baud"], baud], className="field"),
            html.Datalist([html.Option(value=str(baud)) for baud in BAUDS], id="bauds"),
            dbc.Switch(id=ids.CONNECT_DTR, label=text["ports.dtr"], value=True, class_name="wide"),
            dbc.Button(text["ports.connect"], id=ids.CONNECT, color="primary", n_clicks=0, class_name="wide"),
        ],
        className="form",
    )


def render(ports: list[PortInfo], text: dict[str, str]) -> list[dict[str, str]]:
    """The options of the list, likely boards first."""
    ordered = sorted(ports, key=lambda port: (not port.likely, port.url))
    return [{"label": _line(port, text), "value": port.url} for port in ordered]


def _line(port: PortInfo, text: dict[str, str]) -> str:
    """`/dev/ttyACM0 · a board speaks`; a second line for what it is."""
    state = text.get(f"port.{port.state}") or (text["ports.likely"] if port.likely else "")
    about = " · ".join(part for part in (port.description, port.vid_pid) if part and part != port.url)
    return f"{port.url}\t{state}" + (f"\n{about}" if about else "")


def render_advice(ports: list[PortInfo], chosen: str | None, view: View) -> list[Component]:
    """What the port doctor says of the chosen port; of all of them when nothing can be used."""
    text = words(view.language)
    if not ports:
        return [html.P(text["ports.none"], className="hint")]
    port = next((port for port in ports if port.url == chosen), None)
    if port is None or not port.advice:
        return []
    told = html.Span(with_commands(phrase(port.advice, view.language)))
    return [dbc.Alert([icon("warning"), told], color="warning", className="banner banner-warning")]


def checked(url: Any, baud: Any, text: dict[str, str]) -> str:
    """What is wrong with the form; empty when nothing."""
    if not isinstance(url, str) or not url.strip():
        return text["ports.empty"]
    whole = isinstance(baud, int) and not isinstance(baud, bool)
    return "" if baud in (None, "") or (whole and 300 <= baud <= 12_000_000) else text["ports.baud.bad"]


def register(app: Dash, monitor: Monitor) -> None:
    """Ports are looked at when this is opened, every few seconds, and when asked; connecting is for operators."""
    threads = CapacityLimiter(AT_ONCE)

    @app.callback(
        Output(ids.PORT_LIST, "options"),
        Output(ids.PORT_ADVICE, "children"),
        Input(ids.PORT_LOOK, "n_clicks"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.PORT_LIST, "value"),
        State(ids.PORT_LIST, "options"),
        State(ids.VIEW, "data"),
    )
    async def show_ports(_clicks: Any, _n: int, chosen: str | None, options: Any, choices: Any) -> Any:
        view = View.from_store(choices)
        ports = await to_thread.run_sync(monitor.ports)
        found = render(ports, words(view.language))
        return no_update if found == options else found, render_advice(ports, chosen, view)

    @app.callback(Output(ids.CONNECT_URL, "value"), Input(ids.PORT_LIST, "value"), prevent_initial_call=True)
    def take_port(chosen: str | None) -> Any:
        return chosen or no_update

    @app.callback(
        Output(ids.CONNECT_RESULT, "children"),
        Output(ids.CONNECT_RESULT, "data-device"),
        Input(ids.CONNECT, "n_clicks"),
        State(ids.CONNECT_URL, "value"),
        State(ids.CONNECT_NAME, "value"),
        State(ids.CONNECT_BAUD, "value"),
        State(ids.CONNECT_DTR, "value"),
        State(ids.VIEW, "data"),
        running=[(Output(ids.CONNECT, "disabled"), True, False), (Output(ids.CONNECT_BUSY, "hidden"), False, True)],
        prevent_initial_call=True,
    )
    async def connect(clicks: int | None, url: Any, name: Any, baud: Any, dtr: Any, choices: Any) -> Any:
        if not clicks:
            return no_update, no_update
        view = View.from_store(choices)
        text = words(view.language)
        if problem := checked(url, baud, text):
            return said(problem, "problem"), no_update
        asked = (url.strip(), (name or "").strip(), baud or None, bool(dtr))
        try:
            device = await to_thread.run_sync(monitor.connect, *asked, limiter=threads)
        except PowermonError as error:
            return said(phrase(str(error), view.language), "problem"), no_update
        return said(text["ports.connected"].format(device=device)), device

    # A callback of its own: one that writes to what is there already runs when its inputs are mounted, and the guard would
    # refuse a viewer what nobody asked for.
    @app.callback(
        Output(ids.BOARD, "value", allow_duplicate=True),
        Input(ids.CONNECT_RESULT, "data-device"),
        prevent_initial_call=True,
    )
    def turn_to(device: str | None) -> Any:
        return device or no_update
