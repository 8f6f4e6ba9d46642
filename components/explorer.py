"""The whole record as a strip with the window in it, and the WINDOW, SELECTION and MARKERS boxes of equal form.

assets/overview.js and assets/boxes.js fill them from /api/curve and /api/stats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import Dash, html
from dash.development.base_component import Component

from components import ids
from components.parts import attrs, button, label, word

if TYPE_CHECKING:
    from services.monitor import Monitor

BOXES = ("window", "selection", "markers")
SUMS = ("span", "mah", "wh", "coverage", "completeness")


def layout() -> Component:
    """Strip above, boxes below it."""
    return html.Section(
        [_overview(), html.Div([_box(kind) for kind in BOXES], className="boxes")],
        className="explorer panel",
        **label("explorer.name"),
    )


def register(app: Dash, monitor: Monitor) -> None:
    """Nothing here asks the server by callback: the browser asks /api/curve and /api/stats for what it shows."""


def _overview() -> Component:
    return html.Div(
        [
            html.Canvas(id=ids.OVERVIEW, **attrs(aria_hidden="true")),
            html.Div(
                [
                    html.Span(className="edge left", **attrs(data_edge="left")),
                    html.Span(className="edge right", **attrs(data_edge="right")),
                ],
                id=ids.OVERVIEW_WINDOW,
                className="overview-window",
                tabIndex="0",
                role="slider",
                **attrs(aria_valuemin="0", aria_valuemax="100", aria_valuenow="100"),
                **label("overview.window"),
            ),
            html.Div(id="overview-ticks", className="overview-ticks", **attrs(aria_hidden="true")),
        ],
        id=ids.OVERVIEW_FRAME,
        className="overview",
    )


def _box(kind: str) -> Component:
    return html.Article(
        [
            html.Div(
                [word(f"box.{kind}", html.H2), html.Span(id=ids.box(kind, "when"), className="box-when number")],
                className="box-head",
            ),
            word(f"box.{kind}.empty", html.P, className="empty", id=ids.box(kind, "empty")),
            html.Div([_table(kind), html.Dl([_sum(kind, name) for name in SUMS], className="box-sums")], className="box-body"),
            html.Div(_tools(kind), className="box-tools"),
            *_when_empty(kind),
        ],
        id=ids.box(kind, "box"),
        className="box",
        **attrs(data_kind=kind, data_filled="false"),
    )


def _table(kind: str) -> Component:
    head = html.Tr([html.Th(""), *(word(f"stat.{name}", html.Th, scope="col") for name in ("avg", "min", "max"))])
    rows = [
        html.Tr(
            [
                word(f"channel.{channel}", html.Th, scope="row"),
                *(
                    html.Td("–", id=ids.box(kind, f"{channel}-{name}"), className="number", **attrs(data_value=""))
                    for name in ("avg", "min", "max")
                ),
                html.Td(id=ids.box(kind, f"{channel}-unit"), className="box-unit"),
            ],
            **attrs(data_channel=channel),
        )
        for channel in "vaw"
    ]
    return html.Table([html.Thead(head), html.Tbody(rows)])


def _sum(kind: str, name: str) -> Component:
    return html.Div(
        [word(f"box.{name}", html.Dt), html.Dd("–", id=ids.box(kind, name), className="number", **attrs(data_value=""))]
    )


def _when_empty(kind: str) -> list[Component]:
    if kind != "markers":
        return []
    return [html.Div(button(ids.box(kind, "place"), "box.place", "button small"), className="box-place")]


def _tools(kind: str) -> list[Component]:
    export = button(ids.box(kind, "export"), "export.open", "button small", **attrs(data_export=kind))
    if kind == "window":
        return [export]
    zoom = button(ids.box(kind, "zoom"), "box.zoom", "button small", **attrs(data_zoom=kind))
    clear = button(ids.box(kind, "clear"), "box.clear", "button small", **attrs(data_clear=kind))
    return [zoom, export, clear] if kind == "selection" else [zoom, clear]
