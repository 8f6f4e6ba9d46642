"""S12: from the end of a gesture to the redrawn chart, over a long record, in a real browser with the real program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.components.looking import choose, drag, on_chart
from tests.load.generate import DEVICE
from tests.load.rig import SIZE
from tests.mock.serving import mock, wait_for
from tests.system.running import program

PROBE = Path(__file__).with_name("zoom_probe.js")
LIMIT_S = 30.0
REST_MS = 700  # between two gestures: what the last one began comes to its end


@contextmanager
def opened(browser: Browser, folder: Path, database: Path) -> Iterator[Page]:
    """The page, looking at the whole record; another board is live beside it."""
    with mock("--out", "tcp") as board:
        options = ("--port", f"bench={board.url}", "--no-demo", "--retention-h", "80000")
        with program(folder, *options, database=database) as running:
            page = browser.new_page(viewport=SIZE)
            page.add_init_script(path=PROBE)
            page.goto(f"{running.address}/?device={DEVICE}&span=172800")
            wait_for(lambda: page.evaluate("() => document.querySelector('#chart .trace path.js-line') !== null"), LIMIT_S)
            page.wait_for_timeout(3 * REST_MS)
            try:
                yield page
            finally:
                page.close()


def took_ms(page: Page, gesture: Callable[[], None]) -> float:
    """From the end of the gesture until its picture is on the screen."""
    page.evaluate("() => Object.assign(window.zoomProbe, {ended: 0, answered: 0, drawn: 0, painted: 0})")
    gesture()
    wait_for(lambda: page.evaluate("() => window.zoomProbe.painted"), LIMIT_S)
    found: float = page.evaluate("() => window.zoomProbe.painted - window.zoomProbe.ended")
    page.wait_for_timeout(REST_MS)
    return found


def panned(page: Page) -> list[float]:
    """Milliseconds between the frames of one pan."""
    page.mouse.move(*on_chart(page, 0.4))
    page.mouse.down()
    page.evaluate("() => Object.assign(window.zoomProbe, {frames: [], panning: true})")
    for step in range(30):
        page.mouse.move(*on_chart(page, 0.4 + step / 200))
    frames: list[float] = page.evaluate("() => { window.zoomProbe.panning = false; return window.zoomProbe.frames; }")
    page.mouse.up()
    page.wait_for_timeout(2 * REST_MS)
    return [later - earlier for earlier, later in pairwise(frames)]


def measure(browser: Browser, folder: Path, database: Path, turns: int) -> dict[str, list[float]]:
    """Milliseconds of each gesture, by its name."""
    found: dict[str, list[float]] = {"range button": [], "drag zoom": [], "double click": [], "pan": [], "pan frames": []}
    with opened(browser, folder, database) as page:
        for _ in range(turns):
            found["drag zoom"].append(took_ms(page, lambda: drag(page, 0.3, 0.5)))
            choose(page, "tool", "pan")
            page.wait_for_timeout(2 * REST_MS)
            found["pan"].append(took_ms(page, lambda: drag(page, 0.6, 0.5)))
            found["pan frames"] += panned(page)
            choose(page, "tool", "zoom")
            page.wait_for_timeout(2 * REST_MS)
            found["double click"].append(took_ms(page, lambda: page.mouse.dblclick(*on_chart(page, 0.5))))
            found["range button"].append(took_ms(page, lambda: choose(page, "span", "21600")))
            choose(page, "span", "172800")
            page.wait_for_timeout(2 * REST_MS)
    return found
