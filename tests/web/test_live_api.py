"""GET /api/live: one answer with everything a tick needs, made once for all tabs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from services.model import LinkState
from services.web.live import MAX_ANSWERS, MAX_FEEDS, TICK_S, LiveAnswers
from tests.web.fake_monitor import DEVICE, STEP_US, STORED_ONLY, T0_US, FakeMonitor


def test_one_answer_holds_everything_a_tick_needs(client: httpx.Client, monitor: FakeMonitor) -> None:
    body = client.get("/api/live", params={"device": DEVICE, "span_s": 60, "points": 1200}).json()
    assert set(body) == {
        "device",
        "now",
        "cursor",
        "whole",
        "from",
        "dropped",
        "bucket_us",
        "t",
        "v",
        "a",
        "w",
        "break",
        "recovered",
        "marked",
        "snapshot",
        "gaps",
        "events",
        "seen",
        "all",
    }
    assert body["whole"] is True and body["cursor"] == 200 and body["t"][1] == (T0_US + STEP_US) / 1000
    assert body["v"]["mean"] == monitor.stored.v.tolist() and set(body["v"]) == {"mean"}
    assert body["gaps"][0]["state"] == "recovered"
    assert [event["kind"] for event in body["events"]] == ["reboot"]


def test_the_snapshot_carries_the_board_and_what_was_measured(client: httpx.Client) -> None:
    state = client.get("/api/live").json()["snapshot"]
    assert state["state"] == "live" and state["device"] == DEVICE and state["demo"] is False
    assert set(state["last"]) == {"v", "a", "w", "seq", "time"}
    assert set(state["stats_1m"]) == {"min", "max", "avg", "coverage_s", "count", "marked"}
    assert state["counts"]["expected"] == 200 and state["completeness"] == 1.0
    assert state["levels"] == {"v": "normal", "a": "normal", "w": "warning"}
    assert state["moving"] == {"60": [58.2, 5.0, 0.2, 1.0]} and state["version"] == 7


def test_with_a_cursor_only_what_is_new_comes(client: httpx.Client, monitor: FakeMonitor) -> None:
    cursor = client.get("/api/live").json()["cursor"]
    monitor.feed(5)
    wait_for_the_next_tick(monitor)
    body = client.get("/api/live", params={"cursor": cursor}).json()
    assert body["whole"] is False and len(body["t"]) == 5 and body["cursor"] == 205


def merged(old: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """A snapshot as the page puts it together."""
    members = {name: old[name] | changed.get(name, {}) for name in ("stats_1m", "moving", "counts", "levels")}
    return old | changed | members


def test_what_was_seen_and_has_not_changed_is_left_out(client: httpx.Client, monitor: FakeMonitor) -> None:
    first = client.get("/api/live").json()
    monitor.feed(1)
    wait_for_the_next_tick(monitor)
    answer = client.get("/api/live", params={"cursor": first["cursor"], "seen": first["seen"]})
    body = answer.json()
    assert len(answer.content) <= 1000
    assert first["all"] is True and body["all"] is False and body["seen"] != first["seen"]
    assert not {"gaps", "events"} & set(body)
    assert set(body["snapshot"]) == {"last", "stats_1m", "counts"}
    assert merged(first["snapshot"], body["snapshot"]) == client.get("/api/live").json()["snapshot"]


def test_what_changed_since_an_older_word_is_told_too(client: httpx.Client, monitor: FakeMonitor) -> None:
    first = client.get("/api/live").json()
    monitor.state = LinkState.STALE
    wait_for_the_next_tick(monitor)
    second = client.get("/api/live", params={"seen": first["seen"]}).json()
    wait_for_the_next_tick(monitor)
    third = client.get("/api/live", params={"seen": second["seen"]}).json()
    late = client.get("/api/live", params={"seen": first["seen"]}).json()
    assert second["snapshot"]["state"] == "stale" and late["snapshot"]["state"] == "stale"
    assert "state" not in third["snapshot"]


def test_a_quiet_minute_has_empty_lists(client: httpx.Client, monitor: FakeMonitor) -> None:
    monitor.gaps = lambda *_: []  # type: ignore[method-assign]
    monitor.events = lambda *_: []  # type: ignore[method-assign]
    body = client.get("/api/live").json()
    assert body["gaps"] == [] and body["events"] == []


@pytest.mark.parametrize("seen", ["", "-", "x", "0000-0", "0000-99999999999999999999", "no-such-thing", "é-²"])
def test_a_word_that_is_not_ours_gets_everything(client: httpx.Client, seen: str) -> None:
    body = client.get("/api/live", params={"seen": seen}).json()
    assert body["all"] is True
    assert "url" in body["snapshot"] and "gaps" in body and "events" in body


def test_the_ways_to_ask_that_are_kept_are_bounded(client: httpx.Client) -> None:
    answers = LiveAnswers()
    first = answers.feed("demo", 60.0, 1200)
    assert answers.feed("demo", 60.0, 1200) is first
    for points in range(5 * MAX_FEEDS):
        answers.feed("demo", 60.0, points)
    assert len(answers) == MAX_FEEDS and answers.feed("demo", 60.0, 1200) is not first


def set_clock(monitor: FakeMonitor, now_s: float) -> None:
    """No time passes between two questions."""
    monitor.clock.monotonic_s = lambda: now_s  # type: ignore[method-assign]


def wait_for_the_next_tick(monitor: FakeMonitor) -> None:
    set_clock(monitor, monitor.clock.monotonic_s() + TICK_S)


def asked(monitor: FakeMonitor, name: str) -> int:
    return [call[0] for call in monitor.calls].count(name)


def test_gaps_are_not_asked_for_at_each_tick(client: httpx.Client, monitor: FakeMonitor) -> None:
    set_clock(monitor, 100.0)
    for cursor in range(30):
        assert client.get("/api/live", params={"cursor": cursor}).status_code == 200
    assert asked(monitor, "live") == 30 and asked(monitor, "gaps") == 1


def test_the_same_question_within_a_tick_is_not_computed_twice(client: httpx.Client, monitor: FakeMonitor) -> None:
    set_clock(monitor, 100.0)
    answers = {client.get("/api/live", params={"cursor": 3}).content for _ in range(20)}
    assert len(answers) == 1
    assert asked(monitor, "live") == 1


def test_tabs_that_started_at_different_moments_fall_into_step(client: httpx.Client, monitor: FakeMonitor) -> None:
    tabs: list[dict[str, Any]] = [{} for _ in range(20)]
    rounds, points = 12, [0] * len(tabs)
    for turn in range(rounds):
        if turn == 2:
            monitor.calls.clear()
        for number, tab in enumerate(tabs):
            monitor.feed(1)  # 200 readings a second, and every tab asks each 100 ms at a moment of its own
            set_clock(monitor, 100.0 + turn * 0.1 + number * 0.005)
            body = client.get("/api/live", params={name: tab[name] for name in ("cursor", "seen") if name in tab}).json()
            points[number] += len(body["t"])
            tabs[number] = body
    ticks = (rounds - 2) * 2
    assert asked(monitor, "live") <= 2 * ticks  # 200 pulls
    assert min(points) >= len(monitor.stored) - 20


def test_a_shared_cursor_never_skips_a_reading(client: httpx.Client, monitor: FakeMonitor) -> None:
    set_clock(monitor, 100.0)
    early = client.get("/api/live").json()
    monitor.feed(3)
    late = client.get("/api/live", params={"seen": "another question"}).json()
    assert len(late["t"]) == 203 and late["cursor"] == early["cursor"] == 200
    monitor.feed(1)
    wait_for_the_next_tick(monitor)
    body = client.get("/api/live", params={"cursor": late["cursor"]}).json()
    assert body["from"] <= late["t"][200] and len(body["t"]) == 4


def test_answers_kept_within_a_tick_are_bounded(client: httpx.Client, monitor: FakeMonitor) -> None:
    set_clock(monitor, 100.0)
    for _ in range(2):
        for cursor in range(2 * MAX_ANSWERS):
            client.get("/api/live", params={"cursor": cursor})
    assert asked(monitor, "live") == 3 * MAX_ANSWERS


def test_a_board_without_a_link_has_no_live_state(client: httpx.Client) -> None:
    for device in (STORED_ONLY, "nobody"):
        answer = client.get("/api/live", params={"device": device})
        assert answer.status_code == 400 and answer.json()["error"]["code"] == "unknown_device"


@pytest.mark.parametrize(
    ("name", "value"), [("span_s", "0"), ("span_s", "nan"), ("points", "0"), ("cursor", "-1"), ("cursor", "x")]
)
def test_bad_numbers_are_refused(client: httpx.Client, name: str, value: str) -> None:
    answer = client.get("/api/live", params={name: value})
    assert answer.status_code == 400 and answer.json()["error"]["field"] == name
