"""What happened, as a sentence in the page's language, made of an event's kind and data. Pure.

Older records may lack data that a sentence needs: then the text that was stored is shown.
"""

from __future__ import annotations

from typing import Any

from components.look.units import number
from components.words.phrases import phrase
from components.words.text import words
from services.model import CHANNELS, Event, EventKind
from services.options import DEMO_NAME

UNITS = dict(zip(CHANNELS, ("V", "A", "W"), strict=True))
WATCHED_UNITS = {"residual": "W", "age": "s"}
COUNTED = (EventKind.GAP, EventKind.RECOVERED, EventKind.LOST)


def sentence(event: Event, language: str) -> str:
    """What happened, in a language that we speak."""
    text = words(language)
    try:
        key, values = _parts(event, text, language)
        return text[key].format(**values)
    except (KeyError, TypeError, ValueError):
        return phrase(event.text, language)


def _parts(event: Event, text: dict[str, str], language: str) -> tuple[str, dict[str, Any]]:
    """The sentence's key and its values. Raises KeyError when there is none for this."""
    kind, data = event.kind, event.data
    if kind in COUNTED:
        return f"said.{kind.value}.{'one' if data['count'] == 1 else 'many'}", {"n": number(data["count"], 0)}
    if kind is EventKind.LINK:
        url = text["board.simulated"] if event.device == DEMO_NAME else data.get("url", "")  # its port is a passing file
        return f"said.link.{data['state']}", {"url": url, "text": phrase(event.text, language)}
    if kind in (EventKind.HELLO, EventKind.REBOOT):
        return f"said.{kind.value}", {"boot": data["boot"]}
    if kind is EventKind.SENSOR:
        return "said.sensor.ok" if data["status"] == "ok" else "said.sensor.bad", {"status": data["status"]}
    if kind is EventKind.ALERT:
        channel, level = data["channel"], str(data["level"])
        return f"said.alert.{level}", {"channel": text[f"channel.{channel}"], "value": watched(channel, data["value"])}
    if kind is EventKind.OUTLIER:
        channel, unit = data["channel"], UNITS[data["channel"]]
        value, median = (f"{number(data[name], 3)} {unit}" for name in ("value", "median"))
        told = {"channel": text[f"channel.{channel}"], "value": value, "median": median, "n": number(data["count"], 0)}
        return f"said.outlier.{'one' if data['count'] == 1 else 'many'}", told | {"z": number(data["z"], 1)}
    if kind is EventKind.CLOCK:
        return _clock(data)
    if kind is EventKind.COMMAND:
        return "said.command", _command(data, text, language)
    if kind is EventKind.DATABASE:
        return "said.database.moved", {"file": data["moved_to"]}
    raise KeyError(kind)


def _clock(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if "overlap_us" in data:
        return "said.clock.overlap", {"overlap": number(data["overlap_us"] / 1e6, 1)}
    slept_us = data.get("slept_us", 0)
    set_us = data["step_us"] - slept_us
    values = {"slept": number(slept_us / 1e6, 0), "step": number(set_us / 1e6, 1)}
    if not slept_us:
        return "said.clock", values
    return ("said.clock.both" if abs(set_us) > 500_000 else "said.clock.slept"), values


def watched(channel: str, value: float) -> str:
    """A value of what a rule of an alert watches."""
    if channel == "completeness":
        return f"{number(value * 100, 2)} %"
    if channel == "sensor":
        return number(value, 0)
    return f"{number(value, 3)} {WATCHED_UNITS.get(channel) or UNITS[channel]}"


def _command(data: dict[str, Any], text: dict[str, str], language: str) -> dict[str, Any]:
    detail = f": {phrase(data['detail'], language)}" if data["detail"] else ""
    result = text[f"result.{data['result']}"]
    return {"name": data["name"], "result": result + detail, "ms": number(data["took_ms"], 0), "tries": data["tries"]}
