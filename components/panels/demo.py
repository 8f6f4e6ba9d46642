"""The simulated board's own drawer: what it measures, how fast, and faults to see what the program does about them.

Shown only while the simulated board is looked at, beside the chart, so that one sees what happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from anyio import CapacityLimiter, to_thread
from dash import Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component

from components import ids
from components.access import changes, may_change
from components.look.parts import outcome, said, section
from components.view import View
from components.words.phrases import phrase
from components.words.text import words
from services.errors import PowermonError
from services.live_model import CommandOutcome, DemoState
from services.options import SCENARIOS

if TYPE_CHECKING:
    from services.monitor import Monitor

INTERVALS_MS = {"1000": 1, "200": 5, "100": 10, "20": 50, "10": 100, "1": 1000}  # and how many readings that is in a second
ONCE = {"unplug": 5.0, "silence": 5.0, "reboot": 0.0, "clock_jump": 60.0, "spike": 2.0}
LASTING = {
    "drop": 0.05,
    "corrupt": 0.05,
    "duplicate": 0.05,
    "reorder": 0.05,
    "delay": 0.05,
    "out_of_range": 0.02,
    "sensor_error": 0.02,
}
AT_ONCE = 4


def layout(text: dict[str, str]) -> Component:
    """Scenario, rate, faults that happen once, faults that stay on."""
    scenarios = {name: text[f"scenario.{name}"] for name in SCENARIOS}
    rates = {ms: text["demo.rate"].format(n=hz) for ms, hz in INTERVALS_MS.items()}
    lasting = dbc.Checklist(
        id=ids.fault("lasting"),
        options=[{"label": text[f"fault.{name}"], "value": name} for name in LASTING],
        value=[],
        switch=True,
        class_name="two-columns",
    )
    return html.Div(
        [
            html.P(text["demo.hint"], className="hint"),
            changes(
                [
                    section(text["demo.scenario"], [_choice(ids.SCENARIO, scenarios)]),
                    section(text["demo.speed"], [_choice(ids.DEMO_INTERVAL, rates)]),
                    section(text["demo.once"], [html.Div([_fault(name, text) for name in ONCE], className="faults")]),
                    section(text["demo.lasting"], [lasting]),
                ],
                text["drawer.demo"],
            ),
            outcome(ids.FAULT_RESULT),
        ]
    )


def _choice(id_: str, options: dict[str, str]) -> Component:
    return dbc.RadioItems(
        id=id_,
        options=[{"label": word, "value": value} for value, word in options.items()],
        class_name="chips",
        inputClassName="btn-check",
        labelClassName="btn btn-sm btn-outline-secondary",
    )


def _fault(name: str, text: dict[str, str]) -> Component:
    said_ = [html.Strong(text[f"fault.{name}"]), html.Small(text[f"fault.{name}.what"])]
    return dbc.Button(said_, id=ids.fault(name), outline=True, color="secondary", class_name="fault", n_clicks=0)


def render(state: DemoState) -> tuple[str | None, str | None, list[str]]:
    """What scenario, rate and switches show."""
    interval = None if state.interval_ms is None else f"{state.interval_ms:g}"
    return state.scenario, interval if interval in INTERVALS_MS else None, [name for name in LASTING if name in state.faults]


def switched(wanted: list[str], on: dict[str, float]) -> dict[str, float]:
    """Which lasting faults are to be switched, and to what: 0 is off."""
    return {name: chance if name in wanted else 0.0 for name, chance in LASTING.items() if (name in wanted) != (name in on)}


def register(app: Dash, monitor: Monitor) -> None:
    """Shows what is switched on, whoever did it; changes are for operators."""
    threads = CapacityLimiter(AT_ONCE)
    once = {ids.fault(name): name for name in ONCE}

    @app.callback(
        Output(ids.SCENARIO, "value"),
        Output(ids.DEMO_INTERVAL, "value"),
        Output(ids.fault("lasting"), "value"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.FAULT_RESULT, "children"),
        State(ids.SCENARIO, "value"),
        State(ids.DEMO_INTERVAL, "value"),
        State(ids.fault("lasting"), "value"),
    )
    async def show_demo(_n: int, _done: Any, *held: Any) -> Any:
        if not may_change():  # to move a control is to ask for it, which the guard refuses a viewer
            return (no_update,) * len(held)
        try:
            state = await to_thread.run_sync(monitor.demo, limiter=threads)
        except PowermonError:
            return (no_update,) * len(held)
        return tuple(no_update if value == have else value for value, have in zip(render(state), held, strict=True))

    @app.callback(
        Output(ids.FAULT_RESULT, "children"),
        [Input(id_, "n_clicks") for id_ in once],
        Input(ids.SCENARIO, "value"),
        Input(ids.DEMO_INTERVAL, "value"),
        Input(ids.fault("lasting"), "value"),
        State(ids.VIEW, "data"),
        prevent_initial_call=True,
    )
    async def break_it(*given: Any) -> Any:
        *_clicks, scenario, interval, lasting, choices = given
        view = View.from_store(choices)
        text = words(view.language)
        asked = str(ctx.triggered_id)
        if asked in once and not ctx.triggered[0]["value"]:
            return no_update
        try:
            done = await to_thread.run_sync(
                _do, monitor, once.get(asked, asked), (scenario, interval, lasting), text, limiter=threads
            )
        except PowermonError as error:
            return said(text["demo.failed"].format(message=phrase(str(error), view.language)), "problem")
        return no_update if done is None else done


def _do(monitor: Monitor, asked: str, chosen: tuple[Any, Any, Any], text: dict[str, str]) -> Component | None:
    """Does it if it is not so already: the controls also move when somebody else did it. None: nothing was done."""
    scenario, interval, lasting = chosen
    state = monitor.demo()
    if asked in ONCE:
        monitor.fault(state.device, asked, ONCE[asked])
        return said(text["demo.done"].format(fault=text[f"fault.{asked}"]))
    if asked == ids.SCENARIO and scenario in SCENARIOS and scenario != state.scenario:
        monitor.begin_scenario(state.device, scenario)
        return said(text["demo.runs"].format(scenario=text[f"scenario.{scenario}"]))
    if asked == ids.DEMO_INTERVAL and interval in INTERVALS_MS and interval != render(state)[1]:
        return _paced(monitor.command(state.device, "set_interval", {"value_ms": int(interval)}), text)
    if asked == ids.fault("lasting"):
        wanted = switched(lasting or [], state.faults)
        for name, chance in wanted.items():
            monitor.fault(state.device, name, chance)
        told = [text["demo.on" if chance else "demo.off"].format(fault=text[f"fault.{name}"]) for name, chance in wanted.items()]
        return said(" ".join(told)) if told else None
    return None


def _paced(done: CommandOutcome, text: dict[str, str]) -> Component:
    ok = done.result == "ok"
    told = (
        text["demo.paced"].format(n=INTERVALS_MS[str(done.args["value_ms"])])
        if ok
        else text["outcome.failed"].format(tries=done.tries)
    )
    return said(told, "ok" if ok else "problem")
