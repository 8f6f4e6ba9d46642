"""The database file: may it be used, who writes it, how it is opened."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore
from typing import IO

from services.errors import DatabaseLocked, DatabaseTooNew, DatabaseUnreadable
from services.storage.schema import MIGRATIONS, VERSION

MAGIC = b"SQLite format 3\0"
APPLICATION_ID = 0x504D4F4E  # "PMON": tells our file from another program's
SYNCHRONOUS = ("FULL", "EXTRA", "NORMAL", "OFF")
LOG_BYTES = 16 << 20  # what a long query made the write-ahead log grow beyond is given back
BUSY_S = 2.0  # how long to wait for a person's sqlite3 shell that holds the file
MAX_READERS = 4  # queries at a time; more would only take the cores from the readings
PROGRESS_STEPS = 20_000  # SQLite steps between two looks at `cancelled`

Connection = sqlite3.Connection


def beside(path: Path, suffix: str) -> Path:
    """The file that belongs to the database: `powermon.db` and `-wal` make `powermon.db-wal`."""
    return path.with_name(path.name + suffix)


def inspect(path: Path) -> bool:
    """Look whether the file may be ours without changing a byte; True when it holds data already.

    Raises DatabaseUnreadable or DatabaseTooNew.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DatabaseUnreadable(f"{path} cannot be read: {error.strerror}") from error
    if not header:
        return False
    if len(header) < 100 or not header.startswith(MAGIC):
        raise DatabaseUnreadable(f"{path} is not a SQLite database; it was left as it is. Give another --database")
    version, cookie, application = (int.from_bytes(header[at : at + 4], "big") for at in (60, 40, 68))
    if _has_bytes(beside(path, "-wal")):  # the newest truth is there, and the header may know nothing of it
        version, cookie, application = _ask(path, version, cookie, application)
    if application != APPLICATION_ID and (version or cookie):
        raise DatabaseUnreadable(f"{path} is another program's database; it was left as it is. Give another --database")
    if version > VERSION:
        raise DatabaseTooNew(
            f"{path} was written by a newer powermon (schema {version}, this one knows {VERSION}); "
            "it was left as it is. Use the newer program, or give another --database"
        )
    return bool(cookie)


def _has_bytes(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _ask(path: Path, version: int, cookie: int, application: int) -> tuple[int, int, int]:
    """The header's numbers as a reader sees them, with what waits in the write-ahead log."""
    try:
        conn = open_reader(path)
    except sqlite3.Error:
        return version, cookie, application
    try:
        values = [conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "schema_version", "application_id")]
        return values[0], values[1], values[2]
    except sqlite3.Error:
        return version, cookie, application
    finally:
        conn.close()


class WriterLock:
    """Held while we write the database; the operating system takes it back when the process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._path = beside(path, ".lock")
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Raises DatabaseLocked when another process (or another Storage of this one) holds it."""
        try:
            file = self._path.open("ab")
        except OSError as error:
            raise DatabaseUnreadable(f"{self._path.parent} cannot be written: {error.strerror}") from error
        try:
            _lock(file)
        except OSError as error:
            file.close()
            raise DatabaseLocked(
                f"another powermon is recording into {self._path.with_suffix('')}; stop it, or give another --database"
            ) from error
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


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
    return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)


class Readers:
    """A small pool of read-only connections; at most MAX_READERS queries run at a time, the others wait."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: SimpleQueue[tuple[int, Connection]] = SimpleQueue()
        self._places = BoundedSemaphore(MAX_READERS)
        self._generation = 0
        self._closed = False

    @contextmanager
    def use(self, cancelled: Callable[[], bool] | None = None) -> Iterator[Connection]:
        """A connection inside one read transaction. When `cancelled()` turns true the query ends in an OperationalError."""
        with self._places:
            generation, conn = self._take()
            try:
                if cancelled is not None:
                    conn.set_progress_handler(cancelled, PROGRESS_STEPS)
                conn.execute("BEGIN")
                yield conn
            finally:
                self._give_back(generation, conn)

    def reset(self) -> None:
        """The file was replaced: connections to the old one are closed, at once or when their query ends."""
        self._generation += 1
        self._close_idle()

    def close(self) -> None:
        self._closed = True
        self._close_idle()

    def _take(self) -> tuple[int, Connection]:
        if self._closed:
            raise sqlite3.ProgrammingError("the storage is stopped")
        try:
            return self._idle.get_nowait()
        except Empty:
            return self._generation, open_reader(self._path)

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
