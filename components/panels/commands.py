"""Commands to the board that is looked at: each says what became of it, and the log keeps it. Part of board.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from anyio import CapacityLimiter, to_thread
from dash import Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component

from components import ids
from components.access import changes
from components.look.parts import attrs, only_changed, outcome, said, section
from components.look.times import stamp
from components.look.units import number
from components.view import View
from components.words.phrases import phrase
from components.words.sentences import sentence
from components.words.text import words
from services.errors import PowermonError
from services.live_model import CommandOutcome
from services.model import Event, EventKind

if TYPE_CHECKING:
    from services.monitor import Monitor

PLAIN = ("ping", "buzzer", "set_time", "reset_energy", "hello")
INTERVAL_MS = (1, 60_000)
LOGGED, LOOKED_AT = 12, 200  # lines of the log, out of so many events
ALWAYS_US = 2**62
WAITING = 16  # commands on their way from pages at one time; each takes a thread until the board has answered


def layout(text: dict[str, str]) -> Component:
    """The interval with its value, commands that need none, the outcome, the log."""
    interval = dbc.InputGroup(
        [
            html.Label(text["board.interval"], htmlFor=ids.INTERVAL, className="input-group-text"),
            dbc.Input(id=ids.INTERVAL, type="number", step=1, placeholder="100"),
            dbc.Button(text["command.set_interval"], id=ids.command("set_interval"), color="primary", n_clicks=0),
        ]
    )
    plain = [
        dbc.Button(text[f"command.{name}"], id=ids.command(name), outline=True, color="secondary", n_clicks=0) for name in PLAIN
    ]
    busy = html.Div(text["outcome.sending"], id=ids.COMMAND_BUSY, hidden=True, className="said said-busy")
    return section(
        text["panel.commands"],
        [
            changes([interval, html.Div(plain, className="button-row")], text["panel.commands"]),
            busy,
            outcome(ids.COMMAND_RESULT),
            html.Ol([], id=ids.COMMAND_LOG, className="log", **attrs(aria_label=text["board.log"])),
        ],
    )


def render(events: list[Event], view: View, now_us: int) -> list[Component]:
    """The log: commands of this board, newest first."""
    text = words(view.language)
    told = [event for event in events if event.kind is EventKind.COMMAND][:LOGGED]
    lines = [html.Li(f"{stamp(event.time_us, view.zone, now_us)}\t{sentence(event, view.language)}") for event in told]
    return list(lines) or [html.Li(text["board.log.none"], className="hint")]


def render_outcome(done: CommandOutcome, view: View) -> Component:
    """What the board answered, in how many milliseconds and tries."""
    text = words(view.language)
    result = text[f"outcome.{done.result}"].format(ms=number(done.took_ms, 0), tries=done.tries)
    detail = f" ({phrase(done.detail, view.language)})" if done.detail and done.result != "failed" else ""
    return said(f"{text[f'command.{done.name}']}: {result}{detail}", "ok" if done.result == "ok" else "problem")


def arguments(name: str, interval_ms: Any, now_us: int) -> dict[str, Any] | None:
    """What goes with a command; None for an interval that is none."""
    if name == "set_interval":
        low, high = INTERVAL_MS
        whole = isinstance(interval_ms, int | float) and not isinstance(interval_ms, bool) and float(interval_ms).is_integer()
        return {"value_ms": int(interval_ms)} if whole and low <= interval_ms <= high else None
    if name == "set_time":
        return {"epoch_ms": now_us // 1000}
    return {"on_ms": 200, "times": 2} if name == "buzzer" else {}


def register(app: Dash, monitor: Monitor) -> None:
    """Sends, waits for the acknowledgement, says it; the log looks again every few seconds and after each command."""
    threads = CapacityLimiter(WAITING)
    buttons = {ids.command(name): name for name in ("set_interval", *PLAIN)}

    @app.callback(
        Output(ids.COMMAND_RESULT, "children"),
        [Input(id_, "n_clicks") for id_ in buttons],
        State(ids.INTERVAL, "value"),
        State(ids.VIEW, "data"),
        running=[
            *((Output(id_, "disabled"), True, False) for id_ in buttons),
            (Output(ids.COMMAND_BUSY, "hidden"), False, True),
        ],
        prevent_initial_call=True,
    )
    async def send(*given: Any) -> Any:
        *_clicks, value, choices = given
        name = buttons.get(str(ctx.triggered_id))
        if name is None or not ctx.triggered[0]["value"]:
            return no_update
        view = View.from_store(choices)
        text = words(view.language)
        args = arguments(name, value, monitor.clock.now_us())
        if args is None:
            return said(text["board.interval.bad"], "problem")
        device = view.device or monitor.default_device() or ""
        try:
            done = await to_thread.run_sync(monitor.command, device, name, args, limiter=threads)
        except PowermonError as error:
            refused = f"{text[f'command.{name}']}: {text['outcome.refused']} ({phrase(str(error), view.language)})"
            return said(refused, "problem")
        return render_outcome(done, view)

    @app.callback(
        Output(ids.COMMAND_LOG, "children"),
        Output(ids.COMMAND_LOG, "data-shown"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
        Input(ids.COMMAND_RESULT, "children"),
        State(ids.COMMAND_LOG, "data-shown"),
    )
    async def show_log(_n: int, choices: Any, _done: Any, shown: str | None) -> Any:
        view = View.from_store(choices)
        device = view.device or monitor.default_device() or ""
        events = await to_thread.run_sync(monitor.events, device, 0, ALWAYS_US, LOOKED_AT)
        return only_changed(render(events, view, monitor.clock.now_us()), shown)
