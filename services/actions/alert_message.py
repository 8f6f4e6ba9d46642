"""What is said about an episode, for people and for programs, with a link that opens the page at that moment. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from services.alert_model import AlertChannel, AlertRule, Episode

AROUND_US = 30_000_000  # shown before and after an episode
NAMES = {
    AlertChannel.V: "voltage",
    AlertChannel.A: "current",
    AlertChannel.W: "power",
    AlertChannel.RESIDUAL: "residual of v·a − w",
    AlertChannel.SENSOR: "sensor",
    AlertChannel.AGE: "time without a reading",
    AlertChannel.COMPLETENESS: "completeness",
}
UNITS = {AlertChannel.V: "V", AlertChannel.A: "A", AlertChannel.W: "W", AlertChannel.RESIDUAL: "W", AlertChannel.AGE: "s"}


def iso(time_us: int) -> str:
    """UTC to the millisecond."""
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def value_text(channel: AlertChannel, value: float) -> str:
    """A value with its unit, for a sentence."""
    if channel is AlertChannel.COMPLETENESS:
        return f"{value:.2%}"
    if channel is AlertChannel.SENSOR:
        return "not ok" if value else "ok"
    return f"{value:.6g} {UNITS[channel]}"


def rule_text(rule: AlertRule) -> str:
    """power above 10 W for 2 s"""
    if rule.channel is AlertChannel.SENSOR:
        said = "sensor not ok"
    else:
        said = f"{NAMES[rule.channel]} {'above' if rule.above else 'below'} {value_text(rule.channel, rule.on)}"
    return said + (f" for {rule.hold_s:g} s" if rule.hold_s else "")


def title(kind: str, episode: Episode) -> str:
    """DANGER on bench: power above 10 W"""
    word = "over" if kind == "ended" else str(episode.rule.severity).upper()
    name = f" ({episode.rule.name})" if episode.rule.name else ""
    return f"{word} on {episode.device}: {rule_text(episode.rule)}{name}"


def text(kind: str, episode: Episode, repeats: int = 0) -> str:
    """One or two sentences."""
    peak = value_text(episode.rule.channel, episode.peak)
    if kind == "ended":
        said = f"It lasted {episode.duration_us / 1e6:.3f} s, from {iso(episode.start_us)}; the extreme was {peak}."
    else:
        said = f"Since {iso(episode.start_us)}, {peak}."
    return said + (f" Meanwhile it had fired {repeats} more time{'s' if repeats > 1 else ''}." if repeats else "")


def link(episode: Episode) -> str:
    """The page at that moment, relative to where it is served."""
    end_us = episode.seen_us if episode.end_us is None else episode.end_us
    words = {"device": episode.device, "from": iso(episode.start_us - AROUND_US), "to": iso(end_us + AROUND_US)}
    return "/?" + urlencode(words, quote_via=quote, safe=":")


def body(kind: str, episode: Episode, base: str, repeats: int = 0) -> dict[str, Any]:
    """What a webhook is sent. `base`: where the page is served, without a slash at its end."""
    rule = episode.rule
    return {
        "event": kind,
        "title": title(kind, episode),
        "message": text(kind, episode, repeats),
        "link": base + link(episode),
        "id": episode.id,
        "device": episode.device,
        "rule": rule.id,
        "channel": str(rule.channel),
        "severity": str(rule.severity),
        "limit": rule.on,
        "peak": episode.peak,
        "start": iso(episode.start_us),
        "end": None if episode.end_us is None else iso(episode.end_us),
        "duration_s": episode.duration_us / 1e6,
        "readings": episode.readings,
        "repeats": repeats,
    }
