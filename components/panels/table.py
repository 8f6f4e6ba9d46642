"""What the chart shows as a table, for whoever cannot or would not read a chart: few rows, each with its exact extremes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
import pandas as pd
from anyio import to_thread
from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from components import ids
from components.look.parts import attrs, only_changed
from components.look.scales import Scale, scales_for
from components.look.times import clock, clock_ms, duration, span_text
from components.look.units import number
from components.view import View
from components.words.text import words
from services.model import CHANNELS

if TYPE_CHECKING:
    from services.monitor import Monitor

ROWS = 16  # each is five components: with more, about 250 would be mounted in all (components/README.md)
WHOLE_US = 1_000_000  # rows that stand for at least a second show no milliseconds


def layout(text: dict[str, str]) -> Component:
    """A region that scrolls, also by keyboard."""
    return html.Div([html.P(text["chart.loading"])], id=ids.TABLE, className="table-region", tabIndex="0", **attrs(role="region"))


def render(frame: pd.DataFrame, span_us: tuple[int, int], view: View, now_us: int) -> list[Component]:
    """A caption with the span, a head with units, a row a point."""
    text = words(view.language)
    caption = html.Caption(span_text(*span_us, view.zone, now_us))
    if not len(frame):
        return [html.P(text["chart.empty"], className="hint")]
    scales = scales_for({channel: _peak(frame, channel) for channel in CHANNELS}, {})
    names = [text["table.time"], *(f"{text[f'channel.{c}']} ({scales[c].unit})" for c in CHANNELS), text["table.count"]]
    head = html.Thead(html.Tr([html.Th(name, scope="col") for name in names]))
    bucket_us = int(frame.attrs.get("bucket_us", 0))
    note = text["chart.note.buckets" if bucket_us else "chart.note.raw"]
    said = note.format(n=number(len(frame), 0), width=duration(bucket_us / 1e6, text))
    body = html.Tbody([_row(row, bucket_us, scales, view) for row in frame.itertuples()])
    return [html.P(said, className="hint"), dbc.Table([caption, head, body], size="sm", class_name="number")]


def _row(row: Any, bucket_us: int, scales: dict[str, Scale], view: View) -> Component:
    time_us = row.Index.value // 1000
    when = clock(time_us, view.zone) if bucket_us >= WHOLE_US else clock_ms(time_us, view.zone)
    cells = [html.Td(_cell(row, channel, scales[channel], bucket_us)) for channel in CHANNELS]
    return html.Tr([html.Th(when, scope="row"), *cells, html.Td(number(row.n, 0))])


def _cell(row: Any, channel: str, scale: Scale, bucket_us: int) -> str:
    low, mean, high = (_known(getattr(row, f"{channel}_{kind}")) for kind in ("min", "mean", "max"))
    if not bucket_us or low == high:
        return scale.text(mean)
    return f"{scale.text(mean)}\n{scale.text(low)}…{scale.text(high)}"


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _peak(frame: pd.DataFrame, channel: str) -> float:
    peak = frame[[f"{channel}_min", f"{channel}_max"]].abs().max().max()
    return 0.0 if pd.isna(peak) else float(peak)


def register(app: Dash, monitor: Monitor) -> None:
    """Looks again every few seconds and when the view is another."""

    @app.callback(
        Output(ids.TABLE, "children"),
        Output(ids.TABLE, "data-shown"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
        State(ids.TABLE, "data-shown"),
    )
    async def show_table(_n: int, choices: Any, shown: str | None) -> Any:
        view, now_us = View.from_store(choices), monitor.clock.now_us()
        span_us = view.range_us or (now_us - view.span_s * 1_000_000, now_us)
        device = view.device or monitor.default_device() or ""
        frame = await to_thread.run_sync(monitor.history, device, *span_us, ROWS)
        return only_changed(render(frame, span_us, view, now_us), shown)
