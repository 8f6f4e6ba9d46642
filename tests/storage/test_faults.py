"""Whatever the disk does: what was accepted is written once, and recording goes on."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from services.model import EventKind
from services.storage import database, file_check
from services.storage.backlog import Backlog
from services.storage.database import beside
from services.storage.storage import Storage
from services.storage.store import Durable
from tests.storage.failing import Failing
from tests.storage.storing import SECOND, T0, commit, one, readings, seqs, until, write
from tests.storage.test_rollup_tiers import assert_tiers_are_right

pytestmark = pytest.mark.usefixtures("quick_retries")


def assert_all_once(storage: Storage, n: int, path: Path) -> None:
    assert seqs(storage) == list(range(n))
    assert [event.text for event in storage.events(limit=10_000) if event.kind is EventKind.LINK] == [
        str(k) for k in reversed(range(n))
    ]
    assert [line.line for line in storage.rejected(limit=10_000)] == [str(k) for k in reversed(range(n))]
    assert storage.counts("bench", T0 // SECOND * SECOND, T0 + SECOND).duplicates == n
    assert_tiers_are_right(path)


@pytest.mark.parametrize("on", ["COMMIT", "BEGIN", "SAVEPOINT", "UPDATE runs", "INSERT OR IGNORE INTO devices", "RELEASE"])
@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY])
def test_a_commit_that_fails_is_repeated_and_nothing_is_lost_or_twice(
    make: Callable[..., Storage], path: Path, failing: type[Failing], on: str, code: int
) -> None:
    told: list[Durable] = []
    storage = make(on_commit=told.extend)
    for n in range(10):
        storage.append(one(n))
    failing.on, failing.code, failing.failing = on, code, 3
    storage.nudge()
    for n in range(10, 30):
        storage.append(one(n))
    commit(storage)
    assert storage.health().ok
    until(lambda: told and told[-1] == Durable("bench", 1, 29))
    assert [entry.ack for entry in told] == sorted(entry.ack for entry in told)
    assert_all_once(storage, 30, path)


def test_trouble_is_said_loudly_once_and_told_in_health(
    make: Callable[..., Storage], failing: type[Failing], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    storage = make()
    failing.failing = 5
    storage.append(one(0))
    until(lambda: "wait in memory" in storage.health().problem)
    health = storage.health()
    assert not health.ok and health.queued == 1
    until(lambda: storage.health().ok)
    commit(storage)
    assert [record.levelname for record in caplog.records if "cannot be written" in record.message] == ["WARNING", *["DEBUG"] * 4]


def test_a_full_disk_is_outlasted_in_memory(make: Callable[..., Storage], path: Path) -> None:
    storage = make()
    storage.append(one(0))
    commit(storage)
    conn = storage._writer._file.conn
    assert conn is not None
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count = {pages + 4}")
    for n in range(1, 3000):
        storage.append(one(n))
    until(lambda: "disk is full" in storage.health().problem)
    assert storage.health().queued > 0
    assert seqs(storage) == list(range(len(seqs(storage))))
    conn.execute("PRAGMA max_page_count = 1000000")
    commit(storage)
    assert storage.health().ok and storage.health().dropped == 0
    assert seqs(storage) == list(range(3000))


def test_the_ballast_is_released_for_a_full_disk_and_made_again(
    make: Callable[..., Storage], path: Path, failing: type[Failing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.storage.writer.LOOK_S", 0.0)
    storage = make()
    ballast = beside(path, ".ballast")
    until(lambda: ballast.exists() and ballast.stat().st_size == file_check.BALLAST_BYTES)
    monkeypatch.setattr(file_check, "free_bytes", lambda _: 0)
    failing.code, failing.failing = sqlite3.SQLITE_FULL, 1
    storage.append(one(0))
    commit(storage)
    assert not ballast.exists() and storage.health().ok
    monkeypatch.undo()
    storage.append(one(1))
    assert file_check.Ballast(path).make() and ballast.exists()


def test_a_database_that_cannot_be_opened_at_the_start_is_opened_later(
    make: Callable[..., Storage], path: Path, failing: type[Failing]
) -> None:
    failing.on, failing.code, failing.failing = "PRAGMA journal_mode", sqlite3.SQLITE_CANTOPEN, 20
    storage = make()
    storage.append(one(0))
    assert "cannot be opened" in storage.health().problem
    commit(storage)
    assert_all_once(storage, 1, path)


def test_another_program_that_holds_the_file_is_waited_for(
    make: Callable[..., Storage], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.01)
    storage = make()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    storage.append(one(0))
    storage.nudge()
    until(lambda: "another program" in storage.health().problem)
    other.execute("ROLLBACK")
    other.close()
    commit(storage)
    assert_all_once(storage, 1, path)


def test_a_listener_that_fails_does_not_end_the_recording(make: Callable[..., Storage], path: Path) -> None:
    told: list[int] = []

    def listener(durable: list[Durable]) -> None:
        told.append(durable[0].ack)
        raise RuntimeError("the listener's own fault")

    storage = make(on_commit=listener)
    for n in range(3):
        storage.append(one(n))
        commit(storage)
        until(lambda n=n: told and told[-1] == n)
    assert_all_once(storage, 3, path)


# --- memory


def test_what_does_not_fit_into_memory_is_counted_and_whoever_sent_it_is_told() -> None:
    backlog = Backlog(bound=10)
    assert backlog.append(write(readings([T0], [0]), boot=1, ack=0))
    assert backlog.append(write(readings(T0 + np.arange(5), np.arange(1, 6)), boot=1, ack=5))
    assert not backlog.append(write(readings(T0 + np.arange(4), np.arange(6, 10)), boot=1, ack=9))
    assert (backlog.readings, backlog.dropped) == (6, 4)
    assert [item.ack for item in backlog.take()] == [0, 5]
    backlog.done()
    assert backlog.append(write(readings([T0], [6]), boot=1, ack=6))


def test_a_loss_is_told_in_health(make: Callable[..., Storage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.storage.writer.Backlog", partial(Backlog, 5))
    storage = make()
    storage.append(write(readings(T0 + np.arange(9))))
    health = storage.health()
    assert not health.ok and health.dropped == 9 and "9 readings" in health.problem


def test_what_was_given_back_comes_first() -> None:
    backlog = Backlog()
    for n in range(3):
        backlog.append(write(boot=1, ack=n))
    assert [item.ack for item in backlog.take()] == [0, 1, 2]
    backlog.append(write(boot=1, ack=3))
    backlog.give_back()
    assert [item.ack for item in backlog.take()] == [0, 1, 2, 3]
    backlog.done()
    assert len(backlog) == 0
