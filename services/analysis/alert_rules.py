"""What a rule of an alert says: which channel, which limit, how long, and what is to be done. Pure.

Values are compared as they are stored: in whole millionths of the channel's unit. So what a rule does to readings as
they come is to the last bit what it does to the same readings read back from the record.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import msgspec

from services.alert_model import USUAL_ACTIONS, AlertAction, AlertChannel, AlertRule, Level
from services.model import CHANNELS

MICRO = 1e6
SECOND_US = 1_000_000
MOST_S = 86_400.0
MOST_RULES = 200
MOST_VALUE = 1e6  # as for readings: beyond it a stored value would lose its last digit
BY_READING = frozenset({AlertChannel.V, AlertChannel.A, AlertChannel.W, AlertChannel.RESIDUAL, AlertChannel.SENSOR})
SEVERITIES = (Level.WARNING, Level.DANGER)
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Limit(msgspec.Struct, frozen=True):
    """A limit as the settings write it: one of one channel, in its unit. `above`: beyond means greater than `on`."""

    channel: str
    level: Level
    on: float
    off: float
    hold_s: float = 0.0
    above: bool = True

    def problem(self) -> str:
        """What is wrong with this limit, as a sentence; empty when nothing is."""
        if self.channel not in CHANNELS:
            return f"channel must be one of {', '.join(CHANNELS)}, not {self.channel!r}"
        return problem(rule_of(self))


def rule_of(limit: Limit) -> AlertRule:
    """The rule that a limit of the settings is; its id is made of what it says, so the same limit is the same rule."""
    side = "above" if limit.above else "below"
    words = (limit.channel, side, f"{limit.on:g}", f"{limit.off:g}", f"{limit.hold_s:g}", str(limit.level))
    name = re.sub(r"[^A-Za-z0-9_-]", "_", "-".join(words))[-36:]
    channel = AlertChannel(limit.channel)
    rule = AlertRule(f"set-{name}", channel, limit.level, limit.on, limit.off, limit.above, limit.hold_s)
    return msgspec.structs.replace(rule, actions=USUAL_ACTIONS[limit.level])


def problem(rule: AlertRule) -> str:
    """What is wrong with a rule, as a sentence that begins with the field; empty when nothing is."""
    if not _ID.fullmatch(rule.id):
        return "id: must be 1 to 40 letters, digits, dashes or underscores"
    if len(rule.name) > 60 or not rule.name.isprintable():
        return "name: must be at most 60 printable characters"
    if rule.severity not in SEVERITIES:
        return "severity: the level must be warning or danger"
    return _wrong_number(rule) or _wrong_side(rule) or _wrong_action(rule)


def _wrong_number(rule: AlertRule) -> str:
    for field, most, least in (("on", MOST_VALUE, -MOST_VALUE), ("off", MOST_VALUE, -MOST_VALUE)):
        value = getattr(rule, field)
        if not math.isfinite(value) or not least <= value <= most:
            return f"{field}: must be a finite number from {least:g} to {most:g}"
    for field in ("hold_s", "clear_s", "repeat_s"):
        value = getattr(rule, field)
        if not math.isfinite(value) or not 0 <= value <= MOST_S:
            return f"{field}: must be a finite number of seconds from 0 to {MOST_S:g}"
    return ""


def _wrong_side(rule: AlertRule) -> str:
    if (rule.off > rule.on) if rule.above else (rule.off < rule.on):
        return f"off: {rule.off:g} must not be {'above' if rule.above else 'below'} on ({rule.on:g})"
    if rule.channel is AlertChannel.COMPLETENESS and not (0 <= rule.on <= 1 and 0 <= rule.off <= 1):
        return "on: completeness is a share from 0 to 1, so on and off must be too"
    if rule.channel is AlertChannel.AGE and not (rule.above and rule.on > 0):
        return "on: an age is watched from above, in seconds greater than 0"
    return ""


def _wrong_action(rule: AlertRule) -> str:
    if len(set(rule.actions)) != len(rule.actions):
        return "actions: each only once"
    if AlertAction.BUZZER in rule.actions and rule.channel is AlertChannel.AGE:
        return "actions: a board that says nothing cannot be told to sound its buzzer"
    return ""


def problems(rules: Iterable[AlertRule]) -> list[tuple[str, str]]:
    """(field, sentence) of everything that is wrong with a set of rules."""
    rules = list(rules)
    found = []
    for at, rule in enumerate(rules):
        sentence = problem(rule)
        if sentence:
            found.append((f"rules[{at}].{sentence.partition(':')[0]}", sentence))
    ids = [rule.id for rule in rules]
    found += [("rules", f"id: {name!r} is given more than once") for name in dict.fromkeys(ids) if ids.count(name) > 1]
    if len(rules) > MOST_RULES:
        found.append(("rules", f"rules: at most {MOST_RULES}"))
    return found


def applies(rule: AlertRule, device: str) -> bool:
    """Whether a rule watches this board."""
    return rule.enabled and rule.device in ("", device)
