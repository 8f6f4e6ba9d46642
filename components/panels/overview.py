"""The whole record in one strip, with the window in it; dragging on it chooses the range."""

from __future__ import annotations

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from components import ids
from components.feed import Picture
from components.figures import curves
from components.figures.layout import MARGIN, NARROW_MARGIN, blank
from components.figures.time_axis import time_axis
from components.look.parts import attrs
from components.look.theme import FONT, THEMES, rgba
from components.look.times import duration
from components.view import Range, View
from components.words.text import words

CONFIG: Any = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False, "showTips": False}
POINTS = 400
CHANNEL = "w"  # power says where something happened


def layout(text: dict[str, str]) -> Component:
    """The strip's frame."""
    graph = dcc.Graph(id=ids.OVERVIEW, figure=blank(), config=CONFIG, responsive=True, className="overview")
    note = html.P(text["overview.record"], id=ids.RECORD, className="number")
    return html.Section([graph, note], className="overview-frame", **attrs(aria_label=text["overview.name"]))


def render_note(picture: Picture | None, view: View) -> str:
    """How long the record is."""
    text = words(view.language)
    if picture is None:
        return text["overview.record"]
    return f"{text['overview.record']}\n{duration((picture.t1_us - picture.t0_us) / 1e6, text)}"


def render(picture: Picture | None, shown: Range | None, view: View) -> dict[str, Any]:
    """The band and the mean of power over the record; `shown`: what the chart shows of it."""
    figure: dict[str, Any] = {"data": [], "layout": _layout(view)}
    if picture is None:
        return figure
    axis = time_axis(view, picture.t1_us)
    color = THEMES[view.theme].lines[CHANNEL].color
    quiet: dict[str, Any] = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "showlegend": False}
    filled = {"fill": "toself", "fillcolor": rgba(color, 0.35), "line": {"width": 0.5, "color": rgba(color, 0.6)}}
    band = quiet | filled | curves.band(picture.frame, CHANNEL, axis, 1.0)
    mean = quiet | {"line": {"width": 1, "color": color}} | curves.mean_line(picture.frame, CHANNEL, axis, 1.0)
    figure["data"] = [band, mean]
    figure["layout"]["xaxis"] |= {"range": [axis.text(picture.t0_us), axis.text(picture.t1_us)], "autorange": False}
    if shown is not None:
        figure["layout"]["shapes"] = [_window(picture, shown, view)]
    return figure


def _window(picture: Picture, shown: Range, view: View) -> dict[str, Any]:
    axis, theme = time_axis(view, picture.t1_us), THEMES[view.theme]
    low, high = (min(max(end, picture.t0_us), picture.t1_us) for end in shown)
    low = min(low, high - (picture.t1_us - picture.t0_us) // 400)  # a short window can still be seen
    window = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "x0": axis.text(low), "x1": axis.text(high)}
    return window | {"fillcolor": rgba(theme.accent, 0.2), "line": {"color": theme.accent, "width": 1}}


def _layout(view: View) -> dict[str, Any]:
    theme = THEMES[view.theme]
    return {
        "template": theme.template(),
        "margin": (NARROW_MARGIN if view.narrow else MARGIN) | {"t": 2, "b": 20},
        "dragmode": "select",
        "selectdirection": "h",
        "selections": [],
        "selectionrevision": repr((view.range_us, view.span_s, view.device)),
        "newselection": {"line": {"color": theme.accent, "width": 1, "dash": "solid"}},
        "font": {"family": FONT, "size": 11, "color": theme.muted},
        "xaxis": {
            "type": "date",
            "fixedrange": True,
            "showgrid": False,
            "linecolor": theme.border,
            "nticks": 4 if view.narrow else 10,
            "tickformatstops": [
                {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
                {"dtickrange": [60_000, 86_400_000], "value": "%m-%d %H:%M"},
                {"dtickrange": [86_400_000, None], "value": "%m-%d"},
            ],
        },
        "yaxis": {"visible": False, "fixedrange": True},
        "showlegend": False,
    }
