"""SQLite behind the Store protocol: one file, one writer, readers."""

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
from services.model import Counts, Curve, Event, Gap, Readings, Rejected, Restored, SpanStats, Write
from services.storage import alert_record, counts, health, history, rollups
from services.storage.back_test import back_test
from services.storage.database import Connection, Readers, get_setting, set_setting, transaction
from services.storage.overlaps import overlaps_between, unjoined
from services.storage.retention import Limits
from services.storage.rows import next_time
from services.storage.schema import MINUTE_US
from services.storage.status_words import status_words
from services.storage.store import END_US, MOST_GAPS, Cancelled, Durable, Store, is_cancelled
from services.storage.writer import Policy, Writer

HOUR_US = 3_600_000_000
KEEP_S = 3.0  # what a setting may take: a long job may be before it


def _ignore(*_: object) -> None:
    """For who is not interested in commits."""


class Storage(Store):
    """One database file, one writer's thread, a few reading connections; what each method promises stands in `Store`.

    `on_commit` and `on_begun` are called in the writer's thread, which must not wait: `on_begun` when a new file was begun
    in the place of one that vanished or was damaged, which knows no rules.
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
        self._writer.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        self._readers.close()  # first: the last one to close the file should be able to tidy up
        self._writer.stop(timeout_s)

    def append(self, write: Write) -> bool:
        taken = self._writer.backlog.append(write)
        self._writer.revive()
        return taken

    def nudge(self) -> None:
        self._writer.nudge()

    # --- what is known

    def restored(self, device: str) -> Restored:
        with self._reading() as conn:
            where = history.scope(conn, device)
            return Restored() if where is None else counts.restored(conn, where)

    def devices(self) -> list[str]:
        names = self._writer.state.names
        if names is not None:
            return sorted(names)
        with self._reading() as conn:
            return counts.devices(conn)

    def extent(self, device: str) -> tuple[int, int] | None:
        with self._reading() as conn:
            where = history.scope(conn, device)
            return None if where is None else counts.extent(conn, where)

    def curve(self, device: str, t0_us: int, t1_us: int, points: int, cancelled: Cancelled | None = None) -> Curve:
        with self._reading(cancelled) as conn:
            where = history.scope(conn, device)
            if where is None:
                return no_curve()
            found = history.curve(conn, where, t0_us, t1_us, points)
            return unjoined(found, overlaps_between(conn, where.device_id, t0_us, t1_us))

    def span_stats(self, device: str, t0_us: int, t1_us: int, cancelled: Cancelled | None = None) -> SpanStats:
        with self._reading(cancelled) as conn:
            where = history.scope(conn, device)
            if where is None:
                return history.span_stats(history.NOTHING, t0_us, t1_us)
            found = history.total(conn, where, t0_us, t1_us)
            stats = history.span_stats(found, t0_us, t1_us)
            return msgspec.structs.replace(stats, counts=counts.counts(conn, where, t0_us, t1_us, found))

    def counts(self, device: str, t0_us: int, t1_us: int) -> Counts:
        return self.span_stats(device, t0_us, t1_us).counts or Counts()

    def gaps(self, device: str, t0_us: int, t1_us: int, limit: int = MOST_GAPS) -> list[Gap]:
        with self._reading() as conn:
            where = history.scope(conn, device)
            return [] if where is None else counts.gaps(conn, where, t0_us, t1_us, limit)

    def events(self, device: str | None = None, t0_us: int = 0, t1_us: int = END_US, limit: int = 200) -> list[Event]:
        with self._reading() as conn:
            return counts.events(conn, device, t0_us, t1_us, limit)

    def rejected(self, device: str | None = None, limit: int = 100) -> list[Rejected]:
        with self._reading() as conn:
            return counts.rejected(conn, device, limit)

    def status_words(self) -> tuple[str, ...]:
        with self._reading() as conn:
            return status_words(conn)

    def pages(
        self, device: str, t0_us: int, t1_us: int, page: int = 5000, cancelled: Cancelled | None = None
    ) -> Iterator[Readings]:
        chunks = history.Chunks(device, t0_us, t1_us, page)
        while not chunks.finished:
            with self._reading(cancelled) as conn:
                readings = chunks.next(conn)
            if readings is not None:
                yield readings

    # --- alerts

    def alert_rules(self) -> AlertRules:
        with self._reading() as conn:
            return alert_record.load(conn)

    def episodes(self, device: str | None, t0_us: int, t1_us: int, limit: int) -> list[Episode]:
        with self._reading() as conn:
            return alert_record.episodes(conn, device, t0_us, t1_us, limit)

    def open_episodes(self, device: str) -> list[Episode]:
        with self._reading() as conn:
            return alert_record.open_episodes(conn, device)

    def back_test(self, device: str, rule: AlertRule, t0_us: int, t1_us: int) -> BackTest:
        with self._reading() as conn:
            where = history.scope(conn, device)
            known = None if where is None else counts.extent(conn, where)
            if where is None or known is None:
                return BackTest(device, rule, t0_us, t1_us, (), 0, 0)
            t1_us = min(t1_us, max(self._clock.now_us(), known[1] + 1))
            t0_us = min(max(t0_us, known[0]), t1_us)
            return back_test(conn, where, device, rule, t0_us, t1_us)

    def episode(self, episode_id: str) -> Episode | None:
        with self._reading() as conn:
            return alert_record.episode(conn, episode_id)

    # --- care

    def health(self) -> StorageHealth:
        writer = self._writer
        writer.revive()
        return health.health(writer.path, writer.state, writer.rate.hz, writer.backlog, self._limits, writer.late_s())

    def keep(self, retention_h: float, max_bytes: int | None) -> None:
        self._limits.retention_us, self._limits.max_bytes = round(retention_h * HOUR_US), max_bytes

    def setting(self, key: str) -> str | None:
        try:
            with self._reading() as conn:
                value = get_setting(conn, key)
        except DatabaseError:
            return None
        if value is not None:
            self._kept[key] = value
        return value

    def keep_setting(self, key: str, value: str) -> bool:
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
    """A job of the writer that keeps one setting; `kept` once it is in the file (each statement is a commit)."""

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
