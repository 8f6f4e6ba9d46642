"""Alerts over HTTP and WebSocket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from websockets.sync.client import connect

from services.alert_model import AlertChange, AlertChannel, AlertRule, Episode, Level
from tests.web.fake_monitor import DEVICE, T0_US, FakeMonitor
from tests.web.program import LOOK, TOKEN, program

RULE = {"id": "over", "channel": "w", "severity": "danger", "on": 10, "off": 9.5, "hold_s": 1, "actions": ["buzzer", "webhook"]}
OVER = AlertRule("over", AlertChannel.W, Level.DANGER, 10, 9.5, hold_s=1)
SECOND = 1_000_000
EPISODE = Episode(f"over.{DEVICE}.{T0_US}", DEVICE, OVER, T0_US, T0_US + SECOND, T0_US + 3 * SECOND, 12.5, 31)
ENDED = msgspec.structs.replace(EPISODE, end_us=T0_US + 4 * SECOND, cleared_us=T0_US + 4 * SECOND, ended_by="value")


def test_rules_are_set_all_together_and_told(client: httpx.Client, monitor: FakeMonitor) -> None:
    answer = client.put("/api/alerts/rules", json={"rules": [RULE]})
    assert answer.status_code == 200 and answer.json() == client.get("/api/alerts/rules").json()
    (rule,) = answer.json()["rules"]
    assert rule == RULE | {"above": True, "clear_s": 0.0, "device": "", "repeat_s": 60.0, "enabled": True, "name": ""}
    assert monitor.listed.rules.rules[0].hold_s == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"off": 11}, "rules[0].off"),
        ({"severity": "normal"}, "rules[0].severity"),
        ({"channel": "x"}, "rules.channel"),
        ({"on": "nan"}, "rules.on"),
        ({"id": "a b"}, "rules.id"),
        ({"surprise": 1}, "rules.surprise"),
        ({"hold_s": -1}, "rules.hold_s"),
        ({"channel": "age", "on": 3, "off": 3}, "rules[0].actions"),
    ],
)
def test_a_rule_that_makes_no_sense_is_400_and_changes_nothing(
    client: httpx.Client, monitor: FakeMonitor, change: dict[str, Any], field: str
) -> None:
    answer = client.put("/api/alerts/rules", json={"rules": [RULE | change]})
    assert answer.status_code == 400 and answer.json()["error"]["field"] == field
    assert monitor.alerts.rules.rules == ()


def test_episodes_say_what_when_and_where_to_look(client: httpx.Client, monitor: FakeMonitor) -> None:
    monitor.listed.listed = {ENDED.id: ENDED}
    (told,) = client.get("/api/alerts", params={"from": T0_US / 1e6, "device": DEVICE}).json()["episodes"]
    assert (told["start"], told["end"], told["duration_s"]) == ("2023-11-14T22:13:20.000000Z", "2023-11-14T22:13:24.000000Z", 4)
    assert told["title"] == "DANGER on bench-1: power above 10 W for 1 s" and told["rule"]["id"] == "over"
    assert told["link"] == "/?device=bench-1&from=2023-11-14T22:12:50.000Z&to=2023-11-14T22:13:54.000Z"
    assert client.get("/api/alerts", params={"from": T0_US / 1e6 + 9}).json() == {"episodes": []}
    assert client.get("/api/alerts", params={"device": "nobody"}).status_code == 400


def test_a_back_test_says_how_often_and_how_long(client: httpx.Client, monitor: FakeMonitor) -> None:
    monitor.listed.found = (ENDED, msgspec.structs.replace(EPISODE, start_us=T0_US + 2 * SECOND))
    answer = client.post("/api/alerts/backtest", json={"rule": RULE, "from": T0_US / 1e6, "to": T0_US / 1e6 + 5}).json()
    assert (answer["fired"], answer["longest_s"], answer["total_s"], answer["firing_at_end"]) == (2, 4, 5, True)
    assert answer["episodes"][0]["peak"] == 12.5 and answer["episodes"][1]["end"] is None
    rule, device, t0_us, t1_us = monitor.listed.tried[-1]
    assert (rule.hold_s, device, t0_us, t1_us) == (1, DEVICE, T0_US, T0_US + 5 * SECOND)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rule": RULE | {"channel": "completeness", "on": 0.9, "off": 0.8}}, "rule.channel"),
        ({"rule": RULE | {"off": 12}}, "rule.off"),
        ({"rule": RULE, "from": 10, "to": 5}, "from"),
        ({"rule": RULE, "device": "nobody"}, "device"),
        ({}, "rule"),
    ],
)
def test_what_cannot_be_tried_says_why(client: httpx.Client, body: dict[str, Any], field: str) -> None:
    answer = client.post("/api/alerts/backtest", json=body)
    assert answer.status_code == 400 and answer.json()["error"]["field"] == field


def test_acknowledging_and_snoozing(client: httpx.Client, monitor: FakeMonitor) -> None:
    monitor.listed.listed = {ENDED.id: ENDED}
    client.put("/api/alerts/rules", json={"rules": [RULE]})
    told = client.post(f"/api/alerts/{ENDED.id}/acknowledge", json={}).json()
    assert told["acknowledged"] is not None
    assert client.post("/api/alerts/over.bench-1.7/acknowledge", json={}).status_code == 400
    until = client.post("/api/alerts/rules/over/snooze", json={"for_s": 60}).json()["snoozed_until"]
    assert list(until) == ["over"]
    assert client.post("/api/alerts/rules/over/snooze", json={"for_s": 0}).json()["snoozed_until"] == {}
    assert client.post("/api/alerts/rules/other/snooze", json={"for_s": 60}).json()["error"]["code"] == "unknown_rule"


def test_a_listener_is_told_of_every_change_of_its_board(address: str, monitor: FakeMonitor) -> None:
    with connect(f"ws://{address}/ws/realtime?interval_ms=100&device={DEVICE}") as socket:
        socket.recv(timeout=10)
        elsewhere = msgspec.structs.replace(EPISODE, device="other", id="over.other.1")
        for change in (AlertChange("fired", elsewhere), AlertChange("fired", EPISODE, 12.5), AlertChange("ended", ENDED, 9.0)):
            monitor.alerts._told(change)
        told = []
        while len(told) < 2:
            message = json.loads(socket.recv(timeout=10))
            told += [message["data"]] if message["type"] == "alert" else []
    assert [(one["change"], one["value"], one["device"]) for one in told] == [("fired", 12.5, DEVICE), ("ended", 9.0, DEVICE)]


def test_a_viewer_may_look_at_alerts_and_change_nothing(tmp_path: Path) -> None:
    with program(tmp_path, token=TOKEN, viewer_token=LOOK) as running:
        with running.client(LOOK) as client:
            assert client.get("/api/alerts").status_code == 200 and client.get("/api/alerts/rules").status_code == 200
            assert client.put("/api/alerts/rules", json={"rules": []}).status_code == 403
            assert client.post("/api/alerts/rules/x/snooze", json={"for_s": 1}).status_code == 403
            assert client.post("/api/alerts/x.y.1/acknowledge", json={}).status_code == 403
        with running.client(TOKEN) as client:
            assert client.put("/api/alerts/rules", json={"rules": [RULE]}).status_code == 200
