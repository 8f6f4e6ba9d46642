"""Each alert is told once: in a hidden tab, after it comes back, in one of several tabs, and when a page is loaded again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from services.alert_model import AlertAction
from tests.components.fakes import FakeMonitor
from tests.components.looking import hide_tab, text, until
from tests.components.test_rules import QUIET, SPY, fire

BOTH = (AlertAction.NOTIFY, AlertAction.SOUND)
GRANTED = SPY.replace("'default'", "'granted'")


def prepared(page: Page, allowed: bool = True) -> None:
    """Whenever it is loaded, there are spies for notifications and tones; `allowed`: its reader said yes to both before."""
    page.add_init_script(f"({GRANTED if allowed else SPY})(); ({QUIET})();")
    if allowed:
        page.add_init_script("if (location.protocol === 'http:') window.localStorage.setItem('powermon-sound', 'on');")


def opened(page: Page, address: str = "") -> Page:
    page.goto(address or page.url)
    page.wait_for_selector('#value-v:not([data-value=""])')
    page.mouse.click(700, 5)  # a browser sounds only after a click
    return page


def counts(page: Page) -> tuple[int, int]:
    """Notifications and tones since it was loaded."""
    told, tones = page.evaluate("() => [window.told.length, window.tones]")
    return told, tones


def polls(page: Page, number: int) -> None:
    """So many more times the page has asked for what is new and was answered."""
    for _ in range(number):
        with page.expect_response(lambda one: '"news-clock"' in (one.request.post_data or ""), timeout=60_000):
            pass


@pytest.fixture
def told_page(page: Page) -> Page:
    prepared(page)
    return opened(page)


def test_a_hidden_tab_is_told_once_and_not_again_when_it_comes_back(told_page: Page, monitor: FakeMonitor) -> None:
    page = told_page
    hide_tab(page, True)
    fire(monitor, 1, *BOTH)
    until(page, lambda: counts(page) == (1, 2), 30)  # a danger: two tones
    hide_tab(page, False)
    polls(page, 2)
    assert counts(page) == (1, 2)


def test_a_hidden_tab_without_permission_asks_for_nothing_and_is_told_when_it_comes_back(
    page: Page, monitor: FakeMonitor
) -> None:
    prepared(page, allowed=False)
    opened(page)
    hide_tab(page, True)
    until(page, lambda: page.evaluate("() => document.hidden"))
    polls_after: list[str] = []
    page.on("request", lambda request: polls_after.append(request.post_data or ""))
    fire(monitor, 1, *BOTH)
    page.wait_for_timeout(11_000)  # two periods of its clock
    assert [body[:80] for body in polls_after if '"news-clock"' in body] == []
    hide_tab(page, False)
    until(page, lambda: "Danger · bench-1" in text(page, "notices"), 30)
    assert counts(page) == (0, 0)


def test_a_page_that_is_loaded_again_is_not_told_again_and_misses_nothing(told_page: Page, monitor: FakeMonitor) -> None:
    page = told_page
    fire(monitor, 1, *BOTH)
    until(page, lambda: counts(page) == (1, 2), 30)
    opened(page)
    polls(page, 2)
    assert counts(page) == (0, 0) and text(page, "notices") == ""
    address = page.url
    page.goto("about:blank")
    fire(monitor, 2, *BOTH)  # while nobody listens
    page.goto(address)
    page.wait_for_selector('#value-v:not([data-value=""])')
    until(page, lambda: counts(page)[0] == 1, 30)
    polls(page, 2)
    assert counts(page)[0] == 1 and "Danger · bench-1" in text(page, "notices")


def test_of_two_tabs_one_notifies_and_sounds_and_both_show_it(told_page: Page, monitor: FakeMonitor) -> None:
    other = told_page.context.new_page()
    prepared(other)
    tabs = (told_page, opened(other, told_page.url))
    for page in tabs:
        polls(page, 1)
    fire(monitor, 1, *BOTH)
    for page in tabs:
        until(page, lambda tab=page: "Danger · bench-1" in text(tab, "notices"), 30)
    sums = [sum(numbers) for numbers in zip(*map(counts, tabs), strict=True)]
    other.close()
    assert sums == [1, 2]
