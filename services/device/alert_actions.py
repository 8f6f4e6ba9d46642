"""What follows when a rule of a board fires or ends: the record, whoever listens, and the buzzer with its round trip.

`attach`, `watch` and `acknowledge` are for anyone; everything else is called with the device's lock held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from services.alert_model import AlertAction, AlertChange, AlertRule, AlertRules, Episode, Level
from services.analysis.repeats import Repeats
from services.clock import Clock, Step
from services.device.board_alerts import EVERY_US, BoardAlerts
from services.device.commands import CommandQueue, Pending
from services.errors import CommandError
from services.model import Counts, Event, EventKind, LinkState, Readings, Write
from services.storage.store import Store

BUZZ = {Level.WARNING: {"on_ms": 100, "times": 1}, Level.DANGER: {"on_ms": 200, "times": 3}}


class _Buzzing(msgspec.Struct):
    """A buzzer command on its way, with when its value came and when the rule had decided."""

    episode: str
    came_s: float
    decided_s: float


class AlertActions:
    """The alerts of one board and what is done about them."""

    def __init__(
        self,
        device: str,
        rules: Iterable[AlertRule],
        storage: Store,
        commands: CommandQueue,
        clock: Clock,
        lock: AbstractContextManager[Any],
    ) -> None:
        self._alerts = BoardAlerts(device, rules)
        self._storage = storage
        self._commands = commands
        self._clock = clock
        self._lock = lock
        self._tell: Callable[[AlertChange], None] | None = None
        self._snoozed: dict[str, int] = {}
        self._repeats = Repeats()
        self._buzzing: dict[int, _Buzzing] = {}  # by the command's number
        self._connected = True
        self._begun_s = clock.monotonic_s()
        self._stored_us = 0
        self.version = 0  # grows with every change

    def attach(self, tell: Callable[[AlertChange], None], rules: AlertRules, episodes: Iterable[Episode]) -> None:
        """`tell` hears of every change, under the device's lock: it must neither wait nor call back.

        `episodes` were going on when the program ended.
        """
        with self._lock:
            self._tell = tell
            self.watch(rules)
            self._done(self._alerts.resume(episodes))

    def watch(self, rules: AlertRules) -> None:
        """From now on these rules."""
        with self._lock:
            self._snoozed = rules.snoozed_until_us
            self._done(self._alerts.set_rules(rules.rules))

    def acknowledge(self, episode_id: str) -> bool:
        """A person has seen it; False when it is not one of the last here."""
        with self._lock:
            change = self._alerts.acknowledge(episode_id, self._clock.now_us())
            self._done([change] if change is not None else [])
            return change is not None

    def add(self, rows: Readings, came_s: float) -> None:
        """Readings in the order they came; their bytes came at `came_s`."""
        self._done(self._alerts.add(rows), came_s)

    def clock_followed(self, step: Step) -> None:
        """A new time segment."""
        self._alerts.clock_followed(step)
        self._stored_us = 0

    def tick(self, now_us: int, now_s: float, line_s: float, counts: Counts, state: LinkState) -> None:
        """Time goes by. `line_s`: when the last line of a reading came."""
        self._connected = state is LinkState.WAITING
        self._done(self._alerts.tick(now_us, now_s - max(line_s, self._begun_s), counts))
        if now_us - self._stored_us >= EVERY_US:
            self._stored_us = now_us
            self.store_progress()

    def store_progress(self) -> None:
        """How far episodes have come that go on."""
        for episode in self._alerts.progress():
            self._storage.append(Write(episode.device, episodes=(episode,)))

    def finished(self, pending: Pending) -> None:
        """A command has ended: if it was for an alert, the round trip belongs to the episode."""
        buzzing, outcome = self._buzzing.pop(pending.seq, None), pending.outcome
        if buzzing is None or outcome is None:
            return
        sent_s, ended_s = pending.first_s or buzzing.decided_s, self._clock.monotonic_s()
        evidence = {
            "result": outcome.result,
            "detail": outcome.detail,
            "tries": outcome.tries,
            "value_to_rule_ms": _ms(buzzing.came_s, buzzing.decided_s),
            "rule_to_command_ms": _ms(buzzing.decided_s, sent_s),
            "command_to_answer_ms": _ms(sent_s, ended_s),
            "value_to_answer_ms": _ms(buzzing.came_s, ended_s),
        }
        self._note(buzzing.episode, {"buzzer": evidence})

    @property
    def share(self) -> float | None:
        """Completeness of the last minute; None when nothing was expected in it."""
        return self._alerts.share

    def figures(self) -> dict[str, Any]:
        """What a snapshot says of the alerts."""
        return {"levels": self._alerts.levels(), "alerts": self._alerts.status()}

    # --- inside

    def _done(self, changes: list[AlertChange], came_s: float | None = None) -> None:
        for change in changes:
            self.version += 1
            episode = change.episode
            self._storage.append(Write(episode.device, episodes=(episode,), events=_events(change)))
            if self._tell is not None:
                self._tell(change)
            if change.kind == "fired" and AlertAction.BUZZER in episode.rule.actions:
                self._buzz(episode, self._clock.monotonic_s() if came_s is None else came_s)

    def _buzz(self, episode: Episode, came_s: float) -> None:
        rule, now_us = episode.rule, self._clock.now_us()
        if self._snoozed.get(rule.id, 0) > now_us:
            self._note(episode.id, {"buzzer": {"result": "snoozed"}})
        elif self._repeats.due(rule.id, now_us, round(rule.repeat_s * 1e6)) is None:
            self._note(episode.id, {"buzzer": {"result": "grouped", "detail": f"it sounded less than {rule.repeat_s:g} s ago"}})
        elif not self._connected:
            self._note(episode.id, {"buzzer": {"result": "not sent", "detail": "the board is not connected"}})
        else:
            try:
                pending = self._commands.add("buzzer", dict(BUZZ[rule.severity]))
            except CommandError as error:
                self._note(episode.id, {"buzzer": {"result": "not sent", "detail": str(error)}})
            else:
                self._buzzing[pending.seq] = _Buzzing(episode.id, came_s, self._clock.monotonic_s())

    def _note(self, episode_id: str, evidence: dict[str, Any]) -> None:
        change = self._alerts.note(episode_id, evidence)
        if change is not None:
            self._done([change])


def _events(change: AlertChange) -> tuple[Event, ...]:
    """Two lines in the event log for an episode: when it began to fire, and when it was over."""
    episode, rule = change.episode, change.episode.rule
    if change.kind not in ("fired", "ended"):
        return ()
    fired = change.kind == "fired"
    value = change.value if change.value is not None else episode.peak
    level = rule.severity if fired else Level.NORMAL
    data = {"channel": str(rule.channel), "level": level, "value": value, "rule": rule.id, "episode": episode.id}
    if not fired:
        data |= {"peak": episode.peak, "duration_s": episode.duration_us / 1e6, "readings": episode.readings}
    time_us = episode.fired_us if fired else (episode.cleared_us or episode.seen_us)
    return (Event(episode.device, time_us, EventKind.ALERT, f"{rule.channel}: {level} at {value:g}", data),)


def _ms(from_s: float, to_s: float) -> float:
    return round(max(0.0, to_s - from_s) * 1e3, 3)
