"""The storage as the rest of the program sees it: append never waits, queries see what is committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from services.analysis.decimate import no_curve
from services.clock import Clock
from services.errors import DatabaseError, DatabaseUnreadable, ExportCancelled
from services.model import Counts, Curve, Event, Gap, Reading, Readings, Rejected, Restored, SpanStats, StorageHealth, Write
from services.storage import account, care, queries, rollups
from services.storage.database import Connection, Readers, WriterLock, inspect, transaction
from services.storage.fetch import next_time
from services.storage.ingest import Durable
from services.storage.retention import Limits
from services.storage.schema import MINUTE_US
from services.storage.writer import Policy, Writer

HOUR_US = 3_600_000_000
MEASURABLE_ROWS = 1000  # fewer readings say nothing about bytes per reading
END_US = 1 << 62

Cancelled = Callable[[], bool]

__all__ = ["Durable", "Storage"]


def _ignore(durable: list[Durable]) -> None:
    """Nobody wants to know."""


class Storage:
    """One database file, one writer, any number of readers. Times are UTC microseconds, spans half-open [t0, t1).

    `on_commit` is called in the writer's thread with what became durable. Queries raise DatabaseError when the file
    cannot be read just now, and ExportCancelled when their `cancelled` callback turned true.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        retention_h: float = 48.0,
        max_bytes: int | None = None,
        compact_days: float = 0.0,
        commit_s: float = 1.0,
        synchronous: str = "FULL",
        on_commit: Callable[[list[Durable]], None] = _ignore,
        purge_after_s: float = 60.0,
        purge_every_s: float = 60.0,
    ) -> None:
        self._path = path
        self._retention_h = retention_h
        self._max_bytes = max_bytes
        limits = Limits(round(retention_h * HOUR_US), round(compact_days * 24 * HOUR_US), max_bytes, purge_after_s, purge_every_s)
        self._lock = WriterLock(path)
        self._readers = Readers(path)
        self._writer = Writer(path, clock, Policy(limits, commit_s, synchronous), self._readers, on_commit)

    # --- recording

    def start(self) -> None:
        """Open and migrate. Raises DatabaseUnreadable, DatabaseTooNew or DatabaseLocked, the file untouched."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnreadable(f"{self._path.parent} cannot be made: {error.strerror}") from error
        existed = inspect(self._path)
        self._lock.acquire()
        try:
            self._writer.start(existed)
        except BaseException:
            self._lock.release()
            raise

    def stop(self, timeout_s: float = 3.0) -> None:
        """Commit everything that was appended and close the file."""
        self._readers.close()  # first: the last one to close the file should be able to tidy up
        if self._writer.stop(timeout_s):
            self._lock.release()

    def append(self, write: Write) -> None:
        """Hand over for the next commit; any thread, never waits for the disk."""
        self._writer.backlog.append(write)

    def nudge(self) -> None:
        """Commit now."""
        self._writer.nudge()

    # --- what is known

    def restored(self, device: str) -> Restored | None:
        """Where the device's newest boot stood when it was last committed."""
        with self._reading() as conn:
            where = queries.scope(conn, device)
            return None if where is None else account.restored(conn, where)

    def devices(self) -> list[str]:
        """Every device of which anything is stored."""
        with self._reading() as conn:
            return account.devices(conn)

    def latest(self, device: str) -> Reading | None:
        """The newest stored reading; `received_us` is not stored, its time stands for it."""
        with self._reading() as conn:
            where = queries.scope(conn, device)
            return None if where is None else account.latest(conn, device, where)

    def extent(self, device: str) -> tuple[int, int] | None:
        """Times of the oldest and the newest reading, or rollup where the readings are gone."""
        with self._reading() as conn:
            where = queries.scope(conn, device)
            return None if where is None else account.extent(conn, where)

    def curve(self, device: str, t0_us: int, t1_us: int, points: int, cancelled: Cancelled | None = None) -> Curve:
        """What to draw of [t0, t1) with at most `points` points; extremes are exact."""
        with self._reading(cancelled) as conn:
            where = queries.scope(conn, device)
            return no_curve() if where is None else queries.curve(conn, where, t0_us, t1_us, points)

    def span_stats(self, device: str, t0_us: int, t1_us: int, cancelled: Cancelled | None = None) -> SpanStats:
        """Exact min, mean, max and standard deviation of [t0, t1), with energy, charge, coverage and the account.

        Where only one-minute rollups are left, a minute belongs to the span when it begins in it.
        """
        with self._reading(cancelled) as conn:
            where = queries.scope(conn, device)
            if where is None:
                return queries.span_stats(queries.NOTHING, t0_us, t1_us)
            found = queries.total(conn, where, t0_us, t1_us)
            stats = queries.span_stats(found, t0_us, t1_us)
            return msgspec.structs.replace(stats, counts=account.counts(conn, where, t0_us, t1_us, found))

    def counts(self, device: str, t0_us: int, t1_us: int) -> Counts:
        """The account of [t0, t1)."""
        return self.span_stats(device, t0_us, t1_us).counts or Counts()

    def gaps(self, device: str, t0_us: int, t1_us: int, limit: int = account.GAPS_LIMIT) -> list[Gap]:
        """Gaps that touch the span, ascending; the newest `limit`."""
        with self._reading() as conn:
            where = queries.scope(conn, device)
            return [] if where is None else account.gaps(conn, where, t0_us, t1_us, limit)

    def events(self, device: str | None = None, t0_us: int = 0, t1_us: int = END_US, limit: int = 200) -> list[Event]:
        """Events of the span, newest first; with a device also those that concern the whole program."""
        with self._reading() as conn:
            return account.events(conn, device, t0_us, t1_us, limit)

    def rejected(self, device: str | None = None, limit: int = 100) -> list[Rejected]:
        """Lines that were not accepted, newest first."""
        with self._reading() as conn:
            return account.rejected(conn, device, limit)

    def pages(
        self, device: str, t0_us: int, t1_us: int, page: int = 5000, cancelled: Cancelled | None = None
    ) -> Iterator[Readings]:
        """Every stored reading of [t0, t1), ascending in time, in helpings of about `page` (at most four times as many).

        Each helping is a transaction of its own: nothing is held open while the caller is busy, and readings that come
        or go meanwhile may or may not be seen.
        """
        chunks = queries.Chunks(device, t0_us, t1_us, page)
        while not chunks.finished:
            with self._reading(cancelled) as conn:
                readings = chunks.next(conn)
            if readings is not None:
                yield readings

    # --- care

    def health(self) -> StorageHealth:
        """How the recording stands; reads no table."""
        state, backlog = self._writer.state, self._writer.backlog
        per_reading = (state.used_bytes - state.empty_bytes) / state.rows if state.rows >= MEASURABLE_ROWS else None
        predicted = None
        if per_reading is not None and state.rate_hz > 0:
            predicted = round(state.empty_bytes + per_reading * state.rate_hz * self._retention_h * 3600)
            predicted = min(predicted, self._max_bytes or predicted)
        problem = state.problem
        if backlog.dropped:
            problem = problem or "the disk could not keep up for a while"
            problem += f"; {backlog.dropped} readings did not fit into memory and are lost"
        free = care.free_bytes(self._path.parent)
        scarce = ("the disk is nearly full",) if free is not None and free < 2 * care.BALLAST_BYTES else ()
        return StorageHealth(
            ok=not problem,
            problem=problem,
            queued=backlog.readings,
            dropped=backlog.dropped,
            committed=state.committed,
            last_commit_us=state.last_commit_us,
            file_bytes=care.file_bytes(self._path),
            bytes_per_reading=per_reading,
            predicted_bytes=predicted,
            free_bytes=free,
            retention_h=self._retention_h,
            notes=state.notes + scarce,
        )

    def backup(self, path: Path) -> None:
        """Copy the database while it is written; never overwrites a file. Raises DatabaseError."""
        care.backup(self._path, path)

    def rebuild_rollups(self) -> None:
        """Make all rollups anew from the readings; recording goes on meanwhile. Returns when it is done."""
        job = _Rebuild()
        self._writer.submit(job.step).wait()
        if not job.finished:
            raise DatabaseError("the rollups were not made anew: " + (self._writer.state.problem or "the program is stopping"))

    @contextmanager
    def _reading(self, cancelled: Cancelled | None = None) -> Iterator[Connection]:
        try:
            with self._readers.use(cancelled) as conn:
                yield conn
        except sqlite3.Error as error:
            if cancelled is not None and cancelled():
                raise ExportCancelled("the query was cancelled") from error
            raise DatabaseError(f"the database cannot be read now: {error}") from error


class _Rebuild:
    """Minute by minute through all devices; each minute is a transaction."""

    def __init__(self) -> None:
        self._devices: list[tuple[int, int]] | None = None
        self.finished = False

    def step(self, conn: Connection) -> bool:
        if self._devices is None:
            self._devices = conn.execute("SELECT device_id, horizon_us FROM devices").fetchall()
        if not self._devices:
            self.finished = True
            return True
        device_id, at_us = self._devices[-1]
        first = next_time(conn, device_id, at_us, END_US)
        minute_us = rollups.LAST_US if first is None else first // MINUTE_US * MINUTE_US
        with transaction(conn):
            rollups.clear(conn, device_id, at_us, minute_us)
            if first is not None:
                rollups.rebuild_minute(conn, device_id, minute_us)
        if first is None:
            self._devices.pop()
        else:
            self._devices[-1] = (device_id, minute_us + MINUTE_US)
        return False
