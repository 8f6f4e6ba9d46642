"""S10 seen from outside: from a reading's own time to the frame that shows it, whatever the page says of itself.

A reading's time is the board's, carried over to this computer's clock as the line that came quickest: a line that was
late is late here too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.load.measuring import Row, percentile
from tests.load.rig import new_page, wait_until

PROBE = Path(__file__).with_name("screen_probe.js")
LIMIT_MS = 600.0  # at the usual tick of 500 ms


@contextmanager
def watched(browser: Browser, address: str) -> Iterator[Page]:
    """The live page with the probe in it, showing readings."""
    page, errors = new_page(browser)
    page.add_init_script(path=PROBE)
    page.goto(address)
    wait_until(page, "() => window.screenProbe.chart.length", errors)
    try:
        yield page
    finally:
        page.close()


def ages_ms(page: Page, seconds: float) -> list[float]:
    """How old readings were when the chart showed them first; the numbers come in the same answer."""
    page.evaluate("() => { window.screenProbe.chart = []; }")
    page.wait_for_timeout(seconds * 1000)
    probe: dict[str, Any] = page.evaluate("() => window.screenProbe")
    found: list[float] = probe["chart"]
    return found


def row(values: list[float]) -> Row:
    p50, p95 = (round(percentile(values, share), 1) for share in (0.5, 0.95))
    note = f"p50 {p50:g} ms, most {max(values):.0f} ms, {len(values)} seen"
    return Row("S10", "reading → on screen: p95", f"≤ {LIMIT_MS:g}", p95, "ms", note=note)
