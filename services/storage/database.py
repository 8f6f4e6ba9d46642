"""The database file: how it is opened, for writing and for reading."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore

from services.storage.schema import MIGRATIONS, VERSION
from services.storage.store import Cancelled, ends_of, is_cancelled

APPLICATION_ID = 0x504D4F4E  # "PMON": tells our file from another program's
SYNCHRONOUS = ("FULL", "EXTRA", "NORMAL", "OFF")
CACHE_KIB = 4_096  # holds a catch-up of 50 000 readings: pages written out before the end of a commit are written twice
LOG_BYTES = 16 << 20  # what a long query made the write-ahead log grow beyond is given back
BUSY_S = 2.0  # how long to wait for a person's sqlite3 shell that holds the file
MAX_READERS = 4  # queries at a time; more would only take the cores from the readings
PLACE_S = 0.1  # between two looks at `cancelled` while all places are taken
PROGRESS_STEPS = 20_000  # SQLite steps between two looks at `cancelled`

Connection = sqlite3.Connection

def beside(path: Path, suffix: str) -> Path:
    """The file that belongs to the database: `powermon.db` and `-wal` make `powermon.db-wal`."""
    return path.with_name(path.name + suffix)


def has_bytes(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def open_writer(path: Path, synchronous: str) -> Connection:
    """The one connection that writes: WAL, migrated to this version. Raises sqlite3.Error."""
    if synchronous not in SYNCHRONOUS:
        raise ValueError(f"synchronous must be one of {', '.join(SYNCHRONOUS)}")
    conn = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        conn.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts only before the first table
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute(f"PRAGMA synchronous = {synchronous}")
        conn.execute("PRAGMA temp_store = MEMORY")
        conn.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        conn.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
        migrate(conn)
    except BaseException:
        conn.close()
        raise
    return conn


def migrate(conn: Connection) -> None:
    """Take the steps the file has not seen, each in one transaction."""
    for number in range(conn.execute("PRAGMA user_version").fetchone()[0], VERSION):
        with transaction(conn):
            for statement in MIGRATIONS[number]:
                conn.execute(statement)
            conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            conn.execute(f"PRAGMA user_version = {number + 1}")


@contextmanager
def transaction(conn: Connection) -> Iterator[None]:
    """All of it or nothing. IMMEDIATE: an upgrade from reading to writing would fail at once, whatever the time-out."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:  # some errors (disk full) have rolled back already
            conn.execute("ROLLBACK")
        raise


def open_reader(path: Path) -> Connection:
    """A connection that cannot write. Raises sqlite3.Error."""
    uri = path.resolve().as_uri() + "?mode=ro"
    if _is_frozen(path):
        uri += "&immutable=1"  # on a read-only disk SQLite cannot make the file that readers of a WAL database share
    return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)


def _is_frozen(path: Path) -> bool:
    """Nobody can change the file, and all there is is in it."""
    if sys.platform == "win32" or has_bytes(beside(path, "-wal")):
        return False
    try:
        return bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _nothing() -> Connection:
    """An empty database: what there is to read while no file could be made."""
    conn = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrate(conn)
    return conn


class Readers:
    """A small pool of read-only connections; at most MAX_READERS queries run at a time, the others wait."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: SimpleQueue[tuple[int, Connection]] = SimpleQueue()
        self._places = BoundedSemaphore(MAX_READERS)
        self._generation = 0
        self._closed = False

    @contextmanager
    def use(self, cancelled: Cancelled | None = None) -> Iterator[Connection]:
        """A connection inside one read transaction. When `cancelled()` turns true the query ends in an OperationalError."""
        ended = partial(is_cancelled, cancelled)
        self._wait(ended)
        try:
            generation, conn = self._take()
            try:
                if ends_of(cancelled):
                    conn.set_progress_handler(ended, PROGRESS_STEPS)
                conn.execute("BEGIN")
                yield conn
            finally:
                self._give_back(generation, conn)
        finally:
            self._places.release()

    def reset(self) -> None:
        """The file was replaced: connections to the old one are closed, at once or when their query ends."""
        self._generation += 1
        self._close_idle()

    def move(self, path: Path) -> None:
        """From now on another file is read."""
        self._path = path
        self.reset()

    def close(self) -> None:
        self._closed = True
        self._close_idle()

    def _wait(self, ended: Cancelled) -> None:
        """For a place among the few."""
        while not self._places.acquire(timeout=PLACE_S):
            if ended():
                raise sqlite3.OperationalError("interrupted")

    def _take(self) -> tuple[int, Connection]:
        if self._closed:
            raise sqlite3.ProgrammingError("the storage is stopped")
        try:
            return self._idle.get_nowait()
        except Empty:
            return self._generation, open_reader(self._path) if has_bytes(self._path) else _nothing()

    def _give_back(self, generation: int, conn: Connection) -> None:
        try:
            conn.set_progress_handler(None, 0)
            if conn.in_transaction:
                conn.execute("ROLLBACK")
        except sqlite3.Error:
            conn.close()
            return
        if self._closed or generation != self._generation:
            conn.close()
        else:
            self._idle.put((generation, conn))

    def _close_idle(self) -> None:
        while True:
            try:
                _, conn = self._idle.get_nowait()
            except Empty:
                return
            conn.close()


def get_setting(conn: Connection, key: str) -> str | None:
    row = conn.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def set_setting(conn: Connection, key: str, value: str) -> None:
    conn.execute("INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))


def used_bytes(conn: Connection) -> int:
    """Size of the file without its free pages."""
    page, pages, free = (conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count"))
    return int(page * (pages - free))


def result_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 when the error did not come from SQLite."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """The file itself is broken."""
    return result_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_full(error: sqlite3.Error) -> bool:
    return result_code(error) == sqlite3.SQLITE_FULL
