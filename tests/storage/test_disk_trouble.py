"""The disk may be read-only, full, slow or broken, and the thread that writes may die: recording goes on."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clock import Clock
from services.errors import DatabaseUnreadable
from services.model import Readings, Rejected, Write
from services.storage import backlog, file_check, writer
from services.storage.backlog import Backlog, join
from services.storage.database import beside
from services.storage.file_lock import Claim, WriterLock
from services.storage.ingest import Ingest
from services.storage.storage import Storage
from services.storage.writer import Writer
from tests.storage.storing import T0, commit, one, readings, seqs, until, write

pytestmark = pytest.mark.usefixtures("quick_retries")

# --- at the start


@pytest.mark.parametrize(("number", "said"), [(errno.EROFS, "read"), (errno.ENOSPC, "full"), (errno.EIO, "refuses")])
def test_a_disk_that_refuses_at_the_start_does_not_keep_us_from_recording(
    make: Callable[..., Storage], monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(WriterLock, "acquire", lambda _: (_ for _ in ()).throw(OSError(number, os.strerror(number))))
        storage = make()
        storage.append(one(0))
        health = storage.health()
        assert not health.ok and said in health.problem and "memory" in health.problem and health.queued == 1
        assert storage.devices() == [] and storage.restored("bench").runs == () and seqs(storage) == []
    commit(storage)
    assert storage.health().ok and seqs(storage) == [0]


def test_a_folder_that_we_may_not_write_is_said_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WriterLock, "acquire", lambda _: (_ for _ in ()).throw(PermissionError(errno.EACCES, "no")))
    with pytest.raises(DatabaseUnreadable, match="cannot be written"):
        Storage(path, Clock()).start()


def test_the_file_is_looked_at_and_locked_only_once(path: Path) -> None:
    claim = Claim(path)
    assert claim.take() is claim.take()
    claim.release()


@pytest.mark.parametrize("content", [bytes(4096), b"x", os.urandom(5000)])
def test_our_own_file_whose_beginning_is_destroyed_is_moved_aside(
    make: Callable[..., Storage], path: Path, content: bytes
) -> None:
    make().stop()  # leaves the lock beside the file: it is ours
    path.write_bytes(content)
    storage = make()
    storage.append(one(0))
    commit(storage)
    aside = [file for file in path.parent.iterdir() if ".damaged-" in file.name]
    assert [file.read_bytes() for file in aside] == [content]
    assert aside[0].name in storage.health().notes[0] and seqs(storage) == [0]


# --- with real file systems


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a small disk; needs root on Linux."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root mounts disks")
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
        if done.returncode:
            pytest.skip("mounting is not allowed here")
        return folder

    yield mount
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def fill(folder: Path) -> Path:
    """Take all the room there is."""
    file = folder / "filler"
    handle = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        while True:
            os.write(handle, bytes(4096))
    except OSError as error:
        assert error.errno == errno.ENOSPC
    finally:
        os.close(handle)
    return file


def test_a_disk_that_is_really_full_is_outlasted(make: Callable[..., Storage], small_disk: Callable[..., Path]) -> None:
    folder = small_disk("size=64m")
    storage = make(path=folder / "x.db", synchronous="FULL")
    until(lambda: (folder / "x.db.ballast").exists())
    storage.append(batch(0))
    filler = fill(folder)
    until(lambda: not storage.health().ok or seqs(storage))  # the log may have room for it
    for n in range(1, 300):
        storage.append(batch(n))
    commit(storage)  # the ballast makes room
    assert storage.health().ok and not (folder / "x.db.ballast").exists()
    fill(folder)
    for n in range(300, 3000):
        storage.append(batch(n))
    storage.nudge()
    until(lambda: "disk is full" in storage.health().problem)
    stored = len(seqs(storage))
    assert 30_000 <= stored < 300_000 and seqs(storage) == list(range(stored))
    filler.unlink()
    commit(storage)
    assert storage.health().ok and seqs(storage) == list(range(300_000))


def test_a_disk_that_is_really_read_only_can_be_read_and_is_written_later(
    make: Callable[..., Storage], small_disk: Callable[..., Path]
) -> None:
    folder = small_disk("size=64m")
    storage = make(path=folder / "x.db")
    storage.append(one(0))
    storage.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    storage = make(path=folder / "x.db")
    storage.append(one(1))
    assert "only be read" in storage.health().problem
    assert seqs(storage) == [0] and storage.devices() == ["bench"]
    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
    commit(storage)
    assert seqs(storage) == [0, 1] and storage.health().ok


# --- the thread


def test_a_thread_that_died_is_started_again_and_says_so(
    make: Callable[..., Storage], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    storage = make()
    storage.append(one(0))
    commit(storage)
    first = storage._writer._thread
    monkeypatch.setattr(Writer, "_round", lambda _: sys.exit("killed"))
    storage.append(one(1))
    storage.nudge()
    until(lambda: not first.is_alive())
    monkeypatch.undo()
    storage.append(one(2))  # whatever comes next, or a look at the health, revives it
    commit(storage)
    assert seqs(storage) == [0, 1, 2]
    assert any("died and was started again" in note for note in storage.health().notes) and "killed" in caplog.text


def test_a_thread_that_was_stopped_stays_so(make: Callable[..., Storage]) -> None:
    storage = make()
    storage.stop()
    storage.health()
    assert not storage._writer._thread.is_alive()


def test_a_disk_that_does_not_answer_is_told_in_health(make: Callable[..., Storage], monkeypatch: pytest.MonkeyPatch) -> None:
    gate, ahead_s, store = threading.Event(), [0], Ingest.store

    def held_up(*args: Any) -> Any:
        gate.wait(20)
        return store(*args)

    base = Clock()
    storage = make(clock=Clock(monotonic_ns=lambda: round((base.monotonic_s() + ahead_s[0]) * 1e9)))
    monkeypatch.setattr(Ingest, "store", held_up)
    storage.append(one(0))
    storage.nudge()
    until(lambda: storage._writer.backlog._taken)
    assert storage.health().ok
    ahead_s[0] = 60
    assert "has not answered" in storage.health().problem and not storage.health().ok
    gate.set()
    commit(storage)
    assert storage.health().ok and seqs(storage) == [0]


def test_a_damaged_file_that_cannot_be_moved_is_tried_again(
    make: Callable[..., Storage], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make().stop()
    data = bytearray(path.read_bytes())
    data[100:4096] = os.urandom(3996)
    path.write_bytes(data)
    with monkeypatch.context() as patch:
        patch.setattr(file_check, "move_aside", lambda *_: (_ for _ in ()).throw(OSError(errno.EROFS, "read-only")))
        storage = make()
        storage.append(one(0))
        until(lambda: "only be read" in storage.health().problem)
        assert storage._writer._thread.is_alive()
    commit(storage)
    assert seqs(storage) == [0] and "moved aside" in storage.health().notes[0]


# --- memory


def test_what_waits_through_a_long_outage_is_joined(make: Callable[..., Storage], monkeypatch: pytest.MonkeyPatch) -> None:
    """At 10 readings a second 28 hours are a million writes of one reading, 1.3 GB; joined they are 65 MB."""
    monkeypatch.setattr(writer, "RETRY_S", 0.001)
    storage = make()
    with monkeypatch.context() as patch:
        patch.setattr(Ingest, "store", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "no")))
        for n in range(20_000):
            storage.append(write(readings([T0 + n * 1000], [n]), boot=1, ack=n))
        until(lambda: len(storage._writer.backlog._waiting) < 20)
        assert storage.health().queued == 20_000
    commit(storage)
    assert seqs(storage) == list(range(20_000))


def test_catching_up_takes_many_commits_and_the_end_waits_for_all_of_them(
    make: Callable[..., Storage], monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.setattr(Backlog.take, "__defaults__", (500,))
    told: list[int] = []
    storage = make(commit_s=60.0, on_commit=lambda durable: told.append(durable[0].ack))
    commit(storage)
    for n in range(30):
        storage.append(batch(n))
    storage.stop()
    assert told == [499, 999, 1499, 1999, 2499, 2999]
    assert seqs(make()) == list(range(3000))


def batch(n: int) -> Write:
    """Readings 100 n … 100 n + 99."""
    numbers = np.arange(n * 100, n * 100 + 100)
    return write(readings(T0 + numbers, numbers), boot=1, ack=int(numbers[-1]))


@st.composite
def writes(draw: st.DrawFn) -> Write:
    n = draw(st.integers(0, 5))
    boot = draw(st.sampled_from([None, 1, 2]))
    rows = readings(np.arange(n), draw(st.integers(0, 9)) + np.arange(n), boot=boot or 1) if n else None
    lines = tuple(Rejected("", k, "corrupt", "") for k in range(draw(st.integers(0, 2))))  # type: ignore[arg-type]
    ack = draw(st.integers(0, 99)) if boot is not None else None
    words = draw(st.sampled_from([(), ("hot",), ("hot", "wet"), ("wet",)])) if n else ()
    return Write(draw(st.sampled_from("ab")), rows, rejected=lines, boot=boot, ack=ack, words=words)


@given(st.lists(writes(), max_size=30), st.integers(1, 20))
def test_joined_writes_say_the_same_in_the_same_order(given_writes: list[Write], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backlog, "JOINED", most)
        joined = list(join(given_writes))
    for device in "ab":
        before, after = ([item for item in items if item.device == device] for items in (given_writes, joined))
        for name in Readings.__struct_fields__:
            assert column(before, name) == column(after, name)
        assert all(said.startswith(meant) for meant, said in zip(vocabulary(before), vocabulary(after), strict=True))
        assert [line for item in before for line in item.rejected] == [line for item in after for line in item.rejected]
        for boot in (1, 2):
            acks = [
                max((i.ack for i in items if i.boot == boot and i.ack is not None), default=None) for items in (before, after)
            ]
            assert acks[0] == acks[1]


def column(items: list[Write], name: str) -> list[Any]:
    return [value for item in items if item.readings is not None for value in getattr(item.readings, name).tolist()]


def vocabulary(items: list[Write]) -> list[str]:
    """For each reading the words that its flags name, in their order."""
    return [",".join((*item.words, "")) for item in items if item.readings is not None for _ in range(len(item.readings))]


def test_refused_rows_are_counted_in_health(make: Callable[..., Storage], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    storage = make()
    storage.append(write(readings([T0, T0 + 1], [1, 2], v=[5.0, np.nan])))
    commit(storage)
    assert seqs(storage) == [1] and any("1 rows could not be stored" in note for note in storage.health().notes)


def test_the_wal_of_a_file_that_is_gone_is_not_thrown_away(make: Callable[..., Storage], path: Path) -> None:
    path.touch()
    beside(path, "-wal").write_bytes(b"something")
    beside(path, ".lock").touch()
    storage = make()
    assert [file.read_bytes() for file in path.parent.iterdir() if file.name.endswith("Z-wal")] == [b"something"]
    assert storage.health().notes
