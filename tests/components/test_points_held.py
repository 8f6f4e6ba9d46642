"""The browser holds about as many points as it has pixels, however fast the board and however long the view."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import numpy as np
import orjson
import pytest
from playwright.sync_api import Page, Route

from services.analysis.window import Window
from services.model import Readings
from services.web import payloads
from services.web.changes import Changes
from tests.components.conftest import Open
from tests.components.fakes import FakeMonitor, live_parts, values
from tests.components.looking import on_chart, until, window

MOST_PER_PX = 4
CHANNELS = ("v", "a", "w")


def width_px(page: Page) -> float:
    return float(page.evaluate("powermon.chart.geometry().width"))


def held(page: Page) -> int:
    """Points in the browser's memory, of the live window or of the history, whichever are more."""
    return int(page.evaluate("Math.max(...[powermon.live, powermon.history].map((x) => (x.data() || {t: []}).t.length))"))


def drawn_most(page: Page) -> int:
    """Points that Plotly was given for one channel: its line and its band."""
    script = """(names) => Math.max(...names.map((name) => document.querySelector("#chart .js-plotly-plot").data
        .filter((trace) => trace.name.startsWith(name)).reduce((sum, trace) => sum + trace.x.length, 0)))"""
    return int(page.evaluate(script, list(CHANNELS)))


def check(page: Page) -> None:
    assert 0 < held(page) <= MOST_PER_PX * width_px(page)
    assert 0 < drawn_most(page) <= MOST_PER_PX * width_px(page)


class FastBoard:
    """A board of 500 readings a second whose time runs a hundred times as fast: each pull finds ten seconds more."""

    RATE_HZ = 500
    STEP_S = 10

    def __init__(self, monitor: FakeMonitor) -> None:
        self.monitor = monitor
        self.window = Window()
        self.changes = Changes()
        self.k = monitor.now_us() // 1_000_000 * self.RATE_HZ
        self.pulls = 0

    @property
    def now_us(self) -> int:
        return self.k * 1_000_000 // self.RATE_HZ

    def send(self) -> None:
        count = self.RATE_HZ * self.STEP_S
        k = np.arange(self.k, self.k + count, dtype=np.int64)
        hold = np.full(count, 1_000_000 // self.RATE_HZ, np.int64)
        ones, flags = np.ones(count, np.int64), np.zeros(count, np.uint16)
        self.window.append(Readings(ones, k, k * hold, hold, *values(k), flags))
        self.k += count
        self.window.evict(self.now_us)

    def pull(self, route: Route) -> None:
        self.pulls += 1
        self.send()
        query = {name: found[0] for name, found in parse_qs(urlsplit(route.request.url).query).items()}
        cursor = int(query["cursor"]) if "cursor" in query else None
        live = self.window.live(cursor, float(query["span_s"]), int(query["points"]), self.now_us, "bench-1")
        body = {name: getattr(live, name) for name in ("device", "cursor", "whole", "dropped")}
        body |= {"now": payloads.ms(live.now_us), "from": payloads.ms(live.replace_from_us)}
        body |= payloads.curve_columns(live.curve) | live_parts(
            self.changes, self.monitor.snapshot(), query.get("seen", ""), [], []
        )
        route.fulfill(body=orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), content_type="application/json")


@pytest.mark.parametrize("span", ["60s", "5min"])
def test_minutes_of_500_readings_a_second_leave_no_more_points_than_the_screen_shows(
    open_page: Open, monitor: FakeMonitor, span: str
) -> None:
    board = FastBoard(monitor)
    page = open_page(f"?range={span}", width=1000)
    page.route("**/api/live*", board.pull)
    for minutes in (1, 3, 6):
        until(page, lambda minutes=minutes: board.pulls * board.STEP_S >= minutes * 60)
        check(page)
    t0, t1 = window(page)
    oldest = float(page.evaluate("powermon.live.data().t[0]"))
    assert t0 - oldest < 0.06 * (t1 - t0) + 1000 * board.STEP_S  # what has left the picture is let go


@pytest.mark.parametrize("size", [(1440, 900), (360, 740)])
def test_zooming_in_and_out_of_48_hours_never_holds_more(open_page: Open, size: tuple[int, int]) -> None:
    page = open_page("?range=48h", width=size[0], height=size[1])
    until(page, lambda: loaded(page))
    check(page)
    page.mouse.move(*on_chart(page, 0.6))
    for turn in (-1, -1, -1, -1, 1, 1, -1, 1):
        for _ in range(3):
            page.mouse.wheel(0, turn * 500)
        page.wait_for_timeout(60)
        check(page)  # while the old points still stand in for the new ones
        until(page, lambda: loaded(page))
        check(page)


def loaded(page: Page) -> bool:
    return page.get_attribute("#chart-frame", "data-loading") == "false" and held(page) > 0
