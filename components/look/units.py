"""Numbers as people read them, for what the server writes into the page. Pure."""

from __future__ import annotations

import math

MINUS = "\u2212"
NARROW_SPACE = "\u202f"
NO_BREAK = "\u00a0"  # a space at which no line ends
NO_VALUE = "–"
_BYTE_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def number(value: float | None, digits: int) -> str:
    """Fixed digits, a real minus sign, thin spaces between thousands; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return NO_VALUE
    text = f"{value:,.{digits}f}".replace(",", NARROW_SPACE)
    if not text.startswith("-"):
        return text
    return text[1:] if float(f"{value:.{digits}f}") == 0 else MINUS + text[1:]


def data_size(size: float | None) -> str:
    """Bytes with three significant digits and a decimal unit: 1.24 GB."""
    if size is None:
        return NO_VALUE
    unit = 0
    while size >= 999.5 and unit < len(_BYTE_UNITS) - 1:
        size /= 1000
        unit += 1
    digits = 0 if unit == 0 or size >= 100 else 1 if size >= 10 else 2
    return f"{number(size, digits)} {_BYTE_UNITS[unit]}"


def hours(value: float) -> str:
    """48.0 → `48`; parts of an hour keep up to two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
