"""The built-in simulated board: a process of its own behind a real port, never imported."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.errors import CommandError, PowermonError

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
STOP_S = 2.0
ANSWER_S = 2.0


class SimulatedBoard:
    """`python -m mock` on a pty (a loopback socket where there are none). `url`: the port to read."""

    def __init__(self, scenario: str, args: Sequence[str] = ()) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="powermon-demo-")
        self._scenario, self._args = scenario, args
        self._boot = int(time.time())
        self._stopped = False
        self._out = f"pty:{self._folder.name}/board" if os.name == "posix" else "tcp"
        try:
            self._start()
        except PowermonError:
            self.stop()
            raise
        if self._out == "tcp":  # one that is started again must be found under the same address
            self._out = f"tcp:{self.url.rpartition(':')[2]}"

    def _start(self) -> None:
        command = [sys.executable, "-m", "mock", "--scenario", self._scenario, "--out", self._out, "--control", "0"]
        # Each start is a boot of its own: the numbers begin anew and must not meet those of the last run.
        command += ["--id", "demo", "--boot", str(self._boot), "--until-stdin-closes", *self._args]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us: we end it when our links are closed
        )
        self.url = self._said("url=")
        self._control = self._said("control=")

    def ensure(self) -> None:
        """Start it again if it has died; its faults are off then. Raises PowermonError."""
        if not self.alive and not self._stopped:
            log.warning("the simulated board has ended by itself; starting it again")
            self._end()
            self._boot = max(self._boot + 1, int(time.time()))
            self._start()

    def _said(self, key: str) -> str:
        assert self._process.stderr is not None
        line = self._process.stderr.readline().strip()
        if not line.startswith(key):
            rest = self._process.stderr.read(500) if self._process.poll() is not None else ""
            raise PowermonError(f"the simulated board did not start: {line} {rest}".strip())
        return line.removeprefix(key)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def scenario(self) -> str | None:
        """What it measures; None for a replay."""
        return None if "--replay" in self._args else self._scenario

    def begin(self, scenario: str) -> None:
        """Another scenario from now on, also after a restart. Raises CommandError with the board's own words."""
        self._ask({"scenario": scenario})
        self._scenario = scenario

    def faults(self) -> dict[str, float]:
        """What is switched on, with its chance. Raises CommandError."""
        found: dict[str, float] = self._ask({"get": "faults"})["faults"]
        return found

    def fault(self, name: str, value: float) -> None:
        """Switch a fault on or off. Raises CommandError with the board's own words."""
        self._ask({"fault": name, "value": value})

    def _ask(self, request: dict[str, object]) -> dict[str, Any]:
        host, _, port = self._control.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), ANSWER_S) as channel:
                channel.sendall(json.dumps(request).encode() + b"\n")
                answer: dict[str, Any] = json.loads(channel.makefile().readline() or "{}")
        except (OSError, ValueError) as error:
            raise CommandError(f"the simulated board does not answer: {error}") from error
        if not answer.get("ok"):
            raise CommandError(str(answer.get("error", "the simulated board refused")))
        return answer

    def stop(self) -> None:
        """End the process; idempotent."""
        self._stopped = True
        self._end()
        self._folder.cleanup()

    def _end(self) -> None:
        for stream in (self._process.stdin, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
