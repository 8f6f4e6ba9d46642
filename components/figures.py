"""The chart as Plotly wants it, without data. Pure. The browser takes these parts and puts the data in.

Traces are, per channel, a band from minimum to maximum (drawn when a point stands for several readings) and the line of
means over it. All share one x-axis of milliseconds since 1970; its ticks are set by the browser, in the reader's zone.
"""

from __future__ import annotations

from typing import Any

from components.theme import THEMES, Theme, rgba

CHANNELS = ("v", "a", "w")
AXES = {"v": "y", "a": "y2", "w": "y3"}
LAYOUT_AXES = {"v": "yaxis", "a": "yaxis2", "w": "yaxis3"}
MARGIN_STACKED = {"l": 62, "r": 18, "t": 10, "b": 30, "pad": 0}
MARGIN_OVERLAID = {"l": 62, "r": 118, "t": 22, "b": 30, "pad": 0}
OUTER_AXIS_SHIFT = 58  # px between the two axes at the right
PANE_GAP = 0.055
FONT = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans KR", "Noto Sans CJK KR", "Malgun Gothic", sans-serif'
)
EMPTY_RANGES = {"v": [0.0, 6.0], "a": [0.0, 0.6], "w": [0.0, 3.0]}  # a frame with sensible axes until readings come


def panes(count: int) -> list[list[float]]:
    """Domains of `count` panes of equal height, from the top down."""
    if count == 0:
        return []
    height = (1 - PANE_GAP * (count - 1)) / count
    return [[round(1 - i * (height + PANE_GAP) - height, 4), round(1 - i * (height + PANE_GAP), 4)] for i in range(count)]


def traces(theme: Theme) -> list[dict[str, Any]]:
    """Band and line of each channel, empty."""
    result: list[dict[str, Any]] = []
    for channel in CHANNELS:
        line = theme.lines[channel]
        shared = {"type": "scatter", "x": [], "y": [], "yaxis": AXES[channel], "hoverinfo": "skip", "showlegend": False}
        edge = {"color": rgba(line.color, 0.45), "width": 1}
        band = {"mode": "lines", "fill": "toself", "line": edge, "fillcolor": rgba(line.color, 0.22), "name": f"{channel}-band"}
        mean = {
            "mode": "lines",
            "line": {"color": line.color, "width": line.width, "dash": line.dash},
            "marker": {"color": line.color, "size": 5},
            "connectgaps": False,
            "name": channel,
        }
        result += [shared | band, shared | mean]
    return result


def layout(theme: Theme, overlaid: bool) -> dict[str, Any]:
    """Axes of the stacked or the overlaid chart; ranges and ticks of time are put in by the browser."""
    result: dict[str, Any] = {
        "paper_bgcolor": theme.surface,
        "plot_bgcolor": theme.surface,
        "font": {"family": FONT, "size": 12, "color": theme.muted},
        "margin": MARGIN_OVERLAID if overlaid else MARGIN_STACKED,
        "showlegend": False,
        "hovermode": False,
        "dragmode": False,
        "uirevision": "kept",
        "xaxis": _time_axis(theme),
    }
    for channel in CHANNELS:
        result[LAYOUT_AXES[channel]] = _value_axis(theme, channel, overlaid)
    return result


def _time_axis(theme: Theme) -> dict[str, Any]:
    return {
        "type": "linear",
        "anchor": "free",
        "position": 0,
        "fixedrange": True,
        "autorange": False,
        "range": [0, 60_000],
        "tickmode": "array",
        "tickvals": [],
        "ticktext": [],
        "gridcolor": theme.grid,
        "linecolor": theme.border,
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": theme.border,
    }


def _value_axis(theme: Theme, channel: str, overlaid: bool) -> dict[str, Any]:
    line = theme.lines[channel]
    axis: dict[str, Any] = {
        "fixedrange": True,
        "autorange": False,
        "range": EMPTY_RANGES[channel],
        "tickmode": "array",
        "tickvals": [],
        "ticktext": [],
        "gridcolor": theme.grid,
        "zeroline": False,
        "showline": True,
        "linecolor": rgba(line.color, 0.55),
        "linewidth": 1.5,
        "tickfont": {"color": line.text, "size": 12},
        "domain": panes(3)[CHANNELS.index(channel)],
    }
    if not overlaid:
        return axis
    axis["domain"] = [0, 1]
    if channel == "v":
        return axis
    axis |= {"overlaying": "y", "side": "right", "showgrid": False, "anchor": "x"}
    if channel == "w":
        axis |= {"anchor": "free", "position": 1, "shift": OUTER_AXIS_SHIFT}
    return axis


def empty_figure(name: str) -> dict[str, Any]:
    """What stands there before the first reading: frame, axes, no curve."""
    return {"data": traces(THEMES[name]), "layout": layout(THEMES[name], overlaid=False)}


def chart_parts() -> dict[str, Any]:
    """Everything the browser needs to draw the chart in any theme and arrangement."""
    return {
        "traces": {name: traces(theme) for name, theme in THEMES.items()},
        "stacked": {name: layout(theme, overlaid=False) for name, theme in THEMES.items()},
        "overlaid": {name: layout(theme, overlaid=True) for name, theme in THEMES.items()},
        "panes": {str(count): panes(count) for count in range(4)},
        "axes": LAYOUT_AXES,
        "empty": EMPTY_RANGES,
    }
