"""GET /api/live: one answer with everything a tick needs, made once for all tabs."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.web.live import LIMIT, Recent
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
        "snapshot",
        "gaps",
        "events",
    }
    assert body["whole"] is True and body["cursor"] == 200 and body["t"][1] == (T0_US + STEP_US) / 1000
    assert body["v"]["mean"] == monitor.stored.v.tolist() and set(body["v"]) == {"mean"}
    assert body["gaps"][0]["state"] == "recovered"
    assert [event["kind"] for event in body["events"]] == ["reboot"]


def test_the_snapshot_carries_the_board_and_what_was_measured(client: httpx.Client) -> None:
    state = client.get("/api/live").json()["snapshot"]
    assert state["state"] == "live" and state["device"] == DEVICE and state["demo"] is False
    assert set(state["last"]) == {"v", "a", "w", "seq", "time"}
    assert set(state["stats_1m"]) == {"min", "max", "avg", "coverage_s", "count"}
    assert state["counts"]["expected"] == 200 and state["completeness"] == 1.0
    assert state["levels"] == {"v": "normal", "a": "normal", "w": "warning"}
    assert state["moving"][0]["span_s"] == 60 and state["version"] == 7


def test_with_a_cursor_only_what_is_new_comes(client: httpx.Client, monitor: FakeMonitor) -> None:
    cursor = client.get("/api/live").json()["cursor"]
    monitor.feed(5)
    body = client.get("/api/live", params={"cursor": cursor}).json()
    assert body["whole"] is False and len(body["t"]) == 5 and body["cursor"] == 205
    assert len(client.get("/api/live", params={"cursor": 205}).content) < 2500


def test_twenty_tabs_that_ask_the_same_share_one_answer() -> None:
    recent: Recent[bytes] = Recent(0.05)
    recent.put("question", b"answer", 10.0)
    assert recent.get("question", 10.049) == b"answer"
    assert recent.get("question", 10.05) is None
    assert recent.get("another", 10.0) is None


@given(st.lists(st.integers(0, 500), max_size=300))
def test_shared_answers_are_bounded(keys: list[int]) -> None:
    recent: Recent[bytes] = Recent(0.05)
    for key in keys:
        recent.put(key, b"x", 1.0)
    assert len(recent) <= LIMIT
    assert not keys or recent.get(keys[-1], 1.0) == b"x"


def stop_the_clock(monitor: FakeMonitor) -> None:
    """From now on no time passes between two questions."""
    now_s = monitor.clock.monotonic_s()
    monitor.clock.monotonic_s = lambda: now_s  # type: ignore[method-assign]


def test_gaps_are_not_asked_for_at_each_tick(client: httpx.Client, monitor: FakeMonitor) -> None:
    stop_the_clock(monitor)
    for cursor in range(30):
        assert client.get("/api/live", params={"cursor": cursor}).status_code == 200
    assert [call[0] for call in monitor.calls].count("live") == 30
    assert [call[0] for call in monitor.calls].count("gaps") == 1


def test_the_same_question_within_a_tick_is_not_computed_twice(client: httpx.Client, monitor: FakeMonitor) -> None:
    stop_the_clock(monitor)
    answers = {client.get("/api/live", params={"cursor": 3}).content for _ in range(20)}
    assert len(answers) == 1
    assert [call[0] for call in monitor.calls].count("live") == 1


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
