"""What an alert is: levels, rules, episodes, outliers, lamps. No behaviour, no I/O; units as in model.py."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Level(StrEnum):
    """How a channel stands against its limits."""

    NORMAL = "normal"
    WARNING = "warning"
    DANGER = "danger"


class AlertChannel(StrEnum):
    """What a rule watches. The first five change with each reading, the others with time."""

    V = "v"
    A = "a"
    W = "w"
    RESIDUAL = "residual"  # |v·a − w| in watts: what the sensor's own numbers disagree by
    SENSOR = "sensor"  # 1 when the board says that a value is no good, else 0
    AGE = "age"  # seconds since the board last said anything
    COMPLETENESS = "completeness"  # of the last minute, 0…1


class AlertState(StrEnum):
    """normal → pending (beyond, not long enough) → firing → recovering (back, not long enough) → normal."""

    NORMAL = "normal"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"


class AlertAction(StrEnum):
    """What is done when a rule fires, beside what is always done (shown and stored)."""

    NOTIFY = "notify"  # a notification of the browser
    SOUND = "sound"  # a sound of the page
    BUZZER = "buzzer"  # on the board
    WEBHOOK = "webhook"  # the address that the settings name


# What is done when nobody said otherwise: a danger is worth a notification.
USUAL_ACTIONS: dict[Level, tuple[AlertAction, ...]] = {Level.NORMAL: (), Level.WARNING: (), Level.DANGER: (AlertAction.NOTIFY,)}


class AlertRule(msgspec.Struct, frozen=True):
    """Beyond `on` for `hold_s` fires; at or within `off` for `clear_s` ends it. In the channel's unit.

    `above`: beyond means greater than `on`, else less. `device` empty: every board. `repeat_s`: a rule that fires again
    within this time sends no further message; what it did meanwhile is counted in the next.
    """

    id: str
    channel: AlertChannel
    severity: Level
    on: float
    off: float
    above: bool = True
    hold_s: float = 0.0
    clear_s: float = 0.0
    device: str = ""
    actions: tuple[AlertAction, ...] = ()
    repeat_s: float = 60.0
    enabled: bool = True
    name: str = ""


class AlertRules(msgspec.Struct, frozen=True):
    """The rules in force, until when some of them are not to disturb, and which ones the settings had given."""

    rules: tuple[AlertRule, ...] = ()
    snoozed_until_us: dict[str, int] = {}  # by the rule's id
    from_settings: tuple[AlertRule, ...] = ()


class Episode(msgspec.Struct, frozen=True):
    """One time that a rule fired: from the first reading beyond `on` to the first that was back for good.

    `fired_us`: when `hold_s` was over; `end_us`: None while it goes on; `cleared_us`: when `clear_s` was over.
    `peak`: the most extreme value; `readings`: how many it had, from the first beyond to the last before the end (0 where
    the channel is not one of readings). `evidence` says what was done about it, with times in milliseconds.
    """

    id: str
    device: str
    rule: AlertRule
    start_us: int
    fired_us: int
    seen_us: int  # the newest reading in it
    peak: float
    readings: int
    end_us: int | None = None
    cleared_us: int | None = None
    ended_by: str = ""  # "" while it goes on, "value", "rule" (changed or taken away)
    acknowledged_us: int | None = None
    evidence: dict[str, Any] = {}

    @property
    def duration_us(self) -> int:
        """Up to its end, or to what was seen of it so far."""
        return (self.seen_us if self.end_us is None else self.end_us) - self.start_us


class AlertChange(msgspec.Struct, frozen=True):
    """Something about an episode changed: `kind` is fired, ended, evidence or acknowledged.

    `value`: of the reading that made it fire or end; None where none did.
    """

    kind: str
    episode: Episode
    value: float | None = None


class BackTest(msgspec.Struct, frozen=True):
    """What a rule would have done in [t0, t1), which is no longer than the record.

    `judged`: readings it rests on; `read`: those of them that had to be read. The last episode may be going on (`end_us` None).
    """

    device: str
    rule: AlertRule
    t0_us: int
    t1_us: int
    episodes: tuple[Episode, ...]  # ascending, without ids
    judged: int
    read: int


class AlertStatus(msgspec.Struct, frozen=True):
    """How a rule stands that is not normal now. `since_us`: first beyond; `readings` and `peak` of the time since."""

    rule: AlertRule
    state: AlertState
    since_us: int
    peak: float
    readings: int
    episode: str  # its id; empty while pending
    acknowledged: bool = False


class Lamp(msgspec.Struct, frozen=True):
    """One figure of how far a board's numbers can be trusted. `value` None: nothing is known. `unit`: W, share, ppm, ms."""

    name: str  # residual, saturation, drift, jitter, completeness
    value: float | None
    unit: str
    level: Level
    warning: float | None  # where the verdict changes
    danger: float | None


class Outlier(msgspec.Struct, frozen=True):
    """The farthest of `count` readings that stood alone, with what they were held against."""

    channel: str
    time_us: int
    count: int
    value: float
    z: float  # robust z-score
    iqrs: float  # outside the quartiles, in units of their distance
    median: float
    mad: float
    q1: float
    q3: float
