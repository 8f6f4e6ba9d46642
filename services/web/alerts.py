"""Alerts: what fired, the rules, what a rule would have done. What changes something is for operators: the guard sees to it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from services.actions import alert_message
from services.alert_model import (
    USUAL_ACTIONS,
    AlertAction,
    AlertChange,
    AlertChannel,
    AlertRule,
    AlertRules,
    BackTest,
    Episode,
    Level,
)
from services.analysis.alert_rules import MOST_RULES
from services.errors import BadRequest
from services.web.parameters import DeviceAsked, TimesAsked, known_device, monitor_of, query, span_of_times
from services.web.payloads import iso, or_none

EXAMPLE: dict[str, Any] = {"id": "over", "channel": "w", "severity": "danger", "on": 10, "off": 9.5, "hold_s": 1}
MOST_TOLD = 500  # episodes of a back-test; all of them are counted

router = APIRouter(tags=["alerts"])
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Seconds = Annotated[float, Field(strict=True, ge=0, le=86_400, allow_inf_nan=False)]


class Rule(BaseModel):
    """Beyond `on` for `hold_s` fires; at or within `off` for `clear_s` ends it. In the channel's unit (V, A, W, s, 0…1)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})
    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")
    channel: AlertChannel
    severity: Level
    on: Finite
    off: Finite
    above: StrictBool = True
    hold_s: Seconds = 0.0
    clear_s: Seconds = 0.0
    device: str = Field(default="", max_length=64, description="empty: every board")
    actions: list[AlertAction] | None = Field(
        default=None, max_length=len(AlertAction), description="by default notify when the severity is danger, else nothing"
    )
    repeat_s: Seconds = Field(default=60.0, description="messages of a rule that fires again and again come this far apart")
    enabled: StrictBool = True
    name: str = Field(default="", max_length=60)

    def rule(self) -> AlertRule:
        """In the program's own words."""
        actions = tuple(self.actions) if self.actions is not None else USUAL_ACTIONS[self.severity]
        return AlertRule(**self.model_dump() | {"actions": actions})


class RuleSet(BaseModel):
    """All rules: they take the place of those in force."""

    model_config = ConfigDict(extra="forbid")
    rules: list[Rule] = Field(max_length=MOST_RULES)


class Trial(BaseModel):
    """A rule, and the board and span to try it on."""

    model_config = ConfigDict(extra="forbid")
    rule: Rule
    device: str | None = Field(default=None, max_length=64, description="By default the first real one")
    from_: str | float | None = Field(default=None, alias="from", description="By default 48 h before `to`")
    to: str | float | None = Field(default=None, description="By default now")


class Snooze(BaseModel):
    """How long not to disturb, in seconds; 0 ends it, null: until somebody ends it."""

    model_config = ConfigDict(extra="forbid")
    for_s: float | None = Field(strict=True, ge=0, le=604_800, allow_inf_nan=False)


class Nothing(BaseModel):
    """`{}`"""

    model_config = ConfigDict(extra="forbid")


@router.get("/api/alerts", summary="Times that a rule fired")
async def alerts(
    request: Request, times: TimesAsked, device: DeviceAsked = None, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
) -> dict[str, Any]:
    """Episodes that touch the span, newest first, of all boards when none is named; `end` is null while one goes on."""
    named = None if device is None else await known_device(request, device)
    found = await query(request, monitor_of(request).alerts.episodes, named, *times, limit)
    return {"episodes": [episode(one) for one in found]}


@router.get("/api/alerts/rules", summary="The rules in force")
async def rules(request: Request) -> dict[str, Any]:
    """And until when some of them are not to disturb."""
    return rule_set(monitor_of(request).alerts.rules)


@router.put("/api/alerts/rules", summary="Set the rules")
async def set_rules(request: Request, wanted: RuleSet) -> dict[str, Any]:
    """All of them or, when one makes no sense, none; effective at once. A rule that judges as before goes on where it stood."""
    return rule_set(await query(request, monitor_of(request).alerts.set_rules, [rule.rule() for rule in wanted.rules]))


@router.post("/api/alerts/backtest", summary="What a rule would have done")
async def back_test(request: Request, trial: Trial) -> dict[str, Any]:
    """To the last bit what it does to the same readings as they come. Not for completeness: when readings came is not stored."""
    monitor = monitor_of(request)
    device = await known_device(request, trial.device)
    t0_us, t1_us = span_of_times(trial.from_, trial.to, monitor.clock.now_us())
    return tried(await query(request, monitor.alerts.back_test, trial.rule.rule(), device, t0_us, t1_us))


@router.post("/api/alerts/rules/{rule}/snooze", summary="Do not disturb for some time")
async def snooze(request: Request, rule: Annotated[str, Path(max_length=40)], wanted: Snooze) -> dict[str, Any]:
    """The rule is still judged, shown and stored; it sounds nothing and sends nothing."""
    return rule_set(await query(request, monitor_of(request).alerts.snooze, rule, wanted.for_s))


@router.post("/api/alerts/{episode_id}/acknowledge", summary="I have seen it")
async def acknowledge(request: Request, episode_id: Annotated[str, Path(max_length=120)], _: Nothing) -> dict[str, Any]:
    """Once is enough."""
    if "\0" in episode_id:
        raise BadRequest("there is no such alert", "id", "unknown_alert")
    return episode(await query(request, monitor_of(request).alerts.acknowledge, episode_id))


# --- as JSON


def episode(one: Episode) -> dict[str, Any]:
    """An episode, with what to say of it and where to look at it."""
    return {
        "id": one.id,
        "device": one.device,
        "rule": msgspec.to_builtins(one.rule),
        "title": alert_message.title("fired", one),
        "start": iso(one.start_us),
        "fired": iso(one.fired_us),
        "seen": iso(one.seen_us),
        "end": or_none(iso, one.end_us),
        "cleared": or_none(iso, one.cleared_us),
        "ended_by": one.ended_by,
        "duration_s": one.duration_us / 1e6,
        "peak": one.peak,
        "readings": one.readings,
        "acknowledged": or_none(iso, one.acknowledged_us),
        "evidence": one.evidence,
        "link": alert_message.link(one),
    }


def change(one: AlertChange) -> dict[str, Any]:
    """What a WebSocket client is told: `change` is fired, ended, evidence or acknowledged."""
    return {"change": one.kind, "value": one.value, **episode(one.episode)}


def rule_set(all_of_them: AlertRules) -> dict[str, Any]:
    """Rules with their snoozes."""
    snoozed = {name: iso(until_us) for name, until_us in all_of_them.snoozed_until_us.items()}
    return {"rules": msgspec.to_builtins(all_of_them.rules), "snoozed_until": snoozed}


def tried(result: BackTest) -> dict[str, Any]:
    """How often, how long, and when; of very many episodes the newest."""
    episodes = result.episodes
    durations = [one.duration_us / 1e6 for one in episodes]
    kept = ("start", "fired", "end", "cleared", "duration_s", "peak", "readings")
    return {
        "device": result.device,
        "rule": msgspec.to_builtins(result.rule),
        "from": iso(result.t0_us),
        "to": iso(result.t1_us),
        "fired": len(episodes),
        "longest_s": max(durations, default=0.0),
        "total_s": sum(durations),
        "firing_at_end": bool(episodes) and episodes[-1].end_us is None,
        "judged": result.judged,
        "episodes": [{name: told[name] for name in kept} for told in map(episode, episodes[-MOST_TOLD:])],
    }
