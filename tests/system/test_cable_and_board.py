"""The cable is pulled, lines vanish, the board restarts: the account stays true and nothing stops."""

from __future__ import annotations

from pathlib import Path

from tests.mock.serving import mock, wait_for
from tests.system.running import Program, agrees, program, record, stored


def kinds(running: Program) -> list[str]:
    """What the event log holds; it is committed once a second."""
    return [event["kind"] for event in running.json("/api/events")["events"]]


def test_five_percent_dropped_and_corrupted_all_come_back(tmp_path: Path) -> None:
    link, truth_file = tmp_path / "board", tmp_path / "record"
    board_args = ("--out", f"pty:{link}", "--interval-ms", "20", "--record", str(truth_file), "--control", "0")
    with (
        program(tmp_path, "--port", f"bench={link}", "--no-demo") as running,
        mock(*board_args, "--drop", "0.05", "--corrupt", "0.05") as board,
    ):
        wait_for(lambda: running.counts()["received"] >= 400, 40)
        board.ask(fault="drop", value=0)
        board.ask(fault="corrupt", value=0)
        wait_for(lambda: running.counts()["missing"] == 0, 20)
        counts = running.counts()
        assert counts["recovered"] > 10
        assert counts["corrupt"] > 5
        assert counts["lost"] == 0
        assert running.stop() == 0
    rows, truth = stored(tmp_path / "powermon.db"), {entry["seq"]: entry for entry in record(truth_file)}
    assert [row[1] for row in rows] == list(range(rows[0][1], rows[0][1] + len(rows)))
    assert all(agrees(row, truth[row[1]]) for row in rows)
    assert sum(row[5] for row in rows) >= counts["recovered"]


def test_level_0_says_exactly_what_was_dropped(tmp_path: Path) -> None:
    link, truth_file = tmp_path / "board", tmp_path / "record"
    board_args = ("--out", f"pty:{link}", "--level", "0", "--interval-ms", "20", "--record", str(truth_file), "--control", "0")
    with program(tmp_path, "--port", f"bench={link}", "--no-demo") as running, mock(*board_args) as board:
        wait_for(lambda: running.counts()["received"] > 10, 20)
        board.ask(fault="drop", value=0.1)
        wait_for(lambda: running.counts()["received"] > 300, 30)
        board.ask(fault="drop", value=0)
        before = running.counts()["received"]
        wait_for(lambda: running.counts()["received"] > before + 10 and running.counts()["missing"] == 0, 20)
        lost = running.counts()["lost"]
        board.stop()
        dropped = [entry for entry in record(truth_file, "fault") if entry["fault"] == "drop" and entry["line"] == "reading"]
        assert lost == len(dropped) > 0


def test_a_pulled_cable_is_said_and_its_readings_come_afterwards(tmp_path: Path) -> None:
    link, truth_file = tmp_path / "board", tmp_path / "record"
    board_args = ("--out", f"pty:{link}", "--interval-ms", "50", "--record", str(truth_file), "--control", "0")
    with program(tmp_path, "--port", f"bench={link}", "--no-demo") as running, mock(*board_args) as board:
        wait_for(lambda: running.counts()["received"] > 10, 20)
        board.ask(fault="unplug", value=2)
        wait_for(lambda: "is not there" in running.latest()["problem"] or running.latest()["state"] == "lost", 10)
        wait_for(lambda: running.latest()["state"] == "live", 20)
        wait_for(lambda: running.counts()["recovered"] > 20 and running.counts()["missing"] == 0, 20)
        assert running.counts()["lost"] == 0
        wait_for(lambda: kinds(running).count("link") >= 3, 10)  # open, lost, open
        assert "reboot" not in kinds(running)


def test_a_restarted_board_is_a_reboot_and_no_gap(tmp_path: Path) -> None:
    link, truth_file = tmp_path / "board", tmp_path / "record"
    board_args = ("--out", f"pty:{link}", "--interval-ms", "20", "--record", str(truth_file), "--control", "0", "--boot", "7")
    with program(tmp_path, "--port", f"bench={link}", "--no-demo") as running, mock(*board_args) as board:
        wait_for(lambda: running.counts()["received"] > 30, 20)
        board.ask(fault="reboot")
        wait_for(lambda: running.latest()["boot"] == 8, 20)
        before = running.counts()["received"]
        wait_for(lambda: running.counts()["received"] > before + 20, 20)
        assert running.counts()["missing"] == 0
        wait_for(lambda: "reboot" in kinds(running), 10)


def test_a_level_0_board_that_starts_again_is_a_reboot(tmp_path: Path) -> None:
    link = tmp_path / "board"
    board_args = ("--out", f"pty:{link}", "--level", "0", "--interval-ms", "20")
    with program(tmp_path, "--port", f"bench={link}", "--no-demo") as running:
        with mock(*board_args):
            wait_for(lambda: running.counts()["received"] > 50, 20)
        before = running.counts()
        with mock(*board_args):
            wait_for(lambda: running.counts()["received"] > before["received"] + 20, 30)
        after = running.counts()
        assert (after["missing"], after["lost"]) == (before["missing"], before["lost"])
        wait_for(lambda: "reboot" in kinds(running), 10)


def test_a_port_that_is_missing_is_said_with_what_to_do(tmp_path: Path) -> None:
    with program(tmp_path, "--port", f"bench={tmp_path / 'nothing'}", "--no-demo") as running:
        wait_for(lambda: "is not there" in running.json("/api/devices")["devices"][0]["problem"], 10)
        assert running.stop() == 0
