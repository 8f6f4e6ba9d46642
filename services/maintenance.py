"""What one does to a database from the command line: `app.py backup FILE`, `app.py rebuild`."""

from __future__ import annotations

from pathlib import Path

from services.clock import Clock
from services.errors import DatabaseError
from services.settings import Settings
from services.storage import file_check
from services.storage.file_lock import Found, inspect
from services.storage.storage import Storage


def backup(settings: Settings, target: Path) -> str:
    """Copies the database to a new file, also while powermon records. Returns what was done. Raises DatabaseError."""
    if inspect(settings.database) is Found.NOTHING:
        raise DatabaseError(f"{settings.database} holds nothing yet; there is nothing to back up")
    file_check.backup(settings.database, target)
    return f"{settings.database} was copied to {target} ({target.stat().st_size} bytes)"


def rebuild(settings: Settings) -> str:
    """Makes the rollups anew from the readings. Raises DatabaseError, also while powermon has the database open."""
    if inspect(settings.database) is Found.NOTHING:
        raise DatabaseError(f"{settings.database} holds nothing yet; there is nothing to rebuild")
    storage = Storage(settings.database, Clock(), synchronous=settings.synchronous, purge_after_s=1e9)
    storage.start()
    try:
        storage.rebuild_rollups()
    finally:
        storage.stop()
    return f"the rollups of {settings.database} were made anew from its readings"
