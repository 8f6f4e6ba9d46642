"""The small pieces that panels are made of. Words are named by their key in text.py; the browser puts them in its language.

`data-t` is an element's text, `data-t-title`, `data-t-tip`, `data-t-label` and `data-t-placeholder` its attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dash import html
from dash.development.base_component import Component

from components.text import EN

Children = Any


def attrs(**names: Any) -> dict[str, Any]:
    """HTML attributes with a dash in their name: `attrs(data_value="1")` → `{"data-value": "1"}`."""
    return {name.replace("_", "-"): value for name, value in names.items()}


def word(key: str, tag: Callable[..., Component] = html.Span, **props: Any) -> Component:
    """An element whose text is the words of `key`."""
    return tag(EN[key], **attrs(data_t=key), **props)


def tip(key: str) -> dict[str, Any]:
    """Attributes of an element that explains itself when it is pointed at or has the focus."""
    return {"data-t-tip": key, "data-tip": EN[key], "tabIndex": "0"}


def label(key: str) -> dict[str, Any]:
    """Attributes that name an element for a screen reader."""
    return {"data-t-label": key, "aria-label": EN[key]}


def title(key: str) -> dict[str, Any]:
    """Name and plain tooltip of a control that shows a sign instead of a word."""
    return {"data-t-title": key, "title": EN[key], **label(key)}


def icon(name: str) -> Component:
    """A drawn sign (assets/60_icons.css); says nothing to a screen reader."""
    return html.Span(className=f"icon icon-{name}", **attrs(aria_hidden="true"))


def button(id_: str, key: str, class_name: str = "button", icon_name: str = "", **props: Any) -> Component:
    """A button with words, and a sign before them when one is named."""
    children = [icon(icon_name), word(key)] if icon_name else [word(key)]
    return html.Button(children, id=id_, type="button", className=class_name, **props)


def panel(key: str, children: Children, id_: str = "", class_name: str = "", tools: Children = None) -> Component:
    """A titled section below the chart."""
    heading = html.Div([word(key, html.H2), html.Div(tools or [], className="panel-tools")], className="panel-head")
    props: dict[str, Any] = {"id": id_} if id_ else {}
    return html.Section([heading, *children], className=f"panel {class_name}".strip(), **props)


def fact(key: str, value: Children, hint: str = "") -> Component:
    """One line `name: value` of a definition list."""
    name = word(key, html.Dt, **(tip(hint) | {"className": "has-tip"} if hint else {}))
    return html.Div([name, html.Dd(value)], className="fact")


def when(time_us: int, class_name: str = "when") -> Component:
    """A moment; the browser writes it in the reader's zone."""
    return html.Time("", className=class_name, **attrs(data_ms=str(time_us / 1000)))


def empty(key: str) -> Component:
    """What stands in a list that has nothing yet."""
    return word(key, html.P, className="empty")
