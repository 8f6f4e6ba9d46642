"""Every drawer under axe: no violation, and a contrast that it could measure everywhere."""

from __future__ import annotations

from typing import Any

import pytest

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
