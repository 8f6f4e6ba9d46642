"""`python -m tests.load.under_attack [--open] [--seconds S]`: one honest tab and one board at 1 000/s beside 750 hostile clients.

The honest tab is a real browser with the page; its time is from a tick's request to the end of the answer. All come from this
machine's one address. Without `--open` the program has a token that the hostile clients do not know; with it everybody may
do everything, so that only number and pace tell them apart. Says what was measured, and ends with 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page, Request

from tests.load.measuring import percentile
from tests.load.rig import NAME, chromium
from tests.mock.serving import mock, wait_for
from tests.system.running import ROOT, Program, program, record, stored

TOKEN = "the-honest-token"
IDLE, SLOW, FLOODING = 500, 200, 50
CALLBACK = "/_dash-update-component"
WARM_S, SAMPLE_S = 8.0, 0.5


class Memory(threading.Thread):
    """The most that a process had, in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process, self._end = psutil.Process(pid), threading.Event()
        self.first = self.most = self._now()

    def _now(self) -> float:
        return float(self._process.memory_info().rss) / 1e6

    def run(self) -> None:
        while not self._end.wait(SAMPLE_S):
            self.most = max(self.most, self._now())

    def end(self) -> None:
        self._end.set()
        self.join()


def asked(running: Program, path: str) -> Any:
    request = urllib.request.Request(running.address + path, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def ticks(page: Page, seconds: float) -> list[float]:
    """How long each answer to the page took meanwhile, in ms; one that failed as infinitely long."""
    took: list[float] = []

    def finished(request: Request) -> None:
        if CALLBACK in request.url:
            took.append(float(request.timing["responseEnd"]))

    def failed(request: Request) -> None:
        if CALLBACK in request.url:
            took.append(float("inf"))

    page.on("requestfinished", finished)
    page.on("requestfailed", failed)
    page.wait_for_timeout(seconds * 1000)
    page.remove_listener("requestfinished", finished)
    page.remove_listener("requestfailed", failed)
    return took


def open_page(page: Page, address: str, with_token: bool) -> None:
    page.goto(address)
    if with_token:
        page.fill("#token", TOKEN)
        page.click("button")
    wait_for(lambda: page.evaluate("document.querySelector('#value-w') !== null"), 60)
    page.wait_for_timeout(WARM_S * 1000)


def run(seconds: float, everybody: bool) -> dict[str, Any]:
    """The figures of one run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        link, truth = folder / "board", folder / "record"
        board = ("--out", f"pty:{link}", "--interval-ms", "1", "--record", str(truth), "--linger", "60")
        options = ("--port", f"{NAME}={link}", "--no-demo", *(() if everybody else ("--token", TOKEN)))
        with program(folder, *options) as running, mock(*board) as source, chromium() as browser:
            wait_for(lambda: asked(running, "/api/latest")["devices"][0]["reading"], 30)
            page = browser.new_page()
            open_page(page, running.address, not everybody)
            quiet = ticks(page, seconds / 2)
            memory = Memory(running.process.pid)
            memory.start()
            command = [sys.executable, "-m", "tests.load.flooding", f"127.0.0.1:{running.port}"]
            numbers = [str(number) for number in (IDLE, SLOW, FLOODING, seconds)]
            with subprocess.Popen([*command, *numbers], cwd=ROOT, stdout=subprocess.PIPE) as hostile:
                attacked = ticks(page, seconds)
                out, _ = hostile.communicate(timeout=seconds + 60)
            memory.end()
            source.process.terminate()
            source.process.wait(30)
            wait_for(lambda: asked(running, "/api/latest")["devices"][0]["counts"]["missing"] == 0, 60)
            lost = asked(running, "/api/latest")["devices"][0]["counts"]["lost"]
            page.close()
            ended = running.stop()
        rows = [row[1] for row in stored(folder / "powermon.db")]
        sent = [entry["seq"] for entry in record(truth)]
    owed = {seq for seq in sent if seq <= rows[-1]}  # what came after was in the terminal when the board was taken away
    return {
        "sent": len(sent), "stored": len(rows), "not stored": len(owed - set(rows)), "lost": lost, "exit code": ended,
        "tick p50 p95 ms, quiet": [round(percentile(quiet, p), 1) for p in (0.5, 0.95)],
        "tick p50 p95 max ms, attacked": [round(percentile(attacked, p), 1) for p in (0.5, 0.95, 1.0)],
        "ticks": [len(quiet), len(attacked)],
        "memory MB before, most": [round(memory.first, 1), round(memory.most, 1)],
        "hostile": json.loads(out.splitlines()[-1]),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--open", action="store_true", help="a program without tokens")
    args = parser.parse_args()
    figures = run(args.seconds, args.open)
    for name, value in figures.items():
        print(f"{name}: {value}")
    return int(bool(figures["not stored"] or figures["lost"]))


if __name__ == "__main__":
    sys.exit(main())
