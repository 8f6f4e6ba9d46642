"""Element ids of the page. Numbers on the page carry their exact value in `data-value`, whatever the text rounds it to."""

from __future__ import annotations

# --- what drives the page
TICK = "tick"  # dcc.Interval, fast: the live callback
SLOW = "slow"  # dcc.Interval, 5 s: what comes from the database
VIEW = "view"  # dcc.Store: the reader's choices (view.py)
DRAWN = "drawn"  # dcc.Store: what the last tick drew, to send only what changed
ANSWERED = "answered"  # dcc.Store {input: mark}: what the answers so far took account of (answered.py)
READER = "reader"  # dcc.Store {zone, language, dark, width}: what only the browser knows
TRIAL = "trial"  # dcc.Store [[from_us, to_us], …]: when the rule that was tried would have fired
CHOICE = "choice"  # dcc.Store {theme | language | zone: what was chosen in the settings}
FOUND_KEPT = "found-kept"  # dcc.Store [port, …]: found boards that the reader does not want
MOVED = "moved"  # dcc.Store {rule, on, n}: the limit line that was dragged; opens the form of its rule
MOVE_SAVED, MOVE_GIVEN_UP = "move-saved", "move-given-up"  # dcc.Store: changes when the form has saved it, or puts it back
KEY = "key"  # dcc.Store [{key, at, ends, n}, …]: the keys pressed lately, numbered (assets/keys.js)
ON_CHART = "on-chart"  # dcc.Store [{relayout | restyle, n}, …]: what was done on the chart lately, numbered (assets/gestures.js)
ADDRESS = "address"  # dcc.Location
PAGE = "page"
ANNOUNCER = "announcer"  # aria-live region: changes of state only

# --- strip
STRIP_LIVE = "strip-live"
STATE = "state"  # data-state: live demo replay stale waiting reconnecting history noboard
RATE, COMPLETENESS, CLOCK = "rate", "completeness", "clock"
BOARD = "board-select"
LANGUAGE, THEME, ZONE, HELP = "language-button", "theme-button", "zone-button", "open-help"  # assets/keys.js clicks the last on ?

# --- panels
ALERTS, OFFLINE, CARDS = "alerts", "offline", "cards"
SPAN, TOOL, STACK, OPTIONS, LIVE = "span", "tool", "stack", "options", "live-switch"
FROM, TO = "typed-from", "typed-to"
CHART_FRAME, CHART, SIDE, NOTE, SPEED, LINE = "chart-frame", "chart", "side", "note", "speed", "line"
ZOOM_TO, CLEAR = "zoom-to", "clear-selection"
OVERVIEW, RECORD = "overview", "record"
DRAWER = "drawer"
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


# --- drawers and dialogs: what is in them is mounted when they are opened
BOARD_FACTS, REMOVE, REMOVE_RESULT = "board-facts", "remove-board", "remove-result"
INTERVAL, COMMAND_BUSY, COMMAND_RESULT, COMMAND_LOG = "interval-ms", "command-busy", "command-result", "command-log"
BOARD_FILTER, BOARD_LIST, BOARDS_NONE = "board-filter", "board-list", "boards-none"
OVERLAY, OVERLAY_CHANNEL = "overlay", "overlay-channel"
PORT_LOOK, PORT_LIST, PORT_ADVICE = "port-look", "port-list", "port-advice"
CONNECT_URL, CONNECT_NAME, CONNECT_BAUD, CONNECT_DTR = "connect-url", "connect-name", "connect-baud", "connect-dtr"
CONNECT, CONNECT_BUSY, CONNECT_RESULT = "connect", "connect-busy", "connect-result"
SCENARIO, DEMO_INTERVAL, FAULT_RESULT = "demo-scenario", "demo-interval", "fault-result"
RECORDING, REJECTED, TABLE = "recording", "rejected", "table"
FOUND, FOUND_PORT, FOUND_USE, FOUND_CHOOSE = "found", "found-port", "found-use", "found-choose"
FOUND_KEEP, FOUND_RESULT = "found-keep", "found-result"
CHOSEN = "chosen"  # dcc.Store: what goes to CHOICE; there while the settings are open
LOG_OUT, LOG_OUT_FAILED = "log-out", "log-out-failed"  # assets/session.js shows the last
SETTINGS, SETTINGS_RESULT = "settings", "settings-result"
EXPORT, EXPORT_DIALOG, EXPORT_ESTIMATE, EXPORT_LINK = "export-button", "export-dialog", "export-estimate", "export-link"
HELP_DIALOG = "help-dialog"
RULE_PICK, RULE_TRY, RULE_SAVE, RULE_REMOVE = "rule-pick", "rule-try", "rule-save", "rule-remove"
SNOOZE_RESULT, SOUND, SOUND_STATE, SEEN_RESULT = "snooze-result", "sound", "sound-state", "seen-result"
RULE_MOVED, RULE_CANCEL = "rule-moved", "rule-cancel"  # RULE_MOVED: dcc.Store {rule, on, n} as the form shows it
RULE_TRIAL, RULE_BUSY, RULE_RESULT = "rule-trial", "rule-busy", "rule-result"
EPISODES, ACKNOWLEDGE = "episodes", "acknowledge"
NOTICES, NEWS, NOTIFY, NOTIFY_STATE = "notices", "news", "notify", "notify-state"  # NEWS: dcc.Store {cursor, news}
NEWS_CLOCK = "news-clock"  # dcc.Interval: goes on in a hidden tab where notifications are allowed (assets/notices.js)


def rule(field: str) -> str:
    """The control of a field of a rule."""
    return f"rule-{field}"


def snooze(for_s: str) -> str:
    """The button that keeps a rule quiet: 3600, 28800, ever, 0."""
    return f"snooze-{for_s}"


def seen(episodes: list[str]) -> dict[str, str]:
    """The button of a notice that acknowledges; in hexadecimal, because Dash's ids mean something by a dot."""
    return {"type": "seen", "episodes": "\n".join(episodes).encode().hex()}


def command(name: str) -> str:
    """The button of a command."""
    return f"command-{name}"


def fault(name: str) -> str:
    """The button of a fault of the simulated board."""
    return f"fault-{name}"


def export(choice: str) -> str:
    """A choice of the export dialog."""
    return f"export-{choice}"


def choice(field: str) -> str:
    """The control of one of the reader's choices: theme, language or zone."""
    return f"choice-{field}"


def setting(name: str) -> str:
    """The control of a setting."""
    return f"setting-{name}"
