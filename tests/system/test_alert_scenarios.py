"""Alerts of the whole program on a board whose truth is known: a replayed recording, a real receiver of the webhook."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.actions.test_webhook import Receiver
from tests.mock.serving import wait_for
from tests.system.running import Program, program
from tests.system.test_alert_restart import put

STEP_S = 0.1
LOW_W, HIGH_W, PEAK_W = 5.0, 12.0, 14.5
RULE = {
    "id": "over", "channel": "w", "severity": "danger", "on": 10, "off": 9.5, "hold_s": 1, "clear_s": 1.5, "repeat_s": 0,
    "actions": ["webhook"],
}  # fmt: skip


def recording(file: Path, *spans: tuple[float, float]) -> None:
    """(watts, seconds) one after another, ten readings a second; the middle of the third span is its peak."""
    watts = [w for w, seconds in spans for _ in range(round(seconds / STEP_S))]
    first = round(sum(seconds for _, seconds in spans[:3]) / STEP_S)
    watts[first + 6] = PEAK_W
    rows = [f"{at * STEP_S:.1f},5.0,{w / 5:.3f},{w:.3f}" for at, w in enumerate(watts)]
    file.write_text("\n".join(["time_s,voltage_v,current_a,power_w", *rows, ""]), encoding="utf-8")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@contextlib.contextmanager
def replaying(folder: Path, file: Path, port: int) -> Iterator[Program]:
    """The program with the rule in force before the first reading comes."""
    with program(folder) as before:
        put(before, "/api/alerts/rules", {"rules": [RULE]})
        assert before.stop() == 0
    hook = f"http://127.0.0.1:{port}/hook"
    with program(folder, "--mock", "normal", "--mock-args", f"--replay {file}", "--webhook", hook) as running:
        yield running


def episodes(running: Program) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = running.json("/api/alerts")["episodes"]
    return found


def ended(running: Program) -> dict[str, Any] | None:
    return next((one for one in episodes(running) if one["end"]), None)


def tried_out(running: Program, body: Any) -> Any:
    return put(running, "/api/alerts/backtest", body, method="POST")


def watched(look: Callable[[], Any], running: Program, limit_s: float = 60.0) -> Any:
    """Until `look` finds something; meanwhile the page's interface answers and readings come."""
    before, until_s = running.counts()["received"], time.monotonic() + limit_s
    while not (found := look()):
        assert running.json("/api/health") and time.monotonic() < until_s
        time.sleep(0.1)
    assert running.counts()["received"] > before
    return found


def test_too_short_is_nothing_and_what_comes_and_goes_is_one_episode_as_the_back_test_says(
    tmp_path: Path, receiver: Receiver
) -> None:
    flapping = [(LOW_W, 0.4), (HIGH_W, 0.4)] * 4
    recording(tmp_path / "truth.csv", (LOW_W, 3), (HIGH_W, 1.0), (LOW_W, 3), (HIGH_W, 1.6), *flapping, (LOW_W, 120))
    with replaying(tmp_path, tmp_path / "truth.csv", receiver.port) as running:
        one = watched(lambda: ended(running), running)
        wait_for(lambda: len(receiver.got) == 2, 30)
        wait_for(lambda: running.json("/api/history")["readings"][-1]["time"] > one["cleared"], 30)  # committed too
        rows = running.json("/api/history")["readings"]
        tried = tried_out(running, {"rule": RULE})
        again = running.json("/api/alerts")["episodes"]
    high = [at for at, row in enumerate(rows) if row["w"] > 10]
    short, first, last = high[:10], high[10], high[-1]  # ten readings: 0.9 s from the first to the last
    assert rows[short[-1] + 1]["w"] == LOW_W and rows[short[-1]]["ts"] - rows[short[0]]["ts"] < 1
    assert [one["id"]] == [each["id"] for each in again]  # the short one did not fire, flapping made no second one
    assert (one["start"], one["end"]) == (rows[first]["time"], rows[last + 1]["time"])
    assert (one["peak"], one["readings"]) == (PEAK_W, last - first + 1)
    (would,) = tried["episodes"]
    names = ("start", "fired", "end", "cleared", "peak", "readings")
    assert [would[name] for name in names] == [one[name] for name in names]
    assert [message["event"] for message in receiver.got] == ["fired", "ended"] and receiver.got[0]["id"] == one["id"]


def test_a_receiver_that_hangs_refuses_dies_and_comes_back_holds_up_nothing_and_gets_nothing_twice(
    tmp_path: Path, receiver: Receiver
) -> None:
    pulses = [(HIGH_W, 1.6), (LOW_W, 3.0)] * 3
    recording(tmp_path / "truth.csv", (LOW_W, 1), (LOW_W, 1), (LOW_W, 1), *pulses, (LOW_W, 120))
    receiver.gate.clear()  # it takes the first message and does not answer
    with replaying(tmp_path, tmp_path / "truth.csv", receiver.port) as running:
        watched(lambda: receiver.got, running)
        watched(lambda: len([one for one in episodes(running) if one["end"]]) == 2, running)  # while it hangs
        port = receiver.port
        receiver.answers[:] = [503]  # it answers, and the next one it does not take
        receiver.gate.set()
        wait_for(lambda: not receiver.answers, 30)
        receiver.close()  # and dies
        watched(lambda: len([one for one in episodes(running) if one["end"]]) == 3, running)
        back = Receiver(port)
        try:
            watched(lambda: len(receiver.got) + len(back.got) == 6, running)
            wait_for(lambda: all(len(one["evidence"]["webhook"]) for one in episodes(running)), 10)
        finally:
            back.close()
        told = [(message["event"], message["id"]) for message in (*receiver.got, *back.got)]
    assert len(set(told)) == 6 and [event for event, _ in told] == ["fired", "ended"] * 3
