"""Connection and sensor, and the account of every reading by cause. assets/connection.js fills it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import Dash, html
from dash.development.base_component import Component

from components import ids
from components.parts import attrs, fact, panel, tip, word

if TYPE_CHECKING:
    from services.monitor import Monitor

FACTS = (
    *("link", "since", "last", "sensor", "board", "firmware", "port"),
    *("level", "interval", "buffer", "clock", "residual", "speed"),
)
WITH_HINT = frozenset({"clock", "residual", "buffer", "speed"})


def layout() -> Component:
    """What the link and the sensor say, then what became of the readings."""
    facts = [
        fact(f"fact.{name}", html.Span("–", id=ids.fact(name), className="number"), f"tip.{name}" if name in WITH_HINT else "")
        for name in FACTS
    ]
    return html.Div(
        [
            panel("panel.connection", [html.Dl(facts, className="facts")], "connection-panel"),
            panel(
                "panel.counts",
                [
                    html.Dl([_count(name) for name in ids.COUNT_NAMES], id=ids.COUNTS, className="counts"),
                    html.Ul(id=ids.REASONS, className="reasons"),
                ],
                "counts-panel",
            ),
        ],
        className="column",
    )


def register(app: Dash, monitor: Monitor) -> None:
    """Nothing here asks the server: the tick brings everything."""


def _count(name: str) -> Component:
    return html.Div(
        [
            word(f"count.{name}", html.Dt, className="has-tip", **tip(f"tip.count.{name}")),
            html.Dd("–", id=ids.count(name), className="number", **attrs(data_value="")),
        ],
        className="count",
        **attrs(data_count=name),
    )
