"""Whose file it is, who may write it, and which version it has."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from services.clock import Clock
from services.errors import DatabaseError, DatabaseLocked, DatabaseTooNew, DatabaseUnreadable
from services.storage.database import APPLICATION_ID, MAX_READERS, Readers, open_writer
from services.storage.schema import MIGRATIONS, VERSION
from services.storage.storage import Storage
from tests.storage.storing import T0, commit, readings, write

SCHEMAS = Path(__file__).parent / "schemas"


def fingerprint(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def assert_refused_untouched(path: Path, kind: type[DatabaseError]) -> str:
    before = fingerprint(path.parent)
    with pytest.raises(kind) as refused:
        Storage(path, Clock()).start()
    assert fingerprint(path.parent) == before
    return str(refused.value)


def test_a_newer_schema_is_refused_and_not_a_byte_changes(make: Callable[..., Storage], path: Path) -> None:
    make().stop()
    conn = sqlite3.connect(path)
    conn.execute(f"PRAGMA user_version = {VERSION + 1}")
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    for suffix in (".lock", ".ballast"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)  # the ballast is made after the first commit
    assert "newer powermon" in assert_refused_untouched(path, DatabaseTooNew)


def test_a_newer_schema_that_is_still_in_the_log_is_refused(path: Path, tmp_path: Path) -> None:
    writer = open_writer(path, "OFF")
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.execute(f"PRAGMA user_version = {VERSION + 1}")
    copy = tmp_path / "copy"
    copy.mkdir()
    for suffix in ("", "-wal"):
        (copy / (path.name + suffix)).write_bytes((tmp_path / (path.name + suffix)).read_bytes())
    writer.close()
    with pytest.raises(DatabaseTooNew):
        Storage(copy / path.name, Clock()).start()


@pytest.mark.parametrize("content", [b"time,volts\n1,2\n" * 100, b"x", b"SQLite format 3\0", bytes(4096)])
def test_a_file_that_is_no_database_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "not a SQLite database" in assert_refused_untouched(path, DatabaseUnreadable)


def test_another_programs_database_is_left_alone(path: Path) -> None:
    conn = sqlite3.connect(path)
    conn.execute("CREATE TABLE theirs (x)")
    conn.close()
    assert "another program" in assert_refused_untouched(path, DatabaseUnreadable)


def test_a_folder_is_no_database(path: Path) -> None:
    path.mkdir()
    with pytest.raises(DatabaseUnreadable):
        Storage(path, Clock()).start()


def test_an_empty_file_becomes_a_database(make: Callable[..., Storage], path: Path) -> None:
    path.touch()
    storage = make()
    storage.append(write(readings([T0])))
    commit(storage)
    assert storage.devices() == ["bench"]


def test_the_folder_is_made(make: Callable[..., Storage], tmp_path: Path) -> None:
    assert make(path=tmp_path / "a" / "b" / "x.db").devices() == []


def test_a_second_writer_is_refused_and_the_first_goes_on(make: Callable[..., Storage], path: Path) -> None:
    first = make()
    with pytest.raises(DatabaseLocked):
        Storage(path, Clock()).start()
    first.append(write(readings([T0])))
    commit(first)
    first.stop()
    assert make().devices() == ["bench"]


HOLDER = """
import sys
from pathlib import Path
from services.clock import Clock
from services.storage.storage import Storage
storage = Storage(Path(sys.argv[1]), Clock())
storage.start()
print("up", flush=True)
input()
"""


def test_the_lock_of_a_killed_process_is_gone(make: Callable[..., Storage], path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    try:
        assert other.stdout is not None and other.stdout.readline() == b"up\n"
        with pytest.raises(DatabaseLocked):
            Storage(path, Clock()).start()
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.communicate()
    assert make().health().ok


def test_a_new_file_has_this_version_and_our_mark(make: Callable[..., Storage], path: Path) -> None:
    make().stop()
    conn = sqlite3.connect(path)
    answers = [
        conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id", "journal_mode", "auto_vacuum")
    ]
    conn.close()
    assert answers == [VERSION, APPLICATION_ID, "wal", 2]


@pytest.mark.parametrize("number", range(1, VERSION + 1))
def test_every_released_schema_migrates_with_its_readings(number: int, make: Callable[..., Storage], path: Path) -> None:
    conn = sqlite3.connect(path)
    conn.executescript((SCHEMAS / f"{number:04d}.sql").read_text())
    conn.close()
    storage = make()
    assert storage.devices() == ["bench"]
    stats = storage.span_stats("bench", 0, 1 << 60)
    assert (stats.count, stats.v.min, stats.v.max) == (3, 4.5, 5.5)
    assert [len(page) for page in storage.pages("bench", 0, 1 << 60)] == [3]


@pytest.mark.parametrize("number", range(1, VERSION + 1))
def test_released_migrations_never_change(number: int) -> None:
    digest = hashlib.sha256("\n".join(MIGRATIONS[number - 1]).encode()).hexdigest()
    kept = (SCHEMAS / f"{number:04d}.sha256").read_text().strip()
    assert digest == kept, "a released migration was changed: add a new one instead"


def test_at_most_a_few_queries_run_at_a_time_and_none_is_left_open(make: Callable[..., Storage], path: Path) -> None:
    make()
    readers, open_now, most = Readers(path), [0], [0]
    lock = threading.Lock()
    gate = threading.Barrier(MAX_READERS)

    def ask() -> None:
        with readers.use() as conn:
            with lock:
                open_now[0] += 1
                most[0] = max(most[0], open_now[0])
            gate.wait(20)
            conn.execute("SELECT 1").fetchall()
            with lock:
                open_now[0] -= 1

    threads = [threading.Thread(target=ask) for _ in range(MAX_READERS * 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most[0] == MAX_READERS
    readers.close()
    assert readers._idle.qsize() == 0


def test_a_stopped_storage_says_so(make: Callable[..., Storage]) -> None:
    storage = make()
    storage.stop()
    with pytest.raises(DatabaseError, match="stopped"):
        storage.events()


def test_readers_cannot_write(make: Callable[..., Storage], path: Path) -> None:
    make()
    readers = Readers(path)
    with pytest.raises(sqlite3.OperationalError), readers.use() as conn:
        conn.execute("DELETE FROM readings")
    readers.close()


def test_an_unknown_synchronous_setting_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="synchronous"):
        open_writer(path, "SOMETIMES; DROP TABLE readings")
