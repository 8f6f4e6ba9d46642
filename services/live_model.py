"""What is seen of the running program: boards, links, ports, health. No behaviour, no I/O; units as in model.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from services.alert_model import AlertStatus, Lamp, Level
from services.model import Counts, Gap, LinkState, Reading, Reason, SpanStats

if TYPE_CHECKING:
    import pandas as pd  # loading it takes longer than all the rest of the program


class MovingMean(msgspec.Struct, frozen=True):
    """Mean over the last `span_s` seconds, with the seconds it rests on."""

    span_s: int
    coverage_s: float
    v: float | None
    a: float | None
    w: float | None


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


class CommandOutcome(msgspec.Struct, frozen=True):
    """`result`: ok, error (the board refused), failed (no answer)."""

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
