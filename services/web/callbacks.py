"""Callbacks of the page: which of them change something, and what a well-formed call of one looks like.

How to add a callback that changes something (sends a command, connects, forgets, writes a rule or a note):
put the id of the component that it writes its outcome to into `CHANGING` in components/page.py. Nothing else: the guard then
refuses it to viewers. Everything that is not listed is for everyone, and a test holds that no such callback reaches a method of
the façade that changes something. Who asks stands in the header `X-Powermon-Role` (`operator` or `viewer`), which the guard
sets itself: `dash.ctx.headers["x-powermon-role"]`; use it to hide what would be refused, never instead of the list.

Callbacks travel by POST to /_dash-update-component only; the guard closes every WebSocket but /ws/realtime.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import orjson

from services.web.errors import CALLBACK_PATH as CALLBACK_PATH


class Rule(msgspec.Struct, frozen=True):
    """One callback: does it change something, and how many inputs and states it takes."""

    changes: bool
    inputs: int
    states: int


Rules = Mapping[str, Rule]  # by Dash's name of the callback, which is what a call names it by


class MalformedCallError(ValueError):
    """No call that the page could have made."""


class _Value(msgspec.Struct):
    id: str | dict[str, Any]
    property: str
    value: Any = None


class _Call(msgspec.Struct):
    output: str
    outputs: dict[str, Any] | list[Any] | None = None
    inputs: list[_Value | list[_Value]] = []
    state: list[_Value | list[_Value]] = []
    changedPropIds: list[str] = []  # noqa: N815  (Dash's own name)


def callback_rules(callback_map: Mapping[str, Any], changing: Iterable[str]) -> dict[str, Rule]:
    """The rules of `app.callback_map`; `changing` are ids of components that only changing callbacks write to.

    Raises ValueError when one of them has no callback: a list that names nothing protects nothing.
    """
    wanted = set(changing)
    written = {name: _written(callback) for name, callback in callback_map.items()}
    unused = wanted.difference(*written.values()) if written else wanted
    if unused:
        raise ValueError(f"no callback writes to {', '.join(sorted(unused))}")
    return {
        name: Rule(bool(written[name] & wanted), len(callback["inputs"]), len(callback["state"]))
        for name, callback in callback_map.items()
        if "callback" in callback  # the others run in the browser
    }


def _written(callback: Mapping[str, Any]) -> set[str]:
    output = callback["output"]
    outputs = output if isinstance(output, list | tuple) else [output]
    return {str(one.component_id) for one in outputs if one is not None}


def called(body: bytes, rules: Rules) -> Rule:
    """The rule of the callback that a body calls. Raises MalformedCallError."""
    try:
        document = orjson.loads(body)
        call = msgspec.convert(document, _Call)
    except (orjson.JSONDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise MalformedCallError(f"no call of a callback: {error}") from None
    rule = rules.get(call.output)
    if rule is None:
        raise MalformedCallError(f"there is no callback {call.output[:60]!r}")
    if (len(call.inputs), len(call.state)) != (rule.inputs, rule.states):
        raise MalformedCallError("not the inputs that this callback takes")
    return rule
