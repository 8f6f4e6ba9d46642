"""The probes find in the page what they look for; how fast it is, is not asked here."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.load import zoom_latency
from tests.load.generate import generate
from tests.load.zoom_latency import Turn


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("zoom") / "hour.db"
    generate(file, 10.0, 1.0)
    return file


def test_each_turn_of_the_wheel_is_followed_to_its_own_picture(browser: Browser, hour: Path, tmp_path: Path) -> None:
    turns = zoom_latency.measure(browser, tmp_path, hour, 6)
    assert len(turns) == 6
    for each in turns:
        assert 0 < each.rest < each.answered < each.drawn <= each.painted
        assert 0 < each.moved < each.painted
        assert 0 < each.points_per_px <= each.values_per_px
    assert len({each.span_s for each in turns}) > 1


def test_the_report_has_median_p95_and_the_densest_picture() -> None:
    turns = [Turn(60.0, 5.0, 120.0, 130.0, 150.0 + n, 160.0, 1000, 0.5 + n / 10, 1.0, 1.5) for n in range(20)]
    found = zoom_latency.report(turns)
    assert found["ms"]["drawn"] == {"median": 159.5, "p95": 169.0, "most": 169.0}
    assert found["ms"]["work"]["most"] == 49.0
    assert found["points_per_px"] == pytest.approx(2.4)
    assert "20 turns" in zoom_latency.table(found)
