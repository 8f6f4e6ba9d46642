"""The rules in force and everything that happened by them: loaded, changed, asked for, told to whoever listens."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from services.alert_model import AlertAction, AlertChange, AlertChannel, AlertRule, AlertRules, BackTest, Episode
from services.analysis.alert_rules import applies, problems, rule_of
from services.clock import Clock
from services.errors import BadRequest, DatabaseError
from services.model import CHANNELS, Write
from services.settings import Settings
from services.storage.alert_record import merged
from services.storage.store import Store

log = logging.getLogger(__name__)
CHANGES_KEPT = 1_000
MOST_SNOOZE_US = 7 * 86_400 * 1_000_000
UNTIL_ENDED_US = 221_845_392_000_000_000  # the year 9000: until somebody ends it


class Watched(Protocol):
    """A board whose alerts are told of the rules."""

    def attach(self, tell: Callable[[AlertChange], None], rules: AlertRules, episodes: Iterable[Episode]) -> None: ...
    def watch(self, rules: AlertRules) -> None: ...
    def acknowledge(self, episode_id: str) -> bool: ...


class AlertBook:
    """Thread-safe. `deliver` sends a message somewhere; it must not wait."""

    def __init__(
        self, settings: Settings, storage: Store, clock: Clock, deliver: Callable[[AlertChange], None] | None = None
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._deliver = deliver
        self._given = tuple({rule.id: rule for rule in map(rule_of, settings.thresholds)}.values())
        self._rules = AlertRules(self._given, {}, self._given)
        self._boards: dict[str, Watched] = {}
        self._changing = threading.Lock()  # one change of the rules at a time
        self._lock = threading.Lock()  # of the list of changes; never held while anybody is called
        self._changes: deque[tuple[int, AlertChange]] = deque(maxlen=CHANGES_KEPT)
        # Of the newest change. A listener that knew the program before it was restarted has a lower one.
        self._number = clock.now_us()

    def start(self) -> None:
        """Read the rules; the limits of the settings are the first ones."""
        try:
            stored = self._storage.alert_rules()
        except DatabaseError as error:
            log.warning("the rules of the alerts could not be read, those of the settings are used: %s", error)
            return
        self._rules = merged(stored, self._given)
        if self._rules != stored:
            self._storage.append(Write("", rules=self._rules))

    def store_again(self) -> None:
        """Another file is written now."""
        self._storage.append(Write("", rules=self._rules))

    def adopt(self, device: str, board: Watched) -> None:
        """Watch one more board; what was firing there when the program ended goes on."""
        try:
            going_on = self._storage.open_episodes(device)
        except DatabaseError as error:
            log.warning("%s: open alerts could not be read: %s", device, error)
            going_on = []
        with self._changing:
            self._boards = {**self._boards, device: board}
            board.attach(self._told, self._rules, going_on)

    def release(self, device: str) -> None:
        """The board is not read any more; what fires there stays open until it is read again."""
        with self._changing:
            self._boards = {name: board for name, board in self._boards.items() if name != device}

    # --- rules

    @property
    def rules(self) -> AlertRules:
        """Those in force."""
        return self._rules

    def set_rules(self, rules: Iterable[AlertRule]) -> AlertRules:
        """From now on these, all of them or none. Raises BadRequest with everything that is wrong."""
        rules = tuple(rules)
        found = problems(rules)
        if found:
            raise BadRequest("; ".join(sentence for _, sentence in found), found[0][0])
        with self._changing:
            ids = {rule.id for rule in rules}
            snoozed = {name: until_us for name, until_us in self._rules.snoozed_until_us.items() if name in ids}
            return self._put(AlertRules(rules, snoozed, self._rules.from_settings))

    def set_rule(self, rule: AlertRule) -> AlertRules:
        """This one anew or in the place of the one with its id; the others as they are. Raises BadRequest."""
        others = self._rules.rules
        place = next((at for at, other in enumerate(others) if other.id == rule.id), len(others))
        return self.set_rules((*others[:place], rule, *others[place + 1 :]))

    def remove_rule(self, rule_id: str) -> AlertRules:
        """Without it from now on. Raises BadRequest when it is not there."""
        others = tuple(rule for rule in self._rules.rules if rule.id != rule_id)
        if len(others) == len(self._rules.rules):
            raise BadRequest(f"there is no rule {rule_id!r}", "rule", "unknown_rule")
        return self.set_rules(others)

    def limits(self, device: str) -> tuple[AlertRule, ...]:
        """The rules for a board's voltage, current and power: their limits can be drawn."""
        return tuple(rule for rule in self._rules.rules if applies(rule, device) and str(rule.channel) in CHANNELS)

    def snooze(self, rule_id: str, for_s: float | None) -> AlertRules:
        """Do not disturb for some time (0: from now on again, None: until that is said): it is still judged, shown and stored.

        Raises BadRequest when the rule is not there.
        """
        with self._changing:
            if rule_id not in {rule.id for rule in self._rules.rules}:
                raise BadRequest(f"there is no rule {rule_id!r}", "rule", "unknown_rule")
            until_us = UNTIL_ENDED_US if for_s is None else self._clock.now_us() + min(round(for_s * 1e6), MOST_SNOOZE_US)
            others = {name: until for name, until in self._rules.snoozed_until_us.items() if name != rule_id}
            snoozed = others if for_s == 0 else others | {rule_id: until_us}
            return self._put(msgspec.structs.replace(self._rules, snoozed_until_us=snoozed))

    def _put(self, rules: AlertRules) -> AlertRules:
        self._rules = rules
        for board in self._boards.values():
            board.watch(rules)
        self._storage.append(Write("", rules=rules))
        self._storage.nudge()
        return rules

    def back_test(self, rule: AlertRule, device: str, t0_us: int, t1_us: int) -> BackTest:
        """What a rule would have done to a board's record in [t0, t1). Raises BadRequest."""
        found = problems([rule])
        if found:
            raise BadRequest(found[0][1], "rule." + found[0][0].partition("].")[2])
        if rule.channel is AlertChannel.COMPLETENESS:
            message = "completeness cannot be tried: the record says that a reading was asked for again, not when it came"
            raise BadRequest(message, "rule.channel")
        return self._storage.back_test(device, rule, t0_us, min(t1_us, self._clock.now_us()))

    # --- episodes

    def episodes(self, device: str | None, t0_us: int, t1_us: int, limit: int = 1000) -> list[Episode]:
        """Those that touch [t0, t1), newest first: the record, and over it what is known but not committed yet."""
        found = {episode.id: episode for episode in self._storage.episodes(device, t0_us, t1_us, limit)}
        with self._lock:
            fresh = [change.episode for _, change in self._changes]
        for episode in fresh:
            if device in (None, episode.device) and episode.start_us < t1_us:
                known = found.get(episode.id)
                found[episode.id] = episode if known is None else joined(known, episode)
        inside = [one for one in found.values() if one.end_us is None or one.end_us >= t0_us]
        return sorted(inside, key=lambda one: (-one.start_us, one.id))[:limit]

    def acknowledge(self, episode_id: str) -> Episode:
        """A person has seen it; once is enough. Raises BadRequest when there is no such episode."""
        device = episode_id.partition(".")[2].rpartition(".")[0]
        board = self._boards.get(device)
        if board is not None:
            board.acknowledge(episode_id)
        episode = self._find(episode_id)
        if episode.acknowledged_us is None:
            episode = msgspec.structs.replace(episode, acknowledged_us=self._clock.now_us())
            self._storage.append(Write(episode.device, episodes=(episode,)))
            self._told(AlertChange("acknowledged", episode))
        return episode

    def add_evidence(self, episode: Episode, evidence: dict[str, object]) -> None:
        """What was done about an episode."""
        episode = msgspec.structs.replace(episode, evidence=evidence)
        self._storage.append(Write(episode.device, episodes=(episode,)))
        self._told(AlertChange("evidence", episode))

    def _find(self, episode_id: str) -> Episode:
        with self._lock:
            fresh = [change.episode for _, change in self._changes if change.episode.id == episode_id]
        stored = self._storage.episode(episode_id)
        known = [*([stored] if stored is not None else []), *fresh]
        if not known:
            raise BadRequest(f"there is no alert {episode_id[:100]!r}", "id", "unknown_alert")
        episode = known[0]
        for later in known[1:]:
            episode = joined(episode, later)
        return episode

    # --- telling

    def _told(self, change: AlertChange) -> None:
        with self._lock:
            self._number += 1
            self._changes.append((self._number, change))
        wanted = AlertAction.WEBHOOK in change.episode.rule.actions and change.kind in ("fired", "ended")
        if self._deliver is not None and wanted and not self._snoozed(change.episode.rule.id):
            self._deliver(change)

    def snoozed(self, device: str) -> int:
        """How many of a board's rules do not disturb now."""
        return sum(applies(rule, device) and self._snoozed(rule.id) for rule in self._rules.rules)

    def _snoozed(self, rule_id: str) -> bool:
        return self._rules.snoozed_until_us.get(rule_id, 0) > self._clock.now_us()

    def since(self, cursor: int | None, device: str | None = None) -> tuple[int, list[AlertChange]]:
        """(new cursor, what changed after the one given, of one board or all); None means from now on."""
        with self._lock:
            if cursor is None:
                return self._number, []
            later = [change for number, change in self._changes if number > cursor]
            return self._number, [change for change in later if device in (None, change.episode.device)]


def joined(known: Episode, other: Episode) -> Episode:
    """All that two words about one episode say; the order in which they came does not matter."""
    newer = other if other.seen_us >= known.seen_us else known
    ended = known if known.end_us is not None else other
    return msgspec.structs.replace(
        newer,
        readings=max(known.readings, other.readings),
        end_us=ended.end_us,
        cleared_us=ended.cleared_us,
        ended_by=ended.ended_by,
        acknowledged_us=known.acknowledged_us or other.acknowledged_us,
        evidence=known.evidence | other.evidence,
    )
