"""500 readings/s with a page open: none lost. POWERMON_LOAD_S sets for how long (60 by hand, 10 here)."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Browser

from tests.mock.serving import mock, wait_for
from tests.system.running import agrees, program, record, stored

SECONDS = float(os.environ.get("POWERMON_LOAD_S", "10"))


def test_500_readings_a_second_with_a_page_open_are_all_stored(browser: Browser, tmp_path: Path) -> None:
    link, truth_file = tmp_path / "board", tmp_path / "record"
    board_args = ("--out", f"pty:{link}", "--interval-ms", "2", "--record", str(truth_file), "--linger", "30")
    with program(tmp_path, "--port", f"bench={link}", "--no-demo") as running:
        page = browser.new_page()
        page.goto(running.address)
        with mock(*board_args) as board:
            wait_for(lambda: running.counts()["received"] >= 500 * SECONDS, 30 + 2 * SECONDS)
            card, latest = page.locator("#value-w"), running.latest()
            wait_for(lambda: int(card.get_attribute("data-seq") or 0) >= latest["reading"]["seq"], 20)
            shown = (int(card.get_attribute("data-seq") or 0), float(card.get_attribute("data-value") or "nan"))
            wait_for(lambda: running.counts()["missing"] == 0, 20)
            assert running.counts()["lost"] == 0
            board.process.terminate()
            board.process.wait(20)
        page.close()
        assert running.stop() == 0
    rows, truth = stored(tmp_path / "powermon.db"), {entry["seq"]: entry for entry in record(truth_file)}
    assert [row[1] for row in rows] == list(range(rows[0][1], rows[0][1] + len(rows)))
    assert all(agrees(row, truth[row[1]]) for row in rows)
    assert rows[0][1] == min(truth)  # also those from before the program opened the port
    assert len(rows) >= 500 * SECONDS
    assert shown[0] in truth
