"""What a viewer may not do is shown, disabled, with the reason. The guard refuses it anyway (services/web/callbacks.py).

A panel puts the controls that change something into `changes(…)`: a fieldset, which the browser disables as a whole,
what a callback puts into it later included. `for_viewer` does that where a drawer or dialog is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_bootstrap_components as dbc
from dash import ctx, html
from dash.development.base_component import Component
from dash.exceptions import MissingCallbackContextException

from components.look.parts import attrs, icon

CHANGES = "changes"


def may_change() -> bool:
    """Within a callback: does an operator ask? Hides what would be refused; protects nothing."""
    return is_operator(ctx.headers)


def is_operator(headers: Mapping[str, Any]) -> bool:
    """The same of a request's headers, which the guard sets."""
    return str(headers.get("x-powermon-role", "")) != "viewer"


def in_session() -> bool:
    """Has the asker of this callback logged in, so that there is something to log out of? Outside of one nobody asks."""
    try:
        return bool(ctx.headers.get("x-powermon-session"))
    except MissingCallbackContextException:
        return False


def changes(children: list[Component], label: str, **props: Any) -> Component:
    """Controls that change something; `label` names them to a screen reader."""
    return html.Fieldset(children, className=CHANGES, **props, **attrs(aria_label=label))


def for_viewer(content: Component, text: dict[str, str]) -> Component:
    """The same with everything that changes something disabled, and the reason before it."""
    found = [part for part in _all(content) if isinstance(part, html.Fieldset) and getattr(part, "className", "") == CHANGES]
    for fieldset in found:
        setattr(fieldset, "disabled", True)  # noqa: B010  (Dash's components declare their properties at run time)
    return html.Div([reason(text), content]) if found else content


def reason(text: dict[str, str]) -> Component:
    """Why a control is disabled."""
    return dbc.Alert([icon("info"), html.Span(text["role.viewer"])], color="info", className="banner banner-info")


def _all(content: Component) -> list[Component]:
    return [content, *(part for part in content._traverse() if isinstance(part, Component))]  # type: ignore[no-untyped-call]
