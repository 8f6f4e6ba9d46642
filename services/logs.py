"""Where log lines go: the console, and a rotating file."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from services.errors import SettingsError
from services.settings import Settings

DEFAULT_NAME = "powermon.log"
FILE_BYTES, FILES = 5_000_000, 3
HIDDEN = "(hidden)"
_SECRET = re.compile(r"((?:authorization|cookie)[\"']?\s*[:=,]\s*|bearer\s+)[^\r\n]+", re.IGNORECASE)
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
        handler.setFormatter(Careful((settings.token, settings.viewer_token)))
        root.addHandler(handler)
    set_level(settings.log_level)
    if problem:
        root.warning("%s", problem)


def set_level(level: str) -> None:
    """The least level that is logged, from now on."""
    logging.getLogger().setLevel(level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING if level == "info" else logging.NOTSET)
    if level != "info":
        logging.getLogger("websockets").setLevel(logging.INFO)  # below, it writes whole frames and headers


class Careful(logging.Formatter):
    """One line is one line, whatever is in it; and no secret is in it.

    What a board, a browser or a URL says is printable text in the log: a line break in it would forge a line of the log.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__(FORMAT)
        self._secrets = tuple(secret for secret in secrets if secret)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = self._clean(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(f"    {self._clean(line)}" for line in super().formatException(ei).splitlines())

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _SECRET.sub(rf"\1{HIDDEN}", text)
        if text.isprintable():
            return text
        return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _file_handler(path: Path) -> logging.Handler:
    path.parent.mkdir(parents=True, exist_ok=True)
    return RotatingFileHandler(path, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8")
