"""S4, S5: what it costs to look at the record, and to take it home."""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import orjson

from components.figures.packed import packed, packed_times
from services.analysis.frame import frame_of_curve, times_us
from services.clock import Clock
from services.storage.export import ExportOptions, export
from services.storage.storage import Storage
from tests.load.generate import DEVICE
from tests.load.measuring import Row, memory_mb, percentile, ratio, spread, wall_s
from tests.system.running import Program, program

PIXELS = 2_000
ZOOMS = 9  # each a quarter of the one before
PLACES = 6


@contextmanager
def opened(database: Path) -> Iterator[Storage]:
    storage = Storage(database, Clock(), retention_h=10_000, purge_after_s=1e9)
    storage.start()
    try:
        yield storage
    finally:
        storage.stop()


def extent(storage: Storage) -> tuple[int, int]:
    """Half open: the last reading is inside."""
    found = storage.extent(DEVICE)
    assert found is not None
    return found[0], found[1] + 1


def views(t0_us: int, t1_us: int) -> list[tuple[int, int]]:
    """Spans from everything down to seconds, at places all over the record."""
    spans = [int((t1_us - t0_us) / 4**zoom) for zoom in range(ZOOMS)]
    return [
        (start, start + span)
        for span in spans
        for start in range(t0_us, t1_us - span + 1, max(1, (t1_us - t0_us - span) // PLACES))
    ]


def view_times_ms(storage: Storage) -> list[float]:
    """How long each view takes from the question to the bytes of its answer."""
    return [wall_s(partial(view, storage, *span)) * 1e3 for span in views(*extent(storage))]


def view(storage: Storage, t0_us: int, t1_us: int) -> bytes:
    """The points of a view as the page sends them: the frame's columns, packed."""
    frame = frame_of_curve(storage.curve(DEVICE, t0_us, t1_us, PIXELS))
    columns = {name: packed(frame[name].to_numpy()) for name in frame.columns}
    return orjson.dumps(columns | {"t": packed_times(times_us(frame) / 1000)})


def p95_ms(storage: Storage) -> float:
    return percentile(view_times_ms(storage), 0.95)


def views_of(name: str, storage: Storage, runs: int) -> Row:
    """p95 over all views, once per run."""
    rounds = [view_times_ms(storage) for _ in range(runs)]
    medians = statistics.median(time_ms for times_ms in rounds for time_ms in times_ms)
    p95s = [percentile(times_ms, 0.95) for times_ms in rounds]
    return spread("S4", f"{len(rounds[0])} views of {name}: p95", "≤ 20", p95s, "ms", f"median {medians:.1f} ms")


def group_by(database: Path, width_us: int) -> None:
    """The baseline: buckets made from the readings for each question."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            f"""SELECT time_us / {width_us}, min(v_uv), avg(v_uv), max(v_uv), min(a_ua), avg(a_ua), max(a_ua),
            min(w_uw), avg(w_uw), max(w_uw) FROM readings GROUP BY 1"""
        ).fetchall()


def view_cases(small: Path, large: Path | None, runs: int) -> Iterator[Row]:
    """`small`: 48 h at 10/s; `large`: 48 h at 500/s."""
    with opened(small) as storage:
        yield views_of("1.7 M readings", storage, runs)
        t0_us, t1_us = extent(storage)
        widest = partial(view, storage, t0_us, t1_us)
        grouped = partial(group_by, small, (t1_us - t0_us) // PIXELS)
        yield ratio("S4", "widest view / GROUP BY over the readings", "≪ 1", partial(wall_s, widest), partial(wall_s, grouped), 3)
    if large is None:
        return
    with opened(large) as many, opened(small) as few:
        yield views_of("86.4 M readings", many, runs)
        yield ratio("S4", "p95 of 86.4 M / of 1.7 M", "≤ 2", lambda: p95_ms(many), lambda: p95_ms(few), runs, "ms")
        t0_us, t1_us = extent(many)
        widest = partial(view, many, t0_us, t1_us)
        grouped = partial(group_by, large, (t1_us - t0_us) // PIXELS)
        yield ratio("S4", "widest view of 86.4 M / GROUP BY, once", "≪ 1", partial(wall_s, widest), partial(wall_s, grouped), 1)


def export_cases(database: Path, folder: Path, runs: int) -> Iterator[Row]:
    """CSV of everything: against sqlite3 -csv; then over HTTP, with its first byte and its memory."""
    if shutil.which("sqlite3") is None:
        yield Row("S5", "CSV / sqlite3 -csv: there is no sqlite3 program here", "≤ 1.5", None)
    else:
        with opened(database) as storage:
            span = extent(storage)
            yield ratio("S5", "CSV / sqlite3 -csv", "≤ 1.5", lambda: _ours_s(storage, *span), lambda: _theirs_s(database), runs)
    with program(folder, "--no-demo", "--retention-h", "10000", database=database) as running:
        url = f"{running.address}/api/history?format=csv&device={DEVICE}&from=0"
        first, added, rows = [], [], 0
        for _ in range(runs):
            first_ms, most_mb, rows = _download(running, url)
            first.append(first_ms)
            added.append(most_mb)
    yield spread("S5", "first byte of the CSV", "≤ 100", first, "ms", f"{rows} lines")
    yield spread("S5", "memory that the export adds", "≤ 50", added, "MB")


def _ours_s(storage: Storage, t0_us: int, t1_us: int) -> float:
    def work() -> None:
        for _ in export(DEVICE, storage.pages(DEVICE, t0_us, t1_us), "csv", ExportOptions()):
            pass

    return wall_s(work)


def _theirs_s(database: Path) -> float:
    command = ["sqlite3", "-csv", str(database), "SELECT * FROM power_log"]
    return wall_s(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True))


def _download(running: Program, url: str) -> tuple[float, float, int]:
    """(ms to the first byte, the most MB above before, lines)."""
    pid = running.process.pid
    before_mb, began = memory_mb(pid), time.perf_counter()
    most_mb, lines = before_mb, 0
    with urllib.request.urlopen(url, timeout=60) as answer:
        lines += answer.read(1).count(b"\n")
        first_ms = (time.perf_counter() - began) * 1e3
        while piece := answer.read(1 << 20):
            lines += piece.count(b"\n")
            most_mb = max(most_mb, memory_mb(pid))
    return first_ms, most_mb - before_mb, lines
