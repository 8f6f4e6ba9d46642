"""Where log lines go: the console, and a rotating file."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from services.errors import SettingsError
from services.settings import Settings

DEFAULT_NAME = "powermon.log"
FILE_BYTES, FILES = 5_000_000, 3
FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
CHATTY = ("uvicorn", "asyncio", "multipart", "websockets")  # their INFO says nothing about the board


def configure(settings: Settings) -> None:
    """Sets up the root logger. Raises SettingsError when the file that was named cannot be written.

    Without the one beside the database we go on: a disk that is full or read-only must not end the recording.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    problem = ""
    if settings.log_file is not None:
        try:
            handlers.append(_file_handler(settings.log_file))
        except OSError as error:
            problem = f"--log-file {settings.log_file}: cannot be written: {error.strerror}; name another file, or 'off'"
            if settings.log_file != settings.database.with_name(DEFAULT_NAME):
                raise SettingsError([problem]) from None
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        handler.setFormatter(logging.Formatter(FORMAT))
        root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    if settings.log_level == "info":
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
    if problem:
        root.warning("%s", problem)


def _file_handler(path: Path) -> logging.Handler:
    path.parent.mkdir(parents=True, exist_ok=True)
    return RotatingFileHandler(path, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8")
