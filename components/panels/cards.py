"""The large numbers: V, A, W with what the last 60 s were like, and energy and charge."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from components import ids
from components.feed import Look
from components.look.parts import attrs, exact, icon
from components.look.scales import Scale, energy_text, scale_of, sum_text
from components.look.times import stamp
from components.look.units import NO_BREAK, NO_VALUE, number
from components.panels.strip import SOURCES, state_of
from components.view import View
from components.words.text import words
from services.alert_model import Level
from services.live_model import Snapshot
from services.model import CHANNELS

MASK = 0xFFFF_FFFF  # the number as the board sent it


def layout(text: dict[str, str]) -> Component:
    """Frames without a number, so that nothing moves when the first one comes."""
    blank = {channel: scale_of(channel, 0) for channel in CHANNELS}
    return html.Section(
        [*(_card(channel, None, text, blank[channel], current=True) for channel in CHANNELS), _energy(None, View(), text, 0)],
        id=ids.CARDS,
        className="cards",
        **attrs(aria_label=text["cards.name"]),
    )


def render(look: Look, view: View, scales: dict[str, Scale]) -> list[Component]:
    """Nothing of another board or of long ago looks as if it were of now."""
    text = words(view.language)
    state = look.tick.state if look.tick else None
    current = state_of(look) in SOURCES
    cards = [_card(channel, state, text, scales[channel], current=current) for channel in CHANNELS]
    return [*cards, _energy(state, view, text, look.now_us)]


def _card(channel: str, state: Snapshot | None, text: dict[str, str], scale: Scale, *, current: bool) -> Component:
    last = state.last if state else None
    value = getattr(last, channel) if last else None
    level = state.levels.get(channel, Level.NORMAL) if state else Level.NORMAL
    head: list[Component | str] = [text[f"channel.{channel}"]]
    if level is not Level.NORMAL:
        head.append(dbc.Badge([icon("warning"), text[f"level.{level.value}"]], color=level.value, className="level"))
    seq = "" if last is None else str(last.seq & MASK)
    return dbc.Card(
        [
            html.H2(head, className="card-head"),
            html.Div(
                [f"{scale.text(value)} ", html.Span(scale.unit, className="unit")],
                id=ids.value(channel),
                className="value number",
                **exact(value),
                **attrs(data_seq=seq),
            ),
            html.Div(_stats(channel, state, text, scale), className="stats number"),
            html.Div(_moving(channel, state, text, scale), className="moving number"),
            *([html.Span(className="edge")] if level is Level.WARNING else []),
        ],
        id=ids.card(channel),
        className=f"card-channel of-{channel} level-{level.value}" + ("" if current else " old"),
    )


def _stats(channel: str, state: Snapshot | None, text: dict[str, str], scale: Scale) -> str:
    """min · avg · max of the last 60 s and the seconds they rest on, as one text."""
    stats = getattr(state.stats_1m, channel) if state else None
    fields = {"min": "min", "avg": "mean", "max": "max"}
    numbers = [(text[f"stat.{name}"], getattr(stats, field, None)) for name, field in fields.items()]
    coverage = number(state.stats_1m.coverage_s, 1) if state else NO_VALUE
    parts = [*(f"{name} {scale.text(value)}" for name, value in numbers), text["stat.of"].format(s=coverage)]
    return "   ".join(part.replace(" ", NO_BREAK) for part in parts)  # a line ends between two figures, never within one


def _moving(channel: str, state: Snapshot | None, text: dict[str, str], scale: Scale) -> str:
    """Means of 1, 5 and 15 minutes, one a line."""
    means = {mean.span_s: getattr(mean, channel) for mean in state.moving} if state else {}
    return "\n".join(f"{text[f'moving.{span_s // 60}']}\t{scale.text(means.get(span_s))}" for span_s in (60, 300, 900))


def _energy(state: Snapshot | None, view: View, text: dict[str, str], now_us: int) -> Component:
    wh, mah = (state.energy_wh, state.charge_mah) if state else (None, None)
    shown, unit = energy_text(wh)
    since = stamp(state.energy_since_us, view.zone, now_us) if state else NO_VALUE
    return dbc.Card(
        [
            html.H2(text["card.energy"], className="card-head"),
            html.Div([f"{shown} ", html.Span(unit, className="unit")], id=ids.value("wh"), className="value number", **exact(wh)),
            html.Div(
                [f"{sum_text(mah)} ", html.Span("mAh", className="unit")],
                id=ids.value("mah"),
                className="value number",
                **exact(mah),
            ),
            html.Div(f"{text['card.since']} {since}", className="stats number", title=text["tip.energy"]),
        ],
        id="card-energy",
        className="card-sums",
    )
