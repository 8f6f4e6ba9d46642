"""A damaged file is moved aside and read back, a backup is whole, health is measured."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.errors import DatabaseError
from services.model import EventKind
from services.storage import file_check
from services.storage.database import Connection, beside, open_reader
from services.storage.storage import Storage
from tests.storage.failing import Failing
from tests.storage.storing import T0, commit, one, readings, seqs, until, write
from tests.storage.test_rollup_tiers import assert_tiers_are_right

pytestmark = pytest.mark.usefixtures("quick_retries")


def unclean_copy(storage: Storage, path: Path, folder: Path) -> Path:
    """The file as a crash would leave it."""
    commit(storage)
    conn = storage._writer._file.conn
    assert conn is not None
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    folder.mkdir()
    return Path(shutil.copy(path, folder / path.name))


def damage(path: Path, begin: float, end: float) -> None:
    data = bytearray(path.read_bytes())
    low, high = int(len(data) * begin), int(len(data) * end)
    data[low:high] = os.urandom(high - low)
    path.write_bytes(data)


def recorded(make: Callable[..., Storage], path: Path, folder: Path) -> Path:
    storage = make()
    storage.append(write(readings(T0 + np.arange(20_000) * 10_000, hold_us=10_000)))
    return unclean_copy(storage, path, folder)


def assert_replaced(storage: Storage, path: Path, content: bytes) -> None:
    until(lambda: storage.health().notes)
    aside = [file for file in path.parent.iterdir() if ".damaged-" in file.name and not file.name.endswith(("-wal", "-shm"))]
    assert len(aside) == 1 and aside[0].read_bytes()[4096:] == content[4096:]
    assert aside[0].name in storage.health().notes[0]
    storage.append(write(readings([T0 + 10**12], [10**6]), device="after"))
    commit(storage)
    assert "after" in storage.devices()
    assert any(event.kind is EventKind.DATABASE and "moved aside" in event.text for event in storage.events())


def test_damage_found_after_an_unclean_stop_is_moved_aside_while_recording(
    make: Callable[..., Storage], path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = recorded(make, path, tmp_path / "copy")
    damage(copy, 0.3, 0.6)
    content = copy.read_bytes()
    storage = make(path=copy)
    storage.append(write(readings([T0], [0]), device="at once"))
    assert_replaced(storage, copy, content)
    until(lambda: "read back" in caplog.text)
    commit(storage)
    back = seqs(storage)  # what lies before and after the damage
    assert 5_000 < len(back) < 16_000 and back[0] == 0 and back[-1] == 19_999
    assert_tiers_are_right(copy)


def test_a_file_too_damaged_to_open_is_moved_aside_at_the_start(make: Callable[..., Storage], path: Path, tmp_path: Path) -> None:
    copy = recorded(make, path, tmp_path / "copy")
    data = bytearray(copy.read_bytes())
    data[100:4096] = os.urandom(3996)
    copy.write_bytes(data)
    assert_replaced(make(path=copy), copy, bytes(data))


def test_a_file_that_breaks_while_it_is_written_is_moved_aside_and_nothing_waiting_is_lost(
    make: Callable[..., Storage], path: Path, failing: type[Failing]
) -> None:
    storage = make()
    failing.code, failing.failing = sqlite3.SQLITE_CORRUPT, 1
    for n in range(20):
        storage.append(one(n))
    commit(storage)
    assert seqs(storage) == list(range(20))
    assert_tiers_are_right(path)
    assert storage.health().notes


def test_an_unclean_stop_without_damage_changes_nothing(
    make: Callable[..., Storage], path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    copy = recorded(make, path, tmp_path / "copy")
    storage = make(path=copy)
    until(lambda: "it is whole" in caplog.text)
    assert sum(map(len, storage.pages("bench", 0, 1 << 60))) == 20_000 and not storage.health().notes


def test_a_stop_does_not_wait_for_the_check(
    make: Callable[..., Storage], path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = recorded(make, path, tmp_path / "copy")
    monkeypatch.setattr(file_check.IntegrityCheck, "join", lambda *_: False)
    storage = make(path=copy)
    storage.stop()
    assert not beside(copy, "-wal").exists()


def test_a_clean_stop_needs_no_check(make: Callable[..., Storage], path: Path) -> None:
    make().stop()
    assert make()._writer._file.check is None


def test_a_backup_made_while_recording_is_whole(make: Callable[..., Storage], path: Path, tmp_path: Path) -> None:
    storage = make(commit_s=0.001)
    storage.append(write(readings(T0 + np.arange(50_000) * 1000, hold_us=1000)))
    commit(storage)
    stop = threading.Event()

    def record() -> None:
        n = 50_000
        while not stop.is_set():
            storage.append(write(readings([T0 + n * 1000], [n], hold_us=1000)))
            n += 1
            stop.wait(0.0005)

    thread = threading.Thread(target=record)
    thread.start()
    file_check.backup(path, tmp_path / "copy.db")
    stop.set()
    thread.join()
    assert_tiers_are_right(tmp_path / "copy.db")
    conn: Connection = open_reader(tmp_path / "copy.db")
    assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert conn.execute("SELECT count(*) FROM power_log").fetchone()[0] >= 50_000
    conn.close()
    assert make(path=tmp_path / "copy.db").devices() == ["bench"]


def test_a_backup_never_overwrites(storage: Storage, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "kept.txt"
    target.write_text("mine")
    with pytest.raises(DatabaseError, match="exists"):
        file_check.backup(path, target)
    with pytest.raises(DatabaseError):
        file_check.backup(path, tmp_path / "no folder" / "x.db")
    assert target.read_text() == "mine"


def test_health_measures_bytes_per_reading_and_predicts_the_retention(make: Callable[..., Storage], path: Path) -> None:
    storage = make(retention_h=48.0)
    assert storage.health().bytes_per_reading is None
    n = 200_000
    storage.append(write(readings(T0 + np.arange(n) * 2000, v=5 + np.arange(n) % 997 / 1000, hold_us=2000)))
    commit(storage)
    health = storage.health()
    assert health.ok and health.committed == n and health.last_commit_us is not None
    assert health.bytes_per_reading is not None and 30 < health.bytes_per_reading < 45
    assert health.file_bytes > n * 30 and health.free_bytes is not None
    until(lambda: storage.health().predicted_bytes)
