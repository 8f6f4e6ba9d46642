"""The page: its panels in order, its clocks, and where each is registered.

To add a panel: components/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.backends._fastapi import get_current_request
from dash.development.base_component import Component
from fastapi import FastAPI

from components import explore, first_paint, ids, live
from components.access import is_operator
from components.feed import Feed
from components.panels import (
    alerts,
    board,
    boards,
    cards,
    chart,
    choices,
    commands,
    connect,
    demo,
    drawer,
    events,
    export,
    found,
    help_sheet,
    line,
    notices,
    overview,
    recording,
    rejected,
    rules,
    settings,
    snoozing,
    strip,
    table,
    toolbar,
)
from components.panels.drawer import Drawer
from components.words.text import LANGUAGES, words

if TYPE_CHECKING:
    from services.monitor import Monitor

# Panels at the side, by the name of their tab: `drawer.<name>` in words/. Each is mounted when it is opened.
DRAWERS: dict[str, Drawer] = {
    "board": Drawer(board),
    "boards": Drawer(boards),
    "alerts": Drawer(rules),
    "events": Drawer(events),
    "rejected": Drawer(rejected),
    "table": Drawer(table),
    "recording": Drawer(recording),
    "demo": Drawer(demo, demo_only=True),
    "settings": Drawer(settings),
}
# Panels with callbacks of their own, beside the drawers.
REGISTERED: tuple[ModuleType, ...] = (strip, found, choices, commands, connect, export, help_sheet, notices, snoozing)

# Ids of the components to which callbacks that change something (a command, a connection, a rule) write their outcome; the
# guard refuses those callbacks to viewers (services/web/callbacks.py). Everything else is for everyone who may see the page.
CHANGING: tuple[str, ...] = (
    ids.COMMAND_RESULT,
    ids.CONNECT_RESULT,
    ids.FOUND_RESULT,
    ids.REMOVE_RESULT,
    ids.FAULT_RESULT,
    ids.SETTINGS_RESULT,
    ids.RULE_RESULT,
    ids.SNOOZE_RESULT,
    ids.SEEN_RESULT,
)
ASSETS = Path(__file__).parent / "assets"
SLOW_MS = 5_000
STORES = (
    *(ids.DRAWN, ids.ANSWERED, ids.READER, ids.KEY, ids.ON_CHART, ids.TRIAL, ids.CHOICE),
    *(ids.MOVED, ids.MOVE_SAVED, ids.MOVE_GIVEN_UP),
)
META_TAGS = [
    {"name": "viewport", "content": "width=device-width, initial-scale=1"},
    {"name": "color-scheme", "content": "light dark"},
    {"name": "description", "content": "Volts, amperes and watts of a board, live and recorded."},
]


def create_page(server: FastAPI, monitor: Monitor) -> Dash:
    """The dashboard, attached to `server` at `/`. Everything it loads comes from this program."""
    app = first_paint.Page(
        "powermon",
        server=server,  # type: ignore[arg-type]  # Dash's annotation knows Flask only
        assets_folder=str(ASSETS),
        assets_ignore=first_paint.SCRIPT,  # stands in the head of the page already
        title="Powermon",
        update_title="",
        meta_tags=META_TAGS,
        serve_locally=True,
        add_log_handler=False,
        suppress_callback_exceptions=True,  # drawers are mounted when they are opened
    )
    feed = Feed(monitor)

    def for_reader() -> Component:
        request = get_current_request()
        return layout(words(language_of(request.headers, request.cookies)), monitor, operator=is_operator(request.headers))

    app.layout = for_reader
    register(app, monitor, feed)
    return app


def layout(text: dict[str, str], monitor: Monitor, *, operator: bool = True) -> Component:
    """The page without any reading, in one language; `operator`: for one who may change something."""
    return html.Div(
        [
            *_machinery(monitor.settings.interval_ms),
            strip.layout(text),
            html.Main(
                [
                    alerts.layout(text),
                    found.layout(),
                    cards.layout(text),
                    html.Section([toolbar.layout(text), chart.layout(text, limits_move=operator)], className="chart-panel"),
                    overview.layout(text),
                    line.layout(text),
                ]
            ),
            html.Div([drawer.bar(text, DRAWERS), notices.layout(monitor.alerts.since(None)[0])], className="foot"),
            drawer.layout(),
            export.layout(),
            help_sheet.layout(),
        ],
        id=ids.PAGE,
        lang=text["language.code"],
    )


def register(app: Dash, monitor: Monitor, feed: Feed) -> None:
    """The live callback, the gestures, the panels; and the four things that only the browser can do."""
    live.register(app, monitor, feed)
    explore.register(app, monitor, feed)
    drawer.register(app, monitor, DRAWERS)
    for panel in (*REGISTERED, *(each.panel for each in DRAWERS.values())):
        panel.register(app, monitor)
    # What the browser is like: zone, language, system theme, width (assets/reader.js).
    in_browser: Any = app.clientside_callback
    in_browser(ClientsideFunction("powermon", "reader"), Output(ids.READER, "data"), Input(ids.PAGE, "id"))
    # Theme and language of the document follow the choices.
    in_browser(ClientsideFunction("powermon", "wear"), Input(ids.VIEW, "data"))


def _machinery(interval_ms: int) -> list[Component]:
    return [
        dcc.Location(id=ids.ADDRESS, refresh=False),
        dcc.Store(id=ids.VIEW, storage_type="local"),
        dcc.Store(id=ids.FOUND_KEPT, storage_type="session"),
        *(dcc.Store(id=id_) for id_ in STORES),
        dcc.Interval(id=ids.TICK, interval=interval_ms),
        dcc.Interval(id=ids.SLOW, interval=SLOW_MS),
    ]


def language_of(headers: Mapping[str, str], cookies: Mapping[str, str]) -> str:
    """What the reader chose, else the first language the browser asks for that we speak, else English."""
    chosen = cookies.get("powermon_language", "")
    if chosen in LANGUAGES:
        return chosen
    asked = [part.split(";")[0].strip().lower()[:2] for part in headers.get("accept-language", "").split(",")]
    return next((language for language in asked if language in LANGUAGES), "en")
