"""The soak at small scale: it accounts for every reading, and it says so when something is not as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.load import soak
from tests.load.feeder import blocks
from tests.load.soak import Report, Step

READINGS = 12_000
CALM = Step(soak.FULL, 40.0, 14, 3, 4.0, 18.0, 1e5)


def later(**changes: float) -> Step:
    return msgspec.structs.replace(CALM, readings=2 * soak.FULL, file_mb=40.0, **changes)


def test_every_reading_of_a_soak_is_stored_once_at_the_time_it_was_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = soak.run(tmp_path, READINGS, 100.0, 3)
    assert (report.lost, report.strange) == (0, 0)
    assert [step.readings for step in report.steps] == sorted({step.readings for step in report.steps})
    assert report.steps[-1].readings == READINGS
    assert all(step.memory_mb > 0 and step.descriptors > 0 and step.threads > 1 for step in report.steps)
    with closing(sqlite3.connect(tmp_path / "soak.db")) as connection:
        first, last = connection.execute("SELECT min(timestamp), max(timestamp) FROM power_log").fetchone()
    assert abs(last - first - READINGS * 10_000) < 1_000_000
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(report.steps)


def test_readings_that_are_missing_or_were_never_sent_are_counted(tmp_path: Path) -> None:
    soak.run(tmp_path, READINGS, 100.0, 1)
    with closing(sqlite3.connect(tmp_path / "soak.db")) as connection:
        connection.execute("DELETE FROM readings WHERE id IN (SELECT id FROM readings LIMIT 7)")
        connection.commit()
    assert soak.account(tmp_path / "soak.db", READINGS) == (7, 0)
    assert soak.account(tmp_path / "soak.db", READINGS - 5) == (7, 5)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (later(), ""),
        (later(memory_mb=50.0), "memory_mb"),
        (later(descriptors=15), "descriptors"),
        (later(threads=4), "threads"),
        (later(wal_mb=100.0), "write-ahead log"),
    ],
)
def test_what_grew_is_named(end: Step, said: str) -> None:
    problems = Report([CALM, CALM, end], 0, 0).problems()
    assert any(said in problem for problem in problems) if said else not problems


def test_what_fills_once_may_grow_until_it_is_full() -> None:
    early = msgspec.structs.replace(CALM, readings=1_000, memory_mb=20.0)
    assert Report([early, CALM, later()], 0, 0).problems() == []


def test_what_was_lost_is_named_first() -> None:
    assert Report([CALM, CALM, later()], 3, 0).problems() == ["3 readings are lost"]


def test_the_boards_lines_are_made_in_helpings() -> None:
    hello, *rest = blocks(25_000, 100.0)
    assert b"hello" in hello
    assert [block.count(b"\n") for block in rest] == [10_000, 10_000, 5_000]
