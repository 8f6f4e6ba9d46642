"""The storage as the rest of the program sees it: append never waits, queries see what is committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from services.alert_model import AlertRule, AlertRules, BackTest, Episode
from services.analysis.decimate import no_curve
from services.clock import Clock
from services.errors import DatabaseError, ExportCancelled
from services.live_model import StorageHealth
from services.model import Counts, Curve, Event, Gap, Reading, Readings, Rejected, Restored, SpanStats, Write
from services.storage import alert_record, counts, file_check, health, history, rollups
from services.storage.back_test import back_test
from services.storage.counts import GAPS_LIMIT
from services.storage.database import Cancelled, Connection, Readers, get_setting, is_cancelled, set_setting, transaction
from services.storage.ingest import Durable
from services.storage.overlaps import overlaps_between, unjoined
from services.storage.retention import Limits
from services.storage.rows import next_time
from services.storage.schema import MINUTE_US
from services.storage.status_words import status_words
from services.storage.writer import Policy, Writer

HOUR_US = 3_600_000_000
END_US = 1 << 62
KEEP_S = 3.0  # what a setting may take: a long job may be before it

__all__ = ["Durable", "Storage"]


def _ignore(*_: object) -> None:
    """Nobody wants to know."""


class Storage:
    """One database file, one writer, any number of readers. Times are UTC microseconds, spans half-open [t0, t1).

    `on_commit` is called in the writer's thread with what became durable; `on_begun` when a new file was begun in the place
    of one that vanished or was damaged, which knows no rules. Queries raise DatabaseError when the file
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
        on_begun: Callable[[], None] = _ignore,
        purge_after_s: float = 60.0,
        purge_every_s: float = 60.0,
    ) -> None:
        self._limits = Limits(
            round(retention_h * HOUR_US), round(compact_days * 24 * HOUR_US), max_bytes, purge_after_s, purge_every_s
        )
        self._readers = Readers(path)
        self._writer = Writer(path, clock, Policy(self._limits, commit_s, synchronous), self._readers, on_commit, self._begun)
        self._on_begun = on_begun
        self._clock = clock
        self._kept: dict[str, str] = {}  # settings asked for or kept: a file that is begun in the place of another gets them too

    # --- recording

    def start(self) -> None:
        """Open and migrate. Raises DatabaseUnreadable, DatabaseTooNew or DatabaseLocked, the file untouched.

        A disk that is full, read-only or failing does not keep us from recording in memory, until it works again.
        """
        self._writer.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Commit everything that was appended and close the file."""
        self._readers.close()  # first: the last one to close the file should be able to tidy up
        self._writer.stop(timeout_s)

    def append(self, write: Write) -> bool:
        """Hand over for the next commit; any thread, never waits for the disk. False when there is no room for it."""
        taken = self._writer.backlog.append(write)
        self._writer.revive()
        return taken

    def nudge(self) -> None:
        """Commit now."""
        self._writer.nudge()

    # --- what is known

    def restored(self, device: str) -> Restored:
        """Where the device's newest boots stood when they were last committed."""
        with self._reading() as conn:
            where = history.scope(conn, device)
            return Restored() if where is None else counts.restored(conn, where)

    def devices(self) -> list[str]:
        """Every device of which there are readings. Reads no table once the file is open: the event loop asks too."""
        names = self._writer.state.names
        if names is not None:
            return sorted(names)
        with self._reading() as conn:
            return counts.devices(conn)

    def latest(self, device: str) -> Reading | None:
        """The newest stored reading; `received_us` is not stored, its time stands for it."""
        with self._reading() as conn:
            where = history.scope(conn, device)
            return None if where is None else counts.latest(conn, device, where)

    def extent(self, device: str) -> tuple[int, int] | None:
        """Times of the oldest and the newest reading, or rollup where the readings are gone."""
        with self._reading() as conn:
            where = history.scope(conn, device)
            return None if where is None else counts.extent(conn, where)

    def curve(self, device: str, t0_us: int, t1_us: int, points: int, cancelled: Cancelled | None = None) -> Curve:
        """What to draw of [t0, t1) with at most `points` points; extremes are exact."""
        with self._reading(cancelled) as conn:
            where = history.scope(conn, device)
            if where is None:
                return no_curve()
            found = history.curve(conn, where, t0_us, t1_us, points)
            return unjoined(found, overlaps_between(conn, where.device_id, t0_us, t1_us))

    def span_stats(self, device: str, t0_us: int, t1_us: int, cancelled: Cancelled | None = None) -> SpanStats:
        """Exact min, mean, max and standard deviation of [t0, t1), with energy, charge, coverage and the account.

        Where only one-minute rollups are left, a minute belongs to the span when it begins in it.
        """
        with self._reading(cancelled) as conn:
            where = history.scope(conn, device)
            if where is None:
                return history.span_stats(history.NOTHING, t0_us, t1_us)
            found = history.total(conn, where, t0_us, t1_us)
            stats = history.span_stats(found, t0_us, t1_us)
            return msgspec.structs.replace(stats, counts=counts.counts(conn, where, t0_us, t1_us, found))

    def counts(self, device: str, t0_us: int, t1_us: int) -> Counts:
        """The account of [t0, t1)."""
        return self.span_stats(device, t0_us, t1_us).counts or Counts()

    def gaps(self, device: str, t0_us: int, t1_us: int, limit: int = GAPS_LIMIT) -> list[Gap]:
        """Gaps that touch the span, ascending; the newest `limit`."""
        with self._reading() as conn:
            where = history.scope(conn, device)
            return [] if where is None else counts.gaps(conn, where, t0_us, t1_us, limit)

    def events(self, device: str | None = None, t0_us: int = 0, t1_us: int = END_US, limit: int = 200) -> list[Event]:
        """Events of the span, newest first; with a device also those that concern the whole program."""
        with self._reading() as conn:
            return counts.events(conn, device, t0_us, t1_us, limit)

    def rejected(self, device: str | None = None, limit: int = 100) -> list[Rejected]:
        """Lines that were not accepted, newest first."""
        with self._reading() as conn:
            return counts.rejected(conn, device, limit)

    def status_words(self) -> tuple[str, ...]:
        """The boards' own words that the flags of stored readings name: the first is word 1."""
        with self._reading() as conn:
            return status_words(conn)

    def pages(
        self, device: str, t0_us: int, t1_us: int, page: int = 5000, cancelled: Cancelled | None = None
    ) -> Iterator[Readings]:
        """Every stored reading of [t0, t1), ascending in time, in helpings of about `page` (at most four times as many).

        Each helping is a transaction of its own: nothing is held open while the caller is busy, and readings that come
        or go meanwhile may or may not be seen.
        """
        chunks = history.Chunks(device, t0_us, t1_us, page)
        while not chunks.finished:
            with self._reading(cancelled) as conn:
                readings = chunks.next(conn)
            if readings is not None:
                yield readings

    # --- alerts

    def alert_rules(self) -> AlertRules:
        """The rules as they were stored last."""
        with self._reading() as conn:
            return alert_record.load(conn)

    def episodes(self, device: str | None, t0_us: int, t1_us: int, limit: int) -> list[Episode]:
        """Times that a rule fired and that touch the span, newest first."""
        with self._reading() as conn:
            return alert_record.episodes(conn, device, t0_us, t1_us, limit)

    def open_episodes(self, device: str) -> list[Episode]:
        """Those of a device that have not ended."""
        with self._reading() as conn:
            return alert_record.open_episodes(conn, device)

    def back_test(self, device: str, rule: AlertRule, t0_us: int, t1_us: int) -> BackTest:
        """What the rule would have done in as much of [t0, t1) as there is a record of; nothing is silent that is yet to come."""
        with self._reading() as conn:
            where = history.scope(conn, device)
            known = None if where is None else counts.extent(conn, where)
            if where is None or known is None:
                return BackTest(device, rule, t0_us, t1_us, (), 0, 0)
            t1_us = min(t1_us, max(self._clock.now_us(), known[1] + 1))
            t0_us = min(max(t0_us, known[0]), t1_us)
            return back_test(conn, where, device, rule, t0_us, t1_us)

    def episode(self, episode_id: str) -> Episode | None:
        """One by its id."""
        with self._reading() as conn:
            return alert_record.episode(conn, episode_id)

    # --- care

    def health(self) -> StorageHealth:
        """How the recording stands; reads no table."""
        writer = self._writer
        writer.revive()
        return health.health(writer.path, writer.state, writer.rate.hz, writer.backlog, self._limits, writer.late_s())

    def keep(self, retention_h: float, max_bytes: int | None) -> None:
        """How long and how much from now on. What is over is deleted by the next passes, a tenth at most in each."""
        self._limits.retention_us, self._limits.max_bytes = round(retention_h * HOUR_US), max_bytes

    def backup(self, path: Path) -> None:
        """Copy the database while it is written; never overwrites a file. Raises DatabaseError."""
        file_check.backup(self._writer.path, path)

    def setting(self, key: str) -> str | None:
        """What was kept under this name; None when nothing was, or the file cannot be read now."""
        try:
            with self._reading() as conn:
                value = get_setting(conn, key)
        except DatabaseError:
            return None
        if value is not None:
            self._kept[key] = value
        return value

    def keep_setting(self, key: str, value: str) -> bool:
        """Keep it in the file; False when that is not possible now."""
        job = _Keep(key, value)
        self._writer.submit(job.step).wait(KEEP_S)
        if job.kept:
            self._kept[key] = value
        return job.kept

    def _begun(self) -> None:
        """In the writer's thread, which must not wait for itself."""
        for key, value in self._kept.copy().items():
            self._writer.submit(_Keep(key, value).step)
        self._on_begun()

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
            if is_cancelled(cancelled):
                raise ExportCancelled("the query was cancelled") from error
            raise DatabaseError(f"the database cannot be read now: {error}") from error


class _Keep:
    """One setting."""

    def __init__(self, key: str, value: str) -> None:
        self._key, self._value = key, value
        self.kept = False

    def step(self, conn: Connection) -> bool:
        set_setting(conn, self._key, self._value)
        self.kept = True
        return True


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
