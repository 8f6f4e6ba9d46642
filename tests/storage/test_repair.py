"""What a damaged file still holds comes back: around every broken spot, over a restart, and what was compacted."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.clock import Clock
from services.storage import repair
from services.storage.database import get_setting, open_reader, open_writer
from services.storage.schema import MINUTE_US
from services.storage.storage import Storage
from tests.storage.storing import T0, commit, readings, seqs, until, write
from tests.storage.test_rollup_tiers import assert_tiers_are_right

pytestmark = pytest.mark.usefixtures("quick_retries")
N = 100_000
PAGE = 4096


def record(make: Callable[..., Storage], **options: object) -> None:
    storage = make(**options)
    for part in np.array_split(np.arange(N), 5):
        storage.append(write(readings(T0 + part * 10_000, part, hold_us=10_000)))
    storage.stop()


def unclean(path: Path) -> None:
    """As after a crash: so the file is checked."""
    conn = open_writer(path, "OFF")
    conn.execute("UPDATE settings SET value = '0' WHERE key = 'clean_stop'")
    conn.close()


def leaves(path: Path) -> list[int]:
    """Page numbers (from 0) with readings."""
    conn = open_reader(path)
    found = conn.execute("SELECT pageno FROM dbstat WHERE name = 'readings' AND pagetype = 'leaf' ORDER BY path").fetchall()
    conn.close()
    return [row[0] - 1 for row in found]


def break_leaves(path: Path, chosen: list[int]) -> None:
    data = bytearray(path.read_bytes())
    for page in chosen:
        data[page * PAGE : (page + 1) * PAGE] = os.urandom(PAGE)
    path.write_bytes(data)


def salvaged(storage: Storage) -> bool:
    try:
        with storage._readers.use() as conn:
            return get_setting(conn, repair.SALVAGE) == ""
    except sqlite3.Error:
        return False  # the new file is not there yet, or the old one still is


def test_between_two_broken_pages_everything_is_read_back(make: Callable[..., Storage], path: Path) -> None:
    record(make)
    unclean(path)
    pages = leaves(path)
    break_leaves(path, [pages[len(pages) // 5], pages[len(pages) // 2], pages[4 * len(pages) // 5]])
    storage = make()
    until(lambda: salvaged(storage), 60)
    back = seqs(storage)
    assert len(back) >= N - 3 * 200 and back == sorted(set(back))  # about 120 readings are in a page
    assert (back[0], back[-1]) == (0, N - 1)
    assert_tiers_are_right(path)


def test_salvaging_that_was_cut_off_goes_on_after_a_restart(
    make: Callable[..., Storage], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(make)
    unclean(path)
    break_leaves(path, [leaves(path)[100]])
    with monkeypatch.context() as patch:
        patch.setattr(repair.Salvage, "step", lambda *_: False)
        storage = make()
        until(lambda: storage.health().notes)
        commit(storage)
        assert not salvaged(storage)
        storage.stop()
    storage = make()
    until(lambda: salvaged(storage), 60)
    assert len(seqs(storage)) > N - 200
    storage.stop()
    assert not make()._writer._file.jobs


def test_compacted_minutes_are_taken_over(make: Callable[..., Storage], path: Path) -> None:
    record(make)
    minutes = N * 10_000 // MINUTE_US
    now = Clock(wall_ns=lambda: (T0 + N * 10_000) * 1000)
    options = {"retention_h": minutes / 2 / 60, "compact_days": 10, "clock": now}
    storage = make(**options, purge_after_s=0.0, purge_every_s=0.0)
    until(lambda: len(seqs(storage)) < 0.6 * N and not storage._writer._file.retention._tasks)
    storage.stop()
    storage = make(**options)
    before = storage_stats(storage)
    storage.stop()
    unclean(path)
    break_leaves(path, [leaves(path)[-3]])
    storage = make(**options)
    until(lambda: salvaged(storage), 60)
    after = storage_stats(storage)
    assert N - 300 < after[0] <= before[0] == N
    assert after[1] == before[1]  # it begins where it began


def storage_stats(storage: Storage) -> tuple[int, int]:
    extent = storage.extent("bench")
    assert extent is not None
    return storage.span_stats("bench", 0, 1 << 60).count, extent[0]
