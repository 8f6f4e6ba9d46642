"""Whether the file that is written is still the one that stands at its path.

On POSIX an open file goes on living when it is deleted or renamed: SQLite writes on without a word, and what it commits
is in no file that anybody will find. So the path is looked at (`stat`, a few µs) before a commit is acknowledged.
The file is never opened for that beside SQLite: closing it would drop the locks that SQLite holds on it.
"""

from __future__ import annotations

import os
import sqlite3
from enum import Enum
from pathlib import Path
from uuid import uuid4

import msgspec

from services.storage.database import Connection, beside, get_setting, has_bytes, open_reader, set_setting

RECORD = "record"  # the setting that names the record: a copy of the file has the same


class Fate(Enum):
    """What became of the file that was written."""

    DELETED = "deleted"
    RENAMED = "renamed"
    REPLACED = "replaced"  # another file stands at the path
    CUT_SHORT = "cut short"
    LOG_GONE = "log gone"  # the write-ahead log, with all that was not moved into the database yet


class Vanished(msgspec.Struct, frozen=True):
    """`now_at`: where the file is now, as far as the system tells."""

    fate: Fate
    now_at: str = ""


class FileIdentity:
    """Made with the connection that writes; `look` before each acknowledgement."""

    def __init__(self, path: Path, conn: Connection) -> None:
        self.path = path
        self._beside = [beside(path, suffix) for suffix in ("-wal", "-shm")]
        self.record = _record(conn)  # a write, so the log is there from now on
        self._page_bytes = int(conn.execute("PRAGMA page_size").fetchone()[0])
        found = path.stat()
        self._file = found.st_ino, found.st_dev
        self._seen_bytes, self._changed_ns = found.st_size, found.st_mtime_ns
        self._beside_files = [_inode(file) for file in self._beside]
        self._least_pages = 1 << 62

    def note_pages(self, conn: Connection) -> None:
        """After each transaction: the file is never cut below the fewest pages that the database had since the last look."""
        self._least_pages = min(self._least_pages, int(conn.execute("PRAGMA page_count").fetchone()[0]))

    def moved(self) -> Vanished | None:
        """Whether another file or none stands at the path; also when the file was closed meanwhile."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return self._whereabouts(Fate.DELETED)
        return None if (found.st_ino, found.st_dev) == self._file else self._whereabouts(Fate.REPLACED)

    def look(self) -> Vanished | None:
        """None while all is well. Raises sqlite3.DatabaseError when the file answers like a broken one, OSError when
        nobody can say."""
        if (moved := self.moved()) is not None:
            return moved
        found = self.path.stat()
        if self._is_cut(found):
            return Vanished(Fate.CUT_SHORT)
        if [_inode(path) for path in self._beside] != self._beside_files:
            return Vanished(Fate.LOG_GONE)
        if found.st_mtime_ns != self._changed_ns and record_of(self.path) != self.record:  # its content was exchanged
            return Vanished(Fate.CUT_SHORT)
        self._seen_bytes, self._changed_ns, self._least_pages = found.st_size, found.st_mtime_ns, 1 << 62
        return None

    def cut_short(self) -> bool:
        """Whether the file is shorter than we ever made it."""
        try:
            return self._is_cut(self.path.stat())
        except OSError:
            return False

    def _is_cut(self, found: os.stat_result) -> bool:
        return found.st_size < min(self._seen_bytes, self._least_pages * self._page_bytes)

    def clear_log(self, what: Vanished) -> None:
        """No other file may take our log for its own. What is still in it stays with the file it belongs to."""
        log, memory = self._beside
        if _inode(memory) == self._beside_files[1] is not None:
            memory.unlink(missing_ok=True)
        if _inode(log) != self._beside_files[0] or not log.exists():
            return
        if not has_bytes(log) or what.fate is Fate.DELETED:
            log.unlink()
            return
        target = beside(Path(what.now_at), "-wal") if what.now_at else beside(self.path, f".left-{self.record[:8]}-wal")
        log.rename(target)

    def _whereabouts(self, fate: Fate) -> Vanished:
        """Where our open file is now: the system's table of open files knows its name (Linux)."""
        for entry in Path("/proc/self/fd").glob("*"):
            try:
                found = entry.stat()
                if (found.st_ino, found.st_dev) == self._file:
                    name = str(entry.readlink())
                    gone = found.st_nlink == 0
                    return Vanished(fate) if gone else Vanished(Fate.RENAMED if fate is Fate.DELETED else fate, name)
            except OSError:
                continue
        return Vanished(fate)


def record_of(path: Path) -> str | None:
    """The record that the file holds; None when it is none of ours. Raises sqlite3.Error when it cannot be read."""
    conn = open_reader(path)
    try:
        return get_setting(conn, RECORD) if conn.execute("PRAGMA user_version").fetchone()[0] else None
    finally:
        conn.close()


def is_copy(path: Path, record: str) -> bool:
    """Whether the file at the path holds the same record: the same disk mounted again, or a copy that was put there."""
    try:
        return record_of(path) == record
    except sqlite3.Error:
        return False


def is_free(path: Path) -> bool:
    """Nothing stands in the way of a new file there."""
    try:
        return not path.exists() or (path.is_file() and path.stat().st_size == 0 and not has_bytes(beside(path, "-wal")))
    except OSError:
        return False


def said(old: Path, what: Vanished, new: Path, again: int, *, copy: bool) -> str:
    """What happened, what is true of the readings, and where they go from now on."""
    name, fate = old.name, what.fate
    in_old = f"what was recorded until now is in {what.now_at}" if what.now_at else "what it held is gone with it"
    if fate is Fate.LOG_GONE:
        happened = f"a file beside {name} (-wal, -shm) was deleted while it was written: all of it was moved into {name}"
    elif copy:
        happened = f"{name} is another copy of the same record now" + (f": {in_old}" if what.now_at else "")
    elif fate is Fate.REPLACED:
        happened = f"{name} was replaced by another file while it was written: {in_old}"
    else:
        happened = f"{name} was {fate.value} while it was written: {in_old}"
    where = new.name if copy or fate is Fate.LOG_GONE else f"the new file {new.name}"
    kept = f"; the newest {again} readings were still in memory and are written again" if again else ""
    return f"{happened}. Recording goes on in {where}{kept}"


def _record(conn: Connection) -> str:
    name = get_setting(conn, RECORD) or uuid4().hex
    set_setting(conn, RECORD, name)
    return name


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - twice in each commit
    except OSError:
        return None
    return found.st_ino, found.st_dev
