"""WINDOW and SELECTION in one line each: when, charge, energy, coverage, completeness. An empty selection teaches the gesture."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from components import ids
from components.feed import Look
from components.look.parts import attrs
from components.look.scales import energy_text, percent, sum_text
from components.look.times import duration, span_text
from components.panels import export
from components.view import View
from components.words.text import words
from services.model import SpanStats


def layout(text: dict[str, str]) -> Component:
    """Figures at the left, what can be done with a selection at the right."""
    buttons = [
        dbc.Button(text["box.zoom"], id=ids.ZOOM_TO, size="sm", outline=True, color="secondary", n_clicks=0),
        dbc.Button(text["box.clear"], id=ids.CLEAR, size="sm", outline=True, color="secondary", n_clicks=0),
    ]
    return html.Section(
        [
            html.Div([], id=ids.LINE, className="line-texts number"),
            html.Div(buttons, className="line-buttons"),
            export.button(text),
        ],
        className="line",
        **attrs(aria_label=text["line.name"]),
    )


def render(look: Look, view: View) -> list[Component]:
    """One text for the window, one for the selection."""
    text = words(view.language)
    picture = look.picture
    if picture is None:
        return []
    window = html.Div(f"{text['box.window']}\t{_said(picture.stats, view, look.now_us, text)}", id="line-window")
    if picture.selection is None:
        return [window, html.Div(f"{text['box.selection']}\t{text['box.selection.empty']}", className="hint")]
    said = _said(picture.selection, view, look.now_us, text)
    return [window, html.Div(f"{text['box.selection']}\t{said}", id="line-selection", className="chosen")]


def _said(stats: SpanStats, view: View, now_us: int, text: dict[str, str]) -> str:
    span_s = (stats.t1_us - stats.t0_us) / 1e6
    parts = [
        span_text(stats.t0_us, stats.t1_us, view.zone, now_us),
        f"Δt {duration(span_s, text)}",
        f"{sum_text(stats.charge_mah)} mAh",
        " ".join(energy_text(stats.energy_wh)),
        f"{text['box.coverage']} {duration(min(stats.coverage_s, span_s), text)}",
    ]
    if stats.counts is not None:
        parts.append(f"{percent(stats.counts.completeness)} {text['strip.complete']}")
    return " · ".join(parts)
