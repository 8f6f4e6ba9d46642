"""The chart, the statistics beside its panes, and the line that says what is drawn."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import msgspec
from dash import Patch, dcc, html, no_update
from dash.development.base_component import Component

from components import ids
from components.feed import Look, Picture
from components.figures import chart
from components.figures.axes import Ends
from components.figures.layout import blank, domains, figure_key, limits_drawn, pane_channels, shapes_and_labels
from components.figures.time_axis import points_us, time_axis
from components.look.parts import attrs, exact
from components.look.scales import Scale
from components.look.theme import THEMES
from components.look.times import duration
from components.look.units import number
from components.panels.strip import state_of
from components.view import View
from components.words.text import words
from services.alert_model import AlertRule
from services.model import CHANNELS, ChannelStats, Counts, SpanStats

CONFIG: Any = {
    "edits": {"shapePosition": True},  # limit lines; assets/powermon.css keeps the mouse from the other shapes
    "displaylogo": False,
    "displayModeBar": "hover",
    "scrollZoom": True,
    "doubleClick": "autosize",
    "showTips": False,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["sendChartToCloud", "zoom2d", "pan2d", "select2d", "lasso2d", "autoScale2d", "resetScale2d"],
    "toImageButtonOptions": {"filename": "powermon", "scale": 2},
}


class Drawn(msgspec.Struct, frozen=True):
    """What the browser's figure was made of; kept in a Store, so that the next tick sends what changed."""

    view: str = ""
    key: str = ""
    place: str = ""
    serial: str = ""
    marks: str = ""
    filled: tuple[int, ...] = ()
    ranges: dict[str, Ends] = {}
    exponents: dict[str, int] = {}
    limits: tuple[tuple[str, str], ...] = ()  # (rule, channel) of the lines, which are the first shapes
    offset_us: int = 0
    said: str = ""
    strip: str = ""
    alerts: str = ""


def digest(shown: object) -> str:
    """Short for what is shown: equal ones are not sent again."""
    return f"{zlib.crc32(repr(shown).encode()):x}"


class Rendered(NamedTuple):
    """A figure or a Patch, the statistics, the note; and what is drawn now."""

    figure: Any
    side: Any
    note: Any
    drawn: Drawn


def layout(text: dict[str, str], *, limits_move: bool = True) -> Component:
    """The frame stands from the first moment. `limits_move`: the reader may drag the lines of limits."""
    config = CONFIG if limits_move else CONFIG | {"edits": {}}
    return html.Section(
        [
            dcc.Graph(id=ids.CHART, figure=blank(), config=config, responsive=True, className="chart"),
            html.Div([], id=ids.SIDE, className="side number"),
            html.Div("", id=ids.NOTE, className="chart-note number"),
            html.Div(
                "", id=ids.SPEED, className="speed number", title=text["tip.speed"], **attrs(data_words=text["speed.words"])
            ),
        ],
        id=ids.CHART_FRAME,
        className="chart-frame",
        tabIndex="0",
        **attrs(aria_label=text["chart.keys"]),
    )


def render(look: Look, view: View, drawn: Drawn, scales: dict[str, Scale], limits: tuple[AlertRule, ...]) -> Rendered:
    """The whole figure when anything but its data is another, else a Patch, else nothing."""
    picture = look.picture
    exponents = {channel: scale.exponent for channel, scale in scales.items()}
    if picture is None:
        empty = msgspec.structs.replace(drawn, key="empty", exponents=exponents)
        return Rendered(no_update if drawn.key == "empty" else blank(), [], "", empty)
    canvas = canvas_of(look, picture, view, drawn, scales, limits)
    key, shown = digest(figure_key(canvas)), digest((shapes_and_labels(picture, canvas), view.moved))
    now = msgspec.structs.replace(
        drawn,
        key=key,
        place=digest((view.device, view.span_s, view.range_us)),
        serial=picture.serial,
        marks=shown,
        ranges=canvas.ranges,
        exponents=exponents,
        limits=tuple((rule.id, str(rule.channel)) for rule in limits_drawn(canvas)),
        offset_us=canvas.axis.offset_us,
    )
    side, note = _side(picture, view, scales), _note(picture, view)
    if key != drawn.key:
        everything = tuple(range(chart.LANE + 1))
        return Rendered(chart.build(picture, canvas), side, note, msgspec.structs.replace(now, filled=everything))
    if picture.serial == drawn.serial and shown == drawn.marks:
        return Rendered(no_update, no_update, no_update, drawn)
    patch = Patch()
    now = msgspec.structs.replace(now, filled=chart.update(patch, picture, canvas, drawn.filled))
    if canvas.ranges != drawn.ranges:
        chart.update_ranges(patch, canvas)
    if shown != drawn.marks or canvas.ranges != drawn.ranges:
        chart.update_marks(patch, picture, canvas)
    return Rendered(patch, side, note, now)


def canvas_of(
    look: Look, picture: Picture, view: View, drawn: Drawn, scales: dict[str, Scale], limits: tuple[AlertRule, ...]
) -> chart.Canvas:
    """Everything the figure depends on. Axes start afresh when another board or span is looked at."""
    state = look.tick.state if look.tick else None
    same = drawn.place == digest((view.device, view.span_s, view.range_us))
    source = state_of(look) if state_of(look) in ("demo", "replay") else "demo" if state and state.info.demo else ""
    last = state.last if state else None
    interval_us = (state.info.interval_ms or 0.0) * 1e3 if state else 0.0
    return chart.Canvas(
        view=view,
        text=words(view.language),
        theme=THEMES[view.theme],
        scales=scales,
        ranges=chart.ranges_for(picture, view, drawn.ranges if same else {}),
        axis=time_axis(view, picture.t1_us),
        limits=limits,
        source=source,
        last_us=last.time_us if last is not None and look.now_us - picture.t1_us < 5_000_000 else None,
        hold_us=interval_us,
        bucketed=bool(picture.frame.attrs.get("bucket_us", 0)),
    )


# --- statistics beside each pane, one text each


def _side(picture: Picture, view: View, scales: dict[str, Scale]) -> list[Component]:
    text = words(view.language)
    if view.overlaid:
        shown = [channel for channel in CHANNELS if channel not in view.hidden]
        places = [(1 - (at + 1) / len(shown), 1 - at / len(shown)) for at in range(len(shown))]
    else:
        shown = list(pane_channels(view))
        places = domains(len(shown))
    return [
        html.Div(
            statistics(channel, picture.stats, picture.selection, scales[channel], text),
            id=ids.side(channel),
            className=f"side-channel of-{channel}",
            style={"flexGrow": round(100 * (top - bottom), 2)},
        )
        for channel, (bottom, top) in zip(shown, places, strict=True)
    ]


def statistics(channel: str, stats: SpanStats, selection: SpanStats | None, scale: Scale, text: dict[str, str]) -> str:
    """avg, min, max, peak to peak and σ of the window, and beside them of the selection."""
    columns = [_figures(getattr(each, channel)) for each in (stats, selection) if each is not None]
    names = [text[f"stat.{name}"] for name in ("avg", "min", "max", "pp", "std")]
    head = [scale.unit, text["box.window"]] + ([text["box.selection"]] if selection is not None else [])
    rows = [head] + [[name, *(scale.text(column[at]) for column in columns)] for at, name in enumerate(names)]
    return "\n".join("\t".join(row) for row in rows)


def _figures(stats: ChannelStats) -> tuple[float | None, ...]:
    pp = None if stats.min is None or stats.max is None else stats.max - stats.min
    return (stats.mean, stats.min, stats.max, pp, stats.std)


def _note(picture: Picture, view: View) -> Component | str:
    """How many points stand for what; and whether part of it came after all."""
    text = words(view.language)
    bucket_us = picture.frame.attrs.get("bucket_us", 0)
    times = points_us(picture.frame)
    count = int(((times >= picture.t0_us) & (times < picture.t1_us)).sum())
    if not count:
        return html.Span(text["chart.empty"], **exact(0))
    said = text["chart.note.raw"].format(n=number(count, 0))
    if bucket_us:
        said = text["chart.note.buckets"].format(n=number(count, 0), width=duration(bucket_us / 1e6, text))
    # By the readings' own flags, as the strip counts them: a gap holds more, what came in its turn after all.
    counts = picture.stats.counts or Counts()
    amounts = {"open": sum(gap.missing for gap in picture.gaps), "lost": counts.lost, "recovered": counts.recovered}
    said += "".join(f" · {text[f'mark.{name}'].format(n=number(n, 0))}" for name, n in amounts.items() if n)
    return html.Span(said, **exact(count))
