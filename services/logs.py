"""Where log lines go: the console, and a rotating file."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from services.errors import SettingsError
from services.settings import Settings

DEFAULT_NAME = "powermon.log"
FILE_BYTES, FILES = 5_000_000, 3
HIDDEN = "(hidden)"
_SECRET = re.compile(r"((?:authorization|cookie)[\"']?\s*[:=,]\s*|bearer\s+)[^\r\n]+", re.IGNORECASE)
EVERY_S = 60.0
MOST_KINDS = 200
SPARED = ("uvicorn", "asyncio", "websockets", "services.web")  # what a request alone can make them say
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
        handler.addFilter(Sparing(handler))
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


class _Kind:
    """Lines of one kind since one of them was written."""

    __slots__ = ("since_s", "unsaid")

    def __init__(self, since_s: float) -> None:
        self.since_s, self.unsaid = since_s, 0


class Sparing(logging.Filter):
    """What anybody on the network can make the server complain of, again and again: one line a kind and minute, with a count.

    A kind is who says it, how loud, and the words before values are put in. What is left unsaid is told with the next line of
    any kind. Lines with a traceback, and those below a warning, are never left out.
    """

    def __init__(self, handler: logging.Handler, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._handler, self._now_s = handler, now_s
        self._kinds: dict[tuple[str, int, str], _Kind] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is written."""
        if getattr(record, "counts_others", False):
            return True
        now_s = self._now_s()
        with self._lock:
            due = self._due(now_s)
            written = not (self._may_be_left_out(record) and self._again(record, now_s))
        for counting in due:
            self._handler.handle(counting)
        return written

    def _may_be_left_out(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING and record.exc_info is None and record.name.startswith(SPARED)

    def _again(self, record: logging.LogRecord, now_s: float) -> bool:
        kind = (record.name, record.levelno, str(record.msg))
        if kind in self._kinds:
            self._kinds[kind].unsaid += 1
            return True
        if len(self._kinds) < MOST_KINDS:
            self._kinds[kind] = _Kind(now_s)
        return False

    def _due(self, now_s: float) -> list[logging.LogRecord]:
        """A line for each kind whose minute is over and that came again meanwhile; the others are forgotten."""
        lines = []
        for kind, seen in [*self._kinds.items()]:
            if now_s - seen.since_s < EVERY_S:
                continue
            if not seen.unsaid:
                del self._kinds[kind]
                continue
            (name, level, text), unsaid = kind, seen.unsaid
            seen.since_s, seen.unsaid = now_s, 0
            line = logging.LogRecord(name, level, "", 0, "%d more like: %s", (unsaid, text), None)
            line.counts_others = True
            lines.append(line)
        return lines


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
