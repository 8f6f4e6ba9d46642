"""One channel of many boards in one figure, a curve each. Pure.

Where a point stands for several readings the curve goes through its minimum and its maximum: no peak is lower than it was.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from components.figures.time_axis import TimeAxis, points_us, time_axis
from components.look.scales import Scale, scales_for
from components.look.theme import DASHED, FONT, THEMES, Theme
from components.view import View

CONFIG: Any = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False, "showTips": False}
# Colours that differ in lightness too (Okabe and Ito), then the same dashed: names are on hover and in the legend.
COLORS = {
    "light": ("#0072B2", "#D55E00", "#008A66", "#B0529B", "#8F6A00", "#3D7EA6", "#4A4A4A"),
    "dark": ("#56B4E9", "#E69F00", "#2FC8A0", "#E29BC7", "#F0E442", "#8AB4F8", "#C8CDD3"),
}
DASHES = ("solid", DASHED, "2px,2px", "7px,2px,2px,2px", "14px,2px", "14px,2px,2px,2px")  # no gap hides the tip of a peak
IN_LEGEND = 10  # more names than that would be taller than the curves


class BoardCurve(NamedTuple):
    """A board and what it measured."""

    device: str
    frame: pd.DataFrame


def build(curves: list[BoardCurve], channel: str, view: View) -> go.Figure:
    """The curves; the board that is looked at is thicker."""
    theme = THEMES[view.theme]
    drawn = [curve for curve in curves if len(curve.frame)]
    scale = scales_for({channel: _peak(drawn, channel)}, {})[channel]
    end_us = max((int(points_us(curve.frame)[-1]) for curve in drawn), default=0)
    axis = time_axis(view, end_us)
    figure = go.Figure(layout=_layout(theme, scale, len(drawn)))
    for at, curve in enumerate(drawn):
        x, y = _outline(curve.frame, channel, axis, scale.factor)
        color, dash = COLORS[view.theme][at % 7], DASHES[at // 7 % len(DASHES)]
        line = {"color": color, "dash": dash, "width": 2.4 if curve.device == view.device else 1.3}
        hover = f"%{{y:.{scale.digits}f}} {scale.unit}"
        figure.add_scatter(x=x, y=y, name=curve.device, mode="lines", line=line, hovertemplate=hover, connectgaps=False)
    return figure


def _peak(curves: list[BoardCurve], channel: str) -> float:
    ends = [curve.frame[f"{channel}_{kind}"].abs().max() for curve in curves for kind in ("min", "max")]
    return max((float(end) for end in ends if not pd.isna(end)), default=0.0)


def _outline(frame: pd.DataFrame, channel: str, axis: TimeAxis, factor: float) -> tuple[Any, Any]:
    """Through minimum and maximum of each point, with a hole at every break."""
    x = axis.numbers(points_us(frame))
    breaks = np.flatnonzero(frame["break"].to_numpy())
    if not frame.attrs.get("bucket_us", 0):
        y = frame[f"{channel}_mean"].to_numpy() * factor
        return np.insert(x, breaks, x[breaks]), np.insert(y, breaks, np.nan)
    low, high = frame[f"{channel}_min"].to_numpy() * factor, frame[f"{channel}_max"].to_numpy() * factor
    x, y = np.repeat(x, 2), np.column_stack((low, high)).ravel()
    return np.insert(x, breaks * 2, x[breaks * 2]), np.insert(y, breaks * 2, np.nan)


def _layout(theme: Theme, scale: Scale, count: int) -> dict[str, Any]:
    return {
        "template": theme.template(),
        "margin": {"l": 46, "r": 6, "t": 6, "b": 30},
        "font": {"family": FONT, "size": 11, "color": theme.muted},
        "hovermode": "closest" if count > IN_LEGEND else "x unified",
        "hoverlabel": {"bgcolor": theme.surface, "bordercolor": theme.border, "font": {"color": theme.text}},
        "showlegend": 1 < count <= IN_LEGEND,
        "legend": {"orientation": "h", "x": 0, "y": -0.16, "yanchor": "top", "font": {"color": theme.text}},
        "dragmode": False,
        "uirevision": "overlay",
        "xaxis": {
            "type": "date",
            "gridcolor": theme.grid,
            "linecolor": theme.border,
            "nticks": 5,
            "fixedrange": True,
            "hoverformat": "%Y-%m-%d %H:%M:%S.%L",
            "tickformatstops": [
                {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
                {"dtickrange": [60_000, 86_400_000], "value": "%m-%d %H:%M"},
                {"dtickrange": [86_400_000, None], "value": "%m-%d"},
            ],
        },
        "yaxis": {"title": {"text": scale.unit, "standoff": 4}, "gridcolor": theme.grid, "zeroline": False, "fixedrange": True},
    }
