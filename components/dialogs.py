"""What opens over the page: the export, with its size and time before it starts, and the sheet of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import Dash, html
from dash.development.base_component import Component

from components import ids
from components.parts import button, word

if TYPE_CHECKING:
    from services.monitor import Monitor

CHOICES = {
    "scope": ("all", "window", "selection"),
    "format": ("csv", "parquet"),
    "delimiter": ("comma", "semicolon", "tab"),
    "decimal": ("point", "comma"),
    "zone": ("utc", "local"),
    "header": ("units", "plain"),
}
CSV_ONLY = ("delimiter", "decimal", "zone", "header")
KEYS = (
    ("drag", "help.drag"),
    ("shift", "help.shift"),
    ("wheel", "help.wheel"),
    ("pinch", "help.pinch"),
    ("arrows", "help.arrows"),
    ("zoom", "help.zoom"),
    ("S", "help.s"),
    ("D", "help.d"),
    ("L", "help.l"),
    ("Alt + A", "help.all"),
    ("Alt + Z", "help.selection"),
    ("Esc", "help.esc"),
    ("?", "help.help"),
)


def layout() -> Component:
    """Both dialogs, closed."""
    return html.Div([_export(), _help()])


def register(app: Dash, monitor: Monitor) -> None:
    """assets/export.js and assets/keys.js open and run them."""


def _export() -> Component:
    return html.Dialog(
        [
            word("export.title", html.H2),
            html.Div([_choice(name) for name in CHOICES], className="choices"),
            html.P(id="export-estimate", className="estimate number", role="status"),
            html.Progress(id="export-progress", max="100", value="0", hidden=True),
            html.P(id="export-note", className="hint"),
            html.Div(
                [
                    button("export-cancel", "export.close", "button"),
                    button("export-start", "export.start", "button primary", "download"),
                ],
                className="dialog-tools",
            ),
        ],
        id=ids.EXPORT_DIALOG,
        className="dialog",
    )


def _choice(name: str) -> Component:
    options = [word(f"export.{name}.{value}", html.Option, value=value) for value in CHOICES[name]]
    class_name = "field csv-only" if name in CSV_ONLY else "field"
    return html.Label([word(f"export.{name}"), html.Select(options, id=f"export-{name}")], className=class_name)


def _help() -> Component:
    rows = [html.Div([html.Dt(_keys(keys)), word(key, html.Dd)]) for keys, key in KEYS]
    return html.Dialog(
        [
            word("help.title", html.H2),
            html.Dl(rows, className="keys"),
            html.Div(button("help-close", "help.close", "button"), className="dialog-tools"),
        ],
        id=ids.HELP_DIALOG,
        className="dialog",
    )


def _keys(keys: str) -> Component:
    if keys.islower():
        return word(f"key.{keys}", html.Span, className="gesture")
    return html.Span([html.Kbd(key) for key in keys.split(" + ")])
