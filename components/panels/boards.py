"""All boards: a list with a filter to turn to one, one channel of all of them in one figure, and a further one (connect.py).

Made for 64 of them: the list is one component whatever its length, and is sent only when a line of it is another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
import plotly.graph_objects as go
from anyio import to_thread
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from components import ids
from components.figures import overlay
from components.figures.overlay import BoardCurve
from components.look.parts import attrs, named, section
from components.look.units import number
from components.panels import connect
from components.view import View
from components.words.text import words
from services.live_model import DeviceInfo

if TYPE_CHECKING:
    from services.monitor import Monitor

POINTS = 240  # of each curve: the figure is about 400 pixels wide
MOST_CURVES = 64
CHANNEL_WORDS = {"v": "channel.v", "a": "channel.a", "w": "channel.w"}


def layout(text: dict[str, str]) -> Component:
    """List, figure, form."""
    filter_ = dbc.Input(id=ids.BOARD_FILTER, type="search", placeholder=text["boards.filter"], debounce=False)
    choices = dbc.RadioItems(id=ids.BOARD_LIST, options=[], class_name="board-list")
    channels = [{"label": text[word], "value": channel} for channel, word in CHANNEL_WORDS.items()]
    return html.Div(
        [
            section(
                text["boards.title"],
                [
                    named(filter_, text["boards.filter"]),
                    html.Div(choices, role="group", **attrs(aria_label=text["boards.title"])),
                    html.P("", id=ids.BOARDS_NONE, className="hint"),
                ],
            ),
            section(
                text["overlay.title"],
                [
                    dbc.RadioItems(
                        id=ids.OVERLAY_CHANNEL,
                        options=channels,
                        value="w",
                        class_name="btn-group",
                        inputClassName="btn-check",
                        labelClassName="btn btn-sm btn-outline-secondary",
                        labelCheckedClassName="active",
                    ),
                    dcc.Graph(id=ids.OVERLAY, figure={}, config=overlay.CONFIG, responsive=True, style={"height": "250px"}),
                ],
            ),
            connect.layout(text),
        ]
    )


def render(boards: list[DeviceInfo], wanted: str, text: dict[str, str]) -> list[dict[str, str]]:
    """The options of the list: boards whose name, port or state holds the words that are looked for."""
    lines = [(info, _line(info, text)) for info in boards]
    asked = wanted.casefold().split()
    return [
        {"label": line, "value": info.device}
        for info, line in lines
        if all(word in f"{line} {info.url} {info.board_id}".casefold() for word in asked)
    ]


def _line(info: DeviceInfo, text: dict[str, str]) -> str:
    """`bench-1 · live · 10.0 readings/s`; a second line for where it is."""
    state = text[f"link.{info.state.value}"] if info.url else text["board.no_link"]
    pace = f" · {number(info.rate_hz, 1)} {text['strip.rate']}" if info.rate_hz else ""
    place = text["board.simulated"] if info.demo else info.url
    return f"{info.device}\t{state}{pace}" + (f"\n{place}" if place else "")


def curves_of(monitor: Monitor, view: View) -> list[BoardCurve]:
    """The window that is looked at, of each board with a link; for a worker thread."""
    now_us = monitor.clock.now_us()
    t0_us, t1_us = view.range_us or (now_us - view.span_s * 1_000_000, now_us)
    linked = [info.device for info in monitor.devices() if info.url][:MOST_CURVES]
    return [BoardCurve(device, monitor.history(device, t0_us, t1_us, POINTS)) for device in linked]


def register(app: Dash, monitor: Monitor) -> None:
    """The list and the figure look again every few seconds; choosing a board is the same as in the strip."""

    @app.callback(
        Output(ids.BOARD_LIST, "options"),
        Output(ids.BOARD_LIST, "value"),
        Output(ids.BOARDS_NONE, "children"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
        Input(ids.BOARD_FILTER, "value"),
        State(ids.BOARD_LIST, "options"),
        State(ids.BOARD_LIST, "value"),
    )
    async def show_boards(_n: int, choices: Any, wanted: str | None, options: Any, value: Any) -> Any:
        view = View.from_store(choices)
        text = words(view.language)
        boards = await to_thread.run_sync(monitor.devices)
        found = render(boards, wanted or "", text)
        shown = view.device or monitor.default_device()
        none = "" if found else text["boards.none_found" if boards else "banner.noboard"]
        return (no_update if found == options else found, no_update if shown == value else shown, none)

    @app.callback(
        Output(ids.BOARD, "value", allow_duplicate=True),
        Input(ids.BOARD_LIST, "value"),
        State(ids.BOARD, "value"),
        prevent_initial_call=True,
    )
    def turn_to(chosen: str | None, shown: str | None) -> Any:
        return no_update if not chosen or chosen == shown or ctx.triggered_id != ids.BOARD_LIST else chosen

    @app.callback(
        Output(ids.OVERLAY, "figure"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
        Input(ids.OVERLAY_CHANNEL, "value"),
    )
    async def show_overlay(_n: int, choices: Any, channel: str | None) -> go.Figure:
        view = View.from_store(choices)
        curves = await to_thread.run_sync(curves_of, monitor, view)
        return overlay.build(curves, channel or "w", view)
