"""The thread that writes: one commit a second, and between the commits whatever keeps the file in order."""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Condition, Event, Lock, Thread

import msgspec

from services.clock import Clock
from services.errors import DatabaseError
from services.model import Event as LogEvent
from services.model import EventKind, Write
from services.storage import counts, file_check
from services.storage.backlog import Backlog
from services.storage.database import (
    Connection,
    Readers,
    get_setting,
    is_damage,
    is_full,
    open_writer,
    result_code,
    set_setting,
    transaction,
    used_bytes,
)
from services.storage.file_lock import Claim, Found
from services.storage.health import Rate, Recorded, explain
from services.storage.ingest import Durable, Ingest
from services.storage.jobs import Job, Jobs
from services.storage.repair import FEW, SALVAGE, Salvage
from services.storage.retention import Limits, Retention, kept

log = logging.getLogger(__name__)

RETRY_S = 1.0  # after a failed commit
PAUSE_S = 0.02  # between two steps of keeping order
LOOK_S = 60.0  # between two looks at what is kept, and whether the ballast can be made again


class Policy(msgspec.Struct, frozen=True):
    """How to write, as set by the user."""

    limits: Limits
    commit_s: float = 1.0
    synchronous: str = "FULL"


class Writer:
    """Owns the writing connection. `on_commit` is called in this thread, after the commit."""

    def __init__(
        self, path: Path, clock: Clock, policy: Policy, readers: Readers, on_commit: Callable[[list[Durable]], None]
    ) -> None:
        self.backlog = Backlog()
        self.state = Recorded()
        self.rate = Rate()
        self._path, self._clock, self._policy, self._readers, self._on_commit = path, clock, policy, readers, on_commit
        self._claim = Claim(path)
        self._claimed = False
        self._ballast = file_check.Ballast(path)
        self._conn: Connection | None = None
        self._ingest: Ingest | None = None
        self._retention = self._new_retention()
        self._check: file_check.IntegrityCheck | None = None
        self._jobs = Jobs()
        self._aside: Path | None = None  # a damaged file that the next new one takes over what it can from
        self._wake = Condition()
        self._nudged = False
        self._stopping = False
        self._unchecked = False
        self._next_round_s = 0.0
        self._next_commit_s = 0.0
        self._next_look_s = 0.0
        self._life = Lock()
        self._thread = self._new_thread()

    # --- called by others

    def start(self) -> None:
        """Open the file and start. Raises DatabaseUnreadable, DatabaseTooNew or DatabaseLocked, the file untouched.

        Trouble of the disk is retried for ever; a damaged file is moved aside.
        """
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._trouble(error)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Commit everything and end; False when that took too long."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._claim.release()
        return True

    def revive(self) -> None:
        """Start the thread again if it died. Cheap: called with each write."""
        if self._thread.is_alive() or self._thread.ident is None or self._stopping:
            return
        with self._life:
            if self._thread.is_alive():
                return
            self.backlog.give_back()
            self._close()
            self.state.note("the storage thread died and was started again; nothing that waited was lost")
            self._next_commit_s = 0.0
            self._thread = self._new_thread()
            self._thread.start()

    def late_s(self) -> float:
        """How long ago the thread should have come round."""
        if self._thread.ident is None:
            return 0.0
        return max(0.0, self._clock.monotonic_s() - self.state.awake_s - self._policy.commit_s)

    def nudge(self) -> None:
        """Commit now."""
        with self._wake:
            self._nudged = True
            self._wake.notify()

    def submit(self, job: Job) -> Event:
        """Have steps done between commits; the event is set when the last one is."""
        finished = self._jobs.add(job)
        self.nudge()
        return finished

    # --- the thread

    def _new_thread(self) -> Thread:
        self.state.awake_s = self._clock.monotonic_s()
        return Thread(target=self._run, name="storage-writer", daemon=True)

    def _run(self) -> None:
        try:
            self._rounds()
        except BaseException:
            # Nothing may get past here unsaid: without this thread nothing is recorded. `revive` starts the next one.
            log.exception("the storage thread died")

    def _rounds(self) -> None:
        while True:
            last = self._wait()
            self.state.awake_s = self._clock.monotonic_s()
            busy = False
            try:
                busy = self._round()
            except (sqlite3.Error, OSError, DatabaseError) as error:
                self._trouble(error)
            except Exception:
                # Whatever it was, the readings wait in memory and recording goes on.
                log.exception("the storage thread stumbled")
                self.backlog.give_back()
                self.backlog.tidy()
                self._forget()
                self._next_commit_s = self._clock.monotonic_s() + RETRY_S
            if last and not busy:
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
        """One commit if it is due, one step of keeping order; True when there is more to do at once."""
        now_s = self._clock.monotonic_s()
        with self._wake:
            much = self.backlog.readings > FEW and not self.state.problem
            due = self._nudged or self._stopping or much or now_s >= self._next_commit_s
            self._nudged = False
        if self._conn is None:
            if now_s < self._next_commit_s and not self._stopping:
                return False
            self._open()
        self._look_at_check()
        if due:
            self._commit()
            self._next_commit_s = now_s if self.backlog.cut else now_s + self._policy.commit_s
        return self.backlog.cut if self._stopping else self._keep_order()

    def _commit(self) -> None:
        conn, ingest = self._conn, self._ingest
        assert conn is not None and ingest is not None
        writes = self.backlog.take()
        if not writes:
            self.rate.note(self._clock.monotonic_s(), 0)
            return
        before, refused = ingest.stored, ingest.refused
        try:
            with transaction(conn):
                durable = ingest.store(writes)
        except BaseException:
            self.backlog.give_back()
            raise
        self.state.refused += ingest.refused - refused
        self._note_commit(ingest.stored - before)
        self._note_names(write.device for write in writes if write.readings is not None)
        self.backlog.done()
        if durable:
            self._on_commit(durable)

    def _keep_order(self) -> bool:
        conn = self._conn
        assert conn is not None
        if self._jobs:
            self._jobs.step(conn)
            return bool(self._jobs)
        before = self._retention.deleted
        more = self._retention.step(conn, self._clock.now_us(), self._clock.monotonic_s)
        self.state.used_bytes = used_bytes(conn)
        self.state.rows -= self._retention.deleted - before
        if self._clock.monotonic_s() >= self._next_look_s:
            self._next_look_s = self._clock.monotonic_s() + LOOK_S
            self._ballast.make()
            self.state.rows, self.state.minutes, self.state.devices = kept(conn)
        return more

    def _finish(self) -> None:
        """Leave the file tidy: nothing in the log, marked as cleanly closed."""
        if self._check is not None:
            self._check.stop()
        waiting = self.backlog.readings
        if waiting:
            log.error("%d readings could not be committed before the end: %s", waiting, self.state.problem)
        self._jobs.give_up()
        if self._conn is None:
            return
        try:
            if not (self._check is not None and self._check.damage):
                set_setting(self._conn, "clean_stop", "1")
            self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            log.warning("the database was not closed cleanly: %s", error)
        self._conn.close()

    # --- the connection

    def _open(self) -> None:
        """Raises DatabaseError, sqlite3.Error or OSError; what is damaged has been moved aside then, if that can be."""
        if not self._claimed:
            found = self._claim.take()
            self._claimed, self._unchecked = True, found is Found.OURS
            if found is Found.BROKEN:
                self._replace("its first page is destroyed")
        try:
            self._connect()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._replace(str(error))
            self._connect()
        self._readers.reset()  # what was opened meanwhile may be a stand-in
        if self._check is not None and not self._check.started:
            self._check.start()

    def _connect(self) -> None:
        conn = open_writer(self._path, self._policy.synchronous)
        try:
            self._ready(conn)
        except BaseException:
            conn.close()
            raise
        self._conn = conn

    def _ready(self, conn: Connection) -> None:
        """Read what a new connection must know."""
        if self._unchecked and get_setting(conn, "clean_stop") != "1":
            self._check = file_check.IntegrityCheck(self._path)
        self._unchecked = False
        set_setting(conn, "clean_stop", "0")
        self._ingest = Ingest(conn)
        self._retention = self._new_retention()
        self.state.rows, self.state.minutes, self.state.devices = kept(conn)
        self.state.names = {*(self.state.names or ()), *counts.devices(conn)}
        self.state.used_bytes = used_bytes(conn)
        known = get_setting(conn, "empty_bytes")
        if known is None:
            known = str(self.state.used_bytes)
            set_setting(conn, "empty_bytes", known)
        self.state.empty_bytes = int(known)
        self._go_on_salvaging(conn)

    def _go_on_salvaging(self, conn: Connection) -> None:
        """Also what an earlier session did not finish: taking a reading over twice changes nothing."""
        if self._aside is not None:
            set_setting(conn, SALVAGE, self._aside.name)
        name = get_setting(conn, SALVAGE)
        if name and self._aside is None and (self._path.parent / name).exists():
            self._aside = self._path.parent / name
        if self._aside is not None:
            salvage, self._aside = Salvage(self._aside, self.backlog, self._horizon_moved), None
            self._jobs.add(salvage.step)

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
        self._jobs.give_up()  # they may hold something of this connection; salvaging begins anew with the next one
        if conn is not None:
            conn.close()

    # --- trouble

    def _trouble(self, error: Exception) -> None:
        """Say it once loudly, do what can be done, and let the next round try again."""
        self._next_commit_s = self._clock.monotonic_s() + RETRY_S
        self.backlog.tidy()
        first = not self.state.problem
        log.log(logging.WARNING if first else logging.DEBUG, "the database cannot be written: %s", error)
        self.state.problem = explain(error)
        if not isinstance(error, sqlite3.Error):
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                self._ballast.release()
            return
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
        """Move the damaged file aside and say so; the next `_connect` makes a new one. Raises OSError."""
        if self._check is not None:
            self._check.stop()
            self._check = None
        self._aside = aside = file_check.move_aside(self._path, self._clock.now_us())
        self._readers.reset()
        text = f"the database was damaged ({why}): it was moved aside to {aside.name} and a new one was started"
        log.error("%s", text)
        self.state.note(text)
        event = LogEvent("", self._clock.now_us(), EventKind.DATABASE, text, {"moved_to": aside.name})
        self.backlog.append(Write("", events=(event,)))

    # --- figures

    def _note_commit(self, stored: int) -> None:
        if self.state.problem:
            log.info("the database is written again")
        self.state.problem = ""
        self.state.committed += stored
        if self._conn is not None:
            self.state.used_bytes = used_bytes(self._conn)
        self.state.rows += stored
        self.state.last_commit_us = self._clock.now_us()
        self.rate.note(self._clock.monotonic_s(), stored)

    def _note_names(self, names: Iterable[str]) -> None:
        known = self.state.names or set()
        if new := set(names) - known:
            self.state.names = known | new  # another set, for others look at it meanwhile
