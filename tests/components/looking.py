"""Reading the page as a person or a system test does: by ids and data attributes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

LIMIT_S = 60.0
DATA = """(channel) => {
    const gd = document.querySelector('#chart .js-plotly-plot');
    const trace = gd._fullData.find((trace) => trace.legendgroup === channel && trace.showlegend);
    return {x: Array.from(trace.x), y: Array.from(trace.y), visible: trace.visible, axis: trace.yaxis};
}"""
RANGE = """() => {
    const axis = document.querySelector('#chart .js-plotly-plot')._fullLayout.xaxis;
    return axis.range.map((end) => axis.r2l(end));
}"""


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
    return page.get_attribute("#state", "data-state") or ""


def view(page: Page) -> dict[str, Any]:
    """The reader's choices as the Store keeps them."""
    found: dict[str, Any] = page.evaluate("() => JSON.parse(window.localStorage.getItem('view')) || {}")
    return found


def shown(page: Page) -> tuple[float, float]:
    """The ends of the time axis, in ms of what it shows."""
    first, last = page.evaluate(RANGE)
    return float(first), float(last)


def curve(page: Page, channel: str) -> dict[str, Any]:
    """What Plotly drew of a channel: x in ms UTC, y in the unit of its axis."""
    found: dict[str, Any] = page.evaluate(DATA, channel)
    return found


def ticks(page: Page, count: int, limit_s: float = 60) -> None:
    """Waits for so many answers to the fast clock."""
    seen: list[str] = []

    def note(response: Any) -> None:
        if "_dash-update-component" in response.url and '"tick.n_intervals"' in (response.request.post_data or ""):
            seen.append(response.url)

    page.on("response", note)
    until(page, lambda: len(seen) >= count, limit_s)
    page.remove_listener("response", note)


def on_chart(page: Page, share: float, height: float = 0.5) -> tuple[float, float]:
    """The point of the first pane at a share of its width."""
    box = page.locator("#chart .nsewdrag").first.bounding_box()
    assert box is not None
    return box["x"] + share * box["width"], box["y"] + height * box["height"]


def drag(page: Page, begin: float, end: float) -> None:
    """Draws the mouse over the chart, from share to share of its width."""
    page.mouse.move(*on_chart(page, begin))
    page.mouse.down()
    page.mouse.move(*on_chart(page, (begin + end) / 2), steps=3)
    page.mouse.move(*on_chart(page, end), steps=3)
    page.mouse.up()


def choose(page: Page, group: str, value: str) -> None:
    """One of the toolbar's choices, by its value."""
    page.locator(f"#{group} input[value='{value}'] + label").click()


def hide_tab(page: Page, hidden: bool) -> None:
    """What the browser does when another tab comes to the front, or this one again."""
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
