"""Every drawer under axe: no violation, and a contrast that it could measure everywhere."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from components.page import DRAWERS
from tests.components.panels.conftest import Open, drawer, until
from tests.components.test_access import problems
from tests.web.program import Program

FULL = {  # filled by a callback of its own, a moment after it was opened
    "board": "#board-facts dd",
    "boards": "#overlay .trace",
    "table": "#table tbody tr",
    "recording": "#recording dd",
    "settings": "#settings dd",
}


@pytest.mark.parametrize(
    "options",
    [
        {"height": 2400},
        {"height": 2400, "color_scheme": "dark"},
        {"height": 2400, "locale": "ko-KR", "color_scheme": "dark"},
        {"height": 2400, "viewer": True},
    ],
    # High enough for every drawer: axe cannot tell the contrast of what is half under an edge.
    ids=["light", "dark", "korean", "viewer"],
)
def test_axe_finds_nothing_in_any_drawer(open_page: Open, running: Program, options: dict[str, Any]) -> None:
    running.monitor.fault("demo", "garbage", 1.0)  # a refused line, to be shown
    until(lambda: running.monitor.rejected("demo"))
    running.monitor.fault("demo", "garbage", 0)
    page = open_page(reduced_motion="reduce", **options)  # nothing is half faded in
    found = {}
    for name in DRAWERS:
        drawer(page, name)
        if name in FULL:
            page.wait_for_selector(FULL[name], state="attached")
        found[name] = problems(page, "#drawer")
        page.keyboard.press("Escape")
        page.wait_for_selector(".drawer-body", state="detached")
    assert {name: what for name, what in found.items() if what != {"violations": [], "open": []}} == {}


# Every component of the layout tree: an object with a namespace and a type.
MOUNTED = """() => {
    const found = (part) => Array.isArray(part) ? part.reduce((sum, each) => sum + found(each), 0)
        : part && typeof part === 'object'
            ? (part.namespace ? 1 : 0) + Object.values(part.props || {}).reduce((sum, each) => sum + found(each), 0)
            : 0;
    return found(window.dash_stores[0].getState().layout.components);
}"""


def test_at_most_250_components_are_mounted_beside_any_drawer(page: Page) -> None:
    """Every one of them looks at every answer of a tick, whether it is meant."""
    found = {}
    for name in DRAWERS:
        drawer(page, name)
        if name in FULL:
            page.wait_for_selector(FULL[name], state="attached")
        found[name] = page.evaluate(MOUNTED)
    assert {name: count for name, count in found.items() if not 100 < count <= 250} == {}


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"locale": "ko-KR"}, {"width": 360}])
def test_axe_finds_nothing_in_the_dialogs(open_page: Open, options: dict[str, Any]) -> None:
    page = open_page(reduced_motion="reduce", height=2400, **options)  # nothing is half faded in, nor half under an edge
    for button in ("#open-help", "#export-button"):
        page.click(button)
        page.wait_for_selector(".modal.show .modal-body")
        until(lambda: page.inner_text(".modal-body").strip())
        assert problems(page, ".modal.show")["violations"] == [], button
        page.keyboard.press("Escape")
        page.wait_for_selector(".modal-body", state="detached")
