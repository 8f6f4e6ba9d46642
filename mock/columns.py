"""Which column of a recording is which: our own export and the usual layouts of other loggers, by their headers."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

CHANNEL_WORDS = {
    "v": ("v", "volt", "volts", "voltage", "vbus", "busvoltage", "loadvoltage", "u", "vout", "mv", "uv", "spannung", "전압"),
    "a": ("a", "amp", "amps", "ampere", "amperes", "current", "i", "ibus", "iout", "ma", "ua", "strom", "전류"),
    "w": ("w", "watt", "watts", "power", "p", "pout", "mw", "uw", "leistung", "전력"),
    "time": ("time", "timestamp", "timeutc", "datetime", "ts", "t", "elapsed", "zeit", "ms", "us", "시간"),
    "status": ("status",),
}
DATE_WORDS = ("date", "datum", "날짜")  # the time only where nothing better is: it may stand beside a time of day
UNITS = {"v": "V", "a": "A", "w": "W"}
PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "k": 1e3}
TIME_UNITS = {"s": 1e6, "sec": 1e6, "seconds": 1e6, "ms": 1e3, "us": 1.0, "µs": 1.0, "μs": 1.0, "ns": 1e-3, "min": 6e7}
DATE_FORMS = (
    "%Y/%m/%d %H:%M:%S.%f",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y %H:%M:%S.%f",
    "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S.%f",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%H:%M:%S.%f",
    "%H:%M:%S",
)
DELIMITERS = (",", ";", "\t", "|")
_NAME = re.compile(r"\s*#?\s*([^\[({]*?)\s*[\[({]\s*([^\])}]*?)\s*[\])}]?\s*$")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Column:
    index: int
    scale: float  # to V, A, W or µs; 0 for a time whose unit its values tell


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read the rows below a header."""

    delimiter: str
    columns: dict[str, Column]

    def cells(self, line: str) -> list[str]:
        return split(line, self.delimiter)

    def value(self, cells: list[str], name: str) -> float | None:
        """The number in this column in V, A or W; None without such a column. ValueError where it is no number."""
        column = self.columns.get(name)
        if column is None:
            return None
        return float(cells[column.index].replace(",", ".")) * column.scale

    def time_us(self, cells: list[str]) -> float | None:
        """Microseconds on some axis: only their differences mean anything."""
        column = self.columns.get("time")
        return None if column is None else _time_us(cells[column.index], column.scale)


def split(line: str, delimiter: str) -> list[str]:
    """Cells without blanks and quotes around them; none for a line that is no CSV."""
    if delimiter == " ":
        return line.split()
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]
    except csv.Error:
        return []


def find_layout(line: str) -> Layout | None:
    """The layout whose header this line is; None when it is none. A header names voltage or current at least."""
    best: Layout | None = None
    for delimiter in (*DELIMITERS, " "):
        layout = Layout(delimiter, _columns(split(line, delimiter)))
        if layout.columns.keys() & {"v", "a"} and (best is None or len(layout.columns) > len(best.columns)):
            best = layout
    return best


def _columns(header: list[str]) -> dict[str, Column]:
    found: dict[str, Column] = {}
    date: Column | None = None
    for index, cell in enumerate(header):
        word, unit = _word_and_unit(cell)
        for name, words in CHANNEL_WORDS.items():
            if word in words and name not in found:
                scale = _scale(name, unit or word)
                if scale is not None:
                    found[name] = Column(index, scale)
        if word in DATE_WORDS:
            date = Column(index, 0.0)
    if date:
        found.setdefault("time", date)
    return found


def _word_and_unit(cell: str) -> tuple[str, str]:
    """`Voltage(V)`, `current [mA]`, `voltage_v`, `mA`, `#time` → the word in lower case, and the unit."""
    match = _NAME.match(cell)
    if match:
        word, unit = match.groups()
    else:
        word, unit = cell.lstrip("﻿# ").strip(), ""
        parts = re.split(r"[\s_.-]+", word)
        if len(parts) > 1 and _is_unit(parts[-1]):
            word, unit = "".join(parts[:-1]), parts[-1]
    return re.sub(r"[\s_.-]+", "", word).lower(), unit


def _is_unit(text: str) -> bool:
    return text in TIME_UNITS or (text[-1:].upper() in "VAW" and text[:-1].lower() in PREFIXES)


def _scale(name: str, unit: str) -> float | None:
    """None: the unit is of something else, as in `Power (%)`."""
    if name == "status":
        return 1.0
    if name == "time":
        return TIME_UNITS.get(unit.lower(), 0.0)
    prefix, letter = unit[:-1].lower(), unit[-1:].upper()
    if letter == UNITS[name] and prefix in PREFIXES:
        return PREFIXES[prefix]
    return 1.0 if unit.lower() in CHANNEL_WORDS[name] else None


def _time_us(text: str, scale: float) -> float:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return _date_us(text)
    return number * (scale or _guessed_scale(number))


def _guessed_scale(number: float) -> float:
    """Unix time in s, ms, µs or ns has a size of its own; anything small is seconds since a start."""
    for limit, scale in ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0)):
        if abs(number) < limit:
            return scale
    return 1e-3


def _date_us(text: str) -> float:
    text = text.replace(",", ".")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _other_date(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)  # only differences matter
    return (moment - EPOCH) / timedelta(microseconds=1)


def _other_date(text: str) -> datetime:
    for form in DATE_FORMS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no time")
