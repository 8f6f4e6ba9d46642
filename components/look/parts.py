"""Small pieces that panels are made of."""

from __future__ import annotations

from typing import Any

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component


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
