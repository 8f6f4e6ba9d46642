"""Board → serial → checks → SQLite → page, API, CSV, WebSocket: the same numbers everywhere."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from websockets.sync.client import connect

from tests.mock.serving import mock, wait_for
from tests.system.running import CLOSE, Program, agrees, program, record, stored

COUNT = 120


def same(found: dict[str, Any], truth: dict[str, Any]) -> bool:
    return found["seq"] == truth["seq"] and all(abs(found[name] - truth[name]) <= CLOSE for name in "vaw")


def listened(running: Program, count: int) -> list[dict[str, Any]]:
    """Samples of the WebSocket until there are `count`."""
    found: list[dict[str, Any]] = []
    address = running.address.replace("http", "ws") + "/ws/realtime?device=bench&interval_ms=100"
    with connect(address) as socket:
        for _ in range(1_000):
            message = json.loads(socket.recv(timeout=20))
            if message["type"] == "realtime" and "samples" in message["data"]:
                columns = message["data"]["samples"]
                rows = zip(columns["seq"], columns["v"], columns["a"], columns["w"], strict=True)
                found += [{"seq": seq, "v": v, "a": a, "w": w} for seq, v, a, w in rows]
            if len(found) >= count:
                return found
    raise AssertionError(f"only {len(found)} samples")


@pytest.mark.parametrize("level", ["0", "1"])
def test_every_number_is_the_board_s_own(tmp_path: Path, level: str) -> None:
    link, truth_file = tmp_path / "board", tmp_path / "record"
    with program(tmp_path, "--port", f"bench={link}", "--no-demo") as running:
        args = ("--out", f"pty:{link}", "--level", level, "--interval-ms", "50", "--record", str(truth_file), "--linger", "30")
        with mock(*args) as board:
            wait_for(lambda: running.counts()["received"] > 0, 20)
            samples = listened(running, 20)
            wait_for(lambda: running.counts()["received"] >= COUNT, 30)
            board.process.terminate()
            board.process.wait(20)
        truth = {entry["seq"]: entry for entry in record(truth_file)}
        wait_for(lambda: running.json("/api/health")["storage"]["queued"] == 0, 20)
        readings = running.json("/api/history")["readings"]
        lines = list(csv.DictReader(io.StringIO(running.text("/api/history?format=csv"))))
        assert len(readings) >= COUNT
        first = readings[0]["seq"]
        assert [reading["seq"] for reading in readings] == list(range(first, first + len(readings)))
        assert all(same(reading, truth[reading["seq"]]) for reading in readings)
        assert all(same(sample, truth[sample["seq"]]) for sample in samples)
        assert [int(line["seq"]) for line in lines] == [reading["seq"] for reading in readings]
        for line in lines:
            values = {"v": float(line["voltage_v"]), "a": float(line["current_a"]), "w": float(line["power_w"])}
            assert same({"seq": int(line["seq"]), **values}, truth[int(line["seq"])])
        counts = running.counts()
        assert (counts["missing"], counts["lost"], counts["rejected"], counts["bad_lines"]) == (0, 0, 0, 0)
        assert running.stop() == 0
    rows = stored(tmp_path / "powermon.db")
    assert [row[1] for row in rows] == [reading["seq"] for reading in readings]
    assert all(agrees(row, truth[row[1]]) for row in rows)


DRAWN = """() => {
    const data = document.querySelector('#chart .js-plotly-plot')._fullData;
    const drawn = (channel) => data.find((trace) => trace.legendgroup === channel && trace.showlegend);
    return ['v', 'a', 'w'].map((channel) => Array.from(drawn(channel).y));
}"""


def test_the_page_shows_the_board_s_own_numbers(tmp_path: Path, browser: Browser) -> None:
    """Cards and curves as a reader sees them = /api/latest = what the board wrote down when it measured."""
    link, truth_file = tmp_path / "board", tmp_path / "record"
    args = ("--out", f"pty:{link}", "--interval-ms", "100", "--record", str(truth_file), "--linger", "30")
    with program(tmp_path, "--port", f"bench={link}", "--no-demo") as running:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        try:
            with mock(*args) as board:
                page.goto(running.address)
                page.wait_for_selector("#state[data-state=live]", timeout=60_000)
                live = [card(page) for _ in range(5) if ticked(page)]  # while readings come in
                wait_for(lambda: running.counts()["received"] >= COUNT, 60)
                board.process.terminate()
                board.process.wait(20)
            truth = {entry["seq"]: entry for entry in record(truth_file)}
            last = max(truth)
            wait_for(lambda: card(page)["seq"] == last, 60)
            reading = running.latest()["reading"]
            assert same(card(page), truth[last]) and same(reading, truth[last])
            assert all(same(shown, truth[shown["seq"]]) for shown in live) and len({shown["seq"] for shown in live}) > 1
            wait_for(lambda: are_the_last(drawn(page), truth), 60)
        finally:
            page.close()


def are_the_last(points: list[dict[str, float]], truth: dict[int, Any]) -> bool:
    """Whether they are the board's last readings, each one; what is older than the chart's span has left it."""
    measured = [truth[seq] for seq in sorted(truth)[-len(points) :]]
    agree = [same({"seq": true["seq"], **shown}, true) for shown, true in zip(points, measured, strict=True)]
    return len(points) >= COUNT // 2 and all(agree)


def card(page: Page) -> dict[str, Any]:
    """The large numbers, exact, and the number of their reading."""
    values = {channel: float(page.get_attribute(f"#value-{channel}", "data-value") or "nan") for channel in "vaw"}
    return {"seq": int(page.get_attribute("#value-v", "data-seq") or -1), **values}


def ticked(page: Page) -> bool:
    """Waits until the cards show another reading."""
    before = page.get_attribute("#value-v", "data-seq")
    wait_for(lambda: page.get_attribute("#value-v", "data-seq") != before, 60)
    return True


def drawn(page: Page) -> list[dict[str, float]]:
    """The readings of the chart in V, A, W; its axes may be in mV, mA, mW."""
    units = [page.inner_text(f"#side-{channel}").split()[0] for channel in "vaw"]
    factors = [1e-3 if unit.startswith("m") else 1.0 for unit in units]
    columns = zip(*page.evaluate(DRAWN), strict=True)
    return [dict(zip("vaw", (y * factor for y, factor in zip(row, factors, strict=True)), strict=True)) for row in columns]


def test_when_all_is_well_nothing_above_info_is_logged(tmp_path: Path) -> None:
    link = tmp_path / "board"
    board = mock("--out", f"pty:{link}", "--interval-ms", "20")
    with board, program(tmp_path, "--port", f"bench={link}", "--no-demo") as running:
        wait_for(lambda: running.counts()["received"] > 100, 20)
        assert running.stop() == 0
        log = running.log.read_text() if running.log.exists() else ""
    assert not [line for line in log.splitlines() if " INFO " not in line and " DEBUG " not in line]
