"""`python -m tests.components.screenshots FOLDER [SCENE …]`: the page as people see it, for looking at and for the documents.

Every scene is the real program: a simulated board with faults, a generated record of 48 h, a real Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, ViewportSize

from services.link import ports
from services.live_model import PortInfo
from tests.load.generate import generate
from tests.load.rig import chromium
from tests.mock.serving import Mock, mock, wait_for
from tests.system.running import program
from tests.web.program import program as without_boards

SIZES = {"1440": (1440, 900), "1024": (1024, 768), "768": (768, 1024), "360": (360, 740)}
BOARD = ("--interval-ms", "100", "--seed", "7", "--control", "0")
FILL_S = 64.0


class Studio:
    """A browser, the address of a program, a board, and where pictures go."""

    def __init__(self, browser: Browser, address: str, source: Mock, folder: Path) -> None:
        self.browser, self.address, self.source, self.folder = browser, address, source, folder

    @contextmanager
    def page(self, size: str = "1440", query: str = "", **options: Any) -> Iterator[Page]:
        width, height = SIZES[size]
        viewport = ViewportSize(width=width, height=height)
        context = self.browser.new_context(viewport=viewport, timezone_id="Europe/Berlin", **options)
        page = context.new_page()
        try:
            page.goto(f"{self.address}/{query}")
            wait_for(lambda: page.evaluate("document.querySelector('#chart .trace path.js-line') !== null"), 60)
            page.wait_for_timeout(1500)
            yield page
        finally:
            context.close()

    def shoot(self, page: Page, name: str) -> None:
        page.screenshot(path=self.folder / f"{name}.png")
        print(self.folder / f"{name}.png", flush=True)


def live(studio: Studio) -> None:
    """Every size, light and dark, English and Korean."""
    for size in SIZES:
        with studio.page(size) as page:
            studio.shoot(page, f"live-{size}")
    with studio.page(color_scheme="dark") as page:
        studio.shoot(page, "live-dark")
    with studio.page(locale="ko-KR") as page:
        studio.shoot(page, "live-korean")
    with studio.page("360", locale="ko-KR", color_scheme="dark") as page:
        studio.shoot(page, "live-360-korean-dark")


def overlaid(studio: Studio) -> None:
    with studio.page() as page:
        page.locator("#options label").first.click()
        page.wait_for_timeout(1500)
        studio.shoot(page, "overlaid")


def selection(studio: Studio) -> None:
    with studio.page() as page:
        page.locator("#tool label").nth(1).click()
        page.wait_for_timeout(800)
        drag(page, 0.5, 0.7)
        page.wait_for_timeout(1500)
        studio.shoot(page, "selection")
        page.mouse.move(700, 400)
        page.wait_for_timeout(500)
        studio.shoot(page, "hover")


def record(studio: Studio) -> None:
    """48 h out of the database, and a zoom into them."""
    for name, options in (("record-48h", {}), ("record-48h-dark", {"color_scheme": "dark"})):
        with studio.page(query="?device=load&span=172800", **options) as page:
            studio.shoot(page, name)
            if not options:
                drag(page, 0.4, 0.45)
                page.wait_for_timeout(1500)
                studio.shoot(page, "record-zoomed")


def gap(studio: Studio) -> None:
    """The cable is pulled for ten seconds: while it is out, and after the board has told the rest."""
    studio.source.ask(fault="unplug", value=10)
    with studio.page() as page:
        page.wait_for_timeout(3000)
        studio.shoot(page, "reconnecting")
        page.wait_for_timeout(15_000)
        studio.shoot(page, "recovered")
    studio.source.ask(fault="drop", value=0.3)
    with studio.page(color_scheme="dark") as page:
        page.wait_for_timeout(6000)
        studio.source.ask(fault="drop", value=0)
        studio.shoot(page, "dropped-dark")


def alert(studio: Studio) -> None:
    for size, options in (("1440", {}), ("1440", {"color_scheme": "dark"}), ("360", {})):
        with studio.page(size, **options) as page:
            wait_for(lambda page=page: page.evaluate("document.querySelector('.level-danger, .level-warning') !== null"), 60)  # type: ignore[misc]
            page.wait_for_timeout(300)
            studio.shoot(page, f"alert-{size}" + ("-dark" if options else ""))


def drawers(studio: Studio) -> None:
    """Every drawer beside the chart, the alerts' with a rule that was tried, and the dialogs."""
    with studio.page() as page:
        for name in ("board", "boards", "events", "rejected", "table", "recording", "settings"):
            page.click(f"#open-{name}")
            page.wait_for_timeout(1500)
            studio.shoot(page, f"drawer-{name}")
    for name, options in (
        ("drawer-alerts", {}),
        ("drawer-alerts-dark", {"color_scheme": "dark"}),
        ("drawer-alerts-korean", {"locale": "ko-KR"}),
    ):
        with studio.page(**options) as page:
            tried(page)
            studio.shoot(page, name)
    with studio.page("360") as page:
        page.click("#open-settings")
        page.wait_for_timeout(1500)
        studio.shoot(page, "drawer-settings-360")


def tried(page: Page) -> None:
    """The alerts' drawer with a rule that was tried on the record, before it is saved."""
    page.click("#open-alerts")
    page.fill("#rule-on", "3.2")
    page.click("#rule-try")
    wait_for(lambda: page.inner_text("#rule-trial"), 60)
    page.wait_for_timeout(1500)


def dialogs(studio: Studio) -> None:
    """The export and the sheet of keys."""
    for name, size, options in (
        ("", "1440", {}),
        ("-korean-dark", "1440", {"locale": "ko-KR", "color_scheme": "dark"}),
        ("-360", "360", {}),
    ):
        with studio.page(size, **options) as page:
            page.click("#open-help")
            page.wait_for_timeout(1000)
            studio.shoot(page, f"help{name}")
            page.keyboard.press("Escape")
            page.wait_for_timeout(800)
            page.click("#export-button")
            page.wait_for_timeout(1500)
            studio.shoot(page, f"export{name}")


def demo(studio: Studio) -> None:
    """The simulated board with its faults beside the chart, before and after a board is plugged in."""
    plugged: list[PortInfo] = []
    looks: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("", "1440", {}),
        ("-768", "768", {}),
        ("-360", "360", {}),
        ("-dark", "1440", {"color_scheme": "dark"}),
    )
    with (
        tempfile.TemporaryDirectory() as name,
        mock("--out", "pty", *BOARD) as board,
        patch.object(ports, "list_ports", lambda: list(plugged)),
        without_boards(Path(name), ports=("auto",), demo=True) as running,
    ):
        here = Studio(studio.browser, f"http://{running.address}", studio.source, studio.folder)
        wait_for(lambda: running.monitor.extent("demo") is not None, 60)
        for suffix, size, options in looks:
            with here.page(size, **options) as page:
                page.wait_for_timeout(6000)
                here.shoot(page, f"nothing-found{suffix}")
                page.click("#open-demo")
                page.wait_for_timeout(1500)
                here.shoot(page, f"drawer-demo{suffix}")
        plugged.append(PortInfo(urlsplit(board.url).path, "Arduino Uno", "2341:0043", True))
        wait_for(lambda: running.monitor.health().found_ports, 60)
        for suffix, size, options in looks:
            with here.page(size, **options) as page:
                page.wait_for_selector(".found")
                here.shoot(page, f"found{suffix}")


def drag(page: Page, begin: float, end: float) -> None:
    """Over shares of the chart's width."""
    box = page.locator("#chart .nsewdrag").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + begin * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + (begin + end) / 2 * box["width"], y)
    page.mouse.move(box["x"] + end * box["width"], y)
    page.mouse.up()


SCENES: dict[str, Callable[[Studio], None]] = {
    scene.__name__: scene for scene in (live, overlaid, selection, record, alert, drawers, dialogs, demo, gap)
}


def main(words: list[str]) -> int:
    folder = Path(words[0] if words else "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    limits = ("--warn", "w>3.5:3.4", "--danger", "a>0.75:0.7")
    with tempfile.TemporaryDirectory() as name, chromium() as browser, mock("--out", f"pty:{name}/board", *BOARD) as source:
        generate(Path(name) / "powermon.db", 10, 48)
        with program(Path(name), "--port", f"bench-1={name}/board", "--no-demo", *limits) as running:
            studio = Studio(browser, running.address, source, folder)
            wait_for(lambda: running.counts()["received"] > FILL_S * 10, 2 * FILL_S)
            for scene in words[1:] or SCENES:
                SCENES[scene](studio)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
