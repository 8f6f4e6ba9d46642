"""The reader's own choices in the settings drawer, and the end of a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.components.looking import view
from tests.components.panels.conftest import Open, drawer, until
from tests.web.program import Program, program


def choose(page: Page, field: str, value: str) -> None:
    page.click(f"#choice-{field} input[value='{value}'] + label")


def picked(page: Page, field: str) -> str | None:
    return page.get_attribute(f"#choice-{field} input:checked", "value")


def test_theme_and_zone_are_the_same_in_the_drawer_and_in_the_strip(page: Page) -> None:
    drawer(page, "settings")
    until(lambda: (picked(page, "theme"), picked(page, "language"), picked(page, "zone")) == ("system", "en", "local"))
    choose(page, "theme", "dark")
    page.wait_for_selector("html[data-bs-theme=dark]")
    choose(page, "zone", "utc")
    until(lambda: "UTC" in page.inner_text("#zone-button"))
    assert view(page)["zone"] == "UTC" and view(page)["theme_choice"] == "dark"
    page.click("#zone-button")
    until(lambda: picked(page, "zone") == "local")
    page.click("#theme-button")  # the system is light: dark, light, as the system
    until(lambda: picked(page, "theme") == "light")
    assert view(page)["theme_choice"] == "light" and view(page)["zone"] == "Asia/Seoul"
    page.reload()
    page.wait_for_selector("#state[data-state]")
    drawer(page, "settings")
    until(lambda: picked(page, "theme") == "light")


def test_the_language_is_chosen_in_the_drawer(page: Page) -> None:
    drawer(page, "settings")
    until(lambda: picked(page, "language") == "en")
    choose(page, "language", "ko")
    page.wait_for_selector("#page[lang=ko]")
    drawer(page, "settings")
    until(lambda: picked(page, "language") == "ko")


@pytest.mark.parametrize("viewer", [False, True], ids=["operator", "viewer"])
def test_logging_out_ends_the_session_in_every_tab_of_it(open_page: Open, expected: list[str], viewer: bool) -> None:
    expected += ["401", "body stream already read"]  # a call that was under way is refused; Dash then reads its answer twice
    page = open_page(viewer=viewer)
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("#value-v")
    before = page.context.cookies()
    drawer(page, "settings")
    assert page.is_enabled("#log-out")
    page.click("#log-out")
    for each in (page, other):
        each.wait_for_selector("#login #token")
    page.context.add_cookies(before)  # type: ignore[arg-type]  # the session itself has ended, not only the browser's cookie
    page.reload()
    page.wait_for_selector("#login #token")


def test_without_a_token_there_is_nothing_to_log_out_of(browser: Browser, tmp_path: Path) -> None:
    with program(tmp_path, ports=("auto",), mock="normal") as running:
        page = open_at(browser, running)
        drawer(page, "settings")
        until(lambda: picked(page, "theme") == "system")
        assert page.locator("#log-out").count() == 0
        page.context.close()


def open_at(browser: Browser, running: Program) -> Page:
    page = browser.new_context(locale="en-US").new_page()
    page.context.add_cookies([{"name": "powermon_1", "value": "of another program here", "url": f"http://{running.address}"}])
    page.goto(f"http://{running.address}/")
    page.wait_for_selector("#value-v")
    return page
