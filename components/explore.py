"""What the reader does → another view.

One callback takes every gesture, gestures.py says what it means (`View` in, `View` out), and the same answer brings the view
and everything that shows it (live.redrawn): one way to the server and back. A gesture whose answer Dash dropped is answered by
the next call (answered.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from anyio import to_thread
from dash import Dash, Input, Output, State, ctx, no_update, set_props

from components import ids, live
from components.answered import latest, marks, unanswered
from components.feed import Feed
from components.gestures import MEANING, Now, at_start, typed_texts
from components.panels import overview, toolbar
from components.panels.chart import Drawn
from components.view import View

if TYPE_CHECKING:
    from services.monitor import Monitor

OUTPUTS = (
    (ids.VIEW, "data"),
    (ids.ADDRESS, "search"),
    (ids.SPAN, "value"),
    (ids.TOOL, "value"),
    (ids.OPTIONS, "value"),
    (ids.LIVE, "value"),
    (ids.FROM, "value"),
    (ids.TO, "value"),
)
# An answered gesture is taken out of the graph: it reports nothing that equals what it reported last, so that the second of
# two equal ones would be lost.
ANSWERED = ((ids.OVERVIEW, "selectedData"),)
READER = f"{ids.READER}.data"
SHOWN = tuple(Output(*output, allow_duplicate=True) for output in live.OUTPUTS)
INPUTS = (
    (ids.READER, "data"),
    (ids.ADDRESS, "search"),
    (ids.SPAN, "value"),
    (ids.TOOL, "value"),
    (ids.OPTIONS, "value"),
    (ids.LIVE, "value"),
    (ids.FROM, "value"),
    (ids.TO, "value"),
    (ids.ON_CHART, "data"),
    (ids.CHART, "selectedData"),
    (ids.OVERVIEW, "selectedData"),
    (ids.BOARD, "value"),
    (ids.ZOOM_TO, "n_clicks"),
    (ids.CLEAR, "n_clicks"),
    (ids.LANGUAGE, "n_clicks"),
    (ids.THEME, "n_clicks"),
    (ids.ZONE, "n_clicks"),
    (ids.KEY, "data"),
    (ids.TRIAL, "data"),
    (ids.CHOICE, "data"),
    (ids.MOVE_SAVED, "data"),
    (ids.MOVE_GIVEN_UP, "data"),
    (ids.DRAWER, "is_open"),
)


def names(props: Sequence[tuple[str, str]]) -> list[str]:
    """`id.property`, as Dash's context names what caused a call."""
    return ["{}.{}".format(*each) for each in props]


def register(app: Dash, monitor: Monitor, feed: Feed) -> None:
    """The callback for gestures, and the one that draws the overview."""

    @app.callback(
        *(Output(*output) for output in (*OUTPUTS, *ANSWERED)),
        Output(ids.ANSWERED, "data"),
        *SHOWN,
        *(Input(*given) for given in INPUTS),
        State(ids.VIEW, "data"),
        State(ids.DRAWN, "data"),
        State(ids.ANSWERED, "data"),
        prevent_initial_call=True,
    )
    async def explore(*given: Any) -> Any:
        values, (choices, drawn, answered) = given[: len(INPUTS)], given[len(INPUTS) :]
        asked = dict(zip(names(INPUTS), values, strict=True))
        if not asked[READER]:
            return (no_update,) * (len(OUTPUTS) + len(ANSWERED) + 1 + len(SHOWN))
        triggered = [prop for prop in ctx.triggered_prop_ids if prop in asked]
        before = View.from_store(choices)
        view, answer = await to_thread.run_sync(
            _explore, monitor, feed, before, live.drawn_of(drawn), Asked(asked, triggered, answered)
        )
        if view.moved != before.moved:  # no Output: what the form does leads back to here, and Dash knows no circles
            set_props(ids.MOVED, {"data": msgspec.to_builtins(view.moved)})
        return answer

    @app.callback(
        Output(ids.OVERVIEW, "figure"),
        Output(ids.RECORD, "children"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
    )
    async def show_overview(_n: int, choices: Any) -> Any:
        if not choices:
            return no_update, no_update
        return await to_thread.run_sync(_overview, monitor, feed, View.from_store(choices))


class Asked(NamedTuple):
    """The inputs of a call, which of them caused it, and the marks of those that were answered; None when the page was opened."""

    values: dict[str, Any]
    triggered: list[str]
    answered: dict[str, int] | None


def _explore(monitor: Monitor, feed: Feed, before: View, drawn: Drawn, asked: Asked) -> tuple[View, tuple[Any, ...]]:
    reader = asked.values[READER]
    now = Now(monitor.clock.now_us(), feed.record(before.device), drawn, bool(reader.get("dark")))
    view = looked_at(before, asked, now)
    view = view if view.device else view.but(device=monitor.default_device() or "")
    opened = asked.answered is None
    answer = _changed(None if opened else before, view, asked.values, now.now_us)
    seen = live.redrawn(monitor, feed, view, drawn) if opened or view != before else live.UNCHANGED
    return view, (*answer, *seen)


def looked_at(view: View, asked: Asked, now: Now) -> View:
    """What the reader wants to see now, after every gesture that has no answer yet."""
    if asked.answered is None:  # what the browser is like, then what the address says
        return at_start(view, asked.values[READER], asked.values[f"{ids.ADDRESS}.search"])
    for prop in unanswered(asked.values, asked.triggered, asked.answered):
        for value in latest(prop, asked.values[prop], asked.answered):
            view = MEANING[prop](view, value, now)
    return view


def _changed(before: View | None, view: View, asked: dict[str, Any], now_us: int) -> tuple[Any, ...]:
    """Every output that is not yet what it must be, and the marks of what is answered by that."""
    wanted = (view.to_store(), view.address(), *toolbar.values(view, typed_texts(view, now_us)))
    held = [before.to_store() if before else None, *(asked[name] for name in names(OUTPUTS[1:]))]
    taken = (no_update if asked[name] is None else None for name in names(ANSWERED))
    become = asked | dict(zip(names(OUTPUTS[1:]), wanted[1:], strict=True)) | dict.fromkeys(names(ANSWERED))
    return (*(no_update if value == have else value for value, have in zip(wanted, held, strict=True)), *taken, marks(become))


def _overview(monitor: Monitor, feed: Feed, view: View) -> Any:
    now_us = monitor.clock.now_us()
    shown = view.range_us or (now_us - view.span_s * 1_000_000, now_us)
    picture = feed.overview(view.device, overview.POINTS) if view.device else None
    return overview.render(picture, shown, view), overview.render_note(picture, view)
