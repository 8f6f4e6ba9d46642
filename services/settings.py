"""What the program was asked to do: one frozen `Settings`, made once from command line, environment, file and defaults."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from services.alert_model import Level
from services.analysis.alert_rules import Limit
from services.analysis.outliers import Judgement, Method
from services.analysis.validation import OPTION_NAMES, Limits
from services.errors import SettingsError
from services.options import CHANNEL_NAMES, OPTIONS, PREFIX, LimitText, Option, limit_text, nearest, number, split_port

CONFIG_FILE = "powermon.toml"
COMMIT_S = {"full": 1.0, "normal": 1.0, "sd-card": 10.0}
_BY_NAME = {option.name: option for option in OPTIONS}
_MISSING = "\0missing"  # what argparse hands us for `--baud` without a value; no person can type it


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, checked. Paths are absolute."""

    ports: tuple[str, ...] = ("auto",)
    baud: int = 115200
    dtr: bool = True
    mock: str | None = None
    mock_args: tuple[str, ...] = ()
    demo: bool = True
    limits: Limits = Limits()
    thresholds: tuple[Limit, ...] = ()
    database: Path = Path("data/powermon.db")
    retention_h: float = 48.0
    max_bytes: int | None = None
    compact_days: float = 0.0
    durability: str = "full"
    group_readable: bool = False
    host: str = "127.0.0.1"
    http_port: int = 8050
    token: str = ""
    viewer_token: str = ""
    outliers: Judgement = Judgement()
    webhook: str = ""
    webhook_token: str = ""
    public_url: str = ""
    allow_host: tuple[str, ...] = ()
    allow_connect: tuple[str, ...] = ()
    trust_proxy: bool = False
    interval_ms: int = 500
    log_level: str = "info"
    log_file: Path | None = None
    given: frozenset[str] = frozenset()  # options that the command line or the environment named: they win at each start

    @property
    def synchronous(self) -> str:
        """SQLite's word: FULL flushes at each commit, NORMAL leaves it to the system."""
        return "NORMAL" if self.durability == "normal" else "FULL"

    @property
    def commit_s(self) -> float:
        """Seconds between commits."""
        return COMMIT_S[self.durability]

    @property
    def page_address(self) -> str:
        """Where others reach the page, without a slash at the end; as far as is known."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = {"0.0.0.0": "localhost", "::": "localhost"}.get(self.host, f"[{self.host}]" if ":" in self.host else self.host)
        return f"http://{host}:{self.http_port}"

    def named_ports(self) -> list[tuple[str, str]]:
        """(name or empty, URL or `auto`) of every port asked for."""
        return [split_port(port) for port in self.ports]


def load_settings(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Settings:
    """Settings by precedence command line > environment > file > default.

    Raises SettingsError with every problem at once; SystemExit(0) after printing --help or --version.
    """
    problems: list[str] = []
    from_line = _command_line(argv, problems)
    from_env = _environment(env, problems)
    config = from_line.pop("config", None) or from_env.pop("config", None)
    from_file = _file(config, cwd, problems)
    checked = {option.name: option.default for option in OPTIONS}
    for values in (from_file, from_env, from_line):
        checked.update(values)
    settings = _assemble(checked, cwd, frozenset({*from_env, *from_line}), problems)
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


# --- command line ---------------------------------------------------------------------------------------------------


class _UnusableError(Exception):
    """argparse gave up on the line as a whole; the message is its own."""


class _Parser(argparse.ArgumentParser):
    """Reports instead of exiting, so that its problem joins the others."""

    def error(self, message: str) -> NoReturn:
        raise _UnusableError(message)


class _Help(argparse.HelpFormatter):
    """A value that argparse may miss is still shown as needed: `--baud N`, not `--baud [N]`."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=110)

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        return str(action.metavar) if action.const == _MISSING else super()._format_args(action, default_metavar)


def make_parser() -> argparse.ArgumentParser:
    """The parser that the table describes; it also writes --help."""
    parser = _Parser(
        prog="app.py",
        allow_abbrev=False,
        formatter_class=_Help,
        usage="app.py [options]\n       app.py backup FILE [options]\n       app.py rebuild [options]",
        description="Powermon: volts, amperes and watts of a board, live in the browser, recorded without loss.",
        epilog=f"Each option also works as an environment variable ({PREFIX}HTTP_PORT=8051) and in {CONFIG_FILE} "
        "(http_port = 8051). The command line wins over the environment, and that over the file. More in docs/settings.md.",
    )
    parser.add_argument("--version", action="version", version=f"powermon {program_version()}")
    config_help = f"settings file (default: {CONFIG_FILE} when it is there)"
    parser.add_argument("--config", metavar="FILE", nargs="?", const=_MISSING, help=config_help)
    for group in dict.fromkeys(option.group for option in OPTIONS):
        section = parser.add_argument_group(group)
        for option in OPTIONS:
            if option.group == group:
                _add_argument(section, option)
    return parser


def _add_argument(section: argparse._ArgumentGroup, option: Option) -> None:
    text = f"{option.help} (default: {option.shown})".replace("%", "%%")
    if option.switch:
        section.add_argument(option.flag, action=argparse.BooleanOptionalAction, help=text, default=None, dest=option.name)
        return
    # Every value may be left out as far as argparse is concerned: its own error would hide all the other problems.
    section.add_argument(
        option.flag,
        dest=option.name,
        metavar=option.metavar,
        nargs="?",
        const=option.const or _MISSING,
        action="append" if option.repeat else "store",
        help=text,
    )


def program_version() -> str:
    """The version in the file that stands beside this package."""
    document = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    return str(document["project"]["version"])


def _command_line(argv: Sequence[str], problems: list[str]) -> dict[str, Any]:
    try:
        known, unknown = make_parser().parse_known_args(list(argv))
    except _UnusableError as error:
        problems.append(str(error))
        return {}
    _report_unknown_words(unknown, problems)
    given = {name: value for name, value in vars(known).items() if value is not None}
    if given.get("config") == _MISSING:
        problems.append("--config: needs a value")
        del given["config"]
    result: dict[str, Any] = {"config": given.pop("config")} if "config" in given else {}
    for name, value in given.items():
        option = _BY_NAME[name]
        if value == _MISSING or (isinstance(value, list) and _MISSING in value):
            problems.append(f"{option.flag}: needs a value")
            continue
        _check(option, value, option.flag, result, problems)
    return result


def _report_unknown_words(unknown: list[str], problems: list[str]) -> None:
    flags = ["--config", "--version", "--help", *(option.flag for option in OPTIONS)]
    flags += ["--no-" + option.flag[2:] for option in OPTIONS if option.switch]
    after_flag = False
    for word in unknown:
        if word.startswith("-"):
            name = word.partition("=")[0]
            problems.append(f"{name}: unknown option{nearest(name, flags)}")
        elif not after_flag:  # a word after an unknown option is most likely its value
            problems.append(f"{word!r}: unexpected word{nearest(word, ['backup', 'rebuild'])}")
        after_flag = word.startswith("-") and "=" not in word


# --- environment ----------------------------------------------------------------------------------------------------


def _environment(env: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    variables = {option.variable: option for option in OPTIONS}
    negated = {PREFIX + "NO_" + option.name.upper(): option for option in OPTIONS if option.switch}
    for variable in sorted(name for name in env if name.startswith(PREFIX) and env[name]):  # empty: as if not there
        text = env[variable]
        if variable == PREFIX + "CONFIG":
            result["config"] = text
        elif variable in variables:
            option = variables[variable]
            _check(option, [part.strip() for part in text.split(",")] if option.repeat else text, variable, result, problems)
        elif variable in negated:
            option = negated[variable]
            _check(option, text, variable, result, problems)
            result[option.name] = not result.get(option.name, not option.default)
        else:
            problems.append(f"{variable}: unknown setting{nearest(variable, [*variables, *negated])}")
    return result


# --- file -----------------------------------------------------------------------------------------------------------


def _file(config: str | None, cwd: Path, problems: list[str]) -> dict[str, Any]:
    path = cwd / (config or CONFIG_FILE)
    if not config and not path.exists():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror or error}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path.name}: is no valid TOML: {error}")
    else:
        return _from_document(document, path.name, problems)
    return {}


def _from_document(document: dict[str, Any], file: str, problems: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    tables = document.pop("thresholds", {})
    for key, value in document.items():
        option = _BY_NAME.get(key.replace("-", "_"))
        if option is None:
            problems.append(f"{file}: unknown key {key!r}{nearest(key, [*_BY_NAME, 'thresholds'])}")
            continue
        values = value if isinstance(value, list) or not option.repeat else [value]
        _check(option, values, f"{file}: {key}", result, problems)
    for level, limits in _threshold_tables(tables, f"{file}: thresholds", problems).items():
        result[level] = (*result.get(level, ()), *limits)
    return result


def _threshold_tables(tables: Any, where: str, problems: list[str]) -> dict[str, list[LimitText]]:
    """`[thresholds.w] warning = {on = 10, off = 9, hold_s = 2}`; a list of such tables gives several limits."""
    result: dict[str, list[LimitText]] = {"warn": [], "danger": []}
    for channel, levels in _items(tables, where, problems):
        if channel.lower() not in CHANNEL_NAMES:
            problems.append(f"{where}.{channel}: unknown channel{nearest(channel, list(CHANNEL_NAMES))}")
            continue
        for level, entries in _items(levels, f"{where}.{channel}", problems):
            if level not in ("warning", "danger"):
                problems.append(f"{where}.{channel}.{level}: unknown level{nearest(level, ['warning', 'danger'])}")
                continue
            for entry in entries if isinstance(entries, list) else [entries]:
                limit = _threshold_entry(channel, entry, f"{where}.{channel}.{level}", problems)
                result["warn" if level == "warning" else level] += [limit] if limit else []
    return {level: limits for level, limits in result.items() if limits}


def _items(table: Any, where: str, problems: list[str]) -> list[tuple[str, Any]]:
    if isinstance(table, dict):
        return list(table.items())
    problems.append(f"{where}: must be a table")
    return []


def _threshold_entry(channel: str, entry: Any, where: str, problems: list[str]) -> LimitText | None:
    known = ["on", "off", "hold_s", "above"]
    items = dict(_items(entry, where, problems))
    unknown = [key for key in items if key not in known]
    problems += [f"{where}: unknown key {key!r}{nearest(key, known)}" for key in unknown]
    if unknown or not items:
        return None
    try:
        on = number(-1e6, 1e6)(items.get("on"))
        off = number(-1e6, 1e6)(items["off"]) if "off" in items else None
        above = items.get("above", off is None or off < on)
        if not isinstance(above, bool):
            raise ValueError("'above' must be true or false")
        return limit_text(channel, above, on, off, number(0, 86400)(items.get("hold_s", 0.0)))
    except ValueError as error:
        problems.append(f"{where}: {error}")
        return None


# --- checking -------------------------------------------------------------------------------------------------------


def _check(option: Option, value: Any, source: str, result: dict[str, Any], problems: list[str]) -> None:
    """Parses one value into `result`, or adds the problem with where it came from and what was written."""
    try:
        if option.repeat:
            result[option.name] = tuple(_parse_each(option, value))
        else:
            result[option.name] = option.parse(value)
    except _BadPartError as error:
        problems.append(f"{source} {error.part!r}: {error}")
    except ValueError as error:
        # A token is a secret, also when it is wrong; the address of a webhook most often holds one.
        problems.append(f"{source}: {error}" if option.name.endswith(("token", "webhook")) else f"{source} {value!r}: {error}")


class _BadPartError(ValueError):
    def __init__(self, part: Any, message: str) -> None:
        super().__init__(message)
        self.part = part


def _parse_each(option: Option, values: list[Any]) -> list[Any]:
    result = []
    for value in values:
        try:
            result.append(option.parse(value))
        except ValueError as error:
            raise _BadPartError(value, str(error)) from None
    return result


def _assemble(checked: dict[str, Any], cwd: Path, given: frozenset[str], problems: list[str]) -> Settings | None:
    """The checks between settings, then the one object."""
    bounds = _ranges(checked).bounds()
    for channel, unit in OPTION_NAMES.items():
        low, high = bounds.of(channel)
        if low >= high:
            problems.append(f"--{unit}-min {low:g}: must be less than --{unit}-max {high:g}")
    days, hours = checked["compact_days"], checked["retention_h"]
    if 0 < days * 24 <= hours:
        problems.append(f"--compact-days {days:g}: must be longer than --retention-h {hours:g} (hours)")
    if checked["viewer_token"] and checked["viewer_token"] == checked["token"]:
        problems.append("--viewer-token: must differ from --token, else every viewer may command")
    _check_ports(checked["port"], problems)
    return None if problems else _settings(checked, cwd, given)


def _check_ports(ports: tuple[str, ...], problems: list[str]) -> None:
    pairs = [split_port(port) for port in ports]
    for kind, values in (("name", [name for name, _ in pairs if name]), ("port", [url for _, url in pairs])):
        for value in sorted({value for value in values if values.count(value) > 1}):
            problems.append(f"--port: the {kind} {value!r} is given more than once")


def _settings(checked: dict[str, Any], cwd: Path, given: frozenset[str]) -> Settings:
    database = cwd / checked["database"]
    log_file = cwd / checked["log_file"] if checked["log_file"] else database.with_name("powermon.log")
    same_name = {name: value for name, value in checked.items() if name in Settings.__struct_fields__}
    return Settings(
        **same_name
        | {
            "ports": checked["port"],
            "given": given,
            "limits": _ranges(checked),
            "outliers": _judgement(checked),
            "thresholds": _limits(checked["warn"], Level.WARNING) + _limits(checked["danger"], Level.DANGER),
            "max_bytes": None if checked["max_db_mb"] is None else int(checked["max_db_mb"] * 1_000_000),
            "database": database,
            "log_file": None if checked["log_file"].lower() in ("off", "none") else log_file,
        }
    )


def _judgement(checked: dict[str, Any]) -> Judgement:
    method = Method(checked["outliers"])
    return Judgement(method, checked["outlier_window_s"], checked["outlier_z"], checked["outlier_iqr"])


def _ranges(checked: dict[str, Any]) -> Limits:
    return Limits(*(checked[f"{unit}_{side}"] for unit in OPTION_NAMES.values() for side in ("min", "max")))


def _limits(texts: tuple[LimitText, ...], level: Level) -> tuple[Limit, ...]:
    return tuple(Limit(text.channel, level, text.on, text.off, text.hold_s, text.above) for text in texts)
