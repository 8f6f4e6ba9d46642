"""The probe finds in the page what it looks for; how fast it is, is not asked here."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.load import zoom_latency
from tests.load.generate import generate


def test_each_gesture_is_followed_to_its_own_picture(browser: Browser, tmp_path: Path) -> None:
    generate(tmp_path / "hour.db", 10.0, 1.0)
    found = zoom_latency.measure(browser, tmp_path, tmp_path / "hour.db", 1)
    assert set(found) == {"range button", "drag zoom", "double click", "pan", "pan frames"}
    assert all(values and all(value > 0 for value in values) for values in found.values())
