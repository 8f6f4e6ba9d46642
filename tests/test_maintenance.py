"""`app.py backup` and `app.py rebuild`: on a copy that is whole, and with a clear sentence when it cannot be done."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from services import maintenance
from services.clock import Clock
from services.errors import DatabaseError
from services.model import Readings, Write
from services.settings import Settings
from services.storage import file_check
from services.storage.storage import Storage

COUNT = 300
T0_US = 1_700_000_000_000_000


def some_readings() -> Readings:
    place = np.arange(COUNT, dtype=np.int64)
    value = place / 100
    boot, hold = np.ones(COUNT, np.int64), np.full(COUNT, 100_000, np.int64)
    return Readings(boot, place, T0_US + place * 100_000, hold, value, value / 10, value, np.zeros(COUNT, np.uint16))


@contextmanager
def recording(path: Path) -> Iterator[Storage]:
    storage = Storage(path, Clock())
    storage.start()
    try:
        yield storage
    finally:
        storage.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(database=tmp_path / "powermon.db")
    with recording(settings.database) as storage:
        storage.append(Write("bench-1", some_readings()))
    return settings


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as conn:
        return int(conn.execute("SELECT count(*) FROM power_log").fetchone()[0])


def test_a_backup_is_one_whole_file(settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    assert str(target) in maintenance.backup(settings, target)
    assert rows(target) == COUNT
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]


def test_a_backup_can_be_made_while_recording(settings: Settings, tmp_path: Path) -> None:
    with recording(settings.database):
        maintenance.backup(settings, tmp_path / "copy.db")
    assert rows(tmp_path / "copy.db") == COUNT


def test_a_backup_overwrites_nothing_and_leaves_no_half_file(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious")
    with pytest.raises(DatabaseError, match="exists already"):
        maintenance.backup(settings, tmp_path / "there")
    with pytest.raises(DatabaseError, match="failed"):
        maintenance.backup(settings, tmp_path / "no-such-folder" / "copy.db")
    assert (tmp_path / "there").read_text() == "precious"


def test_without_a_database_there_is_nothing_to_do(tmp_path: Path) -> None:
    settings = Settings(database=tmp_path / "none.db")
    for act in (lambda: maintenance.backup(settings, tmp_path / "copy.db"), lambda: maintenance.rebuild(settings)):
        with pytest.raises(DatabaseError, match="nothing"):
            act()
    assert list(tmp_path.iterdir()) == []


def test_rollups_are_made_anew(settings: Settings) -> None:
    with recording(settings.database) as storage:
        before = storage.span_stats("bench-1", T0_US, T0_US + 60_000_000)
    assert "anew" in maintenance.rebuild(settings)
    with recording(settings.database) as storage:
        assert storage.span_stats("bench-1", T0_US, T0_US + 60_000_000) == before


def test_rollups_are_not_touched_while_another_records(settings: Settings) -> None:
    with recording(settings.database), pytest.raises(DatabaseError):
        maintenance.rebuild(settings)


def test_a_backup_takes_nobody_elses_file_for_its_own(settings: Settings, tmp_path: Path) -> None:
    mine = tmp_path / "copy.db.partial"
    mine.write_text("mine")
    maintenance.backup(settings, tmp_path / "copy.db")
    assert mine.read_text() == "mine" and rows(tmp_path / "copy.db") == COUNT
    assert {path.name for path in tmp_path.glob("copy*")} == {"copy.db", "copy.db.partial"}


def test_a_backup_never_overwrites_a_file_that_came_meanwhile(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, copy = tmp_path / "copy.db", file_check._copy

    def slow(source: sqlite3.Connection, partial: Path) -> None:
        copy(source, partial)
        target.write_text("another program's")

    monkeypatch.setattr(file_check, "_copy", slow)
    with pytest.raises(DatabaseError):
        maintenance.backup(settings, target)
    assert target.read_text() == "another program's" and not list(tmp_path.glob("*.partial"))


def test_a_backup_is_for_its_owner_only(settings: Settings, tmp_path: Path) -> None:
    maintenance.backup(settings, tmp_path / "copy.db")
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) & 0o077 == 0
