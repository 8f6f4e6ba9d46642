"""Settings: the reader's own choices (choices.py); what can be changed while the program runs is changed here and remembered; of
the rest, how it stands now and the option that sets it at the next start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from anyio import to_thread
from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from components import ids
from components.access import changes
from components.look.parts import facts, outcome, said, section
from components.look.units import NO_VALUE, hours
from components.panels import choices
from components.view import View
from components.words.phrases import phrase
from components.words.text import words
from services.errors import PowermonError
from services.options import OPTIONS
from services.settings import Settings

if TYPE_CHECKING:
    from services.monitor import Monitor

LEVELS = ("debug", "info", "warning", "error")
NUMBERS = ("interval_ms", "retention_h", "max_db_mb")
HERE = (*NUMBERS, "log_level")
SHORTER = "shorter"  # the box that allows older readings to be deleted
SECRET = ("token", "viewer_token", "webhook", "webhook_token")  # the address of a webhook often holds a password
FLAGS = {option.name: option.flag for option in OPTIONS}


def layout(text: dict[str, str]) -> Component:
    """A form, and below it what needs a restart."""
    fields = [_field(name, _number(name), text) for name in NUMBERS]
    levels = [{"label": level, "value": level} for level in LEVELS]
    fields.append(_field("log_level", dbc.Select(id=ids.setting("log_level"), options=levels), text))
    allow = dbc.Checkbox(id=ids.setting(SHORTER), label=text["settings.shorter"], value=False, class_name="wide")
    save = dbc.Button(text["settings.save"], id=ids.setting("save"), color="primary", n_clicks=0, class_name="wide")
    return html.Div(
        [
            choices.layout(text),
            section(
                text["settings.now"],
                [
                    html.P(text["settings.now.what"], className="hint"),
                    changes([html.Div([*fields, allow, save], className="form")], text["settings.now"]),
                    outcome(ids.SETTINGS_RESULT),
                ],
            ),
            section(
                text["settings.restart"], [html.P(text["settings.restart.what"], className="hint"), html.Div([], id=ids.SETTINGS)]
            ),
        ]
    )


def _number(name: str) -> Component:
    # Without limits of its own: a browser would keep back what lies outside, and nobody could say what is wrong with it.
    return dbc.Input(id=ids.setting(name), type="number", step="any")


def _field(name: str, control: Component, text: dict[str, str]) -> Component:
    option = html.Small(FLAGS[name], id=f"option-{name}", className="hint")
    return html.Label([html.Span([text[f"settings.{name}"], " ", option]), control], className="field")


def render_rest(settings: Settings, text: dict[str, str]) -> Component:
    """Option and value of everything that needs a restart."""
    rest = [option for option in OPTIONS if option.name not in HERE]
    return facts([(option.flag, _shown(option.name, settings, text)) for option in rest], className="facts options")


def _shown(name: str, settings: Settings, text: dict[str, str]) -> str:
    if name in SECRET:
        return text["settings.set" if getattr(settings, name) else "settings.not_set"]
    if name in ("warn", "danger"):
        return str(sum(limit.level.value == {"warn": "warning"}.get(name, name) for limit in settings.thresholds))
    value = getattr(settings, {"port": "ports"}.get(name, name), None)
    if value is None:
        value = getattr(settings.limits, name, None)
    if isinstance(value, bool):
        return text["settings.yes" if value else "settings.no"]
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or NO_VALUE
    if name == "database" or name == "log_file":
        return getattr(value, "name", "") or NO_VALUE  # no path of this machine is shown
    return NO_VALUE if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)


def asked(values: dict[str, Any]) -> dict[str, Any]:
    """What the form wants: an empty size is no limit, another empty field is left as it is."""
    return {name: value for name, value in values.items() if name == "max_db_mb" or value not in (None, "")} | {
        "max_db_mb": values["max_db_mb"] or None
    }


def deletes(wanted: dict[str, Any], before: dict[str, Any]) -> bool:
    """Would readings that are kept now be deleted?"""
    less_time = float(wanted.get("retention_h", before["retention_h"])) < before["retention_h"]
    limit, had = wanted.get("max_db_mb"), before["max_db_mb"]
    return less_time or (limit is not None and (had is None or float(limit) < had))


def register(app: Dash, monitor: Monitor) -> None:
    """Shows what is in effect when it is opened and after each change; saving is for operators."""

    @app.callback(
        *(Output(ids.setting(name), "value") for name in HERE),
        Input(ids.SETTINGS, "id"),
    )
    def show_changeable(_there: str) -> Any:
        now = monitor.changeable()
        return [now[name] for name in HERE]

    @app.callback(
        *(Output(f"option-{name}", "children") for name in HERE),
        Output(ids.SETTINGS, "children"),
        Input(ids.SETTINGS, "id"),
        Input(ids.SETTINGS_RESULT, "children"),
        State(ids.VIEW, "data"),
    )
    def show_settings(_there: str, _done: Any, choices: Any) -> Any:
        text = words(View.from_store(choices).language)
        settings = monitor.settings
        named = [FLAGS[name] + (text["settings.given"] if name in settings.given else "") for name in HERE]
        return *named, render_rest(settings, text)

    @app.callback(
        Output(ids.SETTINGS_RESULT, "children"),
        Output(ids.setting(SHORTER), "value"),
        *(Output(ids.setting(name), "value", allow_duplicate=True) for name in HERE),
        Input(ids.setting("save"), "n_clicks"),
        *(State(ids.setting(name), "value") for name in HERE),
        State(ids.setting(SHORTER), "value"),
        State(ids.VIEW, "data"),
        running=[(Output(ids.setting("save"), "disabled"), True, False)],
        prevent_initial_call=True,
    )
    async def save(clicks: int | None, *given: Any) -> Any:
        as_typed = [no_update] * len(HERE)
        if not clicks:
            return no_update, no_update, *as_typed
        *values, allowed, choices = given
        view = View.from_store(choices)
        wanted = asked(dict(zip(HERE, values, strict=True)))
        try:
            if deletes(wanted, monitor.changeable()) and not allowed:
                return said(words(view.language)["settings.shorter.first"], "problem"), False, *as_typed
            changed = await to_thread.run_sync(monitor.change_settings, wanted)
        except (PowermonError, ValueError, TypeError) as error:
            return said(phrase(str(error), view.language), "problem"), False, *as_typed
        return said(told(changed, monitor.settings, view)), False, *in_effect(values, monitor.changeable())

    @app.callback(Output(ids.TICK, "interval"), Input(ids.SETTINGS_RESULT, "children"))
    def keep_pace(_done: Any) -> int:
        return monitor.settings.interval_ms


def in_effect(values: Sequence[Any], now: dict[str, Any]) -> list[Any]:
    """Fields that were taken otherwise than they were typed; a field that says it already is left alone, for its reader may be
    typing in it again."""
    return [no_update if value == now[name] else now[name] for name, value in zip(HERE, values, strict=True)]


def told(changed: list[str], settings: Settings, view: View) -> str:
    """What is another now, and whether the start will say otherwise."""
    text = words(view.language)
    if not changed:
        return text["settings.same"]
    names = ", ".join(text[f"settings.{name}"] for name in changed)
    fixed = [FLAGS[name] for name in changed if name in settings.given]
    more = " " + text["settings.until_restart"].format(options=", ".join(fixed)) if fixed else ""
    kept = text["settings.kept"].format(h=hours(settings.retention_h)) if "retention_h" in changed else ""
    return f"{text['settings.saved'].format(names=names)}{' ' if kept else ''}{kept}{more}"
