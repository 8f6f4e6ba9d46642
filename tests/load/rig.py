"""What the cases are set up with: a browser, the real program reading a simulated board, a page that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import ARGS, CHROMIUM
from tests.mock.serving import Mock, mock, wait_for
from tests.system.running import Program, program

NAME = "bench"
LIMIT_S = 60.0
SIZE: Any = {"width": 1440, "height": 900}
SHOWN = "() => Number(document.querySelector('#value-w')?.dataset.seq || 0) > 0"


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def attached(folder: Path, *board: str) -> Iterator[tuple[Program, Mock]]:
    """The program reading a simulated board through a pseudo-terminal."""
    with mock("--out", "pty", *board) as source, program(folder, "--port", f"{NAME}={source.url}", "--no-demo") as running:
        yield running, source


def new_page(browser: Browser) -> tuple[Page, list[str]]:
    """A page, and what goes wrong in it."""
    page, errors = browser.new_page(viewport=SIZE), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    return page, errors


def wait_until(page: Page, script: str, errors: list[str]) -> None:
    """Until the script gives something true. (The page's policy forbids waiting inside it.) Raises RuntimeError."""
    try:
        wait_for(lambda: page.evaluate(script), LIMIT_S)
    except AssertionError:
        raise RuntimeError(f"after {LIMIT_S:g} s still not: {script}; errors in the page: {errors[:3]}") from None


def live_page(browser: Browser, address: str) -> Page:
    """Opened, and showing a reading."""
    page, errors = new_page(browser)
    page.goto(address)
    wait_until(page, SHOWN, errors)
    return page
