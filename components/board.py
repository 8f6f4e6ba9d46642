"""Commands to the board: interval, buzzer, ping … Each shows what became of it. assets/forms.js sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import Dash, dcc, html
from dash.development.base_component import Component

from components import ids
from components.parts import attrs, button, panel, word

if TYPE_CHECKING:
    from services.monitor import Monitor

PLAIN_COMMANDS = ("ping", "buzzer", "set_time", "reset_energy", "hello")


def layout() -> Component:
    """Interval with its value, then commands that need none, then the outcomes."""
    interval = html.Div(
        [
            html.Label(
                [
                    word("board.interval"),
                    dcc.Input(
                        id=ids.INTERVAL_INPUT, type="text", inputMode="numeric", maxLength=5, placeholder="500", debounce=True
                    ),
                ],
                className="field short",
                htmlFor=ids.INTERVAL_INPUT,
            ),
            button(
                ids.command_button("set_interval"), "command.set_interval", "button primary", **attrs(data_command="set_interval")
            ),
        ],
        className="form",
    )
    plain = [button(ids.command_button(name), f"command.{name}", "button", **attrs(data_command=name)) for name in PLAIN_COMMANDS]
    return panel(
        "panel.board",
        [
            interval,
            html.Div(plain, className="button-row"),
            html.Ol(id=ids.COMMAND_RESULT, className="outcomes", role="log", **attrs(aria_live="polite")),
        ],
        ids.BOARD_PANEL,
    )


def register(app: Dash, monitor: Monitor) -> None:
    """Nothing here asks the server: commands go by POST /api/devices/{id}/commands, where roles are checked."""
