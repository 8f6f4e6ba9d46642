"""`python -m tests.load.pulling ADDRESS TABS SECONDS`: so many tabs without their browser, in a process of their own.

Each asks as the page's live callback does, over Dash's own route, one question at a time and each half second. The last
line of the output is JSON: how long the ticks took and how large they were.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

from components import ids
from components.live import OUTPUTS
from components.view import View

ROOT = Path(__file__).resolve().parents[2]
TICK_S = 0.5
HEADERS = {"Content-Type": "application/json"}


class Pulls(msgspec.Struct):
    """What the tabs saw. `bytes_each`: the body of a tick after the first."""

    times_ms: list[float] = []
    bytes_each: list[int] = []
    refused: int = 0


def question(device: str, drawn: Any, number: int) -> bytes:
    """One call of the live callback."""
    names = ["{}.{}".format(*output) for output in OUTPUTS]
    body = {
        "output": ".." + "...".join(names) + "..",
        "outputs": [{"id": id_, "property": prop} for id_, prop in OUTPUTS],
        "inputs": [
            {"id": ids.TICK, "property": "n_intervals", "value": number},
            {"id": ids.VIEW, "property": "data", "value": View(device=device).to_store()},
        ],
        "changedPropIds": [f"{ids.TICK}.n_intervals"],
        "state": [{"id": ids.DRAWN, "property": "data", "value": drawn}],
    }
    return json.dumps(body).encode()


class Tab(threading.Thread):
    """One tab's clock."""

    def __init__(self, address: str, device: str, until_s: float, offset_s: float) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
        self._device, self._until_s, self._due_s = device, until_s, time.monotonic() + offset_s
        self._drawn: Any = None
        self._number = 0
        self.seen = Pulls()

    def run(self) -> None:
        stop = threading.Event()  # nobody sets it: a wait with a bound
        while (now_s := time.monotonic()) < self._until_s:
            if stop.wait(max(0.0, self._due_s - now_s)):
                break
            self._tick()
            self._due_s = max(self._due_s + TICK_S, time.monotonic())  # a late tick is skipped, not made up for
        self._connection.close()

    def _tick(self) -> None:
        self._number += 1
        began = time.perf_counter()
        self._connection.request("POST", "/_dash-update-component", question(self._device, self._drawn, self._number), HEADERS)
        answer = self._connection.getresponse()
        body = answer.read()
        took_ms = (time.perf_counter() - began) * 1e3
        if answer.status != 200:
            self.seen.refused += 1
            return
        self.seen.times_ms.append(took_ms)
        if self._drawn is not None:
            self.seen.bytes_each.append(len(body))
        changed = json.loads(body)["response"]
        self._drawn = changed.get(ids.DRAWN, {}).get("data", self._drawn)


def default_device(address: str) -> str:
    with urllib.request.urlopen(f"{address}/api/devices", timeout=20) as answer:
        return str(json.loads(answer.read())["default"])


def pull(address: str, tabs: int, seconds: float) -> Pulls:
    """All tabs together, in this process; they begin spread over one tick as tabs do."""
    device, until_s = default_device(address), time.monotonic() + seconds
    threads = [Tab(address, device, until_s, TICK_S * at / tabs) for at in range(tabs)]
    for thread in threads:
        thread.start()
    together = Pulls()
    for thread in threads:
        thread.join(seconds + 60)
        for name in ("times_ms", "bytes_each"):
            getattr(together, name).extend(getattr(thread.seen, name))
        together.refused += thread.seen.refused
    return together


class Pulling:
    """The same in another process; `result` waits for it."""

    def __init__(self, address: str, tabs: int, seconds: float) -> None:
        command = [sys.executable, "-m", "tests.load.pulling", address, str(tabs), str(seconds)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        self._limit_s = seconds + 60

    def result(self) -> Pulls:
        """Raises RuntimeError when the process failed."""
        try:
            out, _ = self._process.communicate(timeout=self._limit_s)
        finally:
            self._process.kill()
        if self._process.returncode:
            raise RuntimeError(f"the tabs ended with code {self._process.returncode}")
        return msgspec.json.decode(out.splitlines()[-1], type=Pulls)


def main() -> None:
    address, tabs, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    print(msgspec.json.encode(pull(address, tabs, seconds)).decode())


if __name__ == "__main__":
    main()
