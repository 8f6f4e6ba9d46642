"""What one does to a database from the command line: `app.py backup FILE`, `app.py rebuild`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from services.clock import Clock
from services.errors import DatabaseError
from services.settings import Settings
from services.storage import database
from services.storage.storage import Storage


def backup(settings: Settings, target: Path) -> str:
    """Copies the database to a new file, also while powermon records. Returns what was done. Raises DatabaseError."""
    if not database.inspect(settings.database):
        raise DatabaseError(f"{settings.database} holds nothing yet; there is nothing to back up")
    if target.exists():
        raise DatabaseError(f"{target} exists already; name a file that does not")
    partial = target.with_name(target.name + ".part")
    try:
        with closing(database.open_reader(settings.database)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)  # in one go: step by step it would begin anew at each commit of the recording
            copy.execute("PRAGMA journal_mode = DELETE")  # one file to carry away, no -wal beside it
        partial.replace(target)
    except (sqlite3.Error, OSError) as error:
        partial.unlink(missing_ok=True)
        raise DatabaseError(f"the backup to {target} failed: {error}") from error
    return f"{settings.database} was copied to {target} ({target.stat().st_size} bytes)"


def rebuild(settings: Settings) -> str:
    """Makes the rollups anew from the readings. Raises DatabaseError, also while powermon has the database open."""
    if not database.inspect(settings.database):
        raise DatabaseError(f"{settings.database} holds nothing yet; there is nothing to rebuild")
    storage = Storage(settings.database, Clock(), synchronous=settings.synchronous, purge_after_s=1e9)
    storage.start()
    try:
        storage.rebuild_rollups()
    finally:
        storage.stop()
    return f"the rollups of {settings.database} were made anew from its readings"
