"""Nobody is shut out: axe finds nothing in any theme, language or state, and its colour check has no open question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page

from services.alert_model import Level
from tests.components.conftest import Open
from tests.components.fakes import FakeMonitor
from tests.components.looking import ticks, until

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# What Plotly draws is left out: the colours of axis titles and ticks are held by test_theme.
RUN = """(within) => window.axe.run(
    {include: [within], exclude: ['#chart svg', '#overview svg', '#overlay svg']}, {resultTypes: ['violations', 'incomplete']},
).then((found) => ({
    violations: found.violations.map((rule) => [rule.id, rule.nodes.map((node) => node.target.join(' '))]),
    open: found.incomplete.filter((rule) => rule.id === 'color-contrast')
        .flatMap((rule) => rule.nodes.map((node) => node.target.join(' '))),
}))"""


def problems(page: Page, within: str = "html") -> dict[str, Any]:
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(RUN, within)
    return found


@pytest.mark.parametrize(
    "options",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"locale": "ko-KR"}, {"width": 360, "height": 2400}],
    ids=["light", "dark", "korean", "phone"],
)
def test_axe_finds_nothing(open_page: Open, monitor: FakeMonitor, options: dict[str, Any]) -> None:
    page = open_page(**options)
    ticks(page, 1)
    assert problems(page) == {"violations": [], "open": []}
    monitor.levels = {"v": Level.NORMAL, "a": Level.WARNING, "w": Level.DANGER}
    until(page, lambda: page.locator(".level-danger, .level-warning").count() == 2)
    ticks(page, 2)  # the chart has made room for the banners
    assert problems(page) == {"violations": [], "open": []}


def test_a_tab_left_open_keeps_its_memory(page: Page) -> None:
    session = page.context.new_cdp_session(page)

    def heap_mb() -> float:
        session.send("HeapProfiler.collectGarbage")
        return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    page.evaluate("() => window.dash_clientside.set_props('tick', {interval: 40})")  # twelve times as fast
    ticks(page, 30)
    early = heap_mb()
    ticks(page, 120, 200)
    late = heap_mb()
    assert late < early * 1.1 + 2, f"{early:.1f} MB after 30 ticks, {late:.1f} MB after 150"
