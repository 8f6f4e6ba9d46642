"""A database that vanishes while it is written: noticed before anything more is acknowledged, said, and outlived."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from components.words.phrases import phrase
from services.model import EventKind
from services.storage import file_check
from services.storage.database import beside, open_reader
from services.storage.storage import Storage
from services.storage.store import Durable
from tests.storage.storing import T0, commit, one, readings, seqs, until, write
from tests.storage.test_rollup_tiers import assert_tiers_are_right

pytestmark = [pytest.mark.usefixtures("quick_retries"), pytest.mark.skipif(os.name != "posix", reason="open files stay")]


def numbers(path: Path) -> list[int]:
    """What anybody finds in the file."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as conn:
        return [row[0] for row in conn.execute("SELECT seq FROM power_log ORDER BY seq")]


def feed(storage: Storage, first: int, count: int) -> None:
    for n in range(first, first + count):
        storage.append(one(n))
    commit(storage)


def told(storage: Storage, *words: str) -> str:
    """The note of health, which the event log has too."""
    note = str(until(lambda: next((note for note in storage.health().notes if all(word in note for word in words)), "")))
    commit(storage)
    assert re.search("[가-힣]", phrase(note, "ko"))
    assert note in [event.text for event in storage.events() if event.kind is EventKind.DATABASE]
    return note


def delete_file(path: Path) -> None:
    path.unlink()


def delete_all(path: Path) -> None:
    for file in path.parent.glob(path.name + "*"):
        file.unlink()


def delete_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


@pytest.mark.parametrize("delete", [delete_file, delete_all, delete_folder])
def test_a_deleted_database_is_said_and_what_was_in_memory_is_in_the_new_one(
    make: Callable[..., Storage], tmp_path: Path, delete: Callable[[Path], None]
) -> None:
    path = tmp_path / "data" / "powermon.db"
    acknowledged: list[Durable] = []
    storage = make(path=path, on_commit=acknowledged.extend)
    feed(storage, 0, 20)
    delete(path)
    feed(storage, 20, 20)
    assert acknowledged[-1].ack == 39
    assert numbers(path) == seqs(storage) == list(range(40))
    assert "newest 20 readings" in told(storage, "was deleted", "Recording goes on in the new file powermon.db")
    assert storage.health().ok and storage.health().committed == 40
    assert [event.text for event in storage.events(limit=99)].count("7") == 1
    assert_tiers_are_right(path)
    assert beside(path, ".lock").exists()


def test_a_deleted_database_is_noticed_also_while_nothing_comes(make: Callable[..., Storage], path: Path) -> None:
    storage = make()
    feed(storage, 0, 5)
    path.unlink()
    assert told(storage, "was deleted")
    assert numbers(path) == [0, 1, 2, 3, 4]


def test_a_renamed_database_is_whole_and_recording_goes_on_under_the_old_name(make: Callable[..., Storage], path: Path) -> None:
    storage = make()
    feed(storage, 0, 20)
    away = path.with_name("away.db")
    path.rename(away)
    feed(storage, 20, 20)
    assert not beside(away, "-wal").exists() and set(range(20)) <= set(numbers(away))
    assert numbers(path) == list(range(40))
    assert str(away) in told(storage, "was renamed", "what was recorded until now is in")
    with closing(open_reader(away)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_another_file_put_in_its_place_is_left_as_it_is_and_recording_goes_on_beside(
    make: Callable[..., Storage], path: Path, tmp_path: Path
) -> None:
    other = make(path=tmp_path / "other" / "powermon.db")
    feed(other, 500, 7)
    other.stop()
    content = (tmp_path / "other" / "powermon.db").read_bytes()
    storage = make()
    feed(storage, 0, 20)
    (tmp_path / "other" / "powermon.db").replace(path)
    feed(storage, 20, 20)
    assert path.read_bytes() == content and numbers(path) == list(range(500, 507))
    (new,) = path.parent.glob("powermon-*.db")
    assert numbers(new) == seqs(storage) == list(range(40))
    told(storage, "was replaced", new.name)
    assert not storage.health().ok and new.name in storage.health().problem


def test_a_copy_of_the_record_put_in_its_place_is_gone_on_with(make: Callable[..., Storage], path: Path, tmp_path: Path) -> None:
    storage = make()
    feed(storage, 0, 20)
    file_check.backup(path, tmp_path / "copy.db")
    feed(storage, 20, 20)
    (tmp_path / "copy.db").replace(path)
    feed(storage, 40, 20)
    assert numbers(path) == list(range(60)) and storage.health().ok
    assert [event.text for event in storage.events(limit=99)].count("7") == 1
    assert_tiers_are_right(path)
    told(storage, "another copy of the same record")


@pytest.mark.parametrize("left", [0.0, 0.5])
def test_a_database_cut_short_is_moved_aside_and_what_was_in_memory_is_written_again(
    make: Callable[..., Storage], path: Path, left: float
) -> None:
    storage = make()
    feed(storage, 0, 300)
    with closing(sqlite3.connect(path)) as conn:  # a person's shell
        until(lambda: not conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
    feed(storage, 299, 1)
    os.truncate(path, int(path.stat().st_size * left))
    feed(storage, 300, 20)
    assert numbers(path) == seqs(storage) == list(range(320))
    note = told(storage, "cut short", "moved aside")
    assert list(path.parent.glob("*.damaged-*")) and ".damaged-" in note
    assert_tiers_are_right(path)


def test_a_file_that_we_made_smaller_is_not_taken_for_one_that_was_cut(make: Callable[..., Storage], path: Path) -> None:
    storage = make(retention_h=0.02, purge_after_s=0.0, purge_every_s=0.05)
    storage.append(write(readings(T0 + 10_000 * (ids := np.arange(60_000)), ids, hold_us=10_000)))
    commit(storage)
    storage.append(write(readings([T0 + 10**10], [10**6])))
    large = until(lambda: path.stat().st_size)
    until(lambda: storage.health().file_bytes < large / 2 or not len(seqs(storage)) > 2, 30)
    feed(storage, 10**6 + 1, 3)
    assert storage.health().notes == ()


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_log_deleted_under_us_costs_nothing(make: Callable[..., Storage], path: Path, suffix: str) -> None:
    storage = make()
    feed(storage, 0, 20)
    beside(path, suffix).unlink()
    feed(storage, 20, 20)
    assert numbers(path) == list(range(40)) and storage.health().ok
    told(storage, "beside powermon.db", "was deleted")
    assert not list(path.parent.glob("*.damaged-*"))


def test_a_deleted_lock_is_made_again(make: Callable[..., Storage], path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.storage.writer.LOOK_S", 0.01)
    make()
    beside(path, ".lock").unlink()
    until(beside(path, ".lock").exists)
    with pytest.raises(Exception, match="another powermon"):
        make()


WRITER = """
import sys, time
from pathlib import Path
from services.clock import Clock
from services.storage.storage import Storage
from tests.storage.storing import one
def told(durable):
    sys.stdout.write(f"{durable[-1].ack}\\n"); sys.stdout.flush()
storage = Storage(Path(sys.argv[1]), Clock(), commit_s=0.01, on_commit=told)
storage.start()
for n in range(1_000_000):
    storage.append(one(n))
    time.sleep(0.001)
"""


@pytest.mark.parametrize("act", ["delete", "rename", "replace", "cut"])
def test_killed_right_after_the_file_vanished_nothing_acknowledged_is_in_no_file(path: Path, act: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        while int(process.stdout.readline()) < 100:
            pass
        if act == "delete":
            path.unlink()
        elif act == "rename":
            path.rename(path.with_name("away.db"))
        elif act == "replace":
            path.with_name("other").write_bytes(b"somebody's")
            path.with_name("other").replace(path)
        else:
            os.truncate(path, 0)
        seen = [int(process.stdout.readline()) for _ in range(30)]
    finally:
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.readlines()
        process.stdout.close()
        process.wait()
    acknowledged = max([*seen, *(int(line) for line in rest if line.endswith(b"\n"))])
    found: set[int] = set()
    for file in path.parent.glob("*.db"):
        if file.read_bytes()[:6] == b"SQLite":
            found |= set(numbers(file))
    assert set(range(acknowledged + 1)) <= found
