"""THE live callback: one clock, one question, one answer for everything that is live.

Input: the fast clock. Each panel's pure `render` makes its part of the answer; what has not changed is not sent. Tabs
that look at the same share one answer (feed.py). A gesture is answered by explore.py, which draws what it leads to by
`redrawn` in the same answer.

The reader's choices are an Input all the same: Dash drops the answer to an older call of the same callback, so that a
tick that was under way when the reader zoomed cannot overwrite what was drawn. Such a call itself has nothing to do.
`running` stops the clock while an answer is under way, so ticks never pile up behind a slow server; a hidden tab stops it
by another property (assets/clock.js), so that neither undoes the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from anyio import CapacityLimiter, to_thread
from dash import Dash, Input, Output, State, ctx, no_update

from components import ids
from components.feed import Feed, Look
from components.figures.curves import extremes
from components.look.scales import Scale, scales_for
from components.panels import alerts, cards, chart, line, strip
from components.panels.chart import Drawn, digest
from components.view import View
from services.model import CHANNELS

if TYPE_CHECKING:
    from services.monitor import Monitor

THREADS = 4  # ticks that may be made at one time
OUTPUTS = (
    (ids.STRIP_LIVE, "children"),
    (ids.ZONE, "children"),
    (ids.ALERTS, "children"),
    (ids.CARDS, "children"),
    (ids.CHART, "figure"),
    (ids.SIDE, "children"),
    (ids.NOTE, "children"),
    (ids.LINE, "children"),
    (ids.ANNOUNCER, "children"),
    (ids.DRAWN, "data"),
)
UNCHANGED: tuple[Any, ...] = (no_update,) * len(OUTPUTS)


def register(app: Dash, monitor: Monitor, feed: Feed) -> None:
    """The callback."""
    threads = CapacityLimiter(THREADS)

    @app.callback(
        *(Output(*output) for output in OUTPUTS),
        Input(ids.TICK, "n_intervals"),
        Input(ids.VIEW, "data"),
        State(ids.DRAWN, "data"),
        running=[(Output(ids.TICK, "disabled"), True, False)],
    )
    async def show(_tick: int, choices: Any, drawn: Any) -> Any:
        ticked = f"{ids.TICK}.n_intervals" in ctx.triggered_prop_ids
        if not choices or (not ticked and (drawn or {}).get("view") == digest(View.from_store(choices))):
            return UNCHANGED
        return await to_thread.run_sync(_shared, monitor, feed, choices, drawn or {}, limiter=threads)


def _shared(monitor: Monitor, feed: Feed, choices: dict[str, Any], drawn: dict[str, Any]) -> tuple[Any, ...]:
    """The answer of this tick to this question: made once, whoever asks."""
    view = View.from_store(choices)
    look = feed.look(view)
    moment = (look.device, look.now_us, look.picture.serial if look.picture else "")
    question = (moment, msgspec.json.encode(choices), msgspec.json.encode(drawn))
    make: Callable[[], tuple[Any, ...]] = lambda: answer(look, view, drawn_of(drawn), monitor)  # noqa: E731
    shared: tuple[Any, ...] = feed.answers.get(question, 60.0, make)[0]
    return shared


def redrawn(monitor: Monitor, feed: Feed, view: View, drawn: Drawn) -> tuple[Any, ...]:
    """Everything of a new view, whole: ticks may have changed the page since the gesture was sent with `drawn`, so
    nothing is taken as known of it but axes and units, which rest."""
    rests = Drawn(place=drawn.place, ranges=drawn.ranges, exponents=drawn.exponents)
    return answer(feed.look(view), view, rests, monitor)


def answer(look: Look, view: View, drawn: Drawn, monitor: Monitor) -> tuple[Any, ...]:
    """One value per output."""
    scales = scales_for(peaks(look), drawn.exponents)
    made = chart.render(look, view, drawn, scales, monitor.alerts.limits(look.device))
    said = strip.spoken(look, view)
    quiet = monitor.alerts.snoozed(look.device)
    top, trouble = strip.render(look, view, quiet), alerts.render(look, view, monitor.health().storage, scales)
    now = msgspec.structs.replace(made.drawn, view=digest(view), said=said, strip=digest(top), alerts=digest(trouble))
    clock = strip.render_clock(look, view)
    return (
        no_update if now.strip == drawn.strip else top,
        clock,
        no_update if now.alerts == drawn.alerts else trouble,
        cards.render(look, view, scales),
        made.figure,
        made.side,
        made.note,
        no_update if made.side is no_update else line.render(look, view),
        no_update if said == drawn.said else said,
        msgspec.to_builtins(now) if now != drawn else no_update,
    )


def peaks(look: Look) -> dict[str, float]:
    """The largest magnitude of each channel that is shown anywhere on the page."""
    found = dict.fromkeys(CHANNELS, 0.0)
    for channel in CHANNELS:
        ends: list[float | None] = []
        if look.tick is not None:
            stats = getattr(look.tick.state.stats_1m, channel)
            ends += [stats.min, stats.max]
        if look.picture is not None:
            ends += extremes(look.picture.frame, channel) or ()
        found[channel] = max((abs(end) for end in ends if end is not None), default=0.0)
    return found


def scales_of(look: Look, drawn: Drawn) -> dict[str, Scale]:
    """The units that the page shows now."""
    return scales_for(peaks(look), drawn.exponents)


def drawn_of(data: Any) -> Drawn:
    """What a Store keeps; nothing for one of another version."""
    try:
        return msgspec.convert(data or {}, Drawn, strict=False)
    except msgspec.ValidationError:
        return Drawn()
