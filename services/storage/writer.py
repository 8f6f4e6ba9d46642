"""The thread that writes: one commit a second, and between the commits whatever keeps the file in order."""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Condition, Event, Lock, Thread

import msgspec

from services.clock import Clock
from services.errors import DatabaseError
from services.storage.backlog import Backlog
from services.storage.database import Readers, is_damage, is_full, result_code, transaction, used_bytes
from services.storage.health import Rate, Recorded, explain
from services.storage.recording_file import Job, RecordingFile
from services.storage.repair import FEW
from services.storage.retention import Limits, kept
from services.storage.store import Durable

log = logging.getLogger(__name__)

RETRY_S = 1.0  # after a failed commit
PAUSE_S = 0.02  # between two steps of keeping order
GOING_ON = 3  # files begun within one commit, because each vanished, before a pause is made
LOOK_S = 60.0  # between two looks at what is kept, and whether the ballast can be made again


class Policy(msgspec.Struct, frozen=True):
    """How to write, as set by the user."""

    limits: Limits
    commit_s: float = 1.0
    synchronous: str = "FULL"


class Writer:
    """Owns the writing connection. `on_commit` is called in this thread, after the commit."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        policy: Policy,
        readers: Readers,
        on_commit: Callable[[list[Durable]], None],
        on_begun: Callable[[], None],
    ) -> None:
        self.backlog = Backlog()
        self.state = Recorded()
        self.rate = Rate()
        self._clock, self._policy, self._on_commit = clock, policy, on_commit
        self._file = RecordingFile(
            path,
            clock,
            policy.limits,
            policy.synchronous,
            readers=readers,
            backlog=self.backlog,
            state=self.state,
            begun=on_begun,
        )
        self._wake = Condition()
        self._nudged = False
        self._stopping = False
        self._next_round_s = 0.0
        self._next_commit_s = 0.0
        self._next_look_s = 0.0
        self._life = Lock()
        self._thread = self._new_thread()

    # --- called by others

    @property
    def path(self) -> Path:
        """The file that is written now: another than was asked for when that one was replaced while we wrote it."""
        return self._file.path

    def start(self) -> None:
        """Open the file and start. Raises DatabaseUnreadable, DatabaseTooNew or DatabaseLocked, the file untouched.

        Trouble of the disk is retried for ever; a damaged file is moved aside.
        """
        try:
            self._file.open()
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
        self._file.release()
        return True

    def revive(self) -> None:
        """Start the thread again if it died. Cheap: called with each write."""
        if self._thread.is_alive() or self._thread.ident is None or self._stopping:
            return
        with self._life:
            if self._thread.is_alive():
                return
            self.backlog.give_back()
            self._file.close()
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
        finished = self._file.jobs.add(job)
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
                self._file.forget()
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
        if self._file.conn is None:
            if now_s < self._next_commit_s and not self._stopping:
                return False
            self._file.open()
        self._file.look_at_check()
        if due:
            self._commit()
            self._next_commit_s = now_s if self.backlog.cut else now_s + self._policy.commit_s
        return self.backlog.cut if self._stopping else self._keep_order()

    def _commit(self) -> None:
        """What waits goes to the disk, and is acknowledged once it is in a file that can be found again."""
        if self.state.problem:  # perhaps this is why; and a deleted file gives its room back only when we let it go
            self._file.vanished()
        for _ in range(GOING_ON):
            durable, stored = self._store()
            try:
                vanished = self._file.vanished()
            except BaseException:
                self.backlog.give_back()
                raise
            if not vanished:
                self._note_commit(stored)
                if durable:
                    self._on_commit(durable)
                return
        raise OSError(errno.ESTALE, "the database file vanishes as often as it is made")

    def _store(self) -> tuple[list[Durable], int | None]:
        """What will be durable, and how many readings were new; None when there was nothing to write."""
        conn, ingest = self._file.conn, self._file.ingest
        assert conn is not None and ingest is not None
        writes = self.backlog.take()
        if not writes:
            return [], None
        before, refused = ingest.stored, ingest.refused
        try:
            with transaction(conn):
                durable = ingest.store(writes)
        except BaseException:
            self.backlog.give_back()
            raise
        self.state.refused += ingest.refused - refused
        self.state.note_names(write.device for write in writes if write.readings is not None)
        return durable, ingest.stored - before

    def _keep_order(self) -> bool:
        conn, jobs, retention = self._file.conn, self._file.jobs, self._file.retention
        assert conn is not None
        if jobs:
            jobs.step(conn)
            return bool(jobs)
        before = retention.deleted
        more = retention.step(conn, self._clock.now_us(), self._clock.monotonic_s)
        self._file.note_pages()
        self.state.used_bytes = used_bytes(conn)
        self.state.rows -= retention.deleted - before
        if self._clock.monotonic_s() >= self._next_look_s:
            self._next_look_s = self._clock.monotonic_s() + LOOK_S
            self._file.ballast.make()
            self._file.keep_claim()
            self.state.rows, self.state.minutes, self.state.devices = kept(conn)
        return more

    def _finish(self) -> None:
        waiting = self.backlog.readings
        if waiting:
            log.error("%d readings could not be committed before the end: %s", waiting, self.state.problem)
        self._file.finish()

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
                self._file.ballast.release()
            return
        if is_full(error) or result_code(error) == sqlite3.SQLITE_IOERR:  # a full disk can look like either
            self._file.ballast.release()
        if is_damage(error):
            self._file.close()
            self._file.replace(str(error))
        elif result_code(error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            self._file.close()  # the next round opens it anew: the file may have come back under its name
        else:
            self._file.forget()

    def _note_commit(self, stored: int | None) -> None:
        """What was taken is on the disk, in the file that stands at its path."""
        self.rate.note(self._clock.monotonic_s(), stored or 0)
        if stored is None:
            return
        if self.state.problem:
            log.info("the database is written again")
        self.state.problem = ""
        self.state.committed += stored
        if self._file.conn is not None:
            self.state.used_bytes = used_bytes(self._file.conn)
        self.state.rows += stored
        self.state.last_commit_us = self._clock.now_us()
        self.backlog.done()
