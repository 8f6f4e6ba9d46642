"""An alert that is firing when the program is killed goes on as the same one afterwards."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.mock.serving import wait_for
from tests.system.running import Program, program

RULE = {"id": "low", "channel": "v", "severity": "danger", "on": 0.5, "off": 0.4, "hold_s": 0.2, "actions": ["buzzer"]}


def put(program: Program, path: str, body: Any, method: str = "PUT") -> Any:
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(program.address + path, json.dumps(body).encode(), kind, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def one(running: Program) -> dict[str, Any]:
    """The only episode there is, or nothing."""
    episodes: list[dict[str, Any]] = running.json("/api/alerts")["episodes"]
    assert len(episodes) <= 1
    return episodes[0] if episodes else {}


def test_killed_in_the_middle_it_stays_one_episode(tmp_path: Path) -> None:
    with program(tmp_path, "--mock", "normal") as first:
        put(first, "/api/alerts/rules", {"rules": [RULE]})
        wait_for(lambda: one(first).get("evidence", {}).get("buzzer", {}).get("result") == "ok", 30)
        wait_for(lambda: one(first)["readings"] > 20, 30)
        before = one(first)
        first.kill()
    assert before["evidence"]["buzzer"]["value_to_answer_ms"] > 0 and before["end"] is None

    with program(tmp_path, "--mock", "normal") as second:
        assert second.json("/api/alerts/rules")["rules"][0]["id"] == "low"
        wait_for(lambda: one(second)["readings"] > before["readings"] + 10, 30)
        after = one(second)
        assert (after["id"], after["start"], after["end"]) == (before["id"], before["start"], None)
        assert after["evidence"]["buzzer"] == before["evidence"]["buzzer"]
        put(second, "/api/alerts/rules", {"rules": [RULE | {"on": 50, "off": 49}]})
        wait_for(lambda: second.json("/api/alerts")["episodes"][-1]["ended_by"] == "rule", 30)
