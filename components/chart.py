"""The chart and its toolbar. The figure is drawn once here; assets/chart.js extends it with what each tick brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import Dash, dcc, html
from dash.development.base_component import Component

from components import ids
from components.figures import empty_figure
from components.parts import attrs, button, icon, label, title, word

if TYPE_CHECKING:
    from services.monitor import Monitor


def layout() -> Component:
    """Toolbar, chart with its overlay, and the line that says what is drawn."""
    table = html.Div(
        id=ids.CHART_TABLE, className="chart-table", hidden=True, tabIndex="0", role="region", **label("chart.table")
    )
    return html.Section([_toolbar(), _frame(), _foot(), table], className="chart-panel panel", **label("chart.name"))


def register(app: Dash, monitor: Monitor) -> None:
    """Nothing here asks the server: the tick and /api/curve bring everything."""


def _toolbar() -> Component:
    ranges = [
        html.Button(
            word(f"range.{name}"), id=ids.range_button(name), type="button", **attrs(data_range=name, aria_pressed="false")
        )
        for name in ids.RANGES
    ]
    return html.Div(
        [
            html.Div(ranges, id=ids.RANGE_BUTTONS, className="segments", role="group", **label("chart.ranges")),
            html.Div([_curve(channel) for channel in "vaw"], className="curves", role="group", **label("chart.curves")),
            html.Div(
                [
                    _toggle(ids.MODE_BUTTON, "chart.overlay", "layers"),
                    _toggle(ids.ZERO_BUTTON, "chart.zero", "zero"),
                    _toggle(ids.LOCK_BUTTON, "chart.lock", "lock"),
                    _toggle(ids.TOOL_BUTTON, "chart.pan", "hand"),
                    _toggle(ids.TABLE_BUTTON, "chart.table", "table"),
                ],
                className="tools",
            ),
            _download(),
            html.Button(
                [html.Span(className="switch", **attrs(aria_hidden="true")), word("chart.live")],
                id=ids.LIVE_SWITCH,
                type="button",
                role="switch",
                className="live-switch",
                **attrs(aria_checked="true"),
            ),
        ],
        className="toolbar",
    )


def _curve(channel: str) -> Component:
    return html.Button(
        [html.Span(className=f"line line-{channel}", **attrs(aria_hidden="true")), word(f"channel.{channel}")],
        id=ids.curve_button(channel),
        type="button",
        className="curve",
        **attrs(data_channel=channel, aria_pressed="true"),
    )


def _toggle(id_: str, key: str, sign: str) -> Component:
    return html.Button(icon(sign), id=id_, type="button", className="tool", **title(key), **attrs(aria_pressed="false"))


def _download() -> Component:
    return html.Div(
        [
            html.A([icon("download"), word("csv.visible")], id=ids.CSV_VISIBLE, href="#", download="", className="tool wide"),
            html.A(word("csv.all"), id=ids.CSV_ALL, href="#", download="", className="tool wide"),
            button(ids.EXPORT_BUTTON, "export.open", "tool wide"),
        ],
        className="downloads",
    )


def _frame() -> Component:
    graph = dcc.Graph(
        id=ids.CHART,
        figure=empty_figure("light"),
        responsive=True,
        config={
            "displayModeBar": False,
            "staticPlot": False,
            "scrollZoom": False,
            "doubleClick": False,
            "showTips": False,
            "displaylogo": False,
        },
    )
    labels = [html.Span(className="pane-label", **attrs(data_channel=channel)) for channel in "vaw"]
    return html.Div(
        [
            graph,
            html.Div(labels, id="pane-labels", className="pane-labels", **attrs(aria_hidden="true")),
            html.Div(
                _overlay(),
                id=ids.CHART_OVERLAY,
                className="chart-overlay",
                tabIndex="0",
                role="application",
                **label("chart.keys"),
            ),
            html.Div(id=ids.READOUT, className="readout", hidden=True),
            html.Div(
                [word("chart.empty", html.P), word("chart.empty.more", html.P, id="chart-empty-more")],
                id=ids.CHART_EMPTY,
                className="chart-empty",
                hidden=True,
            ),
            html.Div(id=ids.CHART_STATE, className="chart-state", hidden=True),
        ],
        id=ids.CHART_FRAME,
        className="chart-frame",
    )


def _overlay() -> list[Component]:
    """Layers over the plot area, from the bottom up; the browser fills them."""
    return [
        html.Div(id="marks-layer", className="marks-layer"),
        html.Div(id="limits-layer", className="marks-layer"),
        html.Div(id="select-layer", className="select-layer"),
        html.Div(id="cursor-line", className="cursor-line", hidden=True),
        html.Div(id="source-mark", className="source-mark", **attrs(aria_hidden="true")),
    ]


def _foot() -> Component:
    return html.Div(
        [
            html.Span(id=ids.CHART_NOTE, className="number"),
            html.Span(
                [
                    html.Span(className="swatch swatch-gap", **attrs(aria_hidden="true")),
                    word("legend.gap"),
                    html.Span(className="swatch swatch-recovered", **attrs(aria_hidden="true")),
                    word("legend.recovered"),
                    html.Span(className="swatch swatch-band", **attrs(aria_hidden="true")),
                    word("legend.band"),
                ],
                className="legend",
            ),
        ],
        className="chart-foot",
    )
