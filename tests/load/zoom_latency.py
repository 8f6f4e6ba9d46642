"""`python -m tests.load.zoom_latency`: from the turn of the wheel to the redrawn chart, over 48 h at 10 readings/s.

The real program, a page in a real browser, a live board beside it. Each turn waits until its own picture is there.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import Browser, Page

from tests.load import history_cases
from tests.load.generate import DEVICE, generate
from tests.load.measuring import percentile
from tests.load.rig import SIZE, chromium
from tests.mock.serving import mock, wait_for
from tests.system.running import program

PROBE = Path(__file__).with_name("zoom_probe.js")
LIMIT_S = 30.0
NARROWEST_MS = 20_000.0
TURNS = 80
AIM_POINTS_PER_PX = 4
SEED = 1

READ = """() => Object.assign({}, window.zoomProbe)"""
HELD = """() => {
    const data = window.powermon.history.data();
    const [t0, t1] = window.powermon.history.span();
    const [v0, v1] = window.powermon.chart.bounds();
    const width = window.powermon.chart.geometry().width;
    const traces = document.querySelector("#chart .js-plotly-plot").data;
    return {
        width,
        points: data.t.length,
        values: data.t.length * (data.bucketMs ? 3 : 1),
        drawn: traces.reduce((sum, trace) => sum + trace.x.length, 0) / 3,
        screens: (t1 - t0) / (v1 - v0),
        span_ms: v1 - v0,
        bucket_ms: data.bucketMs,
    };
}"""


class Turn(msgspec.Struct, frozen=True):
    """One turn of the wheel; times in ms after it. `rest`: how long the page waited on purpose before it asked."""

    span_s: float
    moved: float
    rest: float
    answered: float
    drawn: float
    painted: float
    bytes: int
    points_per_px: float
    values_per_px: float
    drawn_per_px: float

    @property
    def work(self) -> float:
        """Without the wait on purpose."""
        return self.drawn - self.rest


@contextmanager
def opened(browser: Browser, address: str, t0_ms: int, t1_ms: int) -> Iterator[Page]:
    """The page, looking at [t0, t1) of the record; the probe is in it."""
    page = browser.new_page(viewport=SIZE)
    page.add_init_script(path=PROBE)
    page.goto(f"{address}/?device={DEVICE}&from={_iso(t0_ms)}&to={_iso(t1_ms)}")
    page.wait_for_selector("#chart-frame[data-loading=false]", timeout=LIMIT_S * 1000)
    wait_for(lambda: page.evaluate("() => Boolean(window.powermon.history.data())"), LIMIT_S)
    try:
        yield page
    finally:
        page.close()


def _iso(time_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ms / 1000))


def turn(page: Page, share: float, pixels: int) -> Turn:
    """Turns the wheel at a share of the chart's width and waits for the picture of the new range."""
    box = page.locator("#chart-overlay").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    before = page.evaluate(READ)["wheel"]
    page.mouse.wheel(0, pixels)
    probe: dict[str, Any] = wait_for(lambda: _finished(page, before), LIMIT_S)
    held = page.evaluate(HELD)
    since = {name: probe[name] - probe["wheel"] for name in ("moved", "asked", "answered", "drawn", "painted")}
    per_px = held["width"] * held["screens"]
    return Turn(
        span_s=held["span_ms"] / 1000,
        moved=since["moved"],
        rest=since["asked"],
        answered=since["answered"],
        drawn=since["drawn"],
        painted=since["painted"],
        bytes=probe["bytes"],
        points_per_px=held["points"] / per_px,
        values_per_px=held["values"] / per_px,
        drawn_per_px=held["drawn"] / held["width"],
    )


def _finished(page: Page, before: float) -> dict[str, Any]:
    """What the probe noted of the newest turn, or nothing as long as its picture is not there."""
    probe: dict[str, Any] = page.evaluate(READ)
    return probe if probe["wheel"] > before and probe["painted"] and not probe["asking"] else {}


def walk(page: Page, turns: int, widest_ms: float) -> Iterator[Turn]:
    """In and out at places all over the chart, from the whole record to seconds."""
    chance = random.Random(SEED)
    inward = True
    for _ in range(turns):
        span_ms = float(page.evaluate(HELD)["span_ms"])
        inward = (inward or span_ms > widest_ms / 2) and span_ms > NARROWEST_MS
        yield turn(page, chance.uniform(0.1, 0.9), chance.choice((100, 240, 400, 900)) * (-1 if inward else 1))
        inward = inward if chance.random() < 0.8 else not inward


def prepared(folder: Path, database: Path | None, rate: float, hours: float) -> Path:
    """A copy of the database to work on, or a new one."""
    copy = folder / "zoom.db"
    if database is not None and database.exists():
        shutil.copy(database, copy)
        return copy
    began = time.perf_counter()
    count = generate(copy, rate, hours)
    print(f"{count} readings generated, {count / (time.perf_counter() - began):.0f}/s", file=sys.stderr)
    if database is not None:
        shutil.copy(copy, database)
    return copy


def extent_ms(database: Path) -> tuple[int, int]:
    with history_cases.opened(database) as storage:
        t0_us, t1_us = history_cases.extent(storage)
    return t0_us // 1000, t1_us // 1000


def measure(browser: Browser, folder: Path, database: Path, turns: int) -> list[Turn]:
    """The turns of one person who explores the record while another board is live."""
    t0_ms, t1_ms = extent_ms(database)
    with mock("--out", "tcp") as board:
        options = ("--port", f"bench={board.url}", "--no-demo", "--retention-h", "80000")
        with program(folder, *options, database=database) as running, opened(browser, running.address, t0_ms, t1_ms) as page:
            return list(walk(page, turns, float(t1_ms - t0_ms)))


COLUMNS = {
    "moved": "the picture follows the wheel (old points, new range)",
    "rest": "the page has waited for the wheel to rest, and asks",
    "answered": "the answer is here",
    "drawn": "the chart shows the new points",
    "painted": "and they are on the screen",
    "work": "wheel to new points, without the wait on purpose",
}


def report(turns: list[Turn]) -> dict[str, Any]:
    """Median, p95 and most of each time in ms; the most points per pixel of a channel."""
    times = {}
    for name in COLUMNS:
        values = [float(getattr(each, name)) for each in turns]
        times[name] = {"median": statistics.median(values), "p95": percentile(values, 0.95), "most": max(values)}
    densities = {name: max(getattr(each, name) for each in turns) for name in ("points_per_px", "values_per_px", "drawn_per_px")}
    return {"turns": len(turns), "ms": times, **densities}


def table(found: dict[str, Any]) -> str:
    lines = [f"{'ms after the wheel':<58} {'median':>8} {'p95':>8} {'most':>8}"]
    for name, text in COLUMNS.items():
        time_ms = found["ms"][name]
        lines.append(f"{text:<58} {time_ms['median']:>8.0f} {time_ms['p95']:>8.0f} {time_ms['most']:>8.0f}")
    held, values, shown = (found[name] for name in ("points_per_px", "values_per_px", "drawn_per_px"))
    lines.append(f"{found['turns']} turns. Per pixel and channel at most (at most {AIM_POINTS_PER_PX} wanted):")
    lines.append(f"{held:.1f} points held, that is {values:.1f} values (lowest, mean, highest), and {shown:.1f} drawn")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", type=Path, help="of tests.load.generate; made when it is not there, then used again")
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--hours", type=float, default=48.0)
    parser.add_argument("--turns", type=int, default=TURNS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        database = prepared(Path(name), options.database, options.rate, options.hours)
        found = report(measure(browser, Path(name), database, options.turns))
    print(table(found))
    file = Path(f"bench-zoom-{time.strftime('%Y%m%d-%H%M%S')}.json")
    file.write_text(json.dumps(found, indent=1))
    print(f"written to {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
