"""How far a board's numbers can be trusted: a sign, a word and a figure for each lamp, and where its verdict changes.

A part of the drawer of the board; what is not in order stands in the strip too.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from components.look.parts import attrs, exact, icon
from components.look.scales import percent
from components.look.units import number
from components.words.text import words
from services.alert_model import Lamp, Level

SEVERITY = {Level.NORMAL: 0, Level.WARNING: 1, Level.DANGER: 2}
ELSEWHERE = "completeness"  # the strip says it in its own words


def render(lamps: tuple[Lamp, ...], language: str) -> Component:
    """A row each."""
    return html.Ul([_row(one, words(language)) for one in lamps], className="lamps")


def _row(one: Lamp, text: dict[str, str]) -> Component:
    known = one.value is not None
    level = one.level.value if known else "unknown"
    sign = icon("info" if not known else "done" if one.level is Level.NORMAL else "warning")
    parts: list[Component] = [
        html.Span([sign, html.Strong(text[f"lamp.level.{level}"])], className="lamp-level"),
        html.Span(text[f"lamp.{one.name}"]),
        html.Span(figure(one.value, one.unit) if known else "", className="number", **exact(one.value)),
    ]
    if one.warning is not None and one.danger is not None:
        key = "lamp.limits.below" if one.warning > one.danger else "lamp.limits"
        limits = text[key].format(warning=figure(one.warning, one.unit), danger=figure(one.danger, one.unit))
        parts.append(html.Small(limits, className="hint number"))
    return html.Li(parts, className=f"lamp-row lamp-{level}", title=text[f"tip.lamp.{one.name}"], **attrs(data_lamp=one.name))


def figure(value: float | None, unit: str) -> str:
    """12.5 mW, 0.3 %, 180 ppm, 4.1 ms"""
    if value is None:
        return ""
    if unit == "W":
        return f"{number(value * 1000, 1)} mW"
    return percent(value) if unit == "share" else f"{number(value, 0 if unit == 'ppm' else 1)} {unit}"


def worst(lamps: tuple[Lamp, ...], language: str) -> list[Component]:
    """The one that is worst, for the strip; nothing while all is in order."""
    lit = [one for one in lamps if one.level is not Level.NORMAL and one.name != ELSEWHERE]
    if not lit:
        return []
    text, one = words(language), max(lit, key=lambda each: SEVERITY[each.level])
    said = f"{text[f'lamp.{one.name}']}: {text[f'lamp.level.{one.level.value}']}"
    look = f"strip-lamp strip-lamp-{one.level.value}"
    return [html.Span([icon("warning"), said], className=look, title=text[f"tip.lamp.{one.name}"])]
