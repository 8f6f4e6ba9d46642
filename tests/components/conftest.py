"""A real browser against the fake board. Every error in its console fails the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize

from tests.components.fakes import FakeMonitor, FakeServer

WAIT_MS = 60_000
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def running_server() -> Iterator[FakeServer]:
    server = FakeServer(FakeMonitor())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def usual_context(browser: Browser) -> Iterator[BrowserContext]:
    """One person's browser for most tests: what the page loads is loaded once. Its choices are forgotten after each test."""
    context = new_context(browser)
    yield context
    context.close()


def new_context(
    browser: Browser, *, width: int = 1440, height: int = 900, locale: str = "en-US", **options: Any
) -> BrowserContext:
    size = ViewportSize(width=width, height=height)
    context = browser.new_context(viewport=size, locale=locale, timezone_id="Asia/Seoul", accept_downloads=True, **options)
    context.set_default_timeout(WAIT_MS)
    return context


@pytest.fixture
def server(running_server: FakeServer) -> FakeServer:
    running_server.monitor.reset()
    return running_server


@pytest.fixture
def monitor(server: FakeServer) -> FakeMonitor:
    return server.monitor


@pytest.fixture
def expected_errors() -> list[str]:
    """Texts that console errors of this test may contain."""
    return []


@pytest.fixture
def open_page(browser: Browser, usual_context: BrowserContext, server: FakeServer, expected_errors: list[str]) -> Iterator[Open]:
    """Opens the page and waits for its first drawing; with options, in a browser of its own."""
    pages: list[Page] = []
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{message.text} {message.location.get('url', '')}")

    def open_(query: str = "", **options: Any) -> Page:
        page = (new_context(browser, **options) if options or pages else usual_context).new_page()
        pages.append(page)
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(f"{error} {error.stack}"))
        page.goto(f"{server.url}/{query}")
        page.wait_for_selector("#chart .trace path.js-line", state="attached")
        return page

    yield open_
    for page in pages:
        if page.context is usual_context:
            page.evaluate("window.localStorage.clear()")
            page.close()
        else:
            page.context.close()
    assert [error for error in errors if not any(text in error for text in expected_errors)] == []


@pytest.fixture
def page(open_page: Open) -> Page:
    """The page at 1440 × 900, English, live."""
    page = open_page()
    page.wait_for_selector('#value-v:not([data-value=""])')
    return page
