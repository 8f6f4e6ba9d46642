"""The whole program with its simulated board, in a real browser. Every error in the console fails the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize

from tests.web.program import LOOK, TOKEN, Program, program

WAIT_MS = 60_000
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("page")
    with program(folder, ports=("auto",), mock="normal", token=TOKEN, viewer_token=LOOK) as running:
        until(lambda: running.monitor.extent("demo") is not None)
        yield running


@pytest.fixture
def expected() -> list[str]:
    """What the console may complain of in this test."""
    return []


@pytest.fixture
def open_page(browser: Browser, running: Program, expected: list[str]) -> Iterator[Open]:
    """A browser of its own for each; as an operator unless `viewer` is said."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    def open_(*, viewer: bool = False, width: int = 1440, height: int = 900, locale: str = "en-US", **options: Any) -> Page:
        size = ViewportSize(width=width, height=height)
        context = browser.new_context(viewport=size, locale=locale, timezone_id="Asia/Seoul", accept_downloads=True, **options)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        context.request.post(f"http://{running.address}/api/login", data={"token": LOOK if viewer else TOKEN})
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://{running.address}/")
        page.wait_for_selector("#value-v")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [error for error in errors if not any(text in error for text in expected)] == []


@pytest.fixture
def page(open_page: Open) -> Page:
    """1440 × 900, English, light, operator."""
    return open_page()


def until(condition: Callable[[], Any], limit_s: float = 30.0) -> Any:
    """Polls until the condition holds, and returns what it gave."""
    end_s = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.05)
    return found


def drawer(page: Page, name: str) -> None:
    """Opens a drawer by its button at the foot."""
    page.click(f"#open-{name}")
    page.wait_for_selector(f".of-{name}")
