"""The real binary against the real program and its database, in real time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from tests.firmware.bench import Bench, bench

UINT32 = 2**32


def completeness(whole: Bench) -> float | None:
    found: float | None = whole.state()["completeness"]
    return found


def settled(whole: Bench) -> bool:
    """Nothing is missing any more: it came, or it is lost and said to be."""
    counts = whole.state()["counts"]
    return bool(counts["missing"] == 0)


def test_twenty_a_second_arrive_complete_and_true(tmp_path: Path) -> None:
    with bench(tmp_path) as whole:
        assert whole.command("set_interval", value_ms=50)["result"] == "ok"
        rows = whole.wait_for_readings(320)
        assert completeness(whole) == 1.0
        counts = whole.state()["counts"]
        assert (counts["missing"], counts["lost"], counts["rejected"], counts["bad_lines"]) == (0, 0, 0, 0)
        assert [row["seq"] for row in rows] == list(range(len(rows)))
        whole.assert_truthful(rows)
        assert {gap["state"] for gap in whole.gaps()} <= {"recovered"}  # what the board measured before the program came


def test_orders_of_the_program_reach_the_pin_and_refusals_reach_the_page(tmp_path: Path) -> None:
    with bench(tmp_path) as whole:
        assert whole.command("buzzer", on_ms=40, times=3)["result"] == "ok"
        whole.wait("three beeps", lambda: whole.uno.counts["buzzer_changes"] == 6)
        refused = whole.command("set_interval", value_ms=5)
        assert refused["result"] == "error"
        assert "value_ms must be 10..60000" in refused["detail"]
        assert whole.command("set_interval", value_ms=200)["result"] == "ok"
        whole.wait("the new interval", lambda: whole.state()["interval_ms"] == 200)


def test_an_alert_sounds_the_buzzer_and_keeps_the_round_trip_as_evidence(tmp_path: Path) -> None:
    with bench(tmp_path) as whole:
        whole.wait_for_readings(3)
        rule = {"id": "volts", "channel": "v", "severity": "danger", "on": 1.0, "off": 0.5, "hold_s": 0.3, "actions": ["buzzer"]}
        whole.set_rules(rule)
        whole.wait("three beeps of the pin", lambda: whole.uno.counts["buzzer_changes"] == 6)
        (alert,) = whole.wait("evidence", lambda: [one for one in whole.alerts() if one["evidence"]])
        told = alert["evidence"]["buzzer"]
        assert (told["result"], told["tries"]) == ("ok", 1) and alert["end"] is None and alert["peak"] > 4
        parts = [told[f"{name}_ms"] for name in ("value_to_rule", "rule_to_command", "command_to_answer")]
        assert min(parts) >= 0 and abs(sum(parts) - told["value_to_answer_ms"]) < 0.01
        print("round trip of the alert in ms:", told)


def test_a_removed_sensor_is_seen_and_so_is_its_return(tmp_path: Path) -> None:
    with bench(tmp_path) as whole:
        whole.wait_for_readings(5)
        whole.uno.ask(fault="sensor", mode="missing")
        whole.wait("sensor_error", lambda: whole.state()["sensor"] == "sensor_error")
        whole.uno.ask(fault="sensor", mode="ok")
        whole.wait("ok again", lambda: whole.state()["sensor"] == "ok")
        state = whole.state()
        assert state["counts"]["marked"] >= 1
        assert state["counts"]["lost"] == state["counts"]["missing"] == 0
        assert state["completeness"] == 1.0  # a failed reading came; it only says nothing about volts
        assert state["stats_1m"]["min"]["v"] > 4.5  # and its zeros are not in the statistics


def test_a_reset_in_mid_line_is_a_reboot_and_no_gap(tmp_path: Path) -> None:
    with bench(tmp_path) as whole:
        whole.wait_for_readings(10)
        first = whole.state()["boot"]
        whole.uno.ask(fault="reset", in_line=1)
        whole.wait("the new boot", lambda: whole.state()["boot"] == first + 1)
        whole.wait("the reboot's event", lambda: whole.events("reboot"))
        rows = whole.wait("readings of the new boot", lambda: [row for row in whole.history() if row["boot"] == first + 1][9:])
        assert rows[0]["seq"] == 9
        assert whole.state()["counts"]["lost"] == 0
        assert {gap["state"] for gap in whole.gaps()} <= {"recovered"}
        whole.assert_truthful(whole.history())


def test_fifteen_seconds_of_pulled_cable_at_two_a_second_lose_nothing(tmp_path: Path) -> None:
    with bench(tmp_path) as whole:
        assert whole.command("set_interval", value_ms=500)["result"] == "ok"
        before = len(whole.wait_for_readings(4))
        whole.uno.ask(fault="unplug", value=15)
        whole.wait("the link's loss", lambda: whole.state()["state"] != "live")
        whole.wait("the link", lambda: whole.state()["state"] == "live", limit_s=30)
        rows = whole.wait_for_readings(before + 31)
        assert whole.wait("the end of the recovery", lambda: settled(whole))
        rows = whole.history()
        assert whole.state()["counts"]["lost"] == 0
        first = rows[0]["seq"]  # what the board overwrote before the program was there is before the account
        assert [row["seq"] for row in rows] == list(range(first, first + len(rows)))
        steps = [b["ts"] - a["ts"] for a, b in pairwise(rows[before:])]
        assert all(abs(step - 0.5) < 0.1 for step in steps)  # at the times they were measured, not when they came
        whole.assert_truthful(rows)


def test_three_percent_of_bytes_damaged_leave_a_true_account(tmp_path: Path) -> None:
    with bench(tmp_path) as whole:
        whole.wait_for_readings(10)
        for fault in ("flip", "drop"):
            whole.uno.ask(fault=fault, value=0.015)
        whole.wait("many bad lines", lambda: whole.state()["counts"]["bad_lines"] >= 60)
        for fault in ("flip", "drop"):
            whole.uno.ask(fault=fault, value=0)
        whole.wait("the end of the recovery", lambda: settled(whole))
        state = whole.state()
        rows = whole.history()
        counts = state["counts"]
        assert counts["recovered"] > 0
        assert counts["expected"] == counts["received"] + counts["lost"] + counts["rejected"]
        whole.wait("all in the database", lambda: len(whole.history()) >= counts["received"])
        whole.assert_truthful(rows)
        assert len({(row["boot"], row["seq"]) for row in rows}) == len(rows)


def test_uptime_and_numbers_roll_over_in_the_database(tmp_path: Path) -> None:
    start = UINT32 - 40
    with bench(tmp_path, "--millis", str(UINT32 - 6000), "--seq", str(start)) as whole:
        rows = whole.wait_for_readings(80)
        assert [row["seq"] for row in rows] == [(start + i) % UINT32 for i in range(len(rows))]
        steps = [b["ts"] - a["ts"] for a, b in pairwise(rows)]
        assert all(0 < step < 0.3 for step in steps)
        assert completeness(whole) == 1.0
        assert len({row["boot"] for row in rows}) == 1
        whole.assert_truthful(rows, first_seq=start)
