"""What was seen to be wrong on screenshots: words over each other, boxes outside the picture, titles that break."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import msgspec
import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page

from services.analysis.alerts import Limit
from services.model import Level
from tests.components.conftest import Open, new_context
from tests.components.fakes import STEP_US, FakeMonitor, FakeServer
from tests.components.looking import curve, number, on_chart, text, until, window


def rect(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def overlap(one: FloatRect, other: FloatRect) -> bool:
    across = one["x"] < other["x"] + other["width"] and other["x"] < one["x"] + one["width"]
    return across and one["y"] < other["y"] + other["height"] and other["y"] < one["y"] + one["height"]


@pytest.fixture(scope="module")
def far_limits() -> Iterator[FakeServer]:
    """A page that was made with three limits, all above what is measured."""
    monitor = FakeMonitor()
    far = (Limit("v", Level.WARNING, 9.0, 8.5), Limit("a", Level.DANGER, 3.0, 2.9), Limit("w", Level.DANGER, 19.0, 18.0))
    monitor.settings.thresholds = far
    server = FakeServer(monitor)
    yield server
    server.stop()


@pytest.mark.parametrize("width", [360, 1440])
def test_limits_at_one_height_are_named_beside_each_other(browser: Browser, far_limits: FakeServer, width: int) -> None:
    context = new_context(browser, width=width)
    page = context.new_page()
    page.goto(far_limits.url)
    page.click("#mode-button")
    names = page.locator(".limit:not([hidden]) .limit-text")
    until(page, lambda: names.count() == 3 and all(name.inner_text() for name in names.all()))
    until(page, lambda: not any(overlap(rect(one), rect(other)) for one, other in combinations(names.all(), 2)))
    frame = rect(page.locator("#chart-frame"))
    assert all(rect(name)["x"] >= frame["x"] - 1 for name in names.all())
    context.close()


def test_the_demo_mark_leaves_room_for_markers(open_page: Open, monitor: FakeMonitor) -> None:
    monitor.info = msgspec.structs.replace(monitor.info, demo=True)
    page = open_page(width=360, height=740)
    until(page, lambda: text(page, "source-mark") == "DEMO")
    page.keyboard.press("d")
    until(page, lambda: page.locator(".marker-head").count() == 2)
    assert not any(overlap(rect(page.locator("#source-mark")), rect(head)) for head in page.locator(".marker-head").all())


def between_two_readings(page: Page) -> str:
    """The address of 30 ms of two seconds ago that hold no reading."""
    now_us = round((window(page)[1]) * 1000)
    t0_us = (now_us - 2_000_000) // STEP_US * STEP_US + STEP_US // 3
    stamps = page.evaluate("ms => ms.map(t => new Date(t).toISOString())", [t0_us / 1000, t0_us / 1000 + 30])
    return "?from={}&to={}".format(*stamps)


def test_between_two_readings_the_line_that_joins_them_is_seen(open_page: Open) -> None:
    page = open_page()
    page = open_page(between_two_readings(page))
    until(page, lambda: len(curve(page, "v")["x"]) >= 2)
    until(page, lambda: page.get_attribute("#chart-frame", "data-loading") == "false")
    t0, t1 = window(page)
    x = curve(page, "v")["x"]
    assert min(x) < t0 and t1 < max(x)
    assert number(page, "chart-note") in (None, 0) and not page.is_visible("#chart-empty")
    page.mouse.move(*on_chart(page, 0.5))
    page.wait_for_timeout(100)
    assert not page.is_visible("#readout")  # no reading to tell of lies in the picture


def test_a_range_without_readings_does_not_promise_any(open_page: Open) -> None:
    page = open_page("?from=2001-01-01T00:00:00Z&to=2001-01-01T01:00:00Z")
    until(page, lambda: page.is_visible("#chart-empty"))
    assert text(page, "chart-empty") == "No readings in this range."


def test_titles_of_panels_do_not_break(open_page: Open) -> None:
    page = open_page(width=360, height=740)
    for title in page.locator(".panel-head h2:visible").all():
        assert rect(title)["height"] < 24, title.inner_text()


def test_on_a_phone_the_chart_comes_soon_after_its_buttons(open_page: Open) -> None:
    page = open_page(width=360, height=740)
    until(page, lambda: number(page, "chart-note"))
    top = rect(page.locator(".chart-panel"))["y"]
    frame = rect(page.locator("#chart-frame"))
    assert frame["y"] - top <= 215 and frame["y"] - top + frame["height"] <= 740
