"""Faults of the simulated board, to see what the program does about them. Shown only when the board is simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dash import Dash, html
from dash.development.base_component import Component

from components import ids
from components.parts import attrs, icon, panel, word

if TYPE_CHECKING:
    from services.monitor import Monitor


class Fault(NamedTuple):
    """A fault of the simulated board and the value sent with it. `lasting`: stays on until it is switched off (value 0)."""

    name: str
    value: float
    lasting: bool = False


FAULTS = (
    Fault("unplug", 5),
    Fault("silence", 5),
    Fault("reboot", 0),
    Fault("clock_jump", 60),
    Fault("spike", 2),
    Fault("drop", 0.05, lasting=True),
    Fault("corrupt", 0.05, lasting=True),
)


def layout() -> Component:
    """One button a fault; lasting ones are switches."""
    return panel(
        "panel.demo",
        [
            word("demo.hint", html.P, className="hint"),
            html.Div([_button(fault) for fault in FAULTS], className="faults"),
            html.P(id=ids.DEMO_RESULT, className="result", role="status"),
        ],
        ids.DEMO_PANEL,
        "demo-panel",
    )


def register(app: Dash, monitor: Monitor) -> None:
    """Nothing here asks the server: faults go by POST /api/demo/fault, where roles are checked."""


def _button(fault: Fault) -> Component:
    lasting = {"aria-pressed": "false"} if fault.lasting else {}
    return html.Button(
        [
            icon(f"fault-{fault.name}"),
            html.Span([word(f"fault.{fault.name}", html.Strong), word(f"fault.{fault.name}.what", html.Small)]),
        ],
        id=ids.fault_button(fault.name),
        type="button",
        className="fault",
        **attrs(data_fault=fault.name, data_value=str(fault.value), **lasting),
    )
