"""The program under test without its threads: the real device chain, the real storage on a real file, moved by hand.

The only file here that knows the insides of the storage; the link's and the writer's threads are played by `World`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from services.clock import Clock
from services.device.device import Device
from services.errors import DatabaseError
from services.model import Gap, LinkState
from services.settings import Settings
from services.storage import database, file_check
from services.storage.storage import Storage
from services.storage.store import Durable

NAME = "bench"
END_US = 1 << 60


class HandClock(Clock):
    """Wall and monotonic time as the world says."""

    def __init__(self, wall_us: Any, monotonic_us: Any) -> None:
        super().__init__(wall_ns=lambda: wall_us() * 1000, monotonic_ns=lambda: monotonic_us() * 1000)


class Watched(sqlite3.Connection):
    """A connection whose COMMIT fails when told to, and that notices when it is used under a device's lock."""

    failing = 0
    device: Device | None = None
    under_lock = 0

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self._notice()
        if Watched.failing > 0 and sql.startswith("COMMIT"):
            Watched.failing -= 1
            error = sqlite3.OperationalError("injected")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return super().execute(sql, *values)

    @staticmethod
    def _notice() -> None:
        if Watched.device is not None and Watched.device._lock._is_owned():  # type: ignore[attr-defined]
            Watched.under_lock += 1


class _NoCheck:
    """The check after an unclean stop has a thread of its own and is tested elsewhere."""

    started, damage = True, ""

    def __init__(self, path: Path) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def join(self, timeout_s: float | None = None) -> bool:
        return True


@contextmanager
def by_hand() -> Iterator[None]:
    """Connections are watched, nothing runs beside us, no ballast is written."""
    with ExitStack() as stack:
        connect = partial(sqlite3.connect, factory=Watched)
        stack.enter_context(mock.patch.object(database.sqlite3, "connect", connect))
        stack.enter_context(mock.patch.object(file_check, "IntegrityCheck", _NoCheck))
        stack.enter_context(mock.patch.object(file_check.Ballast, "make", lambda self: False))
        Watched.failing, Watched.device, Watched.under_lock = 0, None, 0
        yield
        Watched.failing, Watched.device = 0, None


class Program:
    """From a start to a stop or a kill."""

    def __init__(self, path: Path, clock: Clock, *, retention_h: float = 48.0, backlog: int | None = None) -> None:
        self.clock = clock
        self.durable: list[Durable] = []
        self._storage = Storage(
            path, clock, synchronous="OFF", retention_h=retention_h, purge_after_s=5.0, purge_every_s=10.0,
            on_commit=self.durable.extend,
        )  # fmt: skip
        self._writer = self._storage._writer
        self._file = self._writer._file
        if backlog is not None:
            self._writer.backlog._bound = backlog
        try:
            self._file.open()
        except sqlite3.Error as error:
            self._writer._trouble(error)
        self.device = Device(NAME, "socket://nowhere", Settings(), self._storage, clock)
        Watched.device = self.device
        self.commits = 0

    # --- the storage's thread

    def round(self) -> None:
        """What the writer's thread does each time it comes round, and a commit in any case."""
        self._writer.nudge()
        try:
            self._writer._round()
        except (sqlite3.Error, OSError, DatabaseError) as error:
            self._writer._trouble(error)
        self.commits += 1

    @property
    def nudged(self) -> bool:
        """Somebody wants a commit now."""
        return self._writer._nudged

    @property
    def waiting(self) -> int:
        """Writes that are not committed."""
        return len(self._writer.backlog)

    def tell_durable(self) -> None:
        """What the last commits made durable reaches the device."""
        durable, self.durable[:] = list(self.durable), []
        for done in durable:
            self.device.durable(done.boot, done.ack)

    def fill_disk(self, full: bool) -> None:
        """The file may not grow, or it may again."""
        if self._file.conn is not None:
            most = 1 if full else 1 << 30  # not less than there is: SQLite sees to that
            self._file.conn.execute(f"PRAGMA max_page_count = {most}")

    # --- the link's thread

    def opened(self) -> None:
        self.device.link.state = LinkState.WAITING
        self.device.opened()

    def closed(self) -> None:
        self.device.link.state = LinkState.LOST
        self.device.closed()

    @property
    def knows_board(self) -> bool:
        """It does not wait for a hello, and lines with it."""
        return self.device._identity.known

    # --- its end

    def stop(self) -> None:
        """Cleanly: what was accepted is committed, if the disk lets us."""
        for _ in range(5):
            if not self.waiting:
                break
            self.round()
        self._writer._stopping = True
        self._writer._finish()
        self._gone()

    def kill(self) -> None:
        """What was not committed never was."""
        if self._file.conn is not None:
            self._file.conn.close()
        self._gone()

    def _gone(self) -> None:
        Watched.device = None
        self._storage._readers.close()
        self._file.release()

    # --- what it says

    def gaps(self) -> list[Gap]:
        """The record, and over it what is known but not committed yet."""
        try:
            found = {(gap.boot, gap.first): gap for gap in self._storage.gaps(NAME, 0, END_US)}
        except DatabaseError:  # a disk that refuses from the start: there is nothing to read yet
            found = {}
        found.update({(gap.boot, gap.first): gap for gap in self.device.gaps(0, END_US)})
        return sorted(found.values(), key=lambda gap: (gap.boot, gap.first))

    def recorded_counts(self) -> Any:
        return self._storage.counts(NAME, 0, END_US)

    def recorded_stats(self) -> Any:
        return self._storage.span_stats(NAME, 0, END_US)
