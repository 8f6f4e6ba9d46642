"""A board that is plugged in while the simulated one runs: offered on the page, taken when an operator says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from components.panels import found
from components.words.text import EN
from services.errors import PortNotOpened
from services.link import port_watch, ports
from services.live_model import PortInfo
from tests.components.panels.conftest import until
from tests.mock.serving import mock
from tests.web.program import LOOK, TOKEN, Program, program

ARDUINO = ("Arduino Uno", "2341:0043", True)
BOARD = ("--out", "pty", "--interval-ms", "100")


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the system says is plugged in."""
    urls: list[str] = []
    monkeypatch.setattr(ports, "list_ports", lambda: [PortInfo(url, *ARDUINO) for url in urls])
    monkeypatch.setattr(port_watch, "EVERY_S", 0.1)
    return urls


@pytest.fixture
def demo(tmp_path: Path, plugged: list[str]) -> Iterator[Program]:
    """Nothing was found at the start: the simulated board runs."""
    with program(tmp_path, ports=("auto",), demo=True, token=TOKEN, viewer_token=LOOK) as running:
        until(lambda: [info.device for info in running.monitor.devices()] == ["demo"])
        yield running


@pytest.fixture
def boards() -> Iterator[list[str]]:
    """The ports of two boards that speak."""
    with ExitStack() as stack:
        yield [str(urlsplit(stack.enter_context(mock(*BOARD, "--id", name)).url).path) for name in ("one", "two")]


def opened(browser: Browser, running: Program, token: str = TOKEN) -> Page:
    page = browser.new_context(locale="en-US").new_page()
    page.set_default_timeout(30_000)
    page.context.request.post(f"http://{running.address}/api/login", data={"token": token})
    page.goto(f"http://{running.address}/")
    page.wait_for_selector("#state[data-state=demo]")
    return page


def test_a_board_that_appears_beside_the_demo_is_offered_and_used(
    browser: Browser, demo: Program, plugged: list[str], boards: list[str]
) -> None:
    page, viewer = opened(browser, demo), opened(browser, demo, LOOK)
    assert page.locator(".found").count() == 0
    plugged.append(boards[0])
    page.wait_for_selector(".found")
    told = page.inner_text(".found")
    assert "A board was found at" in told and boards[0] in told and "Arduino Uno" in told and "Keep the demo" in told
    assert [info.device for info in demo.monitor.devices()] == ["demo"]  # offered, not taken
    viewer.wait_for_selector(".found")
    assert viewer.is_disabled("#found-use") and "operator's token" in viewer.inner_text(".found")
    assert viewer.is_enabled("#found-choose") and viewer.is_enabled("#found-keep")
    page.click("#found-use")
    page.wait_for_selector("#state[data-state=live]")
    page.wait_for_selector(".found", state="detached")
    board = next(info.device for info in demo.monitor.devices() if not info.demo)
    until(lambda: page.input_value("#board-select") == board)
    for each in (page, viewer):
        each.context.close()


def test_of_several_one_is_chosen_and_what_is_declined_stays_away_for_this_reader(
    browser: Browser, demo: Program, plugged: list[str], boards: list[str]
) -> None:
    plugged += boards
    until(lambda: len(demo.monitor.health().found_ports) == 2)
    page = opened(browser, demo)
    page.wait_for_selector(".found >> text=2 boards were found")
    assert page.locator("#found-port option", has_text="/dev/").count() == 2
    page.click("#found-choose")
    page.wait_for_selector(".of-boards #connect")
    page.click("#found-keep")
    page.wait_for_selector(".found", state="detached")
    page.reload()
    page.wait_for_selector("#state[data-state=demo]")
    other = opened(browser, demo)
    other.wait_for_selector(".found")
    assert page.locator(".found").count() == 0
    other.select_option("#found-port", boards[1])
    other.click("#found-use")
    until(lambda: other.input_value("#board-select") not in ("", "demo"))
    assert [info.url for info in demo.monitor.devices() if not info.demo] == [boards[1]]
    for each in (page, other):
        each.context.close()


def test_why_a_found_board_cannot_be_used_is_said_on_the_card(
    browser: Browser, demo: Program, plugged: list[str], boards: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(url: str) -> str:
        raise PortNotOpened(f"{url} is held by another program")

    monkeypatch.setattr(demo.monitor, "connect", busy)
    plugged.append(boards[0])
    page = opened(browser, demo)
    page.click("#found-use")
    until(lambda: "is held by another program" in page.inner_text("#found-result .said-problem"))
    assert page.input_value("#board-select") == "demo" and page.is_enabled("#found-use")
    page.context.close()


def test_nothing_is_shown_when_nothing_was_found() -> None:
    assert found.render([], EN, demo=True, operator=True) == []
