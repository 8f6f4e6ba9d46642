"""The page: its panels in order, put together and registered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Dash, Input, dcc, html
from dash.development.base_component import Component
from fastapi import FastAPI

from components import banners, board, cards, chart, connection, demo, dialogs, events, explorer, ids, ports, recording, status
from components.figures import chart_parts
from components.phrases import browser_phrases
from components.text import LANGUAGES, words

if TYPE_CHECKING:
    from services.monitor import Monitor

BESIDE = (connection, events)
AT_THE_END = (board, ports, recording, demo)
PANELS = (status, banners, cards, chart, explorer, *BESIDE, *AT_THE_END, dialogs)
# Ids of the components to which callbacks that change something (a command, a connection, a rule) write their outcome; the
# guard refuses those callbacks to viewers (services/web/callbacks.py). Everything else is for everyone who may see the page.
CHANGING: tuple[str, ...] = ()
ASSETS = Path(__file__).parent / "assets"
META_TAGS = [
    {"name": "viewport", "content": "width=device-width, initial-scale=1"},
    {"name": "color-scheme", "content": "light dark"},
    {"name": "description", "content": "Volts, amperes and watts of a board, live and recorded."},
]


def create_page(server: FastAPI, monitor: Monitor) -> Dash:
    """The dashboard, attached to `server` at `/`. Everything it loads comes from this program."""
    app = Dash(
        "powermon",
        server=server,  # type: ignore[arg-type]  # Dash's annotation knows Flask only
        assets_folder=str(ASSETS),
        title="Powermon",
        update_title="",
        meta_tags=META_TAGS,
        serve_locally=True,
        add_log_handler=False,
    )
    app.layout = layout(monitor)
    # The live pull is a timer of its own, started by this one callback. As a dcc.Interval it woke every component of the page
    # ten times a second: a third of the browser's main thread, four times what fetching and drawing take.
    app.clientside_callback(ClientsideFunction("powermon", "start"), Input(ids.SPEC, "data"))  # type: ignore[no-untyped-call]
    for panel in PANELS:
        panel.register(app, monitor)
    return app


def layout(monitor: Monitor) -> Component:
    """The page without any reading: every frame stands there before the first answer."""
    return html.Div(
        [
            dcc.Store(id=ids.SPEC, data=browser_spec(monitor)),
            dcc.Store(id=ids.PULSE),
            dcc.Store(id=ids.SLOW_PULSE),
            status.layout(),
            html.Main(
                [
                    banners.layout(),
                    cards.layout(),
                    banners.notices(),
                    chart.layout(),
                    explorer.layout(),
                    html.Div([panel.layout() for panel in BESIDE], className="panels two"),
                    html.Div([panel.layout() for panel in AT_THE_END], className="panels"),
                ]
            ),
            dialogs.layout(),
        ],
        id=ids.PAGE,
    )


def browser_spec(monitor: Monitor) -> dict[str, Any]:
    """What the browser needs once: words, chart parts, limits."""
    settings = monitor.settings
    limits = [
        {"channel": limit.channel, "level": limit.level.value, "on": limit.on, "above": limit.above}
        for limit in settings.thresholds
    ]
    return {
        "phrases": browser_phrases(),
        "text": {language: words(language) for language in LANGUAGES},
        "chart": chart_parts(),
        "limits": limits,
        "retention_h": settings.retention_h,
        "interval_ms": settings.interval_ms,
        "version": monitor.version,
    }
