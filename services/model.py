"""The words of the program: what a reading, a gap, an event is. No behaviour, no I/O; everyone may import this.

Units: volts, amperes, watts, watt-hours, milliampere-hours; `_us` is UTC microseconds since 1970 (or a span in
microseconds), `_s` seconds. Spans of time are half-open: [t0, t1).
"""

from __future__ import annotations

from enum import IntFlag, StrEnum
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.alert_model import AlertRules, Episode

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


class Event(msgspec.Struct, frozen=True):
    """Something that happened, for the event log. `data` is small and JSON-able; `text` is English."""

    device: str
    time_us: int
    kind: EventKind
    text: str
    data: dict[str, Any] = {}
    id: int = 0  # given by the database


class Counts(msgspec.Struct):
    """The account of a span or of a device's session. `expected = received + rejected + missing + lost`; `waiting` is of a
    session only.

    `received`: stored, recovered and marked ones included; `missing`: may still come; `duplicates` and `bad_lines` stand
    beside it. `reasons`: why lines were refused and readings marked. `missing` and `lost` follow from the gaps, `recovered`
    and `late` from the readings' flags: they are not kept anywhere.

    Every line that should be a reading is one of received, rejected, duplicates, unaccounted and waiting; a bad one is beside
    them where readings are numbered, and among the unaccounted where they are not.
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
    waiting: int = 0  # lines that came and whose place is not known yet: in the record they are nowhere
    unaccounted: int = 0  # lines that no number accounts for: what they were is not known, nor how many are missing
    reasons: dict[str, int] = {}

    @property
    def expected(self) -> int:
        return self.received + self.rejected + self.missing + self.lost

    @property
    def completeness(self) -> float | None:
        """Share of all there was that is, or is about to be, stored (0…1); None before the first."""
        everything = self.expected + self.waiting + self.unaccounted
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


