"""The board that is looked at: how its link stands and what would mend it, what it is, the account of its session; and an end to
its link. Commands: commands.py. Another board: boards.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
import msgspec
from anyio import to_thread
from dash import Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component

from components import ids
from components.access import changes, may_change
from components.look.parts import facts, icon, only_changed, outcome, said, section, with_commands
from components.look.times import duration, stamp
from components.look.units import number
from components.panels import commands, lamps
from components.view import View
from components.words.phrases import phrase
from components.words.text import words
from services.errors import PowermonError, UnknownDevice
from services.live_model import DeviceInfo, Snapshot
from services.model import Counts

if TYPE_CHECKING:
    from services.monitor import Monitor

ACCOUNT = ("received", "recovered", "late", "missing", "lost", "duplicates", "corrupt", "bad_lines", "rejected")


class Known(msgspec.Struct, frozen=True):
    """What is known of a board. `state` is None without a link; `stored_us`: times of its oldest and newest stored reading."""

    info: DeviceInfo | None
    state: Snapshot | None = None
    stored_us: tuple[int, int] | None = None


def layout(text: dict[str, str]) -> Component:
    """Facts, commands, the end of the link."""
    remove = dbc.Button(text["board.remove"], id=ids.REMOVE, outline=True, color="secondary", n_clicks=0)
    return html.Div(
        [
            html.Div([], id=ids.BOARD_FACTS),
            commands.layout(text),
            section(
                text["board.remove.title"],
                [
                    html.P(text["board.remove.what"], className="hint"),
                    changes([remove], text["board.remove.title"]),
                    outcome(ids.REMOVE_RESULT),
                ],
            ),
        ]
    )


def render(known: Known, view: View, now_us: int) -> list[Component]:
    """Trouble first, then facts, how far the numbers can be trusted, and the account."""
    text, info = words(view.language), known.info
    if info is None:
        return [html.P(text["banner.noboard"], className="hint")]
    found: list[Component] = []
    if info.problem:
        told = html.Span(with_commands(phrase(info.problem, view.language)))
        found.append(dbc.Alert([icon("warning"), told], color="warning", className="banner banner-warning"))
    about = facts([pair for pair in _facts(known, info, view, now_us) if pair[1]])
    found.append(section(info.device, [about]))
    if known.state is not None and known.state.health:
        found.append(section(text["lamp.title"], [lamps.render(known.state.health, view.language)]))
    if known.state is not None:
        found.append(section(text["panel.counts"], [_account(known.state.counts, text)]))
    return found


def _facts(known: Known, info: DeviceInfo, view: View, now_us: int) -> list[tuple[str, str]]:
    text = words(view.language)
    since = stamp(info.state_since_us, view.zone, now_us) if info.url else ""
    link = text[f"link.{info.state.value}"] if info.url else text["board.no_link"]
    return [
        (text["fact.link"], f"{link}, {text['fact.from'].format(time=since)}" if since else link),
        (text["fact.port"], text["board.simulated"] if info.demo else info.url),
        (text["fact.board"], " · ".join(part for part in (info.board_id, _boot(info, text)) if part)),
        (text["fact.firmware"], info.firmware),
        (text["fact.level"], "" if info.level is None else f"{info.level} · {text[f'board.level.{info.level}']}"),
        (text["fact.interval"], "" if not info.interval_ms else f"{number(info.interval_ms, 0)} ms"),
        (text["fact.sensor"], _sensor(known, info, text)),
        (text["fact.buffer"], text["fact.readings"].format(n=number(info.buffer, 0)) if info.buffer else ""),
        (text["fact.clock"], _clock(info, text)),
        (text["fact.residual"], _residual(known.state)),
        (text["fact.stored"], _stored(known.stored_us, view, now_us)),
    ]


def _sensor(known: Known, info: DeviceInfo, text: dict[str, str]) -> str:
    """Nothing is known of it before it measured."""
    if known.state is None or known.state.last is None:
        return ""
    return text["fact.sensor.ok"] if info.sensor == "ok" else info.sensor


def _boot(info: DeviceInfo, text: dict[str, str]) -> str:
    return "" if info.boot is None else text["fact.boot"].format(n=info.boot)


def _clock(info: DeviceInfo, text: dict[str, str]) -> str:
    drift, jitter = info.clock.drift_ppm, info.clock.jitter_ms
    return "" if drift is None else text["fact.drift"].format(ppm=number(drift, 1), ms=number(jitter, 1))


def _residual(state: Snapshot | None) -> str:
    return "" if state is None or state.residual_w is None else f"{number(state.residual_w * 1000, 1)} mW"


def _stored(stored_us: tuple[int, int] | None, view: View, now_us: int) -> str:
    if stored_us is None:
        return ""
    text = words(view.language)
    length = duration(max(0.0, (stored_us[1] - stored_us[0]) / 1e6), text)
    return f"{length}, {text['fact.from'].format(time=stamp(stored_us[0], view.zone, now_us))}"


def _account(counts: Counts, text: dict[str, str]) -> Component:
    """Zeros are told too: that nothing was lost is what one wants to read."""
    return facts([(text[f"count.{name}"], number(getattr(counts, name), 0)) for name in ACCOUNT], className="account")


def known_of(monitor: Monitor, device: str) -> Known:
    """Asks the façade; for a worker thread."""
    info = next((each for each in monitor.devices() if each.device == device), None)
    if info is None:
        return Known(None)
    try:
        state = monitor.snapshot(device)
    except UnknownDevice:
        return Known(info, None, monitor.extent(device))
    return Known(state.info, state, monitor.extent(device))


def register(app: Dash, monitor: Monitor) -> None:
    """Looks again every few seconds while it is open; removing is for operators."""

    @app.callback(
        Output(ids.BOARD_FACTS, "children"),
        Output(ids.BOARD_FACTS, "data-shown"),
        Output(ids.REMOVE, "disabled"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
        State(ids.BOARD_FACTS, "data-shown"),
    )
    async def show_board(_n: int, choices: Any, shown: str | None) -> Any:
        view = View.from_store(choices)
        known = await to_thread.run_sync(known_of, monitor, view.device or monitor.default_device() or "")
        removable = known.info is not None and bool(known.info.url)
        return *only_changed(render(known, view, monitor.clock.now_us()), shown), not (removable and may_change())

    @app.callback(
        Output(ids.REMOVE_RESULT, "children"),
        Input(ids.REMOVE, "n_clicks"),
        State(ids.VIEW, "data"),
        running=[(Output(ids.REMOVE, "disabled"), True, False)],
        prevent_initial_call=True,
    )
    async def remove(clicks: int | None, choices: Any) -> Any:
        if not clicks or ctx.triggered_id != ids.REMOVE:
            return no_update
        view = View.from_store(choices)
        device = view.device or monitor.default_device() or ""
        try:
            await to_thread.run_sync(monitor.remove, device)
        except PowermonError as error:
            return said(phrase(str(error), view.language), "problem")
        return said(words(view.language)["board.removed"].format(device=device))
