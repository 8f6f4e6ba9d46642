"""The live page in a real browser: numbers, states, languages, independence."""

from __future__ import annotations

import math
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np
import pytest
from playwright.sync_api import Page, Request, Route

from components import ids
from services.model import Counts, EventKind, GapState, Level, LinkState, PortInfo, Reason
from tests.components.conftest import Open
from tests.components.fakes import FakeMonitor, FakeServer, example_event, example_gap, example_rejected, values
from tests.components.looking import curve, hide_tab, number, state, text, until, window
from tests.components.test_text import SAME_IN_BOTH


def change(monitor: FakeMonitor, **fields: object) -> None:
    monitor.info = msgspec.structs.replace(monitor.info, **fields)
    monitor.state_version += 1


def test_the_numbers_shown_are_those_of_the_reading_named_beside_them(page: Page, monitor: FakeMonitor) -> None:
    shown = page.evaluate(
        """() => Array.from("vaw", (channel) => {
            const { seq, value } = document.getElementById("value-" + channel).dataset;
            return [seq, value];
        })"""
    )
    assert len({seq for seq, _ in shown}) == 1
    true = [float(column[0]) for column in values(np.array([int(shown[0][0]) + monitor.first_k]))]
    assert [float(value) for _, value in shown] == true


def test_statistics_of_60_s_and_their_coverage_are_shown(page: Page, monitor: FakeMonitor) -> None:
    rows = monitor.readings(monitor.now_us() - 59_000_000, monitor.now_us() - 1_000_000)
    for channel in "vaw":
        low, mean, high = (number(page, ids.stat(channel, name)) for name in ids.CHANNEL_STATS)
        assert low is not None and mean is not None and high is not None
        assert low <= getattr(rows, channel).min() + 1e-9 and high >= getattr(rows, channel).max() - 1e-9 and low < mean < high
        assert number(page, ids.coverage(channel)) == pytest.approx(60, abs=0.3)
        assert number(page, ids.moving(channel, 5)) is not None


def test_the_chart_is_extended_and_holds_every_reading(page: Page) -> None:
    before = window(page)[1]
    until(page, lambda: window(page)[1] > before + 1500)
    t0, t1 = window(page)
    k = np.arange(math.ceil(t0 / 100) + 2, math.floor(t1 / 100) - 3)
    drawn = curve(page, "v")
    points = dict(zip(drawn["x"], drawn["y"], strict=True))
    v, _, _ = values(k)
    assert [points[float(number) * 100] for number in k] == pytest.approx(v.tolist())


def test_the_speed_lamp_shows_how_long_readings_took_to_the_screen(page: Page) -> None:
    lamp = page.locator("#" + ids.fact("speed"))
    until(page, lambda: int(lamp.get_attribute("data-count") or 0) >= 20)
    p50, p95 = (float(lamp.get_attribute(name) or "nan") for name in ("data-p50", "data-p95"))
    assert 0 <= p50 <= p95
    assert f"{p50:.0f}" in lamp.inner_text()


def test_everything_comes_from_the_program_itself(open_page: Open, server: FakeServer) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector('#value-v:not([data-value=""])')
    assert [url for url in asked if not url.startswith((server.url, "data:", "blob:"))] == []


def test_strip_and_cards_take_at_most_a_quarter_of_the_height(page: Page) -> None:
    assert page.evaluate("document.querySelector('.cards').getBoundingClientRect().bottom") <= 225


def test_numbers_do_not_move_their_neighbours(page: Page) -> None:
    places = set()
    for _ in range(10):
        seq = page.get_attribute("#value-v", "data-seq")
        until(page, lambda seq=seq: page.get_attribute("#value-v", "data-seq") != seq)
        places.add(
            tuple(
                page.evaluate("['unit-v', 'unit-a', 'unit-w'].map((id) => document.getElementById(id).getBoundingClientRect().x)")
            )
        )
    assert len(places) == 1


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_nothing_is_wider_than_the_screen(open_page: Open, locale: str) -> None:
    page = open_page(locale=locale)
    page.wait_for_selector('#value-v:not([data-value=""])')
    for width in (360, 480, 768, 1024, 1440):
        page.set_viewport_size({"width": width, "height": 780})
        until(page, lambda width=width: page.evaluate("document.documentElement.scrollWidth") <= width)


def test_a_lost_link_says_what_to_do_and_counts_down(page: Page, monitor: FakeMonitor) -> None:
    change(monitor, state=LinkState.LOST, next_try_s=3.4, problem="/dev/ttyACM0 is not there. Plug the board in again.")
    until(page, lambda: state(page) == "reconnecting")
    assert "Plug the board in again." in text(page, "link-banner")
    assert "4 s" in text(page, "link-banner") and "4 s" in text(page, "state-detail")
    assert text(page, "announcer") == "Connection to the board lost. Reconnecting."
    change(monitor, state=LinkState.LIVE, next_try_s=None, problem="")
    until(page, lambda: state(page) == "live")
    assert not page.is_visible("#link-banner")


def test_silence_is_told_with_its_length(page: Page, monitor: FakeMonitor) -> None:
    monitor.frozen_us = monitor.now_us() - 3_000_000
    change(monitor, state=LinkState.STALE)
    until(page, lambda: state(page) == "stale")
    until(page, lambda: text(page, "state-detail").startswith("3."))


def test_the_live_region_speaks_changes_only(page: Page, monitor: FakeMonitor) -> None:
    page.evaluate(
        """() => { window.spoken = 0; new MutationObserver((all) => { window.spoken += all.length; })
            .observe(document.getElementById("announcer"), {childList: true, characterData: true, subtree: true}); }"""
    )
    seq = number(page, "value-v", "data-seq") or 0
    until(page, lambda: (number(page, "value-v", "data-seq") or 0) > seq + 10)
    assert page.evaluate("window.spoken") == 0
    monitor.levels = {"v": Level.NORMAL, "a": Level.NORMAL, "w": Level.DANGER}
    until(page, lambda: "Danger" in text(page, "announcer"))
    assert page.evaluate("window.spoken") == 1


def test_a_limit_passed_has_word_and_sign_not_only_colour(page: Page, monitor: FakeMonitor) -> None:
    monitor.levels = {"v": Level.NORMAL, "a": Level.WARNING, "w": Level.DANGER}
    until(page, lambda: page.get_attribute("#card-w", "data-level") == "danger")
    assert text(page, "level-a") == "Warning" and text(page, "level-w") == "Danger"
    assert page.is_visible("#level-w .icon") and not page.is_visible("#level-v")
    assert number(page, "alert-count") == 2


def test_the_account_is_shown_by_cause(page: Page, monitor: FakeMonitor) -> None:
    monitor.counts_now = Counts(1000, 40, 2, 3, 12, 5, 1, 7, 4, {"voltage_range": 3, "not_json": 4})
    until(page, lambda: number(page, "count-lost") == 5)
    shown = {name: number(page, ids.count(name)) for name in ids.COUNT_NAMES}
    assert shown == {name: getattr(monitor.counts_now, name) for name in ids.COUNT_NAMES}
    assert number(page, "completeness") == pytest.approx(monitor.counts_now.completeness)
    assert "99.1" in text(page, "completeness") or "98." in text(page, "completeness")
    assert number(page, "reason-voltage_range") == 3
    assert (text(page, "strip-recovered"), text(page, "strip-lost")) == ("40 recovered", "5 lost")


def test_nearly_complete_is_not_called_complete(page: Page, monitor: FakeMonitor) -> None:
    monitor.counts_now = Counts(received=999_999, lost=1)
    until(page, lambda: text(page, "completeness") == "99.99 %")


def test_a_board_without_numbers_has_no_completeness(page: Page, monitor: FakeMonitor) -> None:
    change(monitor, tracked=False, level=0)
    until(page, lambda: text(page, "completeness") == "–")
    assert "cannot be noticed" in (page.get_attribute("#wire-level-tip", "data-tip") or "")


def test_gaps_are_hatched_and_recovered_parts_marked(page: Page, monitor: FakeMonitor) -> None:
    lost, recovered = example_gap(monitor, 20, 25, GapState.LOST), example_gap(monitor, 35, 30, GapState.RECOVERED)
    monitor.missing = [(lost.first, lost.last)]
    monitor.gap_list = [lost, recovered]
    monitor.event_list = [example_event(monitor, 45, example_kind("reboot"), "The board restarted")]
    page.reload()
    page.wait_for_selector('.mark[data-kind="lost"]', state="attached")
    assert page.locator('.mark[data-kind="recovered"]').count() == 1
    assert page.locator('.mark.flag[data-kind="reboot"]').get_attribute("title") == "The board restarted"
    assert page.locator('.mark[data-kind="lost"]').get_attribute("title") == "25 lost"
    drawn = curve(page, "v")
    inside = [x for x in drawn["x"] if lost.t0_us / 1000 < x < lost.t1_us / 1000]
    assert inside == [] and None in drawn["y"]


def example_kind(name: str) -> EventKind:
    return EventKind(name)


def test_events_and_rejected_lines_are_listed(page: Page, monitor: FakeMonitor) -> None:
    monitor.event_list = [example_event(monitor, 3, example_kind("command"), "set_interval 500 ms: ok")]
    monitor.rejected_list = [example_rejected(monitor, '{"v":99}', Reason.VOLTAGE_RANGE)]
    monitor.state_version += 1
    until(page, lambda: "set_interval 500 ms: ok" in text(page, "event-list"))
    until(page, lambda: "voltage out of range" in text(page, "rejected-list"))


def test_text_from_a_board_is_data(page: Page, monitor: FakeMonitor) -> None:
    evil = '<img src=x onerror="document.title=1">'
    monitor.event_list = [example_event(monitor, 3, example_kind("hello"), evil)]
    monitor.rejected_list = [example_rejected(monitor, evil)]
    change(monitor, sensor=evil, board_id=evil, firmware=evil, problem=evil)
    until(page, lambda: evil in text(page, "event-list") and evil in text(page, "fact-firmware"))
    assert page.locator("#page img").count() == 0
    assert page.title() == "Powermon"


def test_storage_need_is_shown_with_what_it_rests_on(page: Page) -> None:
    until(page, lambda: "48 h at this rate need 1.15 GB (33 bytes a reading, measured)." in text(page, "storage-facts"))


def test_a_problem_of_the_recording_is_said(page: Page, monitor: FakeMonitor) -> None:
    monitor.storage = msgspec.structs.replace(monitor.storage, ok=False, problem="The disk is full. Readings are kept in memory.")
    until(page, lambda: "The disk is full." in text(page, "storage-banner"))


def test_korean_is_chosen_kept_and_complete(page: Page) -> None:
    page.click("#language-button")
    until(page, lambda: text(page, "state-word") == "실시간")
    assert page.inner_text("#range-5min") == "5분" and page.evaluate("document.documentElement.lang") == "ko"
    page.reload()
    until(page, lambda: text(page, "state-word") == "실시간")
    left = page.evaluate(
        """() => [...document.querySelectorAll("[data-t]")]
            .filter((element) => /^[A-Za-z ,.]{6,}$/.test(element.textContent))
            .map((element) => element.dataset.t)"""
    )
    assert set(left) <= SAME_IN_BOTH


def test_a_korean_browser_is_greeted_in_korean(open_page: Open) -> None:
    page = open_page(locale="ko-KR")
    until(page, lambda: text(page, "state-word") == "실시간")


def test_two_browsers_are_independent(open_page: Open) -> None:
    one, two = open_page(), open_page()
    one.click("#theme-button")
    one.click("#theme-button")
    one.click("#range-10s")
    one.click("#curve-a")
    until(one, lambda: one.evaluate("document.documentElement.dataset.theme") == "dark")
    until(one, lambda: 9_000 < window(one)[1] - window(one)[0] < 11_000)
    assert two.evaluate("document.documentElement.dataset.theme") == "light"
    assert 59_000 < window(two)[1] - window(two)[0] < 61_000
    assert two.get_attribute("#curve-a", "aria-pressed") == "true"


def test_hidden_curves_and_range_survive_updates_and_reload(page: Page) -> None:
    page.click("#curve-a")
    page.click("#range-10s")
    before = window(page)[1]
    until(page, lambda: window(page)[1] > before + 1000)
    assert curve(page, "a")["visible"] is False and curve(page, "v")["visible"] is True
    until(page, lambda: "range=10s" in page.url)
    page.reload()
    until(page, lambda: 9_000 < window(page)[1] - window(page)[0] < 11_000)
    until(page, lambda: curve(page, "a")["visible"] is False)


def test_overlaid_axes_share_the_pane(page: Page) -> None:
    page.click("#mode-button")
    script = """() => {
        const { layout } = document.querySelector("#chart .js-plotly-plot");
        return [layout.yaxis.domain, layout.yaxis2.domain, layout.yaxis3.domain];
    }"""
    until(page, lambda: page.evaluate(script) == [[0, 1]] * 3)


def test_a_system_in_the_dark_gets_the_dark_page(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(11, 14, 18)"


class TestProgramGone:
    @pytest.fixture
    def expected_errors(self) -> list[str]:
        return ["ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "did not respond", "Failed to fetch"]

    def test_it_is_told_and_mends_itself(self, page: Page, server: FakeServer) -> None:
        server.stop()
        until(page, lambda: state(page) == "offline")
        assert "The program does not answer." in text(page, "program-banner")
        until(page, lambda: "Trying again in" in text(page, "program-banner"))
        server.start()
        until(page, lambda: state(page) == "live")
        assert not page.is_visible("#program-banner")
        seq = number(page, "value-v", "data-seq") or 0
        until(page, lambda: (number(page, "value-v", "data-seq") or 0) > seq)


class TestNoBoardYet:
    @pytest.fixture
    def expected_errors(self) -> list[str]:
        return ["400"]

    def test_the_frame_stands_and_says_what_will_come(self, open_page: Open, monitor: FakeMonitor) -> None:
        monitor.started = False
        page = open_page()
        until(page, lambda: state(page) == "noboard")
        assert page.is_visible("#chart-empty") and text(page, "value-v") == "–"
        monitor.started = True
        until(page, lambda: state(page) == "live")
        until(page, lambda: not page.is_visible("#chart-empty"))

    def test_a_board_of_the_past_keeps_its_history(self, open_page: Open, monitor: FakeMonitor) -> None:
        monitor.known_only = True
        page = open_page("?device=bench-1&range=1h")
        until(page, lambda: state(page) == "history")
        assert number(page, "value-v") is None
        until(page, lambda: len(curve(page, "v")["x"]) > 100)


def test_a_hidden_tab_asks_nothing_and_catches_up_whole(page: Page) -> None:
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/api/" in request.url else None)
    until(page, lambda: len(asked) > 2)
    hide_tab(page, True)
    page.wait_for_timeout(300)  # an answer may be on its way
    asked.clear()
    page.wait_for_timeout(1000)
    assert asked == []
    hide_tab(page, False)
    until(page, lambda: [request for request in asked if "/api/live" in request.url])
    first = next(request for request in asked if "/api/live" in request.url)
    assert "cursor" not in parse_qs(urlsplit(first.url).query)


def test_ticks_never_pile_up(page: Page) -> None:
    waiting = 0
    most = 0

    def slowly(route: Route) -> None:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        page.wait_for_timeout(400)
        waiting -= 1
        route.continue_()

    page.route("**/api/live*", slowly)
    before = window(page)[1]
    until(page, lambda: window(page)[1] > before + 1500)
    page.unroute("**/api/live*")
    assert most == 1


def test_a_command_is_sent_and_its_outcome_shown(page: Page, monitor: FakeMonitor) -> None:
    page.fill("#interval-input", "250")
    page.click("#command-set-interval")
    until(page, lambda: "done in 42 ms" in text(page, "command-result"))
    page.click("#command-buzzer")
    until(page, lambda: len(monitor.commands) == 2)
    assert monitor.commands[0] == ("set_interval", {"value_ms": 250})
    assert monitor.commands[1][0] == "buzzer" and monitor.commands[1][1]["on_ms"] > 0


def test_a_senseless_interval_is_not_sent(page: Page, monitor: FakeMonitor) -> None:
    for count, interval in enumerate(("", "0", "abc", "99999"), 1):
        page.fill("#interval-input", interval)
        page.click("#command-set-interval")
        until(page, lambda count=count: page.locator('#command-result [data-result="refused"]').count() == count)
    assert "Enter an interval" in text(page, "command-result")
    assert monitor.commands == []


def test_faults_are_offered_for_the_simulated_board_only(page: Page, monitor: FakeMonitor) -> None:
    assert not page.is_visible("#demo-panel")
    change(monitor, demo=True)
    until(page, lambda: state(page) == "demo")
    assert "not measured" in text(page, "demo-banner") and text(page, "source-mark") == "DEMO"
    page.click("#fault-drop")
    until(page, lambda: page.get_attribute("#fault-drop", "aria-pressed") == "true")
    page.click("#fault-drop")
    page.click("#fault-clock-jump")
    until(page, lambda: len(monitor.faults) == 3)
    assert monitor.faults == [("drop", 0.05), ("drop", 0.0), ("clock_jump", 60.0)]


def test_a_port_is_looked_for_and_connected(page: Page, monitor: FakeMonitor) -> None:
    monitor.port_list = [PortInfo("/dev/ttyUSB7", "CH340", "1a86:7523", True, "")]
    page.click("#port-look")
    until(page, lambda: "/dev/ttyUSB7" in text(page, "port-list"))
    page.click("#port-list [data-connect-url]")
    until(page, lambda: monitor.connected == [("/dev/ttyUSB7", "")])
    page.fill("#connect-url", "socket://bench:5000")
    page.fill("#connect-name", "bench-2")
    page.click("#connect-button")
    until(page, lambda: monitor.connected[-1] == ("socket://bench:5000", "bench-2"))


def test_who_may_only_look_is_not_offered_commands(open_page: Open, monitor: FakeMonitor) -> None:
    monitor.role = "viewer"
    page = open_page()
    until(page, lambda: page.is_disabled("#command-ping") and page.is_disabled("#connect-button"))
    assert "operator" in text(page, "connect-result")


def test_a_limit_outside_the_picture_is_pointed_at(page: Page) -> None:
    limit = page.locator('.limit[data-channel="w"]')
    limit.wait_for(state="attached")
    assert limit.get_attribute("data-outside") == "above"
    assert limit.inner_text() == "↑ Danger > 9.000 W"
