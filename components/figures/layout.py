"""Axes, limit lines and labels of the chart. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from components.look.scales import energy_text, sum_text
from components.look.theme import FONT, rgba
from components.look.times import duration
from components.view import View
from services.alert_model import AlertRule, Level
from services.model import CHANNELS

if TYPE_CHECKING:
    from components.feed import Picture
    from components.figures.chart import Canvas

VALUE_AXES = {"v": "y", "a": "y2", "w": "y3"}
GAP_AXES = {"v": "y4", "a": "y5", "w": "y6"}
LANE_AXIS = "y7"
MARGIN = {"l": 66, "r": 72, "t": 30, "b": 20, "pad": 0, "autoexpand": False}
NARROW_MARGIN = {"l": 44, "r": 58, "t": 28, "b": 20, "pad": 0}  # grows when the legend needs two lines
FOOT = 0.105  # of the height: time labels, and under them the lane of marks
LANE_TOP = 0.035
PANE_GAP = 0.035
OUTER_AXIS = 0.055  # of the width, between the two axes at the right of the overlaid chart


def blank() -> dict[str, Any]:
    """The frame before the first answer: nothing that could be taken for a measurement, on the page's own ground."""
    nothing = {"visible": False, "fixedrange": True}
    grounds = {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
    # The panes are there already: plotly.js 4.1.1 draws the axes of panes that come to a figure at NaN, while they are empty.
    traces = [{"type": "scatter", "x": [], "y": [], "yaxis": axis, "showlegend": False} for axis in VALUE_AXES.values()]
    axes = {f"yaxis{axis[1:]}": nothing for axis in VALUE_AXES.values()}
    return {"data": traces, "layout": grounds | {"xaxis": nothing} | axes}


def pane_channels(view: View) -> tuple[str, ...]:
    """The channels that have a pane of their own, from the top; overlaid ones share that of the first."""
    shown = tuple(channel for channel in CHANNELS if channel not in view.hidden)
    return shown[:1] if view.overlaid else shown


def domains(count: int) -> list[tuple[float, float]]:
    """Where panes of equal height are, from the top down."""
    height = (1 - FOOT - PANE_GAP * (count - 1)) / max(count, 1)
    return [(1 - at * (height + PANE_GAP) - height, 1 - at * (height + PANE_GAP)) for at in range(count)]


def layout(picture: Picture, canvas: Canvas) -> dict[str, Any]:
    """Everything but the traces."""
    theme, view = canvas.theme, canvas.view
    shapes, labels = shapes_and_labels(picture, canvas)
    result: dict[str, Any] = {
        "template": theme.template(),
        "margin": NARROW_MARGIN if view.narrow else MARGIN,
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverlabel": {"bgcolor": theme.surface, "bordercolor": theme.border, "font": {"color": theme.text, "size": 12}},
        "dragmode": view.tool,
        "selectdirection": "h",
        "selections": [],  # what is drawn by hand goes when Python has answered with a band over all panes
        "selectionrevision": repr(view.selection_us),
        "uirevision": figure_key(canvas),
        "editrevision": edit_key(canvas),
        "legend": _legend(canvas),
        "modebar": {"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": theme.muted, "activecolor": theme.accent},
        "font": {"family": FONT, "size": 12, "color": theme.muted},
        "xaxis": _time_axis(picture, canvas),
        "shapes": shapes,
        "annotations": labels,
    }
    where = dict(zip(pane_channels(view), domains(len(pane_channels(view))), strict=True))
    for channel in CHANNELS:
        result["yaxis" + VALUE_AXES[channel][1:]] = _value_axis(channel, canvas, where)
        result["yaxis" + GAP_AXES[channel][1:]] = _hidden_axis(VALUE_AXES[channel], channel in where)
    result["yaxis" + LANE_AXIS[1:]] = {"visible": False, "range": [0, 1], "fixedrange": True, "domain": [0, LANE_TOP]}
    # The lane has no grid. Never `fixedrange`: axes that match share it, and nobody could zoom any more.
    result["xaxis2"] = {"matches": "x", "anchor": LANE_AXIS, "visible": False, "type": "date"}
    return result


def _legend(canvas: Canvas) -> dict[str, Any]:
    place = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.005, "yanchor": "bottom", "itemwidth": 30}
    return place | {"font": {"color": canvas.theme.text, "size": 11 if canvas.view.narrow else 12}}


def figure_key(canvas: Canvas) -> str:
    """Figures with the same key differ in their data only: a Patch can lead from one to the other."""
    view = canvas.view
    how = (
        view.device,
        view.span_s,
        view.range_us,
        view.tool,
        view.overlaid,
        view.hidden,
        view.zero,
        view.theme,
        view.language,
        view.narrow,
    )
    exponents = tuple(scale.exponent for scale in canvas.scales.values())
    return repr((*how, canvas.bucketed, view.zone, exponents, canvas.axis, canvas.source))


def edit_key(canvas: Canvas) -> str:
    """Another one takes back what the reader's hand did to the lines: Plotly keeps them where they were dragged as long as
    this stays the same."""
    return repr(canvas.view.moved)


def limits_drawn(canvas: Canvas) -> tuple[AlertRule, ...]:
    """The rules whose limits are lines, in their order; one that is being moved with its new limit."""
    moved = canvas.view.moved
    shown = [rule for rule in canvas.limits if str(rule.channel) not in canvas.view.hidden]
    return tuple(rule if moved is None or rule.id != moved.rule else msgspec.structs.replace(rule, on=moved.on) for rule in shown)


def _time_axis(picture: Picture, canvas: Canvas) -> dict[str, Any]:
    theme = canvas.theme
    t0, t1 = canvas.axis.text(picture.t0_us), canvas.axis.text(picture.t1_us)
    lowest = pane_channels(canvas.view)[-1]
    axis: dict[str, Any] = {
        "type": "date",
        "anchor": VALUE_AXES[lowest],
        "gridcolor": theme.grid,
        "linecolor": theme.border,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickangle": 0,
        "nticks": 4 if canvas.view.narrow else 12,
        "tickcolor": theme.border,
        "tickformatstops": [
            {"dtickrange": [None, 1000], "value": "%H:%M:%S.%L"},
            {"dtickrange": [1000, 60_000], "value": "%H:%M:%S"},
            {"dtickrange": [60_000, 86_400_000], "value": "%H:%M\n%m-%d"},
            {"dtickrange": [86_400_000, None], "value": "%m-%d"},
        ],
        "hoverformat": "%Y-%m-%d %H:%M:%S.%L",
        "showspikes": True,
        "spikemode": "across",
        "spikethickness": 1,
        "spikedash": "solid",
        "spikecolor": theme.muted,
    }
    if canvas.view.live:
        ends = {"minallowed": canvas.axis.end(picture.t0_us), "maxallowed": canvas.axis.end(picture.t1_us)}
        return axis | {"autorange": True, "autorangeoptions": ends}
    record = picture.record
    bounds = {}
    if record is not None:
        first, last = min(record[0], picture.t0_us), max(record[1], picture.t1_us)
        bounds = {"minallowed": canvas.axis.text(first), "maxallowed": canvas.axis.text(last)}
    return axis | {"autorange": False, "range": [t0, t1]} | bounds


def _value_axis(channel: str, canvas: Canvas, where: dict[str, tuple[float, float]]) -> dict[str, Any]:
    line, scale = canvas.theme.lines[channel], canvas.scales[channel]
    axis: dict[str, Any] = {
        "title": {
            "text": scale.unit if canvas.view.narrow else f"{canvas.text[f'channel.{channel}']} · {scale.unit}",
            "font": {"color": line.text, "size": 12.5},
            "standoff": 6,
        },
        "range": [end * scale.factor for end in canvas.ranges[channel]],
        "fixedrange": True,
        "gridcolor": canvas.theme.grid,
        "zeroline": False,
        "showline": True,
        "linecolor": rgba(line.color, 0.6),
        "linewidth": 1.5,
        "tickfont": {"color": line.text},
        "nticks": 8 if canvas.view.overlaid else 3 if canvas.view.narrow else 5,
        "visible": channel not in canvas.view.hidden,
    }
    if not canvas.view.overlaid:
        return axis | {"domain": where.get(channel, (0.4, 0.5))}
    shown = [c for c in CHANNELS if c not in canvas.view.hidden]
    if channel == shown[0] or channel not in shown:
        return axis | {"domain": (FOOT, 1)}
    place = {"overlaying": VALUE_AXES[shown[0]], "side": "right", "showgrid": False, "anchor": "x"}
    if shown.index(channel) == 2:
        place |= {"anchor": "free", "position": 1}
    return axis | place


def _hidden_axis(over: str, used: bool) -> dict[str, Any]:
    axis: dict[str, Any] = {"visible": False, "range": [0, 1], "fixedrange": True}
    return axis | ({"overlaying": over} if used else {"domain": [0, 0.001]})


def shapes_and_labels(picture: Picture, canvas: Canvas) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Limit lines with their labels in the right margin, recovered parts, the selection with its figures."""
    shapes, labels = _limits(canvas)
    for gap in picture.gaps:
        if gap.recovered and gap.t1_us >= picture.t0_us and gap.t0_us < picture.t1_us:
            shapes.append(_span(gap.t0_us, gap.t1_us, canvas, rgba(canvas.theme.ok, 0.16)))
    for t0_us, t1_us in canvas.view.trial_us:
        if t1_us >= picture.t0_us and t0_us < picture.t1_us:
            shapes.append(_span(t0_us, t1_us, canvas, rgba(canvas.theme.danger, 0.14), edge=canvas.theme.danger))
    selection = canvas.view.selection_us
    if selection is not None:
        shapes.append(_span(*selection, canvas, rgba(canvas.theme.accent, 0.12), edge=canvas.theme.accent))
        labels.append(_selection_label(picture, selection, canvas))
    if canvas.source:
        word = canvas.text[f"chart.{canvas.source}"]
        labels.append(_above(0.0, "paper", word, canvas.theme.accent, xanchor="right"))
    return shapes, labels


def _limits(canvas: Canvas) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for limit in limits_drawn(canvas):
        channel, danger = str(limit.channel), limit.severity is Level.DANGER
        color = canvas.theme.danger if danger else canvas.theme.warning
        scale, axis = canvas.scales[channel], VALUE_AXES[channel]
        y = limit.on * scale.factor
        line = {"color": color, "width": 1.2, "dash": "solid" if danger else "dash"}
        shapes.append({"type": "line", "xref": "x domain", "yref": axis, "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line})
        low, high = canvas.ranges[channel]
        if low <= limit.on <= high and not canvas.view.overlaid:
            word = f"{'▲' if limit.above else '▼'} {limit.on * scale.factor:g} {scale.unit}"
            labels.append(
                {"xref": "paper", "x": 1, "xanchor": "left", "yref": axis, "y": y, "text": word, "showarrow": False}
                | {"font": {"color": color, "size": 11}, "xshift": 3}
            )
    return shapes, labels


def _span(t0_us: int, t1_us: int, canvas: Canvas, fill: str, edge: str = "") -> dict[str, Any]:
    t0, t1 = canvas.axis.text(t0_us), canvas.axis.text(t1_us)
    place = {"type": "rect", "xref": "x", "x0": t0, "x1": t1, "yref": "paper", "y0": FOOT, "y1": 1}
    return place | {"layer": "below", "fillcolor": fill, "line": {"width": 1 if edge else 0, "color": edge or fill}}


def _selection_label(picture: Picture, selection: tuple[int, int], canvas: Canvas) -> dict[str, Any]:
    """Δt, charge and energy over the selection, in the margin above the curves."""
    words = ["Δt " + duration((selection[1] - selection[0]) / 1e6, canvas.text)]
    stats = picture.selection
    if stats is not None and stats.count:
        words += [f"{sum_text(stats.charge_mah)} mAh", " ".join(energy_text(stats.energy_wh))]
    middle = (sum(selection) / 2 - picture.t0_us) / max(picture.t1_us - picture.t0_us, 1)
    return _above(min(max(middle, 0.45), 0.86), "x domain", " · ".join(words), canvas.theme.accent)


def _above(x: float, xref: str, word: str, color: str, xanchor: str = "center") -> dict[str, Any]:
    place = {"xref": xref, "x": x, "xanchor": xanchor, "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False}
    return place | {"text": f"<b>{word}</b>", "font": {"color": color, "size": 12.5}, "yshift": 3}
