"""The thread that writes: one commit a second, and between the commits whatever keeps the file in order."""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Condition, Event, Thread

import msgspec

from services.clock import Clock
from services.model import Event as LogEvent
from services.model import EventKind, Write
from services.storage import care
from services.storage.backlog import Backlog
from services.storage.database import Connection, Readers, is_damage, is_full, open_writer, result_code, transaction, used_bytes
from services.storage.ingest import Durable, Ingest
from services.storage.retention import Limits, Retention
from services.storage.salvage import Salvage

log = logging.getLogger(__name__)

RETRY_S = 1.0  # after a failed commit
PAUSE_S = 0.02  # between two steps of keeping order
BALLAST_S = 60.0  # between two looks whether the ballast can be made again
RATE_SPAN_S = 60.0

Job = Callable[[Connection], bool]  # one bounded step; True: done


class Policy(msgspec.Struct, frozen=True):
    """How to write, as set by the user."""

    limits: Limits
    commit_s: float = 1.0
    synchronous: str = "FULL"


class Recorded(msgspec.Struct):
    """What the thread knows about the file; written by it alone, read by `health`."""

    problem: str = ""
    committed: int = 0
    last_commit_us: int | None = None
    rows: int = 0
    used_bytes: int = 0
    empty_bytes: int = 0
    rate_hz: float = 0.0
    notes: tuple[str, ...] = ()


class Writer:
    """Owns the writing connection. `on_commit` is called in this thread, after the commit."""

    def __init__(
        self, path: Path, clock: Clock, policy: Policy, readers: Readers, on_commit: Callable[[list[Durable]], None]
    ) -> None:
        self.backlog = Backlog()
        self.state = Recorded()
        self._path, self._clock, self._policy, self._readers, self._on_commit = path, clock, policy, readers, on_commit
        self._ballast = care.Ballast(path)
        self._conn: Connection | None = None
        self._ingest: Ingest | None = None
        self._retention = self._new_retention()
        self._check: care.IntegrityCheck | None = None
        self._jobs: deque[tuple[Job, Event]] = deque()
        self._wake = Condition()
        self._nudged = False
        self._stopping = False
        self._unchecked = False
        self._next_round_s = 0.0
        self._next_commit_s = 0.0
        self._next_ballast_s = 0.0
        self._rates: deque[tuple[float, int]] = deque()
        self._thread = Thread(target=self._run, name="storage-writer", daemon=True)

    # --- called by others

    def start(self, existed: bool) -> None:
        """Open the file and start. Trouble of the disk is retried for ever; a damaged file is moved aside."""
        self._unchecked = existed
        try:
            self._open()
        except sqlite3.Error as error:
            self._trouble(error)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Commit everything and end; False when that took too long."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def nudge(self) -> None:
        """Commit now."""
        with self._wake:
            self._nudged = True
            self._wake.notify()

    def submit(self, job: Job) -> Event:
        """Have steps done between commits; the event is set when the last one is."""
        finished = Event()
        self._jobs.append((job, finished))
        self.nudge()
        return finished

    # --- the thread

    def _run(self) -> None:
        while True:
            last = self._wait()
            try:
                busy = self._round()
            except sqlite3.Error as error:
                self._trouble(error)
                busy = False
            except Exception:
                # The top of the thread: whatever it was, the readings wait in memory and recording goes on.
                log.exception("the storage thread stumbled")
                self.backlog.give_back()
                self._forget()
                self._next_commit_s = self._clock.monotonic_s() + RETRY_S
                busy = False
            if last:
                break
            self._next_round_s = self._clock.monotonic_s() + (PAUSE_S if busy else self._policy.commit_s)
        self._finish()

    def _wait(self) -> bool:
        """Until the next commit is due or somebody calls; True when this round is the last."""
        with self._wake:
            if not (self._stopping or self._nudged):
                due_s = min(self._next_round_s, self._next_commit_s)
                self._wake.wait(max(0.0, due_s - self._clock.monotonic_s()))
            return self._stopping

    def _round(self) -> bool:
        """One commit if it is due, one step of keeping order; True when there is more of the latter to do."""
        now_s = self._clock.monotonic_s()
        with self._wake:
            due = self._nudged or self._stopping or now_s >= self._next_commit_s
            self._nudged = False
        if self._conn is None:
            if now_s < self._next_commit_s and not self._stopping:
                return False
            self._open()
        self._look_at_check()
        if due:
            self._next_commit_s = now_s + self._policy.commit_s
            self._commit()
        return False if self._stopping else self._keep_order()

    def _commit(self) -> None:
        conn, ingest = self._conn, self._ingest
        assert conn is not None and ingest is not None
        writes = self.backlog.take()
        if not writes:
            self._note_rate(0)
            return
        before = ingest.stored
        try:
            with transaction(conn):
                durable = ingest.store(writes)
        except BaseException:
            self.backlog.give_back()
            raise
        self._note_commit(ingest.stored - before)
        self.backlog.done()
        if durable:
            self._on_commit(durable)

    def _keep_order(self) -> bool:
        conn = self._conn
        assert conn is not None
        if self._jobs:
            return self._work(conn)
        before = self._retention.deleted
        more = self._retention.step(conn, self._clock.now_us(), self._clock.monotonic_s)
        self.state.rows -= self._retention.deleted - before
        self._measure(conn)
        if self._clock.monotonic_s() >= self._next_ballast_s:
            self._next_ballast_s = self._clock.monotonic_s() + BALLAST_S
            self._ballast.make()
        return more

    def _work(self, conn: Connection) -> bool:
        """One step of the oldest job; one that fails is given up."""
        job, finished = self._jobs[0]
        done = True
        try:
            done = job(conn)
        finally:
            if done:
                self._jobs.popleft()
                finished.set()
        return bool(self._jobs)

    def _finish(self) -> None:
        """Leave the file tidy: nothing in the log, marked as cleanly closed."""
        if self._check is not None:
            self._check.stop()
        waiting = self.backlog.readings
        if waiting:
            log.error("%d readings could not be committed before the end: %s", waiting, self.state.problem)
        for _, finished in self._jobs:
            finished.set()
        self._jobs.clear()
        if self._conn is None:
            return
        try:
            if not (self._check is not None and self._check.damage):
                _set(self._conn, "clean_stop", "1")
            self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            log.warning("the database was not closed cleanly: %s", error)
        self._conn.close()

    # --- the connection

    def _open(self) -> None:
        try:
            conn = open_writer(self._path, self._policy.synchronous)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._replace(str(error))
            conn = open_writer(self._path, self._policy.synchronous)
        try:
            self._ready(conn)
        except sqlite3.Error as error:
            conn.close()
            if not is_damage(error):
                raise
            self._replace(str(error))
            conn = open_writer(self._path, self._policy.synchronous)
            self._ready(conn)
        self._conn = conn
        if self._check is not None and not self._check.started:
            self._check.start()

    def _ready(self, conn: Connection) -> None:
        """Read what a new connection must know."""
        if self._unchecked and _get(conn, "clean_stop") != "1":
            self._check = care.IntegrityCheck(self._path)
        self._unchecked = False
        _set(conn, "clean_stop", "0")
        self._ingest = Ingest(conn)
        self._retention = self._new_retention()
        self.state.rows = int(
            conn.execute(
                """SELECT coalesce(sum(n), 0) FROM rollup_60s JOIN devices ON device_id = id >> 40
                WHERE (id & 1099511627775) * 60000000 >= horizon_us"""
            ).fetchone()[0]
        )
        self._measure(conn)
        known = _get(conn, "empty_bytes")
        if known is None:
            known = str(self.state.used_bytes)
            _set(conn, "empty_bytes", known)
        self.state.empty_bytes = int(known)

    def _new_retention(self) -> Retention:
        return Retention(self._policy.limits, self._horizon_moved, self._runs_gone)

    def _horizon_moved(self, device_id: int, horizon_us: int) -> None:
        if self._ingest is not None:
            self._ingest.horizon_moved(device_id, horizon_us)

    def _runs_gone(self) -> None:
        if self._ingest is not None:
            self._ingest.forget_runs()

    def _forget(self) -> None:
        """What was read inside a transaction that failed is not true."""
        if self._conn is not None:
            try:
                self._ingest = Ingest(self._conn)
            except sqlite3.Error:
                self._close()

    def _close(self) -> None:
        conn, self._conn, self._ingest = self._conn, None, None
        if conn is not None:
            conn.close()

    # --- trouble

    def _trouble(self, error: sqlite3.Error) -> None:
        """Say it once loudly, do what can be done, and let the next round try again."""
        self._next_commit_s = self._clock.monotonic_s() + RETRY_S
        first = not self.state.problem
        log.log(logging.WARNING if first else logging.DEBUG, "the database cannot be written: %s", error)
        self.state.problem = _explain(error)
        if is_full(error) or result_code(error) == sqlite3.SQLITE_IOERR:  # a full disk can look like either
            self._ballast.release()
        if is_damage(error):
            self._close()
            self._replace(str(error))
        elif result_code(error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            self._close()  # the next round opens it anew: the file may have come back under its name
        else:
            self._forget()

    def _look_at_check(self) -> None:
        """What the background check found is dealt with here, where the connection lives."""
        if self._check is None or not self._check.join(0):
            return
        damage, self._check = self._check.damage, None
        log.info("the database was checked after an unclean stop: %s", damage or "it is whole")
        if damage:
            self._close()
            self._replace(damage)
            self._open()

    def _replace(self, why: str) -> None:
        """Move the damaged file aside and say so; the next `_open` makes a new one."""
        if self._check is not None:
            self._check.stop()
            self._check = None
        aside = care.move_aside(self._path, self._clock.now_us())
        self._readers.reset()
        text = f"the database was damaged ({why}): it was moved aside to {aside.name} and a new one was started"
        log.error("%s", text)
        self.state.notes = (*self.state.notes, text)
        event = LogEvent("", self._clock.now_us(), EventKind.DATABASE, text, {"moved_to": aside.name})
        self.backlog.append(Write("", events=(event,)))
        self._jobs.append((Salvage(aside, self.backlog).step, Event()))

    # --- figures

    def _note_commit(self, stored: int) -> None:
        if self.state.problem:
            log.info("the database is written again")
        self.state.problem = ""
        self.state.committed += stored
        if self._conn is not None:
            self._measure(self._conn)
        self.state.rows += stored
        self.state.last_commit_us = self._clock.now_us()
        self._note_rate(stored)

    def _note_rate(self, stored: int) -> None:
        """Readings per second over the last minute."""
        now_s = self._clock.monotonic_s()
        self._rates.append((now_s, stored))
        while len(self._rates) > 1 and self._rates[0][0] < now_s - RATE_SPAN_S:
            self._rates.popleft()
        span_s = now_s - self._rates[0][0]
        rows = sum(count for _, count in self._rates) - self._rates[0][1]
        self.state.rate_hz = rows / span_s if span_s > 0 else 0.0

    def _measure(self, conn: Connection) -> None:
        self.state.used_bytes = used_bytes(conn)


def _get(conn: Connection, key: str) -> str | None:
    row = conn.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _set(conn: Connection, key: str, value: str) -> None:
    conn.execute("INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))


def _explain(error: sqlite3.Error) -> str:
    """What it means and what happens meanwhile, for the page."""
    meanwhile = "readings wait in memory and are written as soon as it works again"
    causes = {
        sqlite3.SQLITE_FULL: "the disk is full",
        sqlite3.SQLITE_READONLY: "the database may only be read",
        sqlite3.SQLITE_BUSY: "another program holds the database",
        sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    }
    return f"{causes.get(result_code(error), f'the database cannot be written ({error})')}: {meanwhile}"
