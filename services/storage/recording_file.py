"""The file that is written, from its opening to its closing: claimed, checked, moved aside when damaged, left when it vanished;
and the longer work that is done on it step by step between the commits.

Used by the writer's thread alone.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from services.clock import Clock
from services.model import Event as LogEvent
from services.model import EventKind, Write
from services.storage import counts, file_check, file_identity
from services.storage.backlog import Backlog
from services.storage.database import (
    Connection,
    Readers,
    get_setting,
    is_damage,
    open_writer,
    set_setting,
    used_bytes,
)
from services.storage.file_identity import Fate, FileIdentity, Vanished
from services.storage.file_lock import Claim, Found
from services.storage.health import Recorded
from services.storage.ingest import Ingest
from services.storage.repair import SALVAGE, Salvage
from services.storage.retention import Limits, Retention, kept

log = logging.getLogger(__name__)
CUT_SHORT = "it was cut short or overwritten by another program"
Job = Callable[[Connection], bool]  # one bounded step; True: done


class Jobs:
    """The oldest first. Any thread adds; the writer's takes the steps."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Job, Event]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, job: Job) -> Event:
        """The event is set when the last step is done, or the job was given up."""
        finished = Event()
        self._waiting.append((job, finished))
        return finished

    def step(self, conn: Connection) -> None:
        """One step of the oldest job; one that fails is given up."""
        job, finished = self._waiting[0]
        done = True
        try:
            done = job(conn)
        finally:
            if done:
                self._waiting.popleft()
                finished.set()

    def give_up(self) -> None:
        """Whoever waits for one of them waits no longer."""
        while self._waiting:
            self._waiting.popleft()[1].set()


class RecordingFile:
    """`conn` and `ingest` are None while the file is closed; `state` learns what there is to know of it."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        limits: Limits,
        synchronous: str,
        *,
        readers: Readers,
        backlog: Backlog,
        state: Recorded,
        begun: Callable[[], None],
    ) -> None:
        """`begun` is called when a file that knows nothing was opened in the place of one that vanished or was damaged."""
        self.path = path
        self.conn: Connection | None = None
        self.ingest: Ingest | None = None
        self.jobs = Jobs()
        self.check: file_check.IntegrityCheck | None = None
        self.ballast = file_check.Ballast(path)
        self._clock, self._limits, self._synchronous = clock, limits, synchronous
        self._readers, self._backlog, self._state, self._begun = readers, backlog, state, begun
        self._empty = False  # the next file that is opened knows nothing of what was kept in the one before
        self._claim = Claim(path)
        self._claimed = False
        self._unchecked = False
        self._aside: Path | None = None  # a damaged file that the next new one takes over what it can from
        self._identity: FileIdentity | None = None  # of the file that was opened last; also while it is closed after trouble
        self.retention = self._new_retention()

    def open(self) -> None:
        """Raises DatabaseError, sqlite3.Error or OSError; what is damaged has been moved aside then, if that can be."""
        if self._identity is not None and (what := self._identity.moved()) is not None:
            self._say(self._leave(what), {"fate": what.fate.value})  # it went while it was closed
        if not self._claimed:
            found = self._claim.take()
            self._claimed, self._unchecked = True, found is Found.OURS
            if found is Found.BROKEN:
                self.replace("its first page is destroyed")
        try:
            self._connect()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self.replace(str(error))
            self._connect()
        self._readers.reset()  # what was opened meanwhile may be a stand-in
        if self.check is not None and not self.check.started:
            self.check.start()
        if self._empty:
            self._empty = False
            self._begun()

    def close(self) -> None:
        """Also when SQLite cannot; jobs may hold something of this connection, salvaging begins anew with the next one."""
        conn, self.conn, self.ingest = self.conn, None, None
        self.jobs.give_up()
        if conn is not None:
            conn.close()

    def forget(self) -> None:
        """What was read inside a transaction that failed is not true."""
        if self.conn is not None:
            try:
                self.ingest = Ingest(self.conn)
            except sqlite3.Error:
                self.close()

    def finish(self) -> None:
        """Leave the file tidy: nothing in the log, marked as cleanly closed."""
        if self.check is not None:
            self.check.stop()
        self.jobs.give_up()
        if self.conn is None:
            return
        try:
            if not (self.check is not None and self.check.damage):
                set_setting(self.conn, "clean_stop", "1")
            self.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            log.warning("the database was not closed cleanly: %s", error)
        self.conn.close()

    def release(self) -> None:
        """Another may write it now."""
        self._claim.release()

    # --- what is wrong with it

    def note_pages(self) -> None:
        """After a transaction that may have made the database smaller."""
        if self.conn is not None and self._identity is not None:
            self._identity.note_pages(self.conn)

    def vanished(self) -> bool:
        """True when what this connection committed is not where people look for it: then another file is open now, and
        what is still in memory of the old one waits to be written again. To be asked before anything is acknowledged.

        Raises like `open`.
        """
        what = self._identity.look() if self._identity is not None else None
        if what is not None:
            happened = self._leave(what)
            try:
                self.open()
            finally:
                self._say(happened, {"fate": what.fate.value})
        return what is not None

    def keep_claim(self) -> None:
        """The lock file may have been deleted too."""
        if self._claimed:
            self._claim.renew()

    def look_at_check(self) -> None:
        """What the background check found is dealt with here, where the connection lives."""
        if self.check is None or not self.check.join(0):
            return
        damage, self.check = self.check.damage, None
        log.info("the database was checked after an unclean stop: %s", damage or "it is whole")
        if damage:
            self.close()
            self.replace(damage)
            self.open()

    def replace(self, why: str) -> None:
        """Move the damaged file aside and say so; the next `_connect` makes a new one. Raises OSError."""
        self._end_check()
        if self._identity is not None and self._identity.cut_short():
            why = CUT_SHORT
        self._identity, self._empty = None, True
        self._aside = aside = file_check.move_aside(self.path, self._clock.now_us())
        self._readers.reset()
        self._state.committed -= self._backlog.recall()  # it may be in what nobody can read back
        text = f"the database was damaged ({why}): it was moved aside to {aside.name} and a new one was started"
        self._say(text, {"moved_to": aside.name})

    def _leave(self, what: Vanished) -> str:
        """Give up the file that vanished, whole if it still is somewhere, and choose where to go on; what there is to say."""
        identity, self._identity = self._identity, None
        assert identity is not None
        self._end_check()
        if what.fate is Fate.CUT_SHORT:
            self.replace(CUT_SHORT)  # before closing, which would write into it
            self.close()
            return ""  # that is said already
        self._complete()
        self.close()
        if what.fate is not Fate.LOG_GONE:
            identity.clear_log(what)
        copy = what.fate is not Fate.LOG_GONE and file_identity.is_copy(self.path, identity.record)
        same = what.fate is Fate.LOG_GONE or copy
        if what.fate is not Fate.LOG_GONE:
            self._claim.release()
            self._claimed = False
            if not copy and not file_identity.is_free(self.path):
                self._go_beside()
        self._empty = not same
        again = self._backlog.recall(readings_only=same)
        self._state.committed -= again
        return file_identity.said(identity.path, what, self.path, again, copy=copy)

    def _complete(self) -> None:
        """A renamed file without its log would lack the newest readings: move all of the log into it."""
        self._readers.reset()
        if self.conn is not None:
            try:
                self.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error as error:
                log.warning("the log could not be moved into the file that vanished: %s", error)

    def _go_beside(self) -> None:
        """Another file stands at our path: it is somebody's, and stays as it is."""
        stamp = datetime.fromtimestamp(self._clock.now_us() // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
        old, self.path = self.path, self.path.with_name(f"{self.path.stem}-{stamp}{self.path.suffix}")
        self._claim = Claim(self.path)
        self._readers.move(self.path)
        self._state.elsewhere = f"{old.name} is another file now, which was left as it is: recording goes on in {self.path.name}"

    def _say(self, text: str, data: dict[str, str]) -> None:
        if not text:
            return
        log.error("%s", text)
        self._state.note(text)
        self._backlog.append(Write("", events=(LogEvent("", self._clock.now_us(), EventKind.DATABASE, text, dict(data)),)))

    def _end_check(self) -> None:
        if self.check is not None:
            self.check.stop()
            self.check = None

    # --- what a new connection must know

    def _connect(self) -> None:
        conn = open_writer(self.path, self._synchronous)
        try:
            self._ready(conn)
        except BaseException:
            conn.close()
            raise
        self.conn = conn

    def _ready(self, conn: Connection) -> None:
        if self._unchecked and get_setting(conn, "clean_stop") != "1":
            self.check = file_check.IntegrityCheck(self.path)
        self._unchecked = False
        set_setting(conn, "clean_stop", "0")
        self._identity = FileIdentity(self.path, conn)
        self.ingest = Ingest(conn)
        self.retention = self._new_retention()
        state = self._state
        state.rows, state.minutes, state.devices = kept(conn)
        state.names = {*(state.names or ()), *counts.devices(conn)}
        state.used_bytes = used_bytes(conn)
        known = get_setting(conn, "empty_bytes")
        if known is None:
            known = str(state.used_bytes)
            set_setting(conn, "empty_bytes", known)
        state.empty_bytes = int(known)
        self._go_on_salvaging(conn)

    def _go_on_salvaging(self, conn: Connection) -> None:
        """Also what an earlier session did not finish: taking a reading over twice changes nothing."""
        if self._aside is not None:
            set_setting(conn, SALVAGE, self._aside.name)
        name = get_setting(conn, SALVAGE)
        if name and self._aside is None and (self.path.parent / name).exists():
            self._aside = self.path.parent / name
        if self._aside is not None:
            salvage, self._aside = Salvage(self._aside, self._backlog, self._horizon_moved), None
            self.jobs.add(salvage.step)

    def _new_retention(self) -> Retention:
        return Retention(self._limits, self._horizon_moved, self._runs_gone)

    def _horizon_moved(self, device_id: int, horizon_us: int) -> None:
        if self.ingest is not None:
            self.ingest.horizon_moved(device_id, horizon_us)

    def _runs_gone(self) -> None:
        if self.ingest is not None:
            self.ingest.forget_runs()
