"""Which gestures have had no answer yet. Pure.

Dash drops the answer to a call when the same callback is called again meanwhile: the second of two quick gestures, or a word of
Plotly's about its size, would undo the first. So each answer carries a mark of every input it took account of, in a Store that
is written with the answer or not at all; whatever is not as it was marked has still to be answered.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from components import ids

MOST_CLICKS = 20
NUMBERED = (f"{ids.KEY}.data", f"{ids.ON_CHART}.data")  # lists of the last few, each with its number `n`


def mark(prop: str, value: Any) -> int:
    """Short for a value: the number of clicks, of the last key or move on the chart, or a digest."""
    if prop.endswith(".n_clicks"):
        return int(value or 0)
    if prop in NUMBERED:
        return int(value[-1]["n"]) if value else 0
    return zlib.crc32(msgspec.json.encode(value))


def marks(asked: Mapping[str, Any]) -> dict[str, int]:
    """What the Store keeps of the inputs."""
    return {prop: mark(prop, value) for prop, value in asked.items()}


def unanswered(asked: Mapping[str, Any], triggered: list[str], answered: Mapping[str, int]) -> list[str]:
    """Inputs to be answered, the ones whose answer was lost first; one that was clicked n times stands there n times."""
    lost = [prop for prop, value in asked.items() if prop not in triggered and mark(prop, value) != answered.get(prop)]
    found: list[str] = []
    for prop in (*lost, *triggered):
        times = mark(prop, asked[prop]) - answered.get(prop, 0) if prop.endswith(".n_clicks") else 1
        found += [prop] * min(times, MOST_CLICKS)
    return found


def latest(prop: str, value: Any, answered: Mapping[str, int]) -> list[Any]:
    """The gestures in a value that have no answer yet: a quick second key overtakes the answer to the first."""
    return [each for each in value or [] if each["n"] > answered.get(prop, 0)] if prop in NUMBERED else [value]
