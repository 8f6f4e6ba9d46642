"""The chart: one picture → one figure, or the arrays that changed since the figure was drawn. Pure.

All curves share one time axis, so that one hover box shows all of them. Each channel has its own value axis: as panes one
above the other, or over each other. Beside it stands a hidden axis from 0 to 1 for what spans a pane's whole height, and
under the time axis a lane for marks. Trace numbers are fixed (BAND, MEAN …): a Patch names them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from components.feed import Picture
from components.figures import curves, marks
from components.figures.axes import Ends, value_range
from components.figures.layout import GAP_AXES, LANE_AXIS, VALUE_AXES, edit_key, layout, pane_channels, shapes_and_labels
from components.figures.time_axis import TimeAxis
from components.look.scales import Scale
from components.look.theme import Theme, rgba
from components.look.times import clock_ms
from components.view import View
from components.words.sentences import sentence
from services.alert_model import AlertRule
from services.model import CHANNELS

BAND, MEAN, MARKED, OPEN, LOST = ({c: first + at for at, c in enumerate(CHANNELS)} for first in (0, 3, 6, 9, 12))
LANE = 15
MARK_SIGNS = {"alert": "diamond", "reboot": "triangle-up", "link": "x", "sensor": "square"}
LIVE_KEYS = ("x", "y", "text", "visible", "marker.symbol", "hovertext")


class Canvas(NamedTuple):
    """Everything a figure depends on beside the picture itself."""

    view: View
    text: dict[str, str]
    theme: Theme
    scales: dict[str, Scale]
    ranges: dict[str, Ends]
    axis: TimeAxis
    limits: tuple[AlertRule, ...]  # those of v, a, w
    source: str  # "" for a board's own readings, else demo or replay
    last_us: int | None  # newest reading, when the picture ends now
    hold_us: float  # what one reading stands for
    bucketed: bool = False  # a point stands for several readings


def ranges_for(picture: Picture, view: View, before: dict[str, Ends]) -> dict[str, Ends]:
    """The value axes for a picture, in V, A, W; locked ones as they were locked."""
    found = {}
    for channel in CHANNELS:
        lock = view.locked.get(channel)
        seen = curves.extremes(picture.frame, channel)
        found[channel] = lock or value_range(channel, seen, before.get(channel), zero=view.zero)
    return found


def build(picture: Picture, canvas: Canvas) -> dict[str, Any]:
    """The whole figure, as `plotly.graph_objects` would write it: making the objects takes 8 ms, and the tests do that for
    every kind of figure (`go.Figure(build(…))` checks each name and value)."""
    traces = []
    for style, part in zip(styles(canvas), parts(picture, canvas), strict=True):
        trace = style | {name: value for name, value in part.items() if "." not in name}
        if "marker.symbol" in part:
            trace["marker"] = style["marker"] | {"symbol": part["marker.symbol"]}
        traces.append({"type": "scatter"} | trace)
    return {"data": traces, "layout": layout(picture, canvas)}


def update(patch: Any, picture: Picture, canvas: Canvas, filled: tuple[int, ...]) -> tuple[int, ...]:
    """Puts into a Patch what a later picture of the same figure changes; gives the numbers of the traces that hold
    something now. `filled`: those that did before; what was empty and stays so is not sent."""
    found = parts(picture, canvas)
    for number, part in enumerate(found):
        if _empty(part) and number not in filled:
            continue
        for name, value in part.items():
            *path, last = name.split(".")
            place = patch["data"][number]
            for step in path:
                place = place[step]
            place[last] = value
    ends = [canvas.axis.end(time_us) for time_us in (picture.t0_us, picture.t1_us)]
    patch["layout"]["xaxis"]["autorangeoptions"] = {"minallowed": ends[0], "maxallowed": ends[1]}
    return tuple(number for number, part in enumerate(found) if not _empty(part))


def _empty(part: dict[str, Any]) -> bool:
    return part.get("visible") is False


def update_ranges(patch: Any, canvas: Canvas) -> None:
    """Value axes that had to grow or may shrink."""
    for channel, axis in VALUE_AXES.items():
        factor = canvas.scales[channel].factor
        patch["layout"]["yaxis" + axis[1:]]["range"] = [end * factor for end in canvas.ranges[channel]]


def update_marks(patch: Any, picture: Picture, canvas: Canvas) -> None:
    """Recovered parts, the selection, limit lines: those first, unchanged, or one that is being dragged would jump back."""
    shapes, labels = shapes_and_labels(picture, canvas)
    patch["layout"]["shapes"], patch["layout"]["annotations"] = shapes, labels
    patch["layout"]["editrevision"] = edit_key(canvas)
    patch["layout"]["selections"], patch["layout"]["selectionrevision"] = [], repr(canvas.view.selection_us)


# --- what each trace holds now


def parts(picture: Picture, canvas: Canvas) -> list[dict[str, Any]]:
    """Per trace what a tick changes, in the order of trace numbers."""
    found: dict[int, dict[str, Any]] = {}
    hatched = marks.areas(picture.frame, picture.gaps, picture.t0_us, picture.t1_us, canvas.last_us, canvas.hold_us)
    panes = pane_channels(canvas.view)
    x = curves.line_times(picture.frame, canvas.axis)  # the lines of all channels stand at the same times
    for channel in CHANNELS:
        factor, ends = canvas.scales[channel].factor, canvas.ranges[channel]
        hidden = channel in canvas.view.hidden
        found[BAND[channel]] = curves.band(picture.frame, channel, canvas.axis, factor)
        found[MEAN[channel]] = {"x": x, "y": curves.mean_values(picture.frame, channel, factor)}
        if canvas.bucketed:
            found[MEAN[channel]]["customdata"] = curves.bucket_ends(picture.frame, channel, factor)
        found[MARKED[channel]] = curves.marked(picture.frame, channel, canvas.axis, factor, ends)
        for numbers, kind in ((OPEN, marks.OPEN), (LOST, marks.LOST)):
            in_pane = [area for area in hatched if area.kind == kind] if channel in panes else []
            found[numbers[channel]] = _areas(in_pane, canvas.axis)
        for numbers in (BAND, MARKED):
            if hidden:
                found[numbers[channel]] = {"x": [], "y": [], "visible": False}
        if hidden:
            found[MEAN[channel]]["visible"] = "legendonly"
    found[LANE] = _lane(picture, canvas)
    return [found[number] for number in range(LANE + 1)]


def _areas(found: Iterable[marks.Area], axis: TimeAxis) -> dict[str, Any]:
    """Rectangles over the whole height of a hidden axis."""
    x: list[str | None] = []
    y: list[float | None] = []
    for area in found:
        begin, end = axis.text(area.t0_us), axis.text(area.t1_us)
        x += [begin, begin, end, end, begin, None]
        y += [0, 1, 1, 0, 0, None]
    return {"x": x, "y": y, "visible": bool(x)}


def _lane(picture: Picture, canvas: Canvas) -> dict[str, Any]:
    found = marks.marks(picture.events, picture.t0_us, picture.t1_us)
    if not found:
        return {"x": [], "y": [], "visible": False}
    words = [_said(mark, canvas) for mark in found]
    kinds = [mark.events[-1].kind.value for mark in found]
    return {
        "x": [canvas.axis.text(mark.time_us) for mark in found],
        "y": [0.5] * len(found),
        "hovertext": words,
        "marker.symbol": [MARK_SIGNS.get(kind, "circle") for kind in kinds],
        "visible": True,
    }


def _said(mark: marks.Mark, canvas: Canvas) -> str:
    language, zone = canvas.view.language, canvas.view.zone
    lines = [f"{clock_ms(event.time_us, zone)[:12]} {sentence(event, language)}" for event in mark.events[-6:]]
    more = len(mark.events) - len(lines)
    return "<br>".join([*lines, f"+ {more}"] if more else lines)


# --- how each trace looks


def styles(canvas: Canvas) -> list[dict[str, Any]]:
    """Per trace what stays, in the order of trace numbers."""
    found: dict[int, dict[str, Any]] = {}
    for channel in CHANNELS:
        found |= _channel_styles(channel, canvas)
    found[LANE] = {
        "name": canvas.text["chart.marks"],
        "mode": "markers",
        "xaxis": "x2",
        "yaxis": LANE_AXIS,
        "showlegend": False,
        "cliponaxis": False,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"size": 9, "color": canvas.theme.muted, "line": {"width": 1, "color": canvas.theme.surface}},
    }
    return [found[number] for number in range(LANE + 1)]


def _channel_styles(channel: str, canvas: Canvas) -> dict[int, dict[str, Any]]:
    line, scale, theme = canvas.theme.lines[channel], canvas.scales[channel], canvas.theme
    name = channel.upper() if canvas.view.narrow else canvas.text[f"channel.{channel}"]  # a phone's legend is one line
    own = {"yaxis": VALUE_AXES[channel], "legendgroup": channel, "name": name}
    shaded = {"yaxis": GAP_AXES[channel], "showlegend": False, "hoverinfo": "skip", "mode": "lines", "fill": "toself"}
    return {
        BAND[channel]: own
        | {
            "mode": "lines",
            "fill": "toself",
            "line": {"color": rgba(line.color, 0.45), "width": 1},
            "fillcolor": rgba(line.color, 0.22),
            "showlegend": False,
            "hoverinfo": "skip",
        },
        MEAN[channel]: own
        | {
            "mode": "lines",
            "line": {"color": line.color, "width": line.width, "dash": line.dash},
            "connectgaps": False,
            "hovertemplate": _hover(canvas.bucketed, scale),
        },
        MARKED[channel]: own
        | {
            "mode": "markers",
            "showlegend": False,
            "marker": {"size": 9, "color": line.color, "line": {"width": 1.5}},
            "hovertemplate": f"%{{text}} {scale.unit} · {canvas.text['chart.marked']}<extra></extra>",
        },
        OPEN[channel]: shaded | _hatch(rgba(theme.muted, 0.55), rgba(theme.muted, 0.06)),
        LOST[channel]: shaded | _hatch(rgba(theme.danger, 0.6), rgba(theme.danger, 0.06)),
    }


def _hover(bucketed: bool, scale: Scale) -> str:
    """What the pointer says of a point: its value, and of a mean the exact extremes that it stands for."""
    mean = f"%{{y:.{scale.digits}f}} {scale.unit}"
    low, high = (f"%{{customdata[{at}]:.{scale.digits}f}}" for at in (0, 1))
    return f"{mean} ({low} … {high})" if bucketed else mean


def _hatch(color: str, below: str) -> dict[str, Any]:
    pattern = {"shape": "/", "fgcolor": color, "bgcolor": below, "size": 8, "solidity": 0.22}
    return {"line": {"width": 0}, "fillpattern": pattern}
