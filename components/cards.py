"""The large numbers: V, A, W with what the last 60 s were like, and energy and charge. assets/cards.js fills them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import Dash, html
from dash.development.base_component import Component

from components import ids
from components.parts import attrs, icon, tip, word

if TYPE_CHECKING:
    from services.monitor import Monitor

UNITS = {"v": "V", "a": "A", "w": "W"}
MINUTES = (1, 5, 15)


def layout() -> Component:
    """One card a channel, one for energy and charge."""
    return html.Section([*(_card(channel) for channel in UNITS), _energy()], className="cards")


def register(app: Dash, monitor: Monitor) -> None:
    """Nothing here asks the server: the tick brings everything."""


def _card(channel: str) -> Component:
    return html.Article(
        [
            html.Div(
                [
                    word(f"channel.{channel}", html.H2),
                    html.Span(
                        [icon("warning"), html.Span(id=f"{ids.level(channel)}-word")],
                        id=ids.level(channel),
                        className="level",
                        hidden=True,
                    ),
                ],
                className="card-head",
            ),
            html.Div(
                [
                    html.Span("–", id=ids.value(channel), className="value number", **attrs(data_value="", data_seq="")),
                    html.Span(UNITS[channel], id=ids.unit(channel), className="unit"),
                ],
                className="card-value",
            ),
            html.Dl([_moving(channel, minutes) for minutes in MINUTES], className="moving"),
            html.Dl([*(_stat(channel, name) for name in ids.CHANNEL_STATS), _coverage(channel)], className="stats"),
        ],
        id=ids.card(channel),
        className="card",
        **attrs(data_channel=channel, data_level="normal"),
    )


def _stat(channel: str, name: str) -> Component:
    return html.Div(
        [word(f"stat.{name}", html.Dt), html.Dd("–", id=ids.stat(channel, name), className="number", **attrs(data_value=""))]
    )


def _coverage(channel: str) -> Component:
    return html.Div(
        [word("stat.60s", html.Dt), html.Dd("–", id=ids.coverage(channel), className="number", **attrs(data_value=""))],
        className="stat-coverage has-tip",
        **tip("tip.coverage"),
    )


def _moving(channel: str, minutes: int) -> Component:
    return html.Div(
        [
            word(f"moving.{minutes}", html.Dt),
            html.Dd("–", id=ids.moving(channel, minutes), className="number", **attrs(data_value="")),
        ]
    )


def _energy() -> Component:
    return html.Article(
        [
            html.Div([word("card.energy", html.H2)], className="card-head"),
            _sum(ids.ENERGY_WH, "unit-wh", "Wh"),
            html.Div([word("card.charge", html.H2)], className="card-head"),
            _sum(ids.CHARGE_MAH, "unit-mah", "mAh"),
            html.Div(
                [word("card.since"), html.Time("–", id=ids.ENERGY_SINCE, className="number")],
                className="energy-since has-tip",
                **tip("tip.energy"),
            ),
        ],
        id="card-energy",
        className="card card-sums",
    )


def _sum(id_: str, unit_id: str, unit: str) -> Component:
    return html.Div(
        [html.Span("–", id=id_, className="value number", **attrs(data_value="")), html.Span(unit, id=unit_id, className="unit")],
        className="card-value",
    )
