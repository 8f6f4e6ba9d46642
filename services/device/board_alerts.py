"""All rules of one board against what it measures, and the episodes they make. Not locked: its device's lock is held."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import numpy as np

from services.alert_model import AlertChange, AlertChannel, AlertRule, AlertState, AlertStatus, Episode, Level
from services.analysis.alert_rules import BY_READING, MICRO, applies
from services.analysis.alerts import Mask, Turn, Watch, believed, complaints, doubted, residual_uw, worst
from services.analysis.recent_share import RecentShare
from services.clock import Step
from services.model import CHANNELS, F64, I64, Counts, Flag, Readings

EVERY_US = 1_000_000  # between two looks at completeness, and two stored words about an episode that goes on
BEHIND = int(Flag.RECOVERED | Flag.LATE)  # what comes after newer readings is stored and drawn; it turns no alert
RECENT = 32  # episodes that are over and may still be told what was done about them
_JUDGING = ("channel", "severity", "on", "off", "above", "hold_s", "clear_s")
Amendment = Callable[[Episode], dict[str, Any]]


class BoardAlerts:
    """Rules of one board. Whatever takes something in returns what changed by it."""

    def __init__(self, device: str, rules: Iterable[AlertRule] = ()) -> None:
        self._device = device
        self._watches: dict[AlertChannel, list[Watch]] = {}
        self._open: dict[str, Episode] = {}  # by rule
        self._recent: dict[str, Episode] = {}  # by episode
        self._last_us = self._looked_us = 0
        self._share = RecentShare()
        self.share: float | None = None  # completeness of the last minute
        self.set_rules(rules)

    # --- rules

    def set_rules(self, rules: Iterable[AlertRule]) -> list[AlertChange]:
        """From now on these. A rule that judges as before goes on where it stood; episodes of the others end."""
        before = {watch.rule.id: watch for watch in self._all()}
        kept = {rule.id: _watch(rule, before.get(rule.id)) for rule in rules if applies(rule, self._device)}
        self._watches = {}
        for watch in kept.values():
            self._watches.setdefault(watch.rule.channel, []).append(watch)
        gone = [name for name in self._open if not (name in kept and kept[name].active)]
        return [self._unwatched(self._open.pop(name)) for name in gone]

    def resume(self, episodes: Iterable[Episode]) -> list[AlertChange]:
        """Go on with what was firing when the program ended; what nobody watches any more is over."""
        changes = []
        for episode in episodes:
            watch = next((watch for watch in self._all() if watch.rule.id == episode.rule.id), None)
            if watch is None or watch.active or not _judges_alike(watch.rule, episode.rule):
                changes.append(self._unwatched(episode))
                continue
            watch.resume(episode.start_us, episode.fired_us, episode.peak, episode.readings)
            self._open[watch.rule.id] = episode
            self._last_us = max(self._last_us, episode.seen_us)
        return changes

    # --- what comes in

    def add(self, rows: Readings) -> list[AlertChange]:
        """Readings in the order they came, marked ones too: an over-current must not silence its own alarm."""
        if not self._watches or not len(rows):
            return []
        kinds = int(np.bitwise_or.reduce(rows.flags))  # every flag that any of them has: most often none
        new = self._newer(rows, kinds)
        rows = rows if new is None else rows.take(new)
        if not len(rows):
            return []
        self._last_us = int(rows.time_us[-1])
        doubts = doubted(rows.flags) if kinds & Flag.MARKED else None
        changes: list[AlertChange] = []
        for channel, watches in self._watches.items():
            if channel is AlertChannel.SENSOR:
                changes += self._judge(watches, rows.time_us, complaints(rows.flags).astype(np.float64), MICRO)
            elif channel in BY_READING:
                changes += self._judge(watches, rows.time_us, *_values(rows, channel), doubts)
        return changes

    def tick(self, now_us: int, age_s: float, counts: Counts) -> list[AlertChange]:
        """Time goes by: `age_s` since the board last said anything, `counts` of this session."""
        changes: list[AlertChange] = []
        if AlertChannel.AGE in self._watches:
            changes += self._sample(AlertChannel.AGE, now_us, age_s)
        if now_us - self._looked_us >= EVERY_US:
            self._looked_us = now_us
            self.share = self._share.add(now_us, counts.expected, counts.completeness)
            if AlertChannel.COMPLETENESS in self._watches and self.share is not None:
                changes += self._sample(AlertChannel.COMPLETENESS, now_us, self.share)
        return changes

    def note(self, episode_id: str, evidence: dict[str, object]) -> AlertChange | None:
        """What was done about an episode; None when it is not remembered any more."""
        return self._amend(episode_id, "evidence", lambda old: {"evidence": old.evidence | evidence})

    def acknowledge(self, episode_id: str, now_us: int) -> AlertChange | None:
        """A person has seen it; None when it is not remembered here, or was acknowledged before."""
        return self._amend(episode_id, "acknowledged", lambda old: {} if old.acknowledged_us else {"acknowledged_us": now_us})

    def clock_followed(self, step: Step) -> None:
        """A new time segment: what is pending or firing goes on, in the new time; sleep is time that passed."""
        self._last_us += step.after_us - step.before_us
        self._looked_us, self._share = 0, RecentShare()
        for watch in self._all():
            watch.shift(step.set_us)
        for rule, episode in self._open.items():
            times = {name: getattr(episode, name) + step.set_us for name in ("start_us", "fired_us", "seen_us")}
            self._open[rule] = msgspec.structs.replace(episode, **times)

    # --- how it stands

    def levels(self) -> dict[str, Level]:
        """The worst that fires now, by channel of a reading."""
        return {
            name: worst(watch.rule.severity for watch in self._watches.get(AlertChannel(name), ()) if watch.active)
            for name in CHANNELS
        }

    def status(self) -> tuple[AlertStatus, ...]:
        """Every rule that is not normal."""
        return tuple(
            AlertStatus(
                watch.rule, watch.state, watch.start_us, watch.peak, _count(watch), self._id_of(watch), self._is_seen(watch)
            )
            for watch in self._all()
            if watch.state is not AlertState.NORMAL
        )

    def progress(self) -> list[Episode]:
        """Episodes that grew since they were told of last."""
        grown = []
        for watch in self._all():
            episode = self._open.get(watch.rule.id)
            if episode is not None and (_count(watch), watch.peak) != (episode.readings, episode.peak):
                seen_us = max(self._last_us, episode.seen_us)
                episode = msgspec.structs.replace(episode, peak=watch.peak, readings=_count(watch), seen_us=seen_us)
                self._open[watch.rule.id] = episode
                grown.append(episode)
        return grown

    # --- inside

    def _all(self) -> list[Watch]:
        return [watch for watches in self._watches.values() for watch in watches]

    def _is_seen(self, watch: Watch) -> bool:
        episode = self._open.get(watch.rule.id)
        return episode is not None and episode.acknowledged_us is not None

    def _id_of(self, watch: Watch) -> str:
        episode = self._open.get(watch.rule.id)
        return episode.id if episode is not None else ""

    def _newer(self, rows: Readings, kinds: int) -> Mask | None:
        """Which rows are not behind one that came before them; None: all of them."""
        times = rows.time_us
        in_order = int(times[0]) >= self._last_us and (len(times) == 1 or bool((times[1:] >= times[:-1]).all()))
        if in_order and not kinds & BEHIND:
            return None
        mask: Mask = rows.flags & BEHIND == 0
        highest = np.maximum.accumulate(np.where(mask, times, 0))
        mask &= times >= np.maximum(highest, self._last_us)
        return mask

    def _judge(
        self, watches: list[Watch], time_us: I64, values: F64, scale: float, doubts: Mask | None = None
    ) -> list[AlertChange]:
        low, high = (values.min(), values.max()) if len(values) > 1 else (values[0], values[0])
        low, high = round(float(low) * scale), round(float(high) * scale)
        last_us, micros = int(time_us[-1]), None
        changes = []
        for watch in watches:
            if doubts is None and watch.passes(len(values), low, high, last_us):
                continue
            micros = np.rint(values * scale) if micros is None else micros
            turns = watch.take(time_us, micros) if doubts is None else watch.take(*believed(watch, time_us, micros, doubts))
            changes += [self._turned(watch, turn) for turn in turns]
        return changes

    def _sample(self, channel: AlertChannel, now_us: int, value: float) -> list[AlertChange]:
        return self._judge(self._watches[channel], np.array([now_us], np.int64), np.array([value]), MICRO)

    def _turned(self, watch: Watch, turn: Turn) -> AlertChange:
        rule = watch.rule
        readings = turn.readings if rule.channel in BY_READING else 0
        if turn.end_us is None:
            id_ = f"{rule.id}.{self._device}.{turn.start_us}"
            episode = Episode(id_, self._device, rule, turn.start_us, turn.fired_us, turn.at_us, turn.peak, readings)
            self._open[rule.id] = episode
            return AlertChange("fired", episode, turn.value)
        known = {"seen_us": turn.end_us, "end_us": turn.end_us, "cleared_us": turn.at_us, "ended_by": "value"}
        episode = msgspec.structs.replace(self._open.pop(rule.id), peak=turn.peak, readings=readings, **known)
        self._remember(episode)
        return AlertChange("ended", episode, turn.value)

    def _unwatched(self, episode: Episode) -> AlertChange:
        known = {"end_us": episode.seen_us, "cleared_us": episode.seen_us, "ended_by": "rule"}
        episode = msgspec.structs.replace(episode, **known)
        self._remember(episode)
        return AlertChange("ended", episode)

    def _remember(self, episode: Episode) -> None:
        self._recent[episode.id] = episode
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]

    def _amend(self, episode_id: str, kind: str, change: Amendment) -> AlertChange | None:
        for known, key in ((self._open, episode_id.partition(".")[0]), (self._recent, episode_id)):
            episode = known.get(key)
            if episode is not None and episode.id == episode_id:
                fields = change(episode)
                if not fields:
                    return None
                known[key] = episode = msgspec.structs.replace(episode, **fields)
                return AlertChange(kind, episode)
        return None


def _values(rows: Readings, channel: AlertChannel) -> tuple[F64, float]:
    """A channel of some readings, and what makes whole millionths of it."""
    if channel is AlertChannel.RESIDUAL:
        return residual_uw(*(np.rint(getattr(rows, name) * MICRO) for name in CHANNELS)), 1.0
    values: F64 = getattr(rows, channel.value)
    return values, MICRO


def _count(watch: Watch) -> int:
    return watch.readings if watch.rule.channel in BY_READING else 0


def _watch(rule: AlertRule, known: Watch | None) -> Watch:
    if known is None or not _judges_alike(known.rule, rule):
        return Watch(rule)
    known.rule = rule
    return known


def _judges_alike(one: AlertRule, other: AlertRule) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _JUDGING)
