"""What part of the record is shown, how, and what dragging does. Every change goes through explore.py."""

from __future__ import annotations

from typing import Any

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from components import ids
from components.look.parts import attrs, named
from components.view import SPANS_S, View

TOOLS = ("zoom", "select", "pan")
OPTIONS = ("overlaid", "zero", "locked")


def layout(text: dict[str, str]) -> Component:
    """Spans · typed from and to · tools · arrangement · Live."""
    view = View()
    return html.Div(
        [
            _choice(
                ids.SPAN, {str(s): text[f"range.{name}"] for name, s in SPANS_S.items()}, str(view.span_s), text["chart.ranges"]
            ),
            html.Div([_typed(ids.FROM, text["chart.from"]), html.Span("–"), _typed(ids.TO, text["chart.to"])], className="typed"),
            _choice(ids.TOOL, {tool: text[f"tool.{tool}"] for tool in TOOLS}, view.tool, text["chart.tool"]),
            dbc.Checklist(
                id=ids.OPTIONS,
                options=[{"label": text[f"option.{name}"], "value": name} for name in OPTIONS],
                value=[],
                className="btn-group options",
                inputClassName="btn-check",
                labelClassName="btn btn-sm btn-outline-secondary",
                labelCheckedClassName="active",
            ),
            dbc.Switch(id=ids.LIVE, label=text["chart.live"], value=True, className="live-switch"),
        ],
        className="toolbar",
        role="toolbar",
        **attrs(aria_label=text["chart.toolbar"]),
    )


def values(view: View, typed: tuple[str, str]) -> tuple[Any, ...]:
    """What the controls show for a view: span, tool, options, Live, from, to."""
    options = [name for name in OPTIONS if getattr(view, name)]
    return (str(view.span_s) if view.live else None, view.tool, options, view.live, *typed)


def _choice(id_: str, options: dict[str, str], value: str, label: str) -> Component:
    return html.Div(
        dbc.RadioItems(
            id=id_,
            options=[{"label": word, "value": name} for name, word in options.items()],
            value=value,
            className="btn-group",
            inputClassName="btn-check",
            labelClassName="btn btn-sm btn-outline-secondary",
            labelCheckedClassName="active",
        ),
        role="group",
        **attrs(aria_label=label),
    )


def _typed(id_: str, label: str) -> Component:
    return named(dbc.Input(id=id_, type="text", debounce=True, size="sm", placeholder=label), label)
