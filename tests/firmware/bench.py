"""The whole bench for a system test: the real binary in real time ↔ the real program ↔ its database and HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.firmware.uno import ROOT, Uno

DEVICE = "uno"
LIMIT_S = 40.0
PAUSE_S = 0.1
BUS_LSB_V = 4e-3
SHUNT_LSB_A = 1e-4


class Bench:
    """`get` and `post` ask the program, `uno` is the board, `samples` what its sensor saw."""

    def __init__(self, uno: Uno, record: Path, address: str) -> None:
        self.uno = uno
        self._record = record
        self._http = httpx.Client(base_url=address, timeout=15, trust_env=False)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        answer = self._http.get(path, params=params)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def command(self, cmd: str, **args: Any) -> dict[str, Any]:
        answer = self._http.post(f"/api/devices/{DEVICE}/commands", json={"cmd": cmd, **args})
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def set_rules(self, *rules: dict[str, Any]) -> None:
        """Of the alerts: these from now on."""
        self._http.put("/api/alerts/rules", json={"rules": rules}).raise_for_status()

    def alerts(self) -> list[dict[str, Any]]:
        return list(self.get("/api/alerts", device=DEVICE)["episodes"])

    def state(self) -> dict[str, Any]:
        """The board's live state; empty before the program knows the board."""
        for state in self.get("/api/latest")["devices"]:
            if state["device"] == DEVICE:
                return dict(state)
        return {}

    def history(self) -> list[dict[str, Any]]:
        return list(self.get("/api/history", device=DEVICE)["readings"])

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.get("/api/events", device=DEVICE)["events"] if event["kind"] == kind]

    def gaps(self) -> list[dict[str, Any]]:
        return list(self.get("/api/gaps", device=DEVICE)["gaps"])

    def wait(self, what: str, reached: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
        """Asks until the answer is true; that answer."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            found = reached()
            if found:
                return found
            time.sleep(PAUSE_S)
        raise AssertionError(f"never came: {what}; last state {self.state()}")

    def wait_for_readings(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.wait(
            f"{count} readings", lambda: rows if len(rows := self.history()) >= count else None
        )
        return found

    def samples(self) -> dict[int, list[dict[str, Any]]]:
        """What the sensor gave, per start of the board (1, 2, …), in the order of the readings' numbers."""
        starts: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for line in self._record.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # the line that is being written
                row = json.loads(line)
                if row["kind"] == "sample":
                    starts[row["boot"]].append(row)
        return starts

    def assert_truthful(self, rows: list[dict[str, Any]], first_seq: int = 0) -> None:
        """Every stored reading is what the sensor said, to half a step of what the load was."""
        samples = self.samples()
        first_boot = min(row["boot"] for row in rows)
        for row in rows:
            sample = samples[row["boot"] - first_boot + 1][(row["seq"] - first_seq) % 2**32]
            assert abs(row["v"] - sample["bus"] * BUS_LSB_V) < 1e-6, (row, sample)
            assert abs(row["a"] - sample["shunt"] * SHUNT_LSB_A) < 1e-6, (row, sample)
            assert abs(row["v"] - sample["v"]) <= BUS_LSB_V / 2 + 1e-6
            assert abs(row["a"] - sample["a"]) <= SHUNT_LSB_A / 2 + 1e-6

    def close(self) -> None:
        self._http.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def program(port: Path, folder: Path) -> Iterator[str]:
    """The program reading `port`; its address. It must end in the ordinary way."""
    http_port = free_port()
    words = ["--port", f"{DEVICE}={port}", "--no-demo", "--database", str(folder / "powermon.db"), "--http-port", str(http_port)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("POWERMON_")}
    with (folder / "program.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), *words], cwd=folder, env=clean, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield f"http://127.0.0.1:{http_port}"
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0, (folder / "program.log").read_text(encoding="utf-8", errors="replace")
        finally:
            process.kill()
            process.wait()


def wait_for_http(bench: Bench, folder: Path) -> None:
    def answers() -> bool:
        try:
            return bool(bench.state())
        except httpx.TransportError:
            return False

    try:
        bench.wait("the program's first answer", answers)
    except (AssertionError, httpx.HTTPError) as error:
        log = (folder / "program.log").read_text(encoding="utf-8", errors="replace")
        raise AssertionError(f"{error}\n{log}") from None


@contextlib.contextmanager
def bench(folder: Path, *options: str) -> Iterator[Bench]:
    """Board (in real time) and program, connected."""
    port, record = folder / "board", folder / "record.jsonl"
    uno = Uno("--pty", str(port), "--record", str(record), *options)
    try:
        uno.hang_up()
        with program(port, folder) as address:
            whole = Bench(uno, record, address)
            try:
                wait_for_http(whole, folder)
                whole.wait("a live link", lambda: whole.state().get("state") == "live")
                yield whole
            finally:
                whole.close()
    finally:
        uno.close()
