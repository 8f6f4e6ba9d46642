"""Where the lines go: standard output, a pseudo-terminal, a TCP port. Non-blocking, one listener at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import sys
from pathlib import Path
from typing import Protocol

CHUNK = 4096
SEND_BUFFER = 65_536  # small, so that a listener who stalls is noticed


class Output(Protocol):
    """`listeners` counts who has come so far: another number means another listener."""

    url: str
    listeners: int

    def poll(self) -> bool:
        """Whether somebody listens now; takes in who has just come."""

    def waitable(self) -> list[int]:
        """Descriptors that become readable when something happens."""

    def writable(self) -> int | None:
        """The descriptor to wait for before sending; None when nobody listens."""

    def receive(self) -> bytes:
        """What the listener said; empty for nothing."""

    def send(self, data: bytes) -> int:
        """How many bytes were taken."""

    def unplug(self) -> None:
        """The cable is pulled."""

    def plug(self) -> None:
        """The cable is back, under the same name."""

    def close(self) -> None:
        """For good."""


class StdoutOutput:
    """A pipe or a terminal; cannot hear and cannot be pulled out."""

    def __init__(self) -> None:
        self.url = ""
        self.listeners = 1
        self._fd = sys.stdout.fileno()
        self._selectable = os.name == "posix"
        # A pipe that is ready to write takes at least PIPE_BUF without blocking.
        self._chunk = select.PIPE_BUF if self._selectable else CHUNK

    def poll(self) -> bool:
        return True

    def waitable(self) -> list[int]:
        return []

    def writable(self) -> int | None:
        return self._fd if self._selectable else None

    def receive(self) -> bytes:
        return b""

    def send(self, data: bytes) -> int:
        sent = 0
        while sent < len(data) and self._ready():
            sent += os.write(self._fd, data[sent : sent + self._chunk])
        return sent

    def _ready(self) -> bool:
        return not self._selectable or bool(select.select([], [self._fd], [], 0)[1])

    def unplug(self) -> None:
        """Standard output stays."""

    plug = close = unplug


class PtyOutput:
    """A pseudo-terminal whose other end is a port like any other; `link` gives it a lasting name."""

    def __init__(self, link: Path | None) -> None:
        self._link = link
        self.listeners = 0
        self._master: int | None = None
        self._heard = False
        self.plug()
        self.url = str(link) if link else self._name

    def plug(self) -> None:
        import pty
        import tty

        if self._master is not None:
            return
        master, slave = pty.openpty()
        tty.setraw(slave)  # no echo, no CR: the settings outlive this descriptor
        self._name = os.ttyname(slave)
        os.close(slave)  # with it open we could not tell whether somebody else listens
        os.set_blocking(master, False)
        self._poll = select.poll()
        self._poll.register(master, 0)
        self._master = master
        self._heard = False
        if self._link:
            _link_to(self._link, self._name)

    def unplug(self) -> None:
        if self._master is None:
            return
        if self._link:
            with contextlib.suppress(FileNotFoundError):
                if str(self._link.readlink()) == self._name:
                    self._link.unlink()
        os.close(self._master)
        self._master = None
        self._heard = False

    close = unplug

    def poll(self) -> bool:
        if self._master is None:
            return False
        heard = not self._poll.poll(0)  # POLLHUP is all it can tell: the other end is closed
        if heard and not self._heard:
            self.listeners += 1
        elif self._heard and not heard:
            self._forget_unread()
        self._heard = heard
        return heard

    def _forget_unread(self) -> None:
        """What the last listener did not read must not greet the next one."""
        import termios

        with contextlib.suppress(OSError, termios.error):
            slave = os.open(self._name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)  # only this end can flush what it holds
            try:
                termios.tcflush(slave, termios.TCIFLUSH)
            finally:
                os.close(slave)

    def waitable(self) -> list[int]:
        return [self._master] if self._master is not None and self._heard else []

    def writable(self) -> int | None:
        return self._master if self._heard else None

    def receive(self) -> bytes:
        try:
            return os.read(self._master, CHUNK) if self._master is not None and self._heard else b""
        except OSError:  # EAGAIN: nothing there; EIO: just closed
            return b""

    def send(self, data: bytes) -> int:
        try:
            return os.write(self._master, data) if self._master is not None else 0
        except OSError:
            return 0


class TcpOutput:
    """A server on the loopback; the newest client is the listener."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.listeners = 0
        self._server: socket.socket | None = None
        self._client: socket.socket | None = None
        self.plug()
        self.url = f"socket://127.0.0.1:{self._port}"

    def plug(self) -> None:
        if self._server is None:
            self._server = loopback_server(self._port)
            self._port = self._server.getsockname()[1]

    def unplug(self) -> None:
        self._drop_client()
        if self._server:
            self._server.close()
            self._server = None

    close = unplug

    def poll(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            while self._server:
                client, _ = self._server.accept()
                self._drop_client()
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
                self._client = client
                self.listeners += 1
        return self._client is not None

    def waitable(self) -> list[int]:
        return [found.fileno() for found in (self._server, self._client) if found]

    def writable(self) -> int | None:
        return self._client.fileno() if self._client else None

    def receive(self) -> bytes:
        if not self._client:
            return b""
        try:
            data = self._client.recv(CHUNK)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._drop_client()
        return data

    def send(self, data: bytes) -> int:
        try:
            return self._client.send(data) if self._client else 0
        except BlockingIOError:
            return 0
        except OSError:
            self._drop_client()
            return 0

    def _drop_client(self) -> None:
        if self._client:
            self._client.close()
            self._client = None


def loopback_server(port: int) -> socket.socket:
    """A listening, non-blocking socket on 127.0.0.1; port 0 takes a free one."""
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # on Windows the option would let two programs share the port
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
    except OSError as error:
        server.close()
        raise OSError(error.errno, error.strerror, f"127.0.0.1:{port}") from None
    server.setblocking(False)
    return server


def _link_to(link: Path, target: str) -> None:
    """Renamed into place, so that nobody ever sees half of it."""
    if link.exists() and not link.is_symlink():
        raise FileExistsError(errno.EEXIST, "exists and is no symbolic link", str(link))
    new = link.with_name(f".{link.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)
