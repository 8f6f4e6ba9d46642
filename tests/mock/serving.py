"""The simulated board as a process, and somebody who reads from it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from services.wire import decoders as p

LIMIT_S = 20.0
T = TypeVar("T")


def wait_for(what: Callable[[], T], limit_s: float = LIMIT_S) -> T:
    """Polls until it is true."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        select.select([], [], [], 0.01)
    raise AssertionError("it did not happen in time")


class Mock:
    def __init__(self, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mock", *args], stderr=subprocess.PIPE, stdout=subprocess.PIPE, stdin=subprocess.PIPE
        )
        self.url = self._said("url")
        self.control = self._said("control") if "--control" in args else ""

    def _said(self, name: str) -> str:
        assert self.process.stderr
        line = self.process.stderr.readline().decode().strip()
        assert line.startswith(f"{name}="), line
        return line.partition("=")[2]

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request of the control channel."""
        host, _, port = self.control.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=LIMIT_S) as connection, connection.makefile("rwb") as file:
            file.write(json.dumps(request).encode() + b"\n")
            file.flush()
            answer: dict[str, Any] = json.loads(file.readline())
            return answer

    def stop(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode


@contextlib.contextmanager
def mock(*args: str) -> Iterator[Mock]:
    running = Mock(*args)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.communicate(timeout=LIMIT_S)


class Listener:
    """Reads a pty or a socket, as a host does, and keeps every event."""

    def __init__(self, url: str) -> None:
        self._socket: socket.socket | None = None
        if url.startswith("socket://"):
            host, _, port = url.removeprefix("socket://").partition(":")
            self._socket = socket.create_connection((host, int(port)), timeout=LIMIT_S)
            self.fd = self._socket.fileno()
        else:
            self.fd = os.open(url, os.O_RDWR | os.O_NOCTTY)
        self.decoder = p.HostDecoder()
        self.events: list[p.HostEvent] = []
        self.raw = b""

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket:
            self._socket.close()
        else:
            os.close(self.fd)

    def read(self, limit_s: float = 0.05) -> bool:
        """False when the other end is closed."""
        if not select.select([self.fd], [], [], limit_s)[0]:
            return True
        try:
            data = os.read(self.fd, 65_536)
        except OSError:
            return False
        self.raw += data
        self.events += self.decoder.feed(data)
        return bool(data)

    def read_until(self, done: Callable[[], Any], limit_s: float = LIMIT_S) -> None:
        until = time.monotonic() + limit_s
        while not done():
            assert time.monotonic() < until, f"it did not happen in time; {len(self.events)} events"
            assert self.read(), "the other end was closed"

    def read_to_the_end(self) -> None:
        until = time.monotonic() + LIMIT_S
        while self.read():
            assert time.monotonic() < until, "no end"

    def say(self, *lines: bytes) -> None:
        os.write(self.fd, b"".join(lines))

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    def seqs(self) -> list[int | None]:
        return [reading.seq for reading in self.of(p.ReadingLine)]


def run(*args: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "mock", *args], capture_output=True, timeout=LIMIT_S, check=False)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
