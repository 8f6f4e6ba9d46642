"""The live page in a real browser: what it shows is what the board said, and what is wrong is said at once."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import numpy as np
import pytest
from playwright.sync_api import Page, Request

from services.alert_model import Level
from services.model import Counts, Event, EventKind, Gap, GapState, LinkState
from tests.components.conftest import Open
from tests.components.fakes import BOARDS, OLD, STEP_US, FakeMonitor, FakeServer, values
from tests.components.looking import curve, hide_tab, number, on_chart, shown, state, text, ticks, until, view


def test_the_numbers_are_those_of_the_last_reading(page: Page, monitor: FakeMonitor) -> None:
    monitor.frozen_us = monitor.now_us()
    k = monitor.frozen_us // STEP_US
    until(page, lambda: number(page, "value-v", "data-seq") == k - monitor.first_k)
    v, a, w = (float(column[0]) for column in values(np.array([k])))
    assert (number(page, "value-v"), number(page, "value-a"), number(page, "value-w")) == (v, a, w)
    assert text(page, "value-v").split() == [f"{v:.3f}", "V"]


def test_the_curve_is_the_boards_record_of_the_window(page: Page) -> None:
    ticks(page, 2)
    drawn = curve(page, "v")
    k = np.round(np.array(drawn["x"]) / 100).astype(np.int64)
    assert len(k) >= 598 and (np.diff(k) == 1).all()
    assert np.abs(np.array(drawn["y"]) - values(k)[0]).max() < 1e-6
    first, last = shown(page)
    assert last - first == pytest.approx(60_000, abs=2)


@pytest.mark.parametrize(("zone", "ahead_h"), [("Asia/Seoul", 9), ("UTC", 0)])
def test_readings_stand_at_their_time_in_the_readers_zone(page: Page, monitor: FakeMonitor, zone: str, ahead_h: int) -> None:
    if zone == "UTC":  # the browser of these tests is in Seoul
        page.click("#zone-button")
    until(page, lambda: view(page)["zone"] == zone)
    ticks(page, 2)
    seen = page.evaluate("() => document.querySelector('#chart .js-plotly-plot').calcdata.at(3).at(-1).x")
    utc_ms = seen - ahead_h * 3_600_000
    assert utc_ms % 100 == pytest.approx(0, abs=1e-3)
    assert 0 <= monitor.now_us() / 1000 - utc_ms < 3000
    first, last = shown(page)
    assert first <= seen <= last
    assert ("KST" if ahead_h else "UTC") in text(page, "zone-button")


def test_another_board_is_shown_at_once_and_nothing_of_the_one_before(page: Page) -> None:
    page.select_option("#board-select", BOARDS[1])
    until(page, lambda: (number(page, "value-v") or 0) > 11)
    until(page, lambda: min(curve(page, "v")["y"]) > 11)
    assert f"device={BOARDS[1]}" in page.url
    assert page.input_value("#board-select") == BOARDS[1]


def test_a_board_of_the_record_is_named_and_its_numbers_are_not_of_now(open_page: Open) -> None:
    page = open_page(f"?device={OLD}&span=60")
    until(page, lambda: state(page) == "history")
    until(page, lambda: page.input_value("#board-select") == OLD)
    assert number(page, "value-v") is None
    assert len(curve(page, "v")["x"]) > 500


def test_an_outage_is_hatched_while_it_lasts_and_says_when_it_is_tried_again(page: Page, monitor: FakeMonitor) -> None:
    monitor.frozen_us = monitor.now_us()
    lost = {"state": LinkState.LOST, "problem": "/dev/ttyACM0 was closed", "next_try_s": 4.0}
    monitor.info = msgspec.structs.replace(monitor.info, **lost)
    until(page, lambda: state(page) == "reconnecting")
    assert "4 s" in text(page, "state")
    assert "/dev/ttyACM0 was closed" in text(page, "alerts")
    hatched = "() => document.querySelector('#chart .js-plotly-plot')._fullData[9].visible === true"
    until(page, lambda: page.evaluate(hatched))
    assert "old" in (page.get_attribute("#card-v", "class") or "")


def test_recovered_readings_are_marked_and_counted(page: Page, monitor: FakeMonitor) -> None:
    k = monitor.now_us() // STEP_US - 100
    monitor.gap_list = [Gap(BOARDS[0], 17, k, k + 9, (k - 1) * STEP_US, (k + 10) * STEP_US, GapState.RECOVERED)]
    monitor.counts_now = Counts(received=500, recovered=10)
    until(page, lambda: "10 recovered" in text(page, "note"))
    until(page, lambda: "10 recovered" in text(page, "completeness"))
    assert page.evaluate("() => document.querySelectorAll('#chart .layer-below .shapelayer path').length") >= 1


def test_the_note_counts_what_came_again_as_the_strip_does(page: Page, monitor: FakeMonitor) -> None:
    """A gap that is closed may hold one reading more than was recovered: one that came in its turn after all."""
    k = monitor.now_us() // STEP_US - 100
    monitor.gap_list = [Gap(BOARDS[0], 17, k, k + 9, (k - 1) * STEP_US, (k + 10) * STEP_US, GapState.RECOVERED)]
    monitor.recovered = 9
    monitor.counts_now = Counts(received=500, recovered=9)
    for place in ("note", "completeness"):
        until(page, lambda place=place: "9 recovered" in text(page, place))  # type: ignore[misc]
    assert "10 recovered" not in text(page, "note")


def test_the_page_tries_no_way_to_the_server_that_the_guard_closes(open_page: Open) -> None:
    page = open_page()
    sockets: list[str] = []
    said: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.on("console", lambda message: said.append(message.text))
    page.reload()
    ticks(page, 3)
    config = json.loads(page.locator("#_dash-config").inner_text())
    assert "websocket" not in config and [text for text in said if "WebSocket" in text] == []
    workers = page.evaluate("() => performance.getEntriesByType('resource').map((one) => one.name)")
    assert sockets == [] and [name for name in workers if "ws-worker" in name or "ws-callback" in name] == []


def test_a_point_that_stands_for_several_readings_says_their_extremes_on_hover(open_page: Open) -> None:
    page = open_page(width=360, height=740)
    page.wait_for_selector("#chart .trace path.js-line", state="attached")
    said = re.compile(r"V : [\d.]+ V \([\d.]+ … [\d.]+\)")

    def hovered() -> object:
        page.mouse.move(*on_chart(page, 0.5))
        return said.search(page.locator("#chart .hoverlayer").text_content() or "")

    until(page, hovered)


def test_a_limit_is_announced_with_word_icon_and_colour(page: Page, monitor: FakeMonitor) -> None:
    monitor.levels = {"v": Level.NORMAL, "a": Level.NORMAL, "w": Level.DANGER}
    until(page, lambda: page.locator("#card-w.level-danger .level .icon").count() == 1)
    assert "Danger" in text(page, "card-w")
    assert "Power is beyond its danger limit" in text(page, "alerts")
    until(page, lambda: "Danger" in text(page, "announcer"))


def test_marks_stand_in_their_lane_and_say_what_happened(page: Page, monitor: FakeMonitor) -> None:
    happened = monitor.now_us() - 20_000_000
    monitor.event_list = [Event(BOARDS[0], happened, EventKind.REBOOT, "the board restarted (boot 18)", {"boot": 18}, 1)]
    lane = "() => document.querySelector('#chart .js-plotly-plot')._fullData[15]"
    until(page, lambda: page.evaluate(f"({lane})().visible === true"))
    assert "boot 18" in page.evaluate(f"({lane})().hovertext[0]")


def test_a_hidden_tab_stops_asking_and_catches_up_when_it_is_shown(page: Page) -> None:
    asked: list[Request] = []
    hide_tab(page, True)
    page.wait_for_timeout(1200)  # what was under way comes to its end
    page.on("request", lambda request: asked.append(request))
    page.wait_for_timeout(3000)
    assert [request.url for request in asked] == []
    hide_tab(page, False)
    until(page, lambda: len(asked) >= 2)
    last = number(page, "value-v", "data-seq") or 0
    until(page, lambda: (number(page, "value-v", "data-seq") or 0) > last)


def test_ticks_do_not_pile_up_behind_a_slow_program(page: Page, monitor: FakeMonitor) -> None:
    under_way: set[Any] = set()
    most: list[int] = []

    def began(request: Request) -> None:
        if '"tick.n_intervals"' in (request.post_data or ""):
            under_way.add(request)
            most.append(len(under_way))

    page.on("request", began)
    page.on("requestfinished", lambda request: under_way.discard(request))
    monitor.hold.clear()
    page.wait_for_timeout(4000)
    monitor.hold.set()
    ticks(page, 3)
    assert max(most) == 1


def test_the_page_goes_on_after_the_program_was_restarted(
    open_page: Open, server: FakeServer, expected_errors: list[str]
) -> None:
    expected_errors += ["Failed to load resource", "Callback failed", "fetch"]
    page = open_page()
    ticks(page, 1)
    server.stop()
    until(page, lambda: text(page, "offline") != "" and page.is_visible("#offline"))
    server.start()
    ticks(page, 2)
    until(page, lambda: not page.is_visible("#offline"))


def test_two_readers_are_independent(open_page: Open) -> None:
    one = open_page("?span=10")
    other = open_page("?device=bench-2&span=300", locale="ko-KR", color_scheme="dark")
    ticks(one, 2)
    ticks(other, 2)
    assert one.evaluate("document.documentElement.dataset.bsTheme") == "light"
    assert other.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    assert (one.get_attribute("#page", "lang"), other.get_attribute("#page", "lang")) == ("en", "ko")
    first, last = shown(one)
    assert last - first == pytest.approx(10_000, abs=2)
    first, last = shown(other)
    assert last - first == pytest.approx(300_000, abs=2)
    assert (number(one, "value-v") or 0) < 6 < (number(other, "value-v") or 0)


def test_the_frames_stand_before_dash_has_loaded(open_page: Open) -> None:
    page = open_page()
    page.route("**/_dash-layout", lambda route: None)
    page.reload(wait_until="domcontentloaded")
    assert page.locator(".first-paint .card").count() == 4
    assert page.is_visible(".first-paint .chart-frame")
    page.unroute("**/_dash-layout")


def test_at_most_250_components_are_mounted(page: Page) -> None:
    layout = page.evaluate("() => fetch('/_dash-layout').then((answer) => answer.text())")
    assert layout.count('"namespace"') + page.evaluate("() => document.querySelectorAll('#strip-live *, #cards *').length") <= 250
