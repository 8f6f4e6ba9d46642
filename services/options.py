"""The one table of options. Command line, environment, settings file, --help and docs/settings.md all come from it.

An option `retention_h` is `--retention-h` on the command line, `POWERMON_RETENTION_H` in the environment and `retention_h`
in the settings file. A parser takes the text (or the TOML value) and returns the setting, or raises ValueError with the
end of a sentence: "must be …".
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

import msgspec

PREFIX = "POWERMON_"
Parser = Callable[[Any], Any]

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,31}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.\-]{0,252}[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]+(%\w+)?\]?")
_SCHEMES = ("socket", "rfc2217", "loop", "spy", "alt", "hwgrep", "cp2110")  # what pyserial can open
CONNECTABLE = ("hwgrep", "alt", "cp2110")  # schemes that --allow-connect can add; spy:// writes files and is not one
_LIMIT = re.compile(r"\s*(\w+)\s*([<>])\s*([^:\s]+)\s*(?::\s*([^:\s]+)\s*)?(?::\s*([^:\s]+?)\s*s?\s*)?")
SCENARIOS = ("normal", "noise", "drop", "spike", "voltage_drop", "error", "reboot")  # those of `python -m mock`
CHANNEL_NAMES = {"v": "v", "voltage": "v", "a": "a", "current": "a", "w": "w", "power": "w"}
DEMO_NAME = "demo"  # the simulated board's readings carry it; no real board may


class Option(msgspec.Struct, frozen=True):
    """One row of the table. `shown` is the default as people read it; `const` is what the bare flag means."""

    name: str
    parse: Parser
    default: Any
    shown: str
    help: str
    group: str
    metavar: str = ""
    repeat: bool = False
    switch: bool = False
    const: str | None = None

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()


class LimitText(msgspec.Struct, frozen=True):
    """A threshold as it was written: `above` says which side of `on` is bad; `off` ends it."""

    channel: str
    above: bool
    on: float
    off: float
    hold_s: float


def nearest(word: str, known: list[str]) -> str:
    """`; did you mean X?` for the nearest known name, or nothing when none is near."""
    found = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""


def number(low: float, high: float) -> Parser:
    """A finite number from `low` to `high`."""

    def parse(value: Any) -> float:
        try:
            result = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            result = math.nan
        if not low <= result <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return result

    return parse


def integer(low: int, high: int) -> Parser:
    """A whole number from `low` to `high`."""

    def parse(value: Any) -> int:
        try:
            result = low - 1 if isinstance(value, bool | float) else int(value)
        except (TypeError, ValueError):
            result = low - 1
        if not low <= result <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return result

    return parse


def choice(*names: str) -> Parser:
    """One of the names, in any case."""

    def parse(value: Any) -> str:
        word = str(value).strip().lower()
        if word not in names:
            raise ValueError(f"must be one of {', '.join(names)}{nearest(word, list(names))}")
        return word

    return parse


def switch(value: Any) -> bool:
    """yes/no, true/false, on/off, 1/0."""
    word = str(value).strip().lower()
    if word not in _YES | _NO:
        raise ValueError("must be yes or no")
    return word in _YES


def text(value: Any) -> str:
    """Any text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not empty")
    return value.strip()


def secret(value: Any) -> str:
    """A token: long enough not to be guessed, safe in a header."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_.~\-]{8,200}", value):
        raise ValueError("must be 8 to 200 letters, digits, or one of - _ . ~")
    return value


def host(value: Any) -> str:
    """A host name or address without port."""
    if not isinstance(value, str) or not _HOST.fullmatch(value.strip()):
        raise ValueError("must be a host name or an IP address, without http:// and without a port")
    return value.strip().strip("[]").lower()


def web_address(value: Any) -> str:
    """An http or https address without a user name in it."""
    word = value.strip() if isinstance(value, str) else ""
    try:
        parts = urlsplit(word)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        good = False
    if not good or not word.isascii() or not word.isprintable() or " " in word or len(word) > 500:
        raise ValueError("must be an address such as https://host/path, without user name and without spaces")
    return word


def port(value: Any) -> str:
    """`auto`, a device, a pyserial URL, or NAME=URL."""
    word = value.strip() if isinstance(value, str) else ""
    name, url = split_port(word)
    if not url:
        raise ValueError("must be auto, a device such as /dev/ttyACM0 or COM3, a URL such as socket://host:port, or NAME=URL")
    if name == DEMO_NAME:
        raise ValueError(f"must not be named {DEMO_NAME!r}: that name marks the simulated board")
    if name and url == "auto":
        raise ValueError("must not name 'auto'; give the board's device or URL a name")
    scheme, colon, _ = url.partition("://")
    if colon and scheme not in _SCHEMES:
        raise ValueError(f"must start with one of {', '.join(s + '://' for s in _SCHEMES)}{nearest(scheme, list(_SCHEMES))}")
    return word


def split_port(word: str) -> tuple[str, str]:
    """`NAME=URL` → (NAME, URL); a plain device or URL has no name."""
    name, equals, url = word.partition("=")
    if equals and _NAME.fullmatch(name):
        return name, url.strip()
    return "", word


def connectable(value: Any) -> str:
    """A scheme that pyserial knows, or the beginning of a device's path."""
    word = value.strip() if isinstance(value, str) else ""
    if word.startswith("/") and word.isprintable():
        return word
    scheme = word.removesuffix("://")
    if scheme not in CONNECTABLE:
        raise ValueError(f"must be one of {', '.join(CONNECTABLE)}, or the beginning of a path such as /dev/pts/")
    return scheme


def words(value: Any) -> tuple[str, ...]:
    """Arguments as one line of text, split as a shell does, or as a list."""
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return tuple(value)
    if not isinstance(value, str):
        raise ValueError("must be a line of text or a list of texts")
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise ValueError(f"must be split as a shell does: {error}") from None


def threshold(value: Any) -> LimitText:
    """`w>10:9:2`: power above 10 W; over again at 9 W; must last 2 s. End value and hold time may be left out."""
    match = _LIMIT.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[1].lower() not in CHANNEL_NAMES:
        raise ValueError("must look like w>10:9 or v<4.5:4.7:2 (channel v, a or w; limit; value that ends it; hold time in s)")
    side, on_text, off_text, hold_text = match[2], match[3], match[4], match[5]
    wide = number(-1e6, 1e6)
    on = wide(on_text)
    off = None if off_text is None else wide(off_text)
    hold_s = 0.0 if hold_text is None else number(0, 86400)(hold_text)
    return limit_text(match[1], side == ">", on, off, hold_s)


def limit_text(channel: str, above: bool, on: float, off: float | None, hold_s: float) -> LimitText:
    """A checked threshold. It ends strictly on the good side, by default 2 % away, so that noise cannot make it flicker."""
    if off is None:
        back = max(abs(on) * 0.02, 0.001)
        off = on - back if above else on + back
    if (off >= on) if above else (off <= on):
        raise ValueError(f"must end on the good side: the end value {off:g} does not lie {'below' if above else 'above'} {on:g}")
    return LimitText(CHANNEL_NAMES[channel.lower()], above, on, off, hold_s)


BOARD, DEMO, CHECKS, RECORDING, WEB, LOG = "Board", "Simulated board", "Checks and limits", "Recording", "Page and API", "Log"
_RANGE = number(-1e6, 1e6)

OPTIONS: tuple[Option, ...] = (
    Option("port", port, ("auto",), "auto",
           "where the board is: auto, a device (/dev/ttyACM0, COM3) or a pyserial URL (socket://host:port, rfc2217://…);"
           " NAME=URL names the board", BOARD, "PORT", repeat=True),
    Option("baud", integer(300, 12_000_000), 115200, "115200", "speed of serial ports", BOARD, "N"),
    Option("dtr", switch, True, "yes", "raise DTR when a port is opened; this resets an Arduino Uno", BOARD, switch=True),
    Option("mock", choice(*SCENARIOS), None, "off",
           f"start the built-in simulated board ({', '.join(SCENARIOS)}) and read it through a real port",
           DEMO, "SCENARIO", const="normal"),
    Option("mock_args", words, (), "none",
           "more arguments for the simulated board, for example '--interval-ms 10 --seed 1'", DEMO, "ARGS"),
    Option("demo", switch, True, "yes",
           "with auto: fall back to the simulated board when no board is found", DEMO, switch=True),
    Option("voltage_min", _RANGE, None, "what the board says, else 0", "readings below are marked (V)", CHECKS, "V"),
    Option("voltage_max", _RANGE, None, "what the board says, else 24", "readings above are marked (V)", CHECKS, "V"),
    Option("current_min", _RANGE, None, "what the board says, else none", "readings below are marked (A)", CHECKS, "A"),
    Option("current_max", _RANGE, None, "what the board says, else none", "readings above are marked (A)", CHECKS, "A"),
    Option("power_min", _RANGE, None, "what the board says, else none", "readings below are marked (W)", CHECKS, "W"),
    Option("power_max", _RANGE, None, "what the board says, else none", "readings above are marked (W)", CHECKS, "W"),
    Option("warn", threshold, (), "none",
           "warning limit: 'w>10:9' is on above 10 W until 9 W; 'v<4.5:4.7:2' is on below 4.5 V for 2 s until 4.7 V",
           CHECKS, "LIMIT", repeat=True),
    Option("danger", threshold, (), "none", "danger limit, written like a warning limit", CHECKS, "LIMIT", repeat=True),
    Option("outliers", choice("off", "zscore", "iqr", "both"), "zscore", "zscore",
           "readings that stand alone are told in the event log: by robust z-score, by quartiles, by either; none is removed",
           CHECKS, "HOW"),
    Option("outlier_window_s", number(5, 290), 60.0, "60", "seconds before that say what is usual", CHECKS, "S"),
    Option("outlier_z", number(1, 1000), 8.0, "8", "z-score from which a reading is an outlier", CHECKS, "Z"),
    Option("outlier_iqr", number(0.5, 1000), 3.0, "3",
           "distance from the quartiles, in units of theirs, from which it is one", CHECKS, "K"),
    Option("webhook", web_address, "", "off",
           "where alerts are sent whose rule says so: one JSON POST each (https://…); see docs/alerts.md", CHECKS, "URL"),
    Option("webhook_token", secret, "", "none",
           "sent with each as Authorization: Bearer TOKEN; better set in the environment", CHECKS, "TOKEN"),
    Option("public_url", web_address, "", "http:// with host and port",
           "where others reach this page, for the links in messages", CHECKS, "URL"),
    Option("database", text, "data/powermon.db", "data/powermon.db", "SQLite file; made when it is not there", RECORDING, "FILE"),
    Option("retention_h", number(0.01, 87600), 48.0, "48", "hours that readings are kept", RECORDING, "HOURS"),
    Option("max_db_mb", number(1, 1e8), None, "no limit",
           "largest size of the database in MB; beyond it the oldest readings go first", RECORDING, "MB"),
    Option("compact_days", number(0, 36500), 0.0, "0",
           "days that one-minute values outlive the readings themselves; 0: not at all", RECORDING, "DAYS"),
    Option("durability", choice("full", "normal", "sd-card"), "full", "full",
           "full: an acknowledged reading survives a power cut; normal: a power cut may take the last minutes, fewer writes;"
           " sd-card: as safe as full, but commits only each 10 s", RECORDING, "PROFILE"),
    Option("group_readable", switch, False, "no",
           "database, backups and log may be read by the group of the account; without it by the account only", RECORDING,
           switch=True),
    Option("host", host, "127.0.0.1", "127.0.0.1",
           "address to listen on; 0.0.0.0 for the whole network, which needs a token", WEB, "ADDRESS"),
    Option("http_port", integer(0, 65535), 8050, "8050", "port of the page; 0: any free one", WEB, "N"),
    Option("token", secret, "", "made and printed when the host needs one",
           "who has it may look and command; better set in the environment than on the command line", WEB, "TOKEN"),
    Option("viewer_token", secret, "", "none", "who has it may look, not command", WEB, "TOKEN"),
    Option("allow_host", host, (), "none", "further name under which browsers reach this page", WEB, "NAME", repeat=True),
    Option("allow_connect", connectable, (), "none",
           "what the page may connect beside the ports found, socket://, rfc2217:// and loop://: a scheme (hwgrep, alt, cp2110)"
           " or the beginning of a path (/dev/pts/)", WEB, "WHAT", repeat=True),
    Option("trust_proxy", switch, False, "no",
           "believe X-Forwarded-Proto and X-Forwarded-Host, which a reverse proxy on this machine sets", WEB, switch=True),
    Option("interval_ms", integer(100, 10_000), 500, "500", "how often the page pulls new readings", WEB, "MS"),
    Option("log_level", choice("debug", "info", "warning", "error"), "info", "info", "least level that is logged", LOG, "LEVEL"),
    Option("log_file", text, "", "powermon.log beside the database", "rotating log file; off: none", LOG, "FILE"),
)


def markdown_table() -> str:
    """The table of docs/settings.md; a test holds the two together."""
    lines = []
    for group in dict.fromkeys(option.group for option in OPTIONS):
        lines += [f"### {group}", "", "| Option | Environment | File | Default | Meaning |", "|---|---|---|---|---|"]
        lines += [_markdown_row(option) for option in OPTIONS if option.group == group]
        lines.append("")
    return "\n".join(lines)


def _markdown_row(option: Option) -> str:
    flag = f"{option.flag}` `--no-{option.flag[2:]}" if option.switch else f"{option.flag} {option.metavar}"
    if option.const is not None:
        flag = f"{option.flag} [{option.metavar}]"
    meaning = option.help + (" (repeatable)" if option.repeat else "")
    return f"| `{flag}` | `{option.variable}` | `{option.name}` | {option.shown} | {meaning} |"
