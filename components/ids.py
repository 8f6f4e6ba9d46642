"""Element ids of the page. Numbers on the page carry their exact value in `data-value`, whatever the text rounds it to."""

from __future__ import annotations

# --- what drives the page
TICK = "tick"  # dcc.Interval, fast: the live callback
SLOW = "slow"  # dcc.Interval, 5 s: what comes from the database
VIEW = "view"  # dcc.Store: the reader's choices (view.py)
DRAWN = "drawn"  # dcc.Store: what the last tick drew, to send only what changed
READER = "reader"  # dcc.Store {zone, language, dark, width}: what only the browser knows
KEY = "key"  # dcc.Store {key, at, ends, n}: a key was pressed (assets/keys.js)
ADDRESS = "address"  # dcc.Location
PAGE = "page"
ANNOUNCER = "announcer"  # aria-live region: changes of state only

# --- strip
STRIP_LIVE = "strip-live"
STATE = "state"  # data-state: live demo replay stale waiting reconnecting history noboard
RATE, COMPLETENESS, CLOCK = "rate", "completeness", "clock"
BOARD = "board-select"
LANGUAGE, THEME, ZONE, HELP = "language-button", "theme-button", "zone-button", "help-button"

# --- panels
ALERTS, CARDS = "alerts", "cards"
SPAN, TOOL, STACK, OPTIONS, LIVE = "span", "tool", "stack", "options", "live-switch"
FROM, TO = "typed-from", "typed-to"
CHART_FRAME, CHART, SIDE, NOTE, LINE = "chart-frame", "chart", "side", "note", "line"
ZOOM_TO, CLEAR = "zoom-to", "clear-selection"
OVERVIEW, RECORD = "overview", "record"
DRAWER, DRAWER_TABS, DRAWER_BODY, DRAWER_TITLE = "drawer", "drawer-tabs", "drawer-body", "drawer-title"
EVENTS = "event-list"


def card(channel: str) -> str:
    """The card of a channel; class level-normal, level-warning or level-danger."""
    return f"card-{channel}"


def value(channel: str) -> str:
    """The live number of v, a, w, wh or mah; data-value, and data-seq for a channel."""
    return f"value-{channel}"


def side(channel: str) -> str:
    """Statistics beside a pane."""
    return f"side-{channel}"


def open_drawer(name: str) -> str:
    """The button that opens a drawer."""
    return f"open-{name}"
