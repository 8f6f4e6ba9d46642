"""Small pieces that panels are made of."""

from __future__ import annotations

import zlib
from typing import Any

import dash_bootstrap_components as dbc
from dash import html, no_update
from dash.development.base_component import Component
from plotly.io.json import to_json_plotly


def attrs(**names: Any) -> dict[str, Any]:
    """HTML attributes with a dash in their name: `attrs(data_value="1")` → `{"data-value": "1"}`."""
    return {name.replace("_", "-"): value for name, value in names.items()}


def icon(name: str) -> Component:
    """A drawn sign (assets/powermon.css); says nothing to a screen reader."""
    return html.Span(className=f"icon icon-{name}", **attrs(aria_hidden="true"))


def sign_button(id_: str, sign: str | Component, label: str, **props: Any) -> Component:
    """A button that shows a sign; its title is its name."""
    shown = icon(sign) if isinstance(sign, str) else sign
    return dbc.Button(shown, id=id_, color="link", className="sign-button", title=label, **props)


def named(control: Component, label: str) -> Component:
    """A control with a name that only a screen reader reads."""
    return html.Label([html.Span(label, className="visually-hidden"), control], className="named")


def exact(value: float | None) -> dict[str, Any]:
    """The exact value behind a rounded text: tests and scripts read the page by it."""
    return attrs(data_value="" if value is None else repr(value))


def facts(pairs: list[tuple[str, str]], **props: Any) -> Component:
    """Names and what they are, in two columns."""
    return html.Dl([part for name, value in pairs for part in (html.Dt(name), html.Dd(value, className="number"))], **props)


def with_commands(said: str) -> list[Component | str]:
    """A sentence whose `commands` can be told from its words, and be copied with one click (assets/powermon.css)."""
    return [html.Code(part, className="command") if at % 2 else part for at, part in enumerate(said.split("`")) if part]


def section(title: str, children: list[Component], **props: Any) -> Component:
    """A part of a drawer under its heading."""
    return html.Section([html.H3(title), *children], className="part", **props)


def outcome(id_: str) -> Component:
    """Where a callback that changes something says what became of it; read aloud."""
    return html.Div("", id=id_, className="outcome", role="status")


def said(message: str, kind: str = "ok") -> Component:
    """What became of something: `kind` ok, problem or busy."""
    sign = icon("warning" if kind == "problem" else "done")
    return html.Div([sign, html.Span(with_commands(message))], className=f"said said-{kind}")


def only_changed(content: Any, shown: str | None) -> tuple[Any, Any]:
    """(content, its mark) for a list of which `shown` is the mark of what stands there already; the same is not sent again."""
    mark = f"{zlib.crc32(to_json_plotly(content).encode()):x}"
    return (no_update, no_update) if mark == shown else (content, mark)
