"""The connection to one board: a thread that opens the port, reads what is there, and never gives up."""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from services.errors import PowermonError
from services.link.ports import WAIT_S, explain, open_port
from services.model import LinkState

log = logging.getLogger(__name__)

READ_BYTES = 65_536
CLUMP_BYTES = 65_536  # at high rates up to this much is handed over at a time, but nothing waits longer than CLUMP_S
CLUMP_S = 0.01
OUT_BYTES = 4_096  # what a port that takes nothing may leave waiting


class LinkHandler(Protocol):
    """What a link serves; everything is called from the link's thread."""

    def opened(self) -> None: ...
    def received(self, data: bytes) -> None: ...
    def tick(self) -> bytes: ...
    def closed(self) -> None: ...
    def silent_too_long(self) -> bool: ...


class Link:
    """One port or pyserial URL. `state` is CLOSED, OPENING, WAITING (open) or LOST (until the next try)."""

    def __init__(
        self,
        url: str,
        handler: LinkHandler,
        *,
        baud: int = 115200,
        dtr: bool = True,
        monotonic_s: Callable[[], float] = time.monotonic,
        first_retry_s: float = 1.0,
        retry_s: float = 5.0,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self.url = url
        self.state = LinkState.CLOSED
        self.problem = ""
        self.next_try_at_s: float | None = None
        self.opens = 0
        self._handler = handler
        self._baud = baud
        self._dtr = dtr
        self._monotonic_s = monotonic_s
        self._first_retry_s = first_retry_s
        self._retry_s = retry_s
        self._prepare = prepare  # called before each opening; what it raises counts as a port that cannot be opened
        self._failures = 0
        self._stop = threading.Event()
        self._tried = threading.Event()  # the first opening succeeded or failed, or there will be none
        self._thread: threading.Thread | None = None
        self._out = b""

    @property
    def alive(self) -> bool:
        """Whether the reader thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to open and read; does nothing when it runs."""
        if not self.alive:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name=f"link-{self.url}", daemon=True)
            self._thread.start()

    def first_outcome(self, timeout_s: float) -> str:
        """Wait for the first opening: empty when the port opened, else why it did not."""
        if not self._tried.wait(timeout_s):
            return f"{self.url} did not open within {timeout_s:g} s"
        return "" if self.opens else self.problem or f"{self.url} was not opened"

    def ask_stop(self) -> None:
        """The thread ends soon; `stop` waits for it."""
        self._stop.set()
        self._tried.set()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the thread, which closes the port."""
        self.ask_stop()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._once()
            except Exception as error:  # top of the thread: whatever it was, the board goes on sending
                log.exception("%s: the reader stumbled", self.url)
                self._failed(explain(error, self.url))
            if not self._stop.is_set():
                self._pause()
        self.state = LinkState.CLOSED
        self._tried.set()

    def _once(self) -> None:
        """Open the port and serve it until it is gone."""
        self.state, self.next_try_at_s = LinkState.OPENING, None
        try:
            if self._prepare is not None:
                self._prepare()
            port = open_port(self.url, self._baud, dtr=self._dtr)
        except (OSError, ValueError, PowermonError) as error:  # SerialException is an OSError
            self._failed(explain(error, self.url))
        else:
            if self._stop.is_set():  # opening took longer than the one who asked for it waited: nothing is read
                self._close(port)
            else:
                self._serve(port)

    def _failed(self, problem: str) -> None:
        self._failures += 1
        self.problem = problem
        self._tried.set()
        log.log(logging.WARNING if self._failures == 1 else logging.DEBUG, "%s", problem)

    def _pause(self) -> None:
        wait_s = self._first_retry_s if self._failures <= 1 else self._retry_s
        self.state, self.next_try_at_s = LinkState.LOST, self._monotonic_s() + wait_s
        self._stop.wait(wait_s)

    def _serve(self, port: Any) -> None:
        if self._failures:
            log.info("%s is open again", self.url)
        self.state, self.problem, self._out = LinkState.WAITING, "", b""
        self.opens += 1
        self._tried.set()
        self._call(self._handler.opened)
        try:
            while not self._stop.is_set():
                data = self._read(port)
                if data:
                    self._failures = 0
                    self._call(self._handler.received, data)
                self._write(port, self._call(self._handler.tick) or b"")
                if self._handler.silent_too_long():
                    raise OSError(f"{self.url} says nothing")
        except (OSError, TypeError) as error:
            self._failed(explain(error, self.url))
        finally:
            self.state = LinkState.LOST
            self._close(port)
            self._call(self._handler.closed)

    def _close(self, port: Any) -> None:
        try:
            port.close()
        except OSError as error:
            log.debug("closing %s: %s", self.url, error)

    def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return function(*args)
        except Exception:  # the reader must outlive any defect above it: the board goes on sending
            log.exception("%s: handling failed", self.url)
            return None

    def _read(self, port: Any) -> bytes:
        """What is there; at high rates a clump of it. Raises OSError when the port is gone."""
        fd = _descriptor(port)
        if fd is None:
            return bytes(port.read(max(1, port.in_waiting)))
        if not select.select([fd], [], [], WAIT_S)[0]:
            return b""
        data = _take(fd, self.url)
        until_s = time.monotonic() + CLUMP_S
        while len(data) < CLUMP_BYTES and len(data) > 256 and (left_s := until_s - time.monotonic()) > 0:
            if not select.select([fd], [], [], left_s)[0]:
                break
            data += _take(fd, self.url)
        return data

    def _write(self, port: Any, data: bytes) -> None:
        """A port that takes nothing keeps at most OUT_BYTES waiting; whole lines are left out beyond."""
        if data and len(self._out) + len(data) <= OUT_BYTES:
            self._out += data
        if not self._out:
            return
        fd = _descriptor(port)
        if fd is None:
            port.write(self._out)
            self._out = b""
        elif select.select([], [fd], [], 0)[1]:
            try:
                self._out = self._out[os.write(fd, self._out) :]
            except BlockingIOError:
                return


def _descriptor(port: Any) -> int | None:
    """The file descriptor where the system can wait for it (not on Windows, not for loop://)."""
    if os.name != "posix":
        return None
    try:
        return int(port.fileno())
    except (AttributeError, OSError, TypeError, ValueError):
        return None


def _take(fd: int, url: str) -> bytes:
    try:
        data = os.read(fd, READ_BYTES)
    except BlockingIOError:
        return b""
    if not data:
        raise OSError(f"{url} was closed at the other end")
    return data
