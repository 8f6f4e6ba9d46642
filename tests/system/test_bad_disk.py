"""The real program on a disk that refuses, and with a database that is broken: it measures, says so, and catches up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mock.serving import wait_for
from tests.system.running import Program, program, record, stored

MOCK = ("--mock", "--log-file", "off", "--mock-args", "--interval-ms 20")


def storage(running: Program) -> dict[str, Any]:
    found: dict[str, Any] = running.json("/api/health")["storage"]
    return found


def assert_complete(database: Path, at_least: int) -> None:
    """Every number of the newest boot from the first on, as it was measured while nothing could be written too."""
    rows = stored(database)
    seqs = [row[1] for row in rows if row[0] == rows[-1][0]]
    assert len(seqs) >= at_least and seqs == list(range(seqs[0], seqs[0] + len(seqs)))


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root mounts disks")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,ro", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_read_only_disk_at_the_start_is_outlasted_in_memory(read_only: Path) -> None:
    with program(read_only, *MOCK) as running:
        wait_for(lambda: storage(running)["queued"] > 50, 20)
        assert "only be read" in storage(running)["problem"] and running.json("/api/health")["status"] == "degraded"
        assert running.counts()["received"] > 50  # the page is live
        subprocess.run(["mount", "-o", "remount,rw", str(read_only)], check=True)
        wait_for(lambda: storage(running)["ok"] and storage(running)["committed"] > 100, 20)
        assert running.stop() == 0
    assert_complete(read_only / "powermon.db", 100)


def test_a_database_whose_beginning_is_destroyed_is_moved_aside_and_said(tmp_path: Path) -> None:
    with program(tmp_path, *MOCK) as running:
        wait_for(lambda: storage(running)["committed"] > 20, 20)
        running.kill()
    database = tmp_path / "powermon.db"
    database.write_bytes(os.urandom(4096) + database.read_bytes()[4096:])
    with program(tmp_path, *MOCK) as running:
        wait_for(lambda: storage(running)["committed"] > 20, 20)
        aside = [file.name for file in tmp_path.glob("*.damaged-*Z")]
        assert len(aside) == 1 and any(aside[0] in note for note in storage(running)["notes"])
        assert running.stop() == 0
    assert_complete(database, 20)


@pytest.mark.parametrize("act", ["delete", "rename"])
def test_a_database_that_vanishes_is_said_and_no_acknowledged_reading_is_missing_after_a_kill(tmp_path: Path, act: str) -> None:
    database, truth = tmp_path / "powermon.db", tmp_path / "record"
    arguments = ("--mock", "--log-file", "off", "--mock-args", f"--interval-ms 20 --record {truth}")
    with program(tmp_path, *arguments) as running:
        wait_for(lambda: storage(running)["committed"] > 50, 20)
        if act == "delete":
            database.unlink()
        else:
            database.rename(tmp_path / "away.db")
        wait_for(lambda: any("Recording goes on" in note for note in storage(running)["notes"]), 20)
        wait_for(  # the note may be there before the event is written
            lambda: any(
                event["kind"] == "database" and act in event["text"] for event in running.json("/api/events")["events"]
            ),
            20,
        )
        before = len(stored(database))
        wait_for(lambda: len(stored(database)) > before, 20)
        running.kill()
    acknowledged = max(entry["ack"] for entry in record(truth, "ack") if "ack" in entry)
    found = {row[1] for row in stored(database)}
    assert acknowledged > 50 and set(range(min(found), acknowledged + 1)) <= found
