"""S7, S8, S10: the page in a real browser."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Response
from playwright.sync_api import Error as PlaywrightError

from tests.load import screen, zoom_latency
from tests.load.measuring import Row, cpu_share, of_pairs, pause, percentile, spread
from tests.load.pulling import HEADERS, default_device, question
from tests.load.rig import LIMIT_S, NAME, SHOWN, SIZE, attached, live_page
from tests.mock.serving import mock, wait_for
from tests.system.running import ROOT, Program, free_port

SETTLE_S = 2.0
REDRAW_MS = 250
RATE = 10.0
POINTS = 600  # of the last minute at ten readings a second
LIVE = '"tick.n_intervals"'  # what a call of the fast clock names as its cause


# --- S7


def first_reading_s(folder: Path, browser: Browser, url: str, database: Path | None) -> tuple[float, float]:
    """Seconds from starting the process until the API has a reading, and until the page shows one."""
    page = browser.new_page(viewport=SIZE)
    began = time.perf_counter()
    options = ("--port", f"{NAME}={url}", "--no-demo", "--retention-h", "80000")
    running = Program(folder, *options, database=database)
    try:
        running.ready()
        page.goto(running.address, wait_until="commit")
        wait_for(lambda: running.json("/api/latest")["devices"][0]["reading"], LIMIT_S)
        answered_s = time.perf_counter() - began
        wait_for(lambda: page.evaluate(SHOWN), LIMIT_S)
        return answered_s, time.perf_counter() - began
    finally:
        page.close()
        running.stop()


def starting(folder: Path, browser: Browser, database: Path, name: str, runs: int, warm: int) -> Iterator[Row]:
    """With a long record against an empty one, one after the other; the first `warm` starts are not counted."""
    pairs = []
    with mock("--out", "pty", "--interval-ms", "20") as source:
        for number in range(runs + warm):
            fresh = folder / f"empty-{number}"
            fresh.mkdir()
            long = first_reading_s(folder, browser, source.url, database)
            pairs.append((long, first_reading_s(fresh, browser, source.url, None)))
    for place, what in enumerate(("the API has a reading", "the page shows a reading")):
        chosen = [(long[place], empty[place]) for long, empty in pairs[warm:]]
        yield of_pairs("S7", f"start until {what}, {name} / empty", "≤ 1.2", chosen)


# --- S8


def one_tab(folder: Path, browser: Browser, seconds: float, runs: int, settle_s: float) -> Iterator[Row]:
    """Ten readings a second, one tab. `settle_s`: how long the window fills before it is measured."""
    with _whole_figure() as whole, attached(folder) as (running, _):
        pid = running.process.pid
        idle = cpu_share(pid, seconds)
        page = live_page(browser, running.address)
        pause(settle_s)
        cpu = [cpu_share(pid, seconds) for _ in range(runs)]
        sizes = body_sizes(page, seconds)
        page.close()
        yield spread("S8", "server, one tab, 10 readings/s", "≤ 2", cpu, "% of a core", f"{idle:.1f} % without a tab")
        rest_s = min(settle_s, SETTLE_S)
        yield spread("S8", "body of an update, 600 points", "≤ 40000", sizes, "B", f"{len(sizes) / seconds:.1f} updates a second")
        yield Row("S8", "components mounted", "≤ 250", float(mounted(running.address)), "")
        shares = [(busy(browser, running.address, seconds, rest_s), busy(browser, whole, seconds, rest_s)) for _ in range(runs)]
    yield of_pairs("S8", "browser's main thread, ours / whole figure each 250 ms", "≤ 1", shares, "%")


@contextmanager
def _whole_figure() -> Iterator[str]:
    """The address of the baseline's page, which draws as many points as came since now, a minute's at most."""
    port = free_port()
    command = [sys.executable, "-m", "tests.load.whole_figure", str(port), str(POINTS), str(RATE), str(REDRAW_MS)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def body_sizes(page: Page, seconds: float) -> list[float]:
    """Bytes of each live update's body, over so long and until there was one."""
    sizes: list[float] = []

    def arrived(answer: Response) -> None:
        if LIVE in (answer.request.post_data or ""):
            sizes.append(float(answer.headers.get("content-length", 0)))

    page.on("response", arrived)
    page.wait_for_timeout(seconds * 1000)

    def some() -> int:
        page.wait_for_timeout(10)  # the page's events come while we wait in it
        return len(sizes)

    wait_for(some, LIMIT_S)
    page.remove_listener("response", arrived)
    return sizes


def mounted(address: str) -> int:
    """Dash components of the page: those of the layout, and those that a tick puts into it."""
    with urllib.request.urlopen(f"{address}/_dash-layout", timeout=20) as answer:
        laid_out = answer.read().count(b'"namespace"')
    asked = urllib.request.Request(f"{address}/_dash-update-component", question(default_device(address), None, 1), HEADERS)
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return int(laid_out + answer.read().count(b'"namespace"'))


def busy(browser: Browser, address: str, seconds: float, rest_s: float) -> float:
    """Percent of the time that the page's main thread works, once it has settled."""
    page = browser.new_page(viewport=SIZE)
    try:
        wait_for(lambda: _opens(page, address), LIMIT_S)
        wait_for(lambda: page.evaluate("() => document.querySelector('.js-plotly-plot .trace') !== null"), LIMIT_S)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")

        def task_s() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return float(next(item["value"] for item in metrics if item["name"] == "TaskDuration"))

        page.wait_for_timeout(rest_s * 1000)
        before, began = task_s(), time.monotonic()
        page.wait_for_timeout(seconds * 1000)
        return (task_s() - before) / (time.monotonic() - began) * 100
    finally:
        page.close()


def _opens(page: Page, address: str) -> bool:
    try:
        page.goto(address)
    except PlaywrightError:  # not listening yet
        return False
    return True


# --- S10


def on_screen(folder: Path, browser: Browser, seconds: float) -> Iterator[Row]:
    """Seen from outside; beside it what the page's own lamp says."""
    with attached(folder) as (running, _), screen.watched(browser, running.address) as page:
        yield screen.row(screen.ages_ms(page, seconds))
        page.wait_for_selector("#speed[data-p95]", timeout=30_000)
        p95 = float(page.get_attribute("#speed", "data-p95") or "nan")
        yield Row("S10", "the page's own speed lamp: p95", f"≤ {screen.LIMIT_MS:g}", p95, "ms")


# --- S12, S13


def gestures(folder: Path, browser: Browser, database: Path, turns: int) -> Iterator[Row]:
    """Gesture → redrawn chart over a long record."""
    for name, values in zoom_latency.measure(browser, folder, database, turns).items():
        aim, what = ("≤ 33", "between two frames of a pan") if name == "pan frames" else ("≤ 250", f"{name} → redrawn")
        p95 = round(percentile(values, 0.95), 1)
        yield Row("S12", f"{what}: p95", aim, p95, "ms", note=f"median {statistics.median(values):.0f} ms, {len(values)} seen")


def first_paint(folder: Path, browser: Browser, runs: int) -> Iterator[Row]:
    """From opening the address, warm; beside it the first curve of a Dash page with nothing but one graph."""
    frames, numbers, plain = [], [], []
    with _whole_figure() as whole, attached(folder) as (running, _):
        live_page(browser, running.address).close()
        for _ in range(runs):
            page = browser.new_page(viewport=SIZE)
            page.goto(running.address, wait_until="commit")
            wait_for(lambda page=page: page.evaluate(SHOWN), LIMIT_S)  # type: ignore[misc]
            numbers.append(page.evaluate("() => performance.now()"))
            frames.append(page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            page.goto(whole, wait_until="commit")
            wait_for(lambda page=page: page.evaluate("() => document.querySelector('.trace') !== null"), LIMIT_S)  # type: ignore[misc]
            plain.append(page.evaluate("() => performance.now()"))
            page.close()
    yield spread("S13", "address opened → frames", "≤ 500", frames, "ms")
    yield spread(
        "S13", "address opened → first numbers", "≤ 1500", numbers, "ms", f"one graph alone: {statistics.median(plain):.0f} ms"
    )
