"""What the reader chose for this browser: colours, language, time zone (the strip has them too); and the end of the session.
Part of settings.py."""

from __future__ import annotations

from typing import Any

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, ctx, dcc, html, no_update
from dash.development.base_component import Component

from components import ids
from components.access import in_session
from components.look.parts import attrs, section
from components.view import View

FIELDS = ("theme", "language", "zone")
LANGUAGE_NAMES = {"en": "English", "ko": "한국어"}  # each as its readers call it


def layout(text: dict[str, str]) -> Component:
    """Three choices; the end of the session when there is one."""
    options = {
        "theme": {choice: text[f"choice.{choice}"] for choice in ("system", "light", "dark")},
        "language": LANGUAGE_NAMES,
        "zone": {"local": text["choice.local"], "utc": "UTC"},
    }
    rows = [_row(field, text[f"choice.{field}.name"], options[field]) for field in FIELDS]
    log_out = _log_out(text) if in_session() else []
    return section(text["choice.title"], [html.Div([*rows, dcc.Store(id=ids.CHOSEN)], className="choices"), *log_out])


def _row(field: str, name: str, options: dict[str, str]) -> Component:
    radio = dbc.RadioItems(
        id=ids.choice(field),
        options=[{"label": label, "value": value} for value, label in options.items()],
        class_name="btn-group",
        inputClassName="btn-check",
        labelClassName="btn btn-sm btn-outline-secondary",
        labelCheckedClassName="active",
    )
    return html.Div([html.Span(name), html.Div(radio, role="group", **attrs(aria_label=name))], className="choice")


def _log_out(text: dict[str, str]) -> list[Component]:
    button = dbc.Button(text["choice.log_out"], id=ids.LOG_OUT, outline=True, color="secondary", n_clicks=0)
    failed = html.Span(text["banner.offline.now"], id=ids.LOG_OUT_FAILED, hidden=True, role="status", className="hint")
    return [html.Div([button, failed], className="log-out")]


def chosen(view: View) -> tuple[str, str, str]:
    """What the three controls show."""
    return view.theme_choice, view.language, "utc" if view.zone == "UTC" else "local"


def register(app: Dash, _monitor: Any) -> None:
    """The controls follow the choices, wherever they were made; explore.py answers what is chosen here as any gesture."""

    @app.callback(
        *(Output(ids.choice(field), "value") for field in FIELDS),
        Output(ids.CHOSEN, "data"),
        *(Input(ids.choice(field), "value") for field in FIELDS),
        Input(ids.VIEW, "data"),
    )
    def choose(*given: Any) -> Any:
        *values, choices = given
        shown = chosen(View.from_store(choices))
        touched = {ids.choice(field): (field, value) for field, value in zip(FIELDS, values, strict=True) if value}
        field, value = touched.get(str(ctx.triggered_id), ("", ""))
        if field and value != dict(zip(FIELDS, shown, strict=True))[field]:
            return *[no_update] * len(FIELDS), {field: value}
        return *shown, no_update

    # A callback of its own: Dash complains of one whose inputs are not all mounted while its output is.
    @app.callback(Output(ids.CHOICE, "data"), Input(ids.CHOSEN, "data"), prevent_initial_call=True)
    def pass_on(choice: dict[str, str] | None) -> Any:
        return choice or no_update

    in_browser: Any = app.clientside_callback
    log_out = ClientsideFunction("powermon", "logOut")
    in_browser(log_out, Output(ids.LOG_OUT_FAILED, "className"), Input(ids.LOG_OUT, "n_clicks"), prevent_initial_call=True)
