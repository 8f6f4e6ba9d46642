"""Whether a file is ours to write: what kind of file it is, and the lock that keeps a second program out."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import sys
from enum import Enum
from pathlib import Path
from typing import IO

from services.errors import DatabaseLocked, DatabaseTooNew, DatabaseUnreadable
from services.storage.database import APPLICATION_ID, beside, has_bytes, open_reader
from services.storage.schema import VERSION

log = logging.getLogger(__name__)
MAGIC = b"SQLite format 3\0"
HEADER = 100
PASSING = (errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO)  # the disk's trouble, not a mistake: it may pass


class Found(Enum):
    """What is at the path."""

    NOTHING = "nothing"
    OURS = "ours"
    BROKEN = "broken"  # ours, as the lock beside it says, but its first page is gone


class Claim:
    """The right to write one database file, from `take` to `release`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = WriterLock(path)
        self._found: Found | None = None

    def take(self) -> Found:
        """Make the folder, look at the file, lock it; a second time it just answers.

        Raises DatabaseUnreadable, DatabaseTooNew or DatabaseLocked with the file untouched, and OSError while the disk
        does not let us, which may pass.
        """
        if self._found is None:
            folder = self._path.parent
            try:
                folder.mkdir(parents=True, exist_ok=True)
                found = inspect(self._path)
                self._lock.acquire()
            except OSError as error:
                if error.errno in PASSING:
                    raise
                raise DatabaseUnreadable(f"{folder} cannot be written: {error.strerror}") from error
            self._found = found
        return self._found

    def renew(self) -> None:
        """Make the lock again if its file was deleted; a lock on a file that nobody finds keeps nobody out."""
        try:
            self._lock.renew()
        except (OSError, DatabaseLocked) as error:
            log.warning("the lock beside the database was deleted and cannot be made again: %s", error)

    def release(self) -> None:
        self._lock.release()
        self._found = None


def inspect(path: Path) -> Found:
    """Look whether the file may be ours without changing a byte. Raises DatabaseUnreadable or DatabaseTooNew."""
    try:
        with path.open("rb") as file:
            header = file.read(HEADER)
    except FileNotFoundError:
        return Found.NOTHING
    except OSError as error:
        raise DatabaseUnreadable(f"{path} cannot be read: {error.strerror}") from error
    if not header and not has_bytes(beside(path, "-wal")):
        return Found.NOTHING
    if len(header) < HEADER or not header.startswith(MAGIC):
        if beside(path, ".lock").exists():  # we recorded into it
            return Found.BROKEN
        raise DatabaseUnreadable(f"{path} is not a SQLite database; it was left as it is. Give another --database")
    version, cookie, application = (int.from_bytes(header[at : at + 4], "big") for at in (60, 40, 68))
    if has_bytes(beside(path, "-wal")):  # the newest truth is there, and the header may know nothing of it
        version, cookie, application = _ask(path, version, cookie, application)
    if application != APPLICATION_ID and (version or cookie):
        raise DatabaseUnreadable(f"{path} is another program's database; it was left as it is. Give another --database")
    if version > VERSION:
        raise DatabaseTooNew(
            f"{path} was written by a newer powermon (schema {version}, this one knows {VERSION}); "
            "it was left as it is. Use the newer program, or give another --database"
        )
    return Found.OURS if cookie else Found.NOTHING


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
        """Raises DatabaseLocked when another process (or another Storage of this one) holds it, OSError if it cannot be made."""
        file = self._path.open("ab")
        try:
            _lock(file)
        except OSError as error:
            file.close()
            raise DatabaseLocked(
                f"another powermon is recording into {self._path.with_suffix('')}; stop it, or give another --database"
            ) from error
        self._file = file

    def renew(self) -> None:
        """Raises like `acquire`; the old lock is held until the new one is."""
        old = self._file
        if old is None or self._is_at_its_path(old):
            return
        self.acquire()
        old.close()

    def _is_at_its_path(self, file: IO[bytes]) -> bool:
        return self._path.exists() and os.path.samestat(self._path.stat(), os.fstat(file.fileno()))

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
