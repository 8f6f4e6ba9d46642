"""Moments in the reader's zone, and durations. Pure.

Plotly's dates know no zone: a figure is drawn with its times moved by one offset, that of its end, and what the reader
does on it is moved back by the same. A figure across a change of daylight saving time so keeps its true durations.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from components.look.units import number

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US, DAY_S = 1_000_000, 86_400


def zone_of(name: str) -> ZoneInfo:
    """The zone, or UTC for a name that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def moment(time_us: int, zone: str) -> datetime:
    """The time in a zone."""
    return (EPOCH + timedelta(microseconds=time_us)).astimezone(zone_of(zone))


def offset_us(zone: str, time_us: int) -> int:
    """By how much the zone is ahead of UTC at that moment."""
    ahead = moment(time_us, zone).utcoffset() or timedelta()
    return round(ahead.total_seconds()) * SECOND_US


def zone_name(zone: str, time_us: int) -> str:
    """KST, UTC, CET …; +09:30 where a zone has no letters."""
    return moment(time_us, zone).tzname() or "UTC"


def clock(time_us: int, zone: str) -> str:
    """18:03:27"""
    return f"{moment(time_us, zone):%H:%M:%S}"


def clock_ms(time_us: int, zone: str) -> str:
    """18:03:27.125"""
    when = moment(time_us, zone)
    return f"{when:%H:%M:%S}.{when.microsecond // 1000:03d}"


def stamp(time_us: int, zone: str, now_us: int) -> str:
    """Time of day, with the date before it when that is not today."""
    when, today = moment(time_us, zone), moment(now_us, zone)
    return f"{when:%H:%M:%S}" if when.date() == today.date() else f"{when:%Y-%m-%d %H:%M:%S}"


def span_text(t0_us: int, t1_us: int, zone: str, now_us: int) -> str:
    """`18:03:27.125 – 18:04:27.125`; with dates when it does not lie within today."""
    first, last, today = moment(t0_us, zone), moment(t1_us, zone), moment(now_us, zone)
    if first.date() == last.date() == today.date():
        return f"{clock_ms(t0_us, zone)} – {clock_ms(t1_us, zone)}"
    if first.date() == last.date():
        return f"{first:%Y-%m-%d} {first:%H:%M:%S} – {last:%H:%M:%S}"
    return f"{first:%Y-%m-%d %H:%M:%S} – {last:%Y-%m-%d %H:%M:%S}"


def duration(seconds: float, text: dict[str, str]) -> str:
    """The two largest units that say it: 340 ms, 4.25 s, 3 min 20 s, 47 h 59 min."""
    if seconds < 0.9995:
        return text["time.ms"].format(n=number(seconds * 1000, 0))
    if seconds < 59.95:
        whole = abs(seconds - round(seconds)) < 0.005
        return text["time.s"].format(n=number(seconds, 0 if whole else 2 if seconds < 9.995 else 1))
    if seconds < 3599.5:
        return _two(round(seconds), 60, text, ("time.min", "time.s"))
    return _two(round(seconds / 60), 60, text, ("time.h", "time.min"))


def _two(amount: int, per: int, text: dict[str, str], names: tuple[str, str]) -> str:
    whole, rest = divmod(amount, per)
    large = text[names[0]].format(n=whole)
    return f"{large} {text[names[1]].format(n=f'{rest:02d}')}" if rest else large


def parse_typed(typed: str, zone: str, now_us: int) -> int | None:
    """What a reader types as a time: `18:03`, `18:03:27.5` (today), `2026-11-24 18:03`; None when it is no time."""
    words = typed.strip().replace("T", " ")
    here = moment(now_us, zone)
    if " " not in words and ":" in words:
        words = f"{here:%Y-%m-%d} {words}"
    try:
        when = datetime.fromisoformat(words)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=zone_of(zone))
    return round((when - EPOCH).total_seconds() * SECOND_US)
