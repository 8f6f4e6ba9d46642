"""Care of the file: the check after an unclean stop, moving a damaged one aside, the ballast for a full disk, the backup."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

from services.errors import DatabaseError
from services.storage.database import Connection, beside, is_damage, open_reader

log = logging.getLogger(__name__)

BALLAST_BYTES = 8 << 20
BACKUP_PAGES = 1024  # copied at a time; between two helpings others get at the disk
BACKUP_PAUSE_S = 0.005


class Ballast:
    """A file whose release gives a full disk the room that SQLite needs to go on: nothing can be deleted without it."""

    def __init__(self, database: Path, size: int = BALLAST_BYTES) -> None:
        self._path = beside(database, ".ballast")
        self._size = size

    def make(self) -> bool:
        """Take the room, if there is plenty; False when there is not."""
        try:
            if self._path.exists() and self._path.stat().st_size == self._size:
                return True
            if (free_bytes(self._path.parent) or 0) < 4 * self._size:
                return False
            with self._path.open("wb") as file:
                for _ in range(self._size >> 20):
                    file.write(bytes(1 << 20))
                file.flush()
                os.fsync(file.fileno())  # some file systems take the room only now
        except OSError as error:
            log.debug("no ballast: %s", error)
            self.release()
            return False
        return True

    def release(self) -> bool:
        """Give the room back; False when there was none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def free_bytes(folder: Path) -> int | None:
    """Room left on the disk; None when nobody can say."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def file_bytes(database: Path) -> int:
    """What the database takes on the disk, with its write-ahead log."""
    total = 0
    for path in (database, beside(database, "-wal")):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


def move_aside(database: Path, now_us: int) -> Path:
    """Rename a damaged database and what belongs to it; nothing is deleted. Returns its new name."""
    stamp = datetime.fromtimestamp(now_us // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    target = beside(database, f".damaged-{stamp}")
    number = 1
    while target.exists():
        number += 1
        target = beside(database, f".damaged-{stamp}-{number}")
    database.rename(target)
    for suffix in ("-wal", "-shm"):
        if beside(database, suffix).exists():
            beside(database, suffix).rename(beside(target, suffix))
    return target


class IntegrityCheck:
    """Reads the whole file in a thread of its own, once, and remembers what it found. The writer goes on meanwhile."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._thread = Thread(target=self._run, name="storage-check", daemon=True)
        self._stopping = False
        self.started = False
        self.damage = ""  # what is wrong; empty while nothing is known to be

    def start(self) -> None:
        self.started = True
        self._thread.start()

    def stop(self) -> None:
        """Give up at once."""
        self._stopping = True
        if self._thread.is_alive():
            self._thread.join()

    def join(self, timeout_s: float) -> bool:
        """True when the check is over."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            conn = open_reader(self._database)
        except sqlite3.Error as error:
            log.debug("no integrity check: %s", error)
            return
        try:
            conn.set_progress_handler(lambda: self._stopping, 100_000)
            found = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
            self.damage = "" if found == "ok" else " ".join(str(found).removeprefix("*** in database main ***").split())
        except sqlite3.Error as error:
            self.damage = str(error) if is_damage(error) else ""
        finally:
            conn.close()


def backup(database: Path, target: Path) -> None:
    """Copy the database while it is written, to a file that does not exist yet. Raises DatabaseError."""
    if target.exists():
        raise DatabaseError(f"{target} exists already; a backup never overwrites a file")
    try:
        descriptor, name = tempfile.mkstemp(".partial", f"{target.name}.", target.parent)  # nobody else's; 0600
        os.close(descriptor)
    except OSError as error:
        raise DatabaseError(f"the backup to {target} failed: {error}") from error
    partial = Path(name)
    try:
        source = open_reader(database)
        try:
            _copy(source, partial)
        finally:
            source.close()
        _name_it(partial, target)
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(f"the backup to {target} failed: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _name_it(partial: Path, target: Path) -> None:
    """The finished copy gets its name, unless somebody took it meanwhile."""
    try:
        target.hardlink_to(partial)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise
        partial.rename(target)


def _copy(source: Connection, partial: Path) -> None:
    copy = sqlite3.connect(partial)
    try:
        # One read transaction for the whole copy: without it each commit of the writer would start the copy anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(copy, pages=BACKUP_PAGES, sleep=BACKUP_PAUSE_S)
        source.execute("COMMIT")
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
    finally:
        copy.close()
