"""`python -m tests.load.pulling ADDRESS TABS SECONDS`: so many tabs without their browser, in a process of their own.

Each asks as the page's script does: what is new since its cursor, each 100 ms, one question at a time. The last line of
the output is JSON: how long the pulls took and how many points came.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[2]
REFRESH_S = 0.1
QUESTION = "/api/live?span_s=60&points=1200"


class Pulls(msgspec.Struct):
    """What the tabs saw. `bytes_each`: the body of a pull after the first."""

    times_ms: list[float] = []
    bytes_each: list[int] = []
    points: int = 0
    refused: int = 0
    dropped: int = 0


class Tab(threading.Thread):
    """One tab's script."""

    def __init__(self, address: str, until_s: float, offset_s: float) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
        self._until_s, self._due_s = until_s, time.monotonic() + offset_s
        self._cursor: int | None = None
        self._word = ""  # of the answer before: what has not changed since is left out
        self.seen = Pulls()

    def run(self) -> None:
        stop = threading.Event()  # nobody sets it: a wait with a bound
        while (now_s := time.monotonic()) < self._until_s:
            if stop.wait(max(0.0, self._due_s - now_s)):
                break
            self._pull()
            self._due_s = max(self._due_s + REFRESH_S, time.monotonic())  # a late tick is skipped, not made up for
        self._connection.close()

    def _pull(self) -> None:
        began = time.perf_counter()
        since = "" if self._cursor is None else f"&cursor={self._cursor}&seen={self._word}"
        self._connection.request("GET", QUESTION + since)
        answer = self._connection.getresponse()
        body = answer.read()
        took_ms = (time.perf_counter() - began) * 1e3
        if answer.status != 200:
            self.seen.refused += 1
            return
        self.seen.times_ms.append(took_ms)
        payload = json.loads(body)
        if self._cursor is not None:
            self.seen.points += len(payload["t"])
            self.seen.bytes_each.append(len(body))
            self.seen.dropped += payload["dropped"]
        self._cursor, self._word = payload["cursor"], payload["seen"]


def pull(address: str, tabs: int, seconds: float) -> Pulls:
    """All tabs together, in this process; they begin spread over one tick as tabs do."""
    until_s = time.monotonic() + seconds
    threads = [Tab(address, until_s, REFRESH_S * at / tabs) for at in range(tabs)]
    for thread in threads:
        thread.start()
    together = Pulls()
    for thread in threads:
        thread.join(seconds + 60)
        for name in ("times_ms", "bytes_each"):
            getattr(together, name).extend(getattr(thread.seen, name))
        together.points += thread.seen.points
        together.refused += thread.seen.refused
        together.dropped += thread.seen.dropped
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
