"""Reading the page as a person or a system test does: by ids and data attributes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

LIMIT_S = 20.0


def until(page: Page, condition: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
    """Polls until the condition holds, and returns what it gave. (The page's policy forbids evaluating text in it.)"""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        page.wait_for_timeout(30)
    raise AssertionError(f"did not come true within {limit_s:g} s: {condition}")


def number(page: Page, id_: str, attribute: str = "data-value") -> float | None:
    """The exact value behind a number on the page."""
    text = page.get_attribute(f"#{id_}", attribute)
    return float(text) if text else None


def text(page: Page, id_: str) -> str:
    return page.inner_text(f"#{id_}")


def state(page: Page) -> str:
    return page.get_attribute("#state-word", "data-state") or ""


def window(page: Page) -> tuple[float, float]:
    """What the chart shows, in ms since 1970."""
    return number(page, "chart-frame", "data-t0") or 0.0, number(page, "chart-frame", "data-t1") or 0.0


def drawn(page: Page) -> list[dict[str, Any]]:
    """The traces that Plotly drew: name, x, y, visible."""
    script = """() => document.querySelector('#chart .js-plotly-plot').data.map(
        (trace) => ({name: trace.name, x: Array.from(trace.x), y: Array.from(trace.y), visible: trace.visible}))"""
    traces: list[dict[str, Any]] = page.evaluate(script)
    return traces


def curve(page: Page, name: str) -> dict[str, Any]:
    return next(trace for trace in drawn(page) if trace["name"] == name)


def on_chart(page: Page, share: float, height: float = 0.3) -> tuple[float, float]:
    """The point of the plot area at a share of its width."""
    box = page.locator("#chart-overlay").bounding_box()
    assert box is not None
    return box["x"] + share * box["width"], box["y"] + height * box["height"]


def drag(page: Page, begin: float, end: float) -> None:
    """Draws the mouse over the chart, from share to share of its width."""
    page.mouse.move(*on_chart(page, begin))
    page.mouse.down()
    page.mouse.move(*on_chart(page, (begin + end) / 2), steps=3)
    page.mouse.move(*on_chart(page, end), steps=3)
    page.mouse.up()


def hide_tab(page: Page, hidden: bool) -> None:
    """What the browser does when another tab comes to the front, or this one again."""
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
