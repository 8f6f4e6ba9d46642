"""The words of the program: what a reading, a gap, an event is. No behaviour, no I/O; everyone may import this.

Units: volts, amperes, watts, watt-hours, milliampere-hours; `_us` is UTC microseconds since 1970 (or a span in
microseconds), `_s` seconds. Spans of time are half-open: [t0, t1).
"""

from __future__ import annotations

from enum import IntFlag, StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]

CHANNELS = ("v", "a", "w")
WIRE_NUMBERS = 1 << 32  # sequence numbers on the wire are uint32; ours are extended and never roll over


class Flag(IntFlag):
    """What is special about a stored reading.

    Bits 5 to 7 say which mark a marked reading carries, bits 8 to 15 which word of the board it came with (see
    services/analysis/marks.py).
    """

    RECOVERED = 1  # came by retransmission, after it had been missing
    DERIVED = 2  # the board sent no power: w is v times a
    LATE = 4  # came after a newer one (reordered, not asked for)
    UNTRACKED = 8  # the board sends no sequence numbers: ours stand in
    MARKED = 16  # out of range, saturated, or doubted by its board: kept and shown, left out of statistics and energy


class Reason(StrEnum):
    """Why a line was refused, or a reading marked (STATUS to POWER_RANGE: the board's own word, or a range)."""

    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    UNKNOWN_KIND = "unknown_kind"
    TOO_LONG = "too_long"
    CORRUPT = "corrupt"  # checksum wrong or missing where it is due
    BAD_TYPE = "bad_type"
    NOT_FINITE = "not_finite"
    BAD_SEQ = "bad_seq"
    MISSING_VALUE = "missing_value"
    STATUS = "status"  # the board says itself that the value is no good (sensor_error …)
    OVERFLOW = "overflow"  # the sensor was saturated
    VOLTAGE_RANGE = "voltage_range"
    CURRENT_RANGE = "current_range"
    POWER_RANGE = "power_range"
    WILD_JUMP = "wild_jump"  # one sequence number far off, not confirmed by those after it


class LinkState(StrEnum):
    """protocol.md: closed → opening → waiting → live ⇄ stale → lost → opening …"""

    CLOSED = "closed"
    OPENING = "opening"
    WAITING = "waiting"
    LIVE = "live"
    STALE = "stale"
    LOST = "lost"


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


class Reading(msgspec.Struct, frozen=True):
    """One accepted line. `seq` is extended: it goes on past the wire's rollover at 2³²."""

    device: str
    boot: int
    seq: int
    time_us: int
    received_us: int
    v: float
    a: float
    w: float
    status: str = "ok"
    flags: int = 0


class Readings(msgspec.Struct, frozen=True):
    """Many readings of one device as columns of equal length.

    `hold_us`: the span a reading stands for, its share of coverage, energy and charge
    (the time since its predecessor when that is the reading just before it, else the board's interval).
    """

    boot: I64
    seq: I64
    time_us: I64
    hold_us: I64
    v: F64
    a: F64
    w: F64
    flags: U16

    def __len__(self) -> int:
        return len(self.time_us)

    def take(self, index: Any) -> Readings:
        """The rows that a slice, mask or index array names, in its order."""
        return Readings(*(getattr(self, name)[index] for name in self.__struct_fields__))


def no_readings() -> Readings:
    """Columns of length zero."""
    ints = np.empty(0, np.int64)
    floats = np.empty(0, np.float64)
    return Readings(ints, ints, ints, ints, floats, floats, floats, np.empty(0, np.uint16))


class Rejected(msgspec.Struct, frozen=True):
    """A line that was not accepted, kept for inspection. `line`: the first 256 bytes as text, made printable."""

    device: str
    time_us: int
    reason: Reason
    line: str
    detail: str = ""
    boot: int | None = None
    seq: int | None = None


class GapState(StrEnum):
    OPEN = "open"  # on their way: being asked for, or (level 0) cannot be asked for and may still come late
    RECOVERED = "recovered"  # came after all
    LOST = "lost"  # will not come, by a fact
    BEFORE = "before"  # never stored: what is written so was before the account, and what stood there is taken back


class Gap(msgspec.Struct, frozen=True):
    """Neighbouring sequence numbers that did not come in their turn and now share one fate.

    Between the readings at `t0_us` and `t1_us` the numbers `first`…`last` (extended, inclusive) were missing. One that is
    written replaces what is stored of these numbers, whole gaps or parts of them.
    """

    device: str
    boot: int
    first: int
    last: int
    t0_us: int
    t1_us: int
    state: GapState

    @property
    def missing(self) -> int:
        """How many may still come."""
        return self._count_if(GapState.OPEN)

    @property
    def recovered(self) -> int:
        """How many came after all."""
        return self._count_if(GapState.RECOVERED)

    @property
    def lost(self) -> int:
        """How many will not come."""
        return self._count_if(GapState.LOST)

    def _count_if(self, state: GapState) -> int:
        return self.last - self.first + 1 if self.state is state else 0


class EventKind(StrEnum):
    LINK = "link"
    HELLO = "hello"
    REBOOT = "reboot"
    GAP = "gap"
    RECOVERED = "recovered"
    LOST = "lost"
    COMMAND = "command"
    CLOCK = "clock"
    SENSOR = "sensor"
    ALERT = "alert"
    OUTLIER = "outlier"
    DATABASE = "database"
    ROLLOVER = "rollover"


class Event(msgspec.Struct, frozen=True):
    """Something that happened, for the event log. `data` is small and JSON-able; `text` is English."""

    device: str
    time_us: int
    kind: EventKind
    text: str
    data: dict[str, Any] = {}
    id: int = 0  # given by the database


class Counts(msgspec.Struct):
    """The account of a span or of a device's session. `expected = received + rejected + missing + lost`.

    `received`: stored, recovered and marked ones included; `missing`: may still come; `duplicates` and `bad_lines` stand
    beside it. `reasons`: why lines were refused and readings marked. `missing` and `lost` follow from the gaps, `recovered`
    and `late` from the readings' flags: they are not kept anywhere.
    """

    received: int = 0
    marked: int = 0  # those of the received that are left out of statistics
    recovered: int = 0
    late: int = 0
    rejected: int = 0
    missing: int = 0
    lost: int = 0
    duplicates: int = 0
    bad_lines: int = 0
    corrupt: int = 0  # those of bad_lines whose checksum was wrong
    unaccounted: int = 0  # lines that no number accounts for: what they were is not known, nor how many are missing
    reasons: dict[str, int] = {}

    @property
    def expected(self) -> int:
        return self.received + self.rejected + self.missing + self.lost

    @property
    def completeness(self) -> float | None:
        """Share of all there was that is, or is about to be, stored (0…1); None before the first."""
        everything = self.expected + self.unaccounted
        return self.received / everything if everything else None


class Tally(msgspec.Struct, frozen=True):
    """`count` things of one kind in the second that starts at `second_us`; kinds are `Counts`' fields and Reasons."""

    second_us: int
    kind: str
    count: int


class Identity(msgspec.Struct, frozen=True):
    """Who a run of numbers belongs to, as the board said it, and how far its clock was. `wire_boot` None: level 0."""

    board_id: str
    wire_boot: int | None
    last_ms: int | None = None  # uptime at the newest reading


class Write(msgspec.Struct, frozen=True):
    """What a device hands to the storage at one go; all of it is committed together or not at all.

    `ack`: after this commit every number of `boot` up to this extended one is settled on disk: stored, refused, or lost.
    """

    device: str
    readings: Readings | None = None
    rejected: tuple[Rejected, ...] = ()
    gaps: tuple[Gap, ...] = ()  # in the order in which they replace each other
    events: tuple[Event, ...] = ()
    tallies: tuple[Tally, ...] = ()
    episodes: tuple[Episode, ...] = ()  # new ones, or what more is known of them
    rules: AlertRules | None = None  # the newest takes the place of all before
    boot: int | None = None
    ack: int | None = None
    words: tuple[str, ...] = ()  # the board's status words that the readings' flags name: the first is word 1
    identity: Identity | None = None  # of `boot`


class StoredRun(msgspec.Struct, frozen=True):
    """One boot of a device as the database knows it. All numbers up to `last_seq` are settled but those of open gaps."""

    boot: int  # our number
    identity: Identity
    last_seq: int
    last_time_us: int
    lowest_seq: int | None = None  # of the readings that are still there
    gaps: tuple[Gap, ...] = ()  # open and lost ones, ascending


class Restored(msgspec.Struct, frozen=True):
    """What the database knows of a device's boots, to go on after a restart of the program: the newest first."""

    runs: tuple[StoredRun, ...] = ()
    highest_boot: int = 0  # over all boots of the device; a new one gets a higher number


class ChannelStats(msgspec.Struct, frozen=True):
    """min/mean/max (and standard deviation where asked) of one channel; None without readings."""

    min: float | None = None
    mean: float | None = None
    max: float | None = None
    std: float | None = None


class SpanStats(msgspec.Struct, frozen=True):
    """Statistics of a span, and what they rest on. Means are weighted by `hold_us` (a reading counts as long as it stands).

    `marked` readings are in none of it: `count`, extremes, means, energy and coverage are those of the others.
    """

    t0_us: int
    t1_us: int
    count: int
    coverage_s: float
    v: ChannelStats
    a: ChannelStats
    w: ChannelStats
    energy_wh: float
    charge_mah: float
    counts: Counts | None = None
    marked: int = 0


class MovingMean(msgspec.Struct, frozen=True):
    """Mean over the last `span_s` seconds, with the seconds it rests on."""

    span_s: int
    coverage_s: float
    v: float | None
    a: float | None
    w: float | None


class Curve(msgspec.Struct, frozen=True):
    """Points to draw, ascending in time. Either raw readings (`bucket_us` 0: lo = mean = hi)
    or absolute buckets (`time_us` is the bucket's start; lo/mean/hi per channel). A `break_before` of 1 means:
    do not join this point with the one before it.

    Marked readings stand beside the others: `marked` counts them, `x_marked_min` and `x_marked_max` are their extremes
    (NaN without one); `count` and min/mean/max are those of the others (0 and NaN where a point has only marked ones).
    """

    bucket_us: int
    time_us: I64
    count: I64
    v_min: F64
    v_mean: F64
    v_max: F64
    a_min: F64
    a_mean: F64
    a_max: F64
    w_min: F64
    w_mean: F64
    w_max: F64
    break_before: U8
    recovered: U8  # 1: the point holds at least one recovered reading
    marked: I64
    v_marked_min: F64
    v_marked_max: F64
    a_marked_min: F64
    a_marked_max: F64
    w_marked_min: F64
    w_marked_max: F64

    def __len__(self) -> int:
        return len(self.time_us)


class PortInfo(msgspec.Struct, frozen=True):
    """A serial port of this machine. `advice` says what the port doctor found and the command that mends it.

    `state`: connected (we read it), board (a board speaks on it), noise, silent, busy, refused; empty: not listened to.
    """

    url: str
    description: str
    vid_pid: str
    likely: bool
    advice: str = ""
    state: str = ""


class ClockHealth(msgspec.Struct, frozen=True):
    """Board clock against host clock. None where the board sends no clock."""

    drift_ppm: float | None = None
    jitter_ms: float | None = None
    offset_us: int | None = None


class DeviceInfo(msgspec.Struct, frozen=True):
    """A board and its link, as they are now."""

    device: str
    url: str
    state: LinkState
    state_since_us: int
    problem: str  # what is wrong with the link or with what comes over it, and what to do; empty when nothing
    next_try_s: float | None
    demo: bool
    replay: bool
    level: int | None  # wire level; None before the first line
    tracked: bool  # the board numbers its readings
    firmware: str
    board_id: str
    boot: int | None
    interval_ms: float | None
    rate_hz: float  # readings per second over the last seconds
    last_reading_us: int | None
    sensor: str  # "ok", or the board's word for what is wrong
    clock: ClockHealth
    buffer: int | None  # readings the board can hold
    bytes_here: int = 0  # that came on this connection, whatever they say
    lines_here: int = 0  # of them complete lines


class Marked(msgspec.Struct, frozen=True):
    """The readings of a session that carry one mark, and what would accept such readings.

    `lowest` and `highest` are of the channel whose range it is, in its unit; `low` and `high` are that range, None where
    the board's own word made the mark. `origin` of the range: "setting", "board" (its hello) or "default"; `option`: the
    setting that would accept the newest of them, empty where none can.
    """

    reason: Reason
    count: int
    newest_us: int
    word: str = ""  # the board's, of the newest
    lowest: float | None = None
    highest: float | None = None
    low: float | None = None
    high: float | None = None
    origin: str = ""
    option: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """Consistent copy of a device's live state."""

    now_us: int
    info: DeviceInfo
    last: Reading | None
    stats_1m: SpanStats
    moving: tuple[MovingMean, ...]  # 1, 5, 15 minutes
    energy_wh: float  # since the program started or reset_energy
    charge_mah: float
    energy_since_us: int
    counts: Counts  # of this session
    levels: dict[str, Level]  # per channel "v" "a" "w"
    residual_w: float | None  # last v·a − w
    version: int  # changes with every change of state
    marked: tuple[Marked, ...] = ()  # of this session, one for each kind of mark
    alerts: tuple[AlertStatus, ...] = ()  # every rule that is not normal
    health: tuple[Lamp, ...] = ()  # how far the numbers can be trusted


class Tick(msgspec.Struct, frozen=True):
    """What a page shows of a board at one moment: live state, window and statistics that belong together.

    `frame`: see services/analysis/frame.py; `stats`: of [t0, t1) with standard deviations, `counts` is None;
    `gaps`: those of the window as they stand now, open ones included.
    """

    t0_us: int
    t1_us: int
    state: Snapshot
    frame: pd.DataFrame
    stats: SpanStats
    gaps: tuple[Gap, ...]


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


class CommandOutcome(msgspec.Struct, frozen=True):
    """`result`: ok, error (the board refused), failed (no answer), unsupported."""

    device: str
    seq: int
    name: str
    args: dict[str, Any]
    result: str
    detail: str
    tries: int
    took_ms: float


class DemoState(msgspec.Struct, frozen=True):
    """What the simulated board does: its scenario (None: a replay), its interval, faults that are switched on (their chance)."""

    device: str
    scenario: str | None
    interval_ms: float | None
    faults: dict[str, float]


class StorageHealth(msgspec.Struct, frozen=True):
    """How the recording stands. `problem` says what is wrong and what happens to the readings meanwhile."""

    ok: bool
    problem: str
    queued: int  # readings accepted and not yet committed
    dropped: int  # readings that did not fit into memory while the disk refused them
    committed: int
    last_commit_us: int | None
    file_bytes: int
    bytes_per_reading: float | None  # measured
    predicted_bytes: int | None  # for the whole retention at the current rate
    free_bytes: int | None
    retention_h: float
    notes: tuple[str, ...] = ()  # e.g. "a damaged file was moved aside to …"


class Health(msgspec.Struct, frozen=True):
    """Readiness with reasons."""

    status: str  # ok | degraded
    reasons: tuple[str, ...]
    version: str
    uptime_s: float
    storage: StorageHealth
    devices: tuple[DeviceInfo, ...]
    latency_ms: dict[str, float | None]  # live readings, received → stored in window p50/p95, measured
    found_ports: tuple[PortInfo, ...] = ()  # boards that speak on a port and are not read: to be offered
