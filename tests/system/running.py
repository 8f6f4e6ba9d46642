"""The real program as a process, and the truth of the simulated board's record."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.mock.serving import wait_for

ROOT = Path(__file__).resolve().parents[2]
CLOSE = 5e-7  # what six decimals may differ by


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Program:
    """`python app.py` on a free port with a database in `folder`, or with the one given."""

    def __init__(self, folder: Path, *args: str, database: Path | None = None) -> None:
        self.database = database or folder / "powermon.db"
        self.log = folder / "powermon.log"
        self.port = free_port()
        command = [sys.executable, "app.py", "--database", str(self.database), "--http-port", str(self.port), *args]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def text(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path, timeout=20) as answer:
            return str(answer.read().decode())

    def json(self, path: str) -> Any:
        return json.loads(self.text(path))

    def ready(self) -> Program:
        def answers() -> bool:
            with contextlib.suppress(OSError):
                return bool(self.text("/api/health"))
            assert self.process.poll() is None, self.process.stdout and self.process.stdout.read().decode()
            return False

        wait_for(answers, 30)
        return self

    def latest(self) -> dict[str, Any]:
        """The one device."""
        found: dict[str, Any] = self.json("/api/latest")["devices"][0]
        return found

    def counts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.latest()["counts"]
        return found

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=20)

    def stop(self) -> int:
        """End it as a service manager does; its exit code."""
        self.process.terminate()
        self.process.communicate(timeout=20)
        return self.process.returncode


@contextlib.contextmanager
def program(folder: Path, *args: str, database: Path | None = None) -> Iterator[Program]:
    running = Program(folder, *args, database=database)
    try:
        yield running.ready()
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.communicate(timeout=20)


def record(file: Path, kind: str = "reading") -> list[dict[str, Any]]:
    """Lines of one kind of the board's record; a line that is being written is left out."""
    entries = []
    for line in file.read_text().splitlines():
        with contextlib.suppress(ValueError):
            entries.append(json.loads(line))
    return [entry for entry in entries if entry["kind"] == kind]


def stored(database: Path) -> list[tuple[Any, ...]]:
    """(boot, seq, v, a, w, recovered) of every stored reading, by boot and number."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT boot, seq, voltage, current, power, recovered FROM power_log ORDER BY boot, seq"
        return connection.execute(query).fetchall()


def agrees(row: tuple[Any, ...], truth: dict[str, Any]) -> bool:
    """Whether a stored reading is what the board measured."""
    pairs = zip(row[1:5], (truth["seq"], truth["v"], truth["a"], truth["w"]), strict=True)
    return all(abs(value - true) <= CLOSE for value, true in pairs)
