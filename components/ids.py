"""Element ids of the page. Stable: tests and scripts read the page by them.

Numbers on the page carry their exact value in `data-value` (empty when there is none), whatever the text rounds it to.
`value-v|a|w` also carry `data-seq`, the sequence number of the reading shown.
"""

from __future__ import annotations

# --- what drives the page ---------------------------------------------------------------------------------------------
PAGE = "page"
SPEC = "spec"  # dcc.Store: texts, figure parts and settings that the browser needs, written once
PULSE = "pulse"  # dcc.Store {device, language, version}: something changed, slow panels look again
SLOW_PULSE = "slow-pulse"  # dcc.Store {language, n}: every few seconds while the page is seen
ANNOUNCER = "announcer"  # aria-live region: changes of state only

# --- status strip -----------------------------------------------------------------------------------------------------
LAMP = "lamp"
STATE_WORD = "state-word"  # data-state: live stale waiting reconnecting offline demo replay none
STATE_DETAIL = "state-detail"
DEVICE_SELECT = "device-select"
PORT_NAME = "port-name"
RATE = "rate"
COMPLETENESS = "completeness"
STRIP_RECOVERED = "strip-recovered"
STRIP_LOST = "strip-lost"
WIRE_LEVEL = "wire-level"
ALERT_COUNT = "alert-count"
CLOCK = "clock"
ZONE_BUTTON = "zone-button"
LANGUAGE_BUTTON = "language-button"
THEME_BUTTON = "theme-button"
HELP_BUTTON = "help-button"

# --- banners ----------------------------------------------------------------------------------------------------------
LINK_BANNER = "link-banner"
LINK_BANNER_TEXT = "link-banner-text"
LINK_COUNTDOWN = "link-countdown"
PROGRAM_BANNER = "program-banner"
PROGRAM_BANNER_TEXT = "program-banner-text"
STORAGE_BANNER = "storage-banner"
OFFER_BANNER = "offer-banner"
OFFER_TEXT = "offer-text"
OFFER_BUTTON = "offer-button"
DEMO_BANNER = "demo-banner"

# --- cards ------------------------------------------------------------------------------------------------------------
ENERGY_WH = "value-wh"
CHARGE_MAH = "value-mah"
ENERGY_SINCE = "energy-since"

# --- chart ------------------------------------------------------------------------------------------------------------
CHART = "chart"
CHART_FRAME = "chart-frame"
CHART_OVERLAY = "chart-overlay"
CHART_EMPTY = "chart-empty"
CHART_NOTE = "chart-note"
CHART_STATE = "chart-state"
RANGE_BUTTONS = "range-buttons"
LIVE_SWITCH = "live-switch"
MODE_BUTTON = "mode-button"
LOCK_BUTTON = "lock-button"
ZERO_BUTTON = "zero-button"
TOOL_BUTTON = "tool-button"
TABLE_BUTTON = "table-button"
EXPORT_BUTTON = "export-button"
CSV_VISIBLE = "csv-visible"
CSV_ALL = "csv-all"
READOUT = "readout"
OVERVIEW = "overview"
OVERVIEW_FRAME = "overview-frame"
OVERVIEW_WINDOW = "overview-window"
WINDOW_BOX = "window-box"
SELECTION_BOX = "selection-box"
CHART_TABLE = "chart-table"
EXPORT_DIALOG = "export-dialog"
HELP_DIALOG = "help-dialog"

# --- panels -----------------------------------------------------------------------------------------------------------
COUNTS = "counts"
REASONS = "reasons"
EVENT_LIST = "event-list"
REJECTED_LIST = "rejected-list"
STORAGE_FACTS = "storage-facts"
PORT_LIST = "port-list"
PORT_LOOK = "port-look"
CONNECT_URL = "connect-url"
CONNECT_NAME = "connect-name"
CONNECT_BUTTON = "connect-button"
CONNECT_RESULT = "connect-result"
KEEP_DEMO = "keep-demo"
PORTS_PANEL = "ports-panel"
BOARD_PANEL = "board-panel"
INTERVAL_INPUT = "interval-input"
COMMAND_RESULT = "command-result"
DEMO_PANEL = "demo-panel"
DEMO_RESULT = "demo-result"

COUNT_NAMES = ("received", "recovered", "late", "missing", "lost", "duplicates", "corrupt", "bad_lines", "rejected")
CHANNEL_STATS = ("min", "avg", "max")
RANGES = ("10s", "60s", "5min", "1h", "6h", "24h", "48h")


def card(channel: str) -> str:
    """The card of channel v, a or w; `data-level` is normal, warning or danger."""
    return f"card-{channel}"


def value(channel: str) -> str:
    """The live number of a channel; data-value, data-seq."""
    return f"value-{channel}"


def unit(channel: str) -> str:
    """The unit beside the live number, SI prefix included."""
    return f"unit-{channel}"


def level(channel: str) -> str:
    """The badge that says warning or danger."""
    return f"level-{channel}"


def stat(channel: str, name: str) -> str:
    """`stat-v-min`: min, avg or max of the last 60 s."""
    return f"stat-{channel}-{name}"


def coverage(channel: str) -> str:
    """The seconds that min, avg and max rest on."""
    return f"coverage-{channel}"


def moving(channel: str, minutes: int) -> str:
    """`moving-v-5`: mean of the last 5 minutes; data-coverage."""
    return f"moving-{channel}-{minutes}"


def count(name: str) -> str:
    """`count-lost`: one figure of the account (COUNT_NAMES)."""
    return f"count-{name}"


def fact(name: str) -> str:
    """`fact-firmware`: one line of the connection panel. `fact-speed` carries data-p50, data-p95 (ms) and data-count."""
    return f"fact-{name}"


def range_button(name: str) -> str:
    """`range-60s` (RANGES)."""
    return f"range-{name}"


def curve_button(channel: str) -> str:
    """Shows or hides a curve."""
    return f"curve-{channel}"


def box(kind: str, name: str) -> str:
    """`window-v-avg`, `selection-span`: one figure of the WINDOW or SELECTION box."""
    return f"{kind}-{name}"


def command_button(name: str) -> str:
    """`command-ping`."""
    return f"command-{name.replace('_', '-')}"


def fault_button(name: str) -> str:
    """`fault-unplug`."""
    return f"fault-{name.replace('_', '-')}"
