"""How the recording stands: what the writer notes, and what health makes of it."""

from __future__ import annotations

import errno
import sqlite3
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import msgspec

from services.live_model import StorageHealth
from services.storage import file_check
from services.storage.backlog import Backlog
from services.storage.database import result_code
from services.storage.retention import MINUTE_BYTES, Limits
from services.storage.schema import MINUTE_US

RATE_SPAN_S = 60.0
MEASURABLE_ROWS = 1000  # fewer readings say nothing about bytes per reading
SILENT_S = 5.0  # the writer comes round at least each `commit_s`; when it is so much late, the disk holds it up
NOTES = 8  # kept, the newest

CAUSES = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the database may only be read",
    sqlite3.SQLITE_BUSY: "another program holds the database",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
}
PASSING_CAUSES = {errno.EROFS: "the disk may only be read", errno.ENOSPC: "the disk is full"}


class Recorded(msgspec.Struct):
    """What the writer's thread knows; written by it alone, read by `health`."""

    problem: str = ""
    committed: int = 0
    last_commit_us: int | None = None
    rows: int = 0
    minutes: int = 0  # one-minute rollups whose readings are gone
    devices: int = 0
    names: set[str] | None = None  # of devices of which there are readings; None before the file was opened
    used_bytes: int = 0
    empty_bytes: int = 0
    refused: int = 0  # rows that no table would take
    awake_s: float = 0.0  # when the thread was last seen to work
    elsewhere: str = ""  # why another file is written than was asked for
    notes: tuple[str, ...] = ()

    def note(self, text: str) -> None:
        """Something to be told for the rest of this session."""
        self.notes = (*self.notes, text)[-NOTES:]

    def note_names(self, names: Iterable[str]) -> None:
        """Devices of which there are readings now."""
        known = self.names or set()
        if new := set(names) - known:
            self.names = known | new  # another set, for others look at it meanwhile


class Rate:
    """Readings per second over the last minute."""

    def __init__(self) -> None:
        self._noted: deque[tuple[float, int]] = deque()
        self.hz = 0.0

    def note(self, now_s: float, stored: int) -> None:
        self._noted.append((now_s, stored))
        while len(self._noted) > 1 and self._noted[0][0] < now_s - RATE_SPAN_S:
            self._noted.popleft()
        span_s = now_s - self._noted[0][0]
        rows = sum(count for _, count in self._noted) - self._noted[0][1]
        self.hz = rows / span_s if span_s > 0 else 0.0


def explain(error: Exception) -> str:
    """What it means and what happens meanwhile, for the page."""
    meanwhile = "readings wait in memory and are written as soon as it works again"
    if isinstance(error, sqlite3.Error):
        return f"{CAUSES.get(result_code(error), f'the database cannot be written ({error})')}: {meanwhile}"
    if isinstance(error, OSError):
        cause = PASSING_CAUSES.get(error.errno or 0, f"the disk refuses ({error.strerror})")
        return f"{cause}: {meanwhile}"
    return f"{error}: {meanwhile}"


def health(path: Path, state: Recorded, rate_hz: float, backlog: Backlog, limits: Limits, late_s: float) -> StorageHealth:
    """What the page and /api/health tell; reads no table. `late_s`: how long ago the writer's thread was due."""
    free = file_check.free_bytes(path.parent)
    problem, per_reading = _problem(state, backlog, late_s), _per_reading(state)
    return StorageHealth(
        ok=not problem,
        problem=problem,
        queued=backlog.readings,
        dropped=backlog.dropped,
        committed=state.committed,
        last_commit_us=state.last_commit_us,
        file_bytes=file_check.file_bytes(path),
        bytes_per_reading=per_reading,
        predicted_bytes=_predicted(state, per_reading, rate_hz, limits),
        free_bytes=free,
        retention_h=limits.retention_us / 3.6e9,
        notes=(*state.notes, *_remarks(state, free)),
    )


def _problem(state: Recorded, backlog: Backlog, late_s: float) -> str:
    problem = state.problem or state.elsewhere
    if not problem and late_s > SILENT_S and len(backlog):
        problem = f"the disk has not answered for {late_s:.0f} s: readings wait in memory"
    if backlog.dropped:
        problem = problem or "the disk could not keep up for a while"
        problem += f"; {backlog.dropped} readings did not fit into memory and are lost"
    return problem


def _remarks(state: Recorded, free: int | None) -> list[str]:
    remarks = []
    if state.refused:
        remarks.append(f"{state.refused} rows could not be stored as they were; the log names them")
    if free is not None and free < 2 * file_check.BALLAST_BYTES:
        remarks.append("the disk is nearly full")
    return remarks


def _per_reading(state: Recorded) -> float | None:
    if state.rows < MEASURABLE_ROWS:
        return None
    return max(1.0, (state.used_bytes - state.empty_bytes - state.minutes * MINUTE_BYTES) / state.rows)


def _predicted(state: Recorded, per_reading: float | None, rate_hz: float, limits: Limits) -> int | None:
    """The size once the retention is full of readings at this rate, and of the one-minute rollups kept beyond it."""
    if per_reading is None or rate_hz <= 0:
        return None
    readings = per_reading * rate_hz * limits.retention_us / 1e6
    minutes = max(1, state.devices) * MINUTE_BYTES * limits.compact_us / MINUTE_US
    predicted = round(state.empty_bytes + readings + minutes)
    return min(predicted, limits.max_bytes or predicted)
