"""However the process ends, what it reported as committed is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from services.clock import Clock
from services.storage.database import beside
from services.storage.storage import Storage
from tests.storage.storing import SECOND, T0, commit, one, readings, seqs, write
from tests.storage.test_rollup_tiers import assert_tiers_are_right

WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from services.clock import Clock
from services.storage.storage import Storage
from tests.storage.storing import T0, readings, write
def told(durable):
    sys.stdout.write(f"{durable[-1].ack}\\n"); sys.stdout.flush()
storage = Storage(Path(sys.argv[1]), Clock(), commit_s=0.005, on_commit=told)
storage.start()
before = storage.restored("bench")
n = before.runs[0].last_seq + 1 if before.runs else 0
while True:
    storage.append(write(readings(T0 + np.arange(n, n + 20) * 1000, np.arange(n, n + 20), hold_us=1000), boot=1, ack=n + 19))
    n += 20
    if n % 200 == 0:
        storage.nudge()
        while len(storage._writer.backlog):
            time.sleep(0.0005)
"""


def test_what_was_reported_as_committed_survives_kill_9(make: Callable[..., Storage], path: Path) -> None:
    rng = np.random.default_rng(4)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(int(rng.integers(1, 30)))]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
        process.stdout.close()
        process.wait()
        acknowledged = max(int(line) for line in lines if line.endswith(b"\n"))
        storage = make()
        stored = seqs(storage)
        assert stored == list(range(len(stored))) and len(stored) > acknowledged
        assert not storage.health().notes
        assert_tiers_are_right(path)
        storage.stop()


def test_a_stop_commits_everything_and_leaves_one_tidy_file(make: Callable[..., Storage], path: Path) -> None:
    storage = make(commit_s=60.0)
    for n in range(100):
        storage.append(
            write(readings(T0 + np.arange(n * 1000, n * 1000 + 1000) * 1000, np.arange(n * 1000, n * 1000 + 1000), hold_us=1000))
        )
    storage.stop()
    assert not beside(path, "-wal").exists() and not beside(path, "-shm").exists()
    assert sum(map(len, make().pages("bench", 0, 1 << 60))) == 100_000


def test_starting_and_stopping_leaks_neither_threads_nor_files(make: Callable[..., Storage]) -> None:
    process = psutil.Process()

    def cycle() -> None:
        storage = make()
        storage.append(one(0))
        commit(storage)
        storage.curve("bench", T0, T0 + SECOND, 10)
        storage.stop()

    cycle()
    before = process.num_fds(), threading.active_count()
    for _ in range(5):
        cycle()
    assert (process.num_fds(), threading.active_count()) == before


def test_stopping_twice_or_unstarted_is_harmless(path: Path, make: Callable[..., Storage]) -> None:
    Storage(path, Clock()).stop()
    storage = make()
    storage.stop()
    storage.stop()
