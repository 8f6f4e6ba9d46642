"""What each gesture means: `View` in, `View` out. Zoom, pan, selection, spans, typed times, keys, address, overview. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from components import ids
from components.figures.time_axis import TimeAxis
from components.look.times import clock_ms, moment, offset_us, parse_typed
from components.moved_limit import moved_limit
from components.panels.chart import Drawn
from components.view import Range, View
from components.words.text import LANGUAGES
from services.model import CHANNELS

MEANS = (3, 4, 5)  # trace numbers of the lines (figures/chart.py)


class Now(NamedTuple):
    """What a gesture is answered with: the record's ends, the time, what the figure was drawn with, the system's theme."""

    now_us: int
    record: Range | None
    drawn: Drawn
    dark: bool = False


Gesture = Callable[[View, Any, Now], View]


def at_start(view: View, reader: dict[str, Any], address: str) -> View:
    """Remembered choices in this browser, with this address."""
    local_zone = str(reader.get("zone") or "UTC")
    zone = "UTC" if view.zone == "UTC" and view.local_zone != "UTC" else local_zone
    language = reader.get("language") if reader.get("language") in LANGUAGES else "en"
    view = view.but(local_zone=local_zone, zone=zone, language=str(language), width=_width(reader), trail=())
    view = _themed(view, view.theme_choice, bool(reader.get("dark")))
    view = view.but(moved=None)
    return view.but(range_us=None, selection_us=None).at_address(address) if not address else view.at_address(address)


def _width(reader: dict[str, Any]) -> int:
    width = reader.get("width")
    return round(width) if isinstance(width, int | float) and 200 <= width < 10_000 else 1440


def _themed(view: View, choice: str, dark: bool) -> View:
    theme = choice if choice in ("light", "dark") else "dark" if dark else "light"
    return view.but(theme_choice=choice, theme=theme)


def _address(view: View, search: Any, _now: Now) -> View:
    return view if search == view.address() else view.at_address(search or "").but(trail=view.trail[:-1])


def _span(view: View, value: Any, _now: Now) -> View:
    return view.to_live(int(value)) if value and (not view.live or int(value) != view.span_s) else view


def _tool(view: View, value: Any, _now: Now) -> View:
    return view.but(tool=value) if value else view


def _options(view: View, value: Any, now: Now) -> View:
    chosen = value or []
    locked = (view.locked or now.drawn.ranges) if "locked" in chosen else {}
    return view.but(overlaid="overlaid" in chosen, zero="zero" in chosen, locked=locked)


def _live(view: View, value: Any, now: Now) -> View:
    if bool(value) == view.live:
        return view
    if value:
        return view.to_live()
    return view.at_range(now.now_us - view.span_s * 1_000_000, now.now_us, now.record, now.now_us)


def _typed(which: int) -> Gesture:
    def typed(view: View, value: Any, now: Now) -> View:
        time_us = parse_typed(value or "", view.zone, now.now_us)
        if time_us is None or value == typed_texts(view, now.now_us)[which]:
            return view
        ends = list(view.range_us or (now.now_us - view.span_s * 1_000_000, now.now_us))
        width_us = ends[1] - ends[0]
        ends[which] = time_us
        if ends[0] >= ends[1]:  # the other end follows, the length stays
            ends[1 - which] = time_us + (width_us if which == 0 else -width_us)
        return view.at_range(ends[0], ends[1], now.record, now.now_us)

    return typed


def typed_texts(view: View, now_us: int) -> tuple[str, str]:
    """What the two boxes show: nothing while live."""
    if view.range_us is None:
        return "", ""
    first, last = (_typed_text(end, view.zone, now_us) for end in view.range_us)
    return first, last


def _typed_text(time_us: int, zone: str, now_us: int) -> str:
    when, today = moment(time_us, zone), moment(now_us, zone)
    day = "" if when.date() == today.date() else f"{when:%Y-%m-%d} "
    return day + clock_ms(time_us, zone)


def _on_chart(view: View, value: dict[str, Any], now: Now) -> View:
    """One change that Plotly reports of the chart (assets/gestures.js): of its axes and lines, or of its curves."""
    return _restyled(view, value["restyle"]) if "restyle" in value else _relayout(view, value.get("relayout") or {}, now)


def _relayout(view: View, given: dict[str, Any], now: Now) -> View:
    """Zoomed or panned to a range, or double clicked; or a limit line was dragged."""
    moved = moved_limit(view, given, now.drawn)
    if moved is not None:
        return view.but(moved=moved)
    if "xaxis.autorange" in given and "xaxis.range[0]" not in given:
        return view.back() if not view.live or view.trail else view
    ends = given.get("xaxis.range") or [given.get("xaxis.range[0]"), given.get("xaxis.range[1]")]
    times = _moments(ends, view, now.drawn.offset_us)
    return view.at_range(*times, now.record, now.now_us) if times else view


def _put_back(view: View, _value: Any, _now: Now) -> View:
    """The form of a dragged limit was saved or given up: the line is where its rule says."""
    return view if view.moved is None else view.but(moved=None, trial_us=())


def _drawer(view: View, is_open: Any, now: Now) -> View:
    return view if is_open else _put_back(view, None, now)


def _selected(view: View, value: Any, now: Now) -> View:
    """A box was drawn, or taken away by a double click."""
    if not value:
        return view.but(selection_us=None)
    times = _moments((value.get("range") or {}).get("x"), view, now.drawn.offset_us)
    return view.but(selection_us=times) if times else view


def _restyled(view: View, value: Any) -> View:
    """Curves hidden or shown in the legend."""
    if not value or "visible" not in value[0]:
        return view
    hidden = set(view.hidden)
    shown = value[0]["visible"]
    for at, trace in enumerate(value[1]):
        visible = shown[at % len(shown)] if isinstance(shown, list) else shown
        if trace in MEANS:
            channel = CHANNELS[MEANS.index(trace)]
            hidden = hidden | {channel} if visible == "legendonly" else hidden - {channel}
    return view if len(hidden) == len(CHANNELS) else view.but(hidden=tuple(c for c in CHANNELS if c in hidden))


def _overviewed(view: View, value: Any, now: Now) -> View:
    record = now.record
    end_us = now.now_us if record is None else max(record[1], now.now_us)
    times = _moments(((value or {}).get("range") or {}).get("x"), view, offset_us(view.zone, end_us))
    return view.at_range(*times, record, now.now_us) if times else view


def _board(view: View, value: Any, _now: Now) -> View:
    return view.of_board(value) if value and value != view.device else view


def _zoom_to(view: View, _clicks: Any, now: Now) -> View:
    selection = view.selection_us
    return view if selection is None else view.at_range(*selection, now.record, now.now_us).but(selection_us=None)


def _clear(view: View, _clicks: Any, _now: Now) -> View:
    return view.but(selection_us=None, trial_us=())


def _tried(view: View, spans: Any, _now: Now) -> View:
    return view.but(trial_us=tuple((int(t0_us), int(t1_us)) for t0_us, t1_us in spans or ()))


def _language(view: View, clicks: Any, _now: Now) -> View:
    return view.but(language="en" if view.language == "ko" else "ko") if clicks else view


def _zone(view: View, clicks: Any, _now: Now) -> View:
    return view.but(zone=view.local_zone if view.zone == "UTC" else "UTC") if clicks else view


def _key(view: View, value: dict[str, Any], now: Now) -> View:
    """One key that assets/keys.js passes on; `at` is the cursor's time on the axis."""
    key = value["key"]
    first_us, last_us = view.range_us or (now.now_us - view.span_s * 1_000_000, now.now_us)
    width_us = last_us - first_us
    axis = TimeAxis(now.drawn.offset_us, view.local_zone)
    at_us = axis.moment_us(value.get("at")) or (first_us + last_us) // 2
    if key in ("+", "-"):
        new_us = round(width_us * (0.5 if key == "+" else 2))
        begin = round(at_us - (at_us - first_us) / width_us * new_us)
        return view.at_range(begin, begin + new_us, now.record, now.now_us)
    if key in ("earlier", "later"):
        step_us = round(width_us * (0.25 if key == "later" else -0.25))
        return view.at_range(first_us + step_us, last_us + step_us, now.record, now.now_us)
    if key == "select":
        times = _moments(value.get("ends"), view, now.drawn.offset_us)
        return view.but(selection_us=times) if times else view
    simple: dict[str, Callable[[], View]] = {
        "l": lambda: _live(view, not view.live, now),
        "escape": lambda: view.but(selection_us=None) if view.selection_us else view.to_live(),
        "back": view.back,
        "a": lambda: view.at_range(*now.record, now.record, now.now_us) if now.record else view,
        "1": lambda: view.toggled("v"),
        "2": lambda: view.toggled("a"),
        "3": lambda: view.toggled("w"),
    }
    return simple[key]() if key in simple else view


def _moments(places: Any, view: View, offset: int) -> Range | None:
    """Two places on the time axis, in the order of time."""
    axis = TimeAxis(offset, view.local_zone)
    times = sorted(time_us for time_us in map(axis.moment_us, places or []) if time_us is not None)
    return (times[0], times[1]) if len(times) == 2 and times[0] < times[1] else None


def _theme(view: View, clicks: Any, now: Now) -> View:
    """As the system → the other one → the system's, kept → as the system: the first click shows a change."""
    if not clicks:
        return view
    order = ("system", "light", "dark") if now.dark else ("system", "dark", "light")
    at = order.index(view.theme_choice) if view.theme_choice in order else 0
    return _themed(view, order[(at + 1) % len(order)], now.dark)


def _chosen(view: View, value: Any, now: Now) -> View:
    """One of the choices of the settings drawer (panels/choices.py)."""
    given = value or {}
    if given.get("theme") in ("system", "light", "dark"):
        view = _themed(view, given["theme"], now.dark)
    if given.get("language") in LANGUAGES:
        view = view.but(language=given["language"])
    zones = {"utc": "UTC", "local": view.local_zone}
    return view.but(zone=zones.get(str(given.get("zone")), view.zone))


MEANING: dict[str, Gesture] = {
    f"{ids.ADDRESS}.search": _address,
    f"{ids.SPAN}.value": _span,
    f"{ids.TOOL}.value": _tool,
    f"{ids.OPTIONS}.value": _options,
    f"{ids.LIVE}.value": _live,
    f"{ids.FROM}.value": _typed(0),
    f"{ids.TO}.value": _typed(1),
    f"{ids.ON_CHART}.data": _on_chart,
    f"{ids.CHART}.selectedData": _selected,
    f"{ids.OVERVIEW}.selectedData": _overviewed,
    f"{ids.BOARD}.value": _board,
    f"{ids.ZOOM_TO}.n_clicks": _zoom_to,
    f"{ids.CLEAR}.n_clicks": _clear,
    f"{ids.LANGUAGE}.n_clicks": _language,
    f"{ids.THEME}.n_clicks": _theme,
    f"{ids.ZONE}.n_clicks": _zone,
    f"{ids.KEY}.data": _key,
    f"{ids.TRIAL}.data": _tried,
    f"{ids.CHOICE}.data": _chosen,
    f"{ids.MOVE_SAVED}.data": _put_back,
    f"{ids.MOVE_GIVEN_UP}.data": _put_back,
    f"{ids.DRAWER}.is_open": _drawer,
}
