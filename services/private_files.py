"""Who may read what powermon writes: the account it runs under, and with --group-readable that account's group. Nobody else."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from services.settings import Settings

OWNER_ONLY, OWNER_AND_GROUP = 0o077, 0o027  # umasks: what new files are not allowed
BESIDE_DATABASE = ("", "-wal", "-shm", ".ballast", ".lock")

log = logging.getLogger(__name__)


def keep_private(settings: Settings) -> None:
    """From now on for every file of this process; for database and log also if they are there from before."""
    mask = OWNER_AND_GROUP if settings.group_readable else OWNER_ONLY
    os.umask(mask)
    database = settings.database
    for path in [database.with_name(database.name + suffix) for suffix in BESIDE_DATABASE] + _logs(settings.log_file):
        _tighten(path, mask)


def _logs(path: Path | None) -> list[Path]:
    return [] if path is None else [path, *path.parent.glob(f"{path.name}.[0-9]")]


def _tighten(path: Path, mask: int) -> None:
    try:
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & mask and not path.is_symlink():
            path.chmod(mode & ~mask)
    except FileNotFoundError:
        return
    except OSError as error:  # not ours, or a file system without modes
        log.warning("others may read %s: %s", path, error.strerror)
