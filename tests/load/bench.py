"""`make bench`: how fast, as ratios against a named baseline measured in the same run. `--full`: more rows, more runs."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from services.acquisition.protocol import ReadingLine, encode_hello, encode_reading
from services.acquisition.wire import Hello
from services.clock import Clock
from services.device import Device
from services.settings import Settings
from services.storage.export import ExportOptions, export
from services.storage.storage import Storage
from tests.load.generate import DEVICE, generate

CHUNK = 16_384  # what the link hands over at a time when the line is full
HELLO = encode_hello(Hello(1, "1.0", "bench", 1, 0.1, 4096, 0))


def lines(count: int, crc: bool) -> bytes:
    """Good readings as a board at 10 000/s sends them."""

    def line(n: int) -> bytes:
        part = n % 97
        reading = ReadingLine(5.02, 0.2451 + part / 1000, round(1.2304 + part / 200, 4), seq=n, ms=n // 10 if crc else None)
        return encode_reading(reading, crc=crc)

    return b"".join(map(line, range(count)))


def cpu_s(work: Callable[[], object]) -> float:
    """Processor seconds of this process, all threads."""
    before = time.process_time()
    work()
    return time.process_time() - before


def wall_s(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def ingest(data: bytes, folder: Path, hello: bytes) -> None:
    """The whole chain: bytes → protocol → sequence → checks → window → statistics → committed rows with rollups."""
    clock = Clock()
    storage = Storage(folder / f"chain-{time.monotonic_ns()}.db", clock)
    storage.start()
    device = Device("bench", "loop://", Settings(), storage, clock)
    device.opened()
    device.received(hello)
    for start in range(0, len(data), CHUNK):
        device.received(data[start : start + CHUNK])
    device.tick()
    storage.stop(30)


def bare(data: bytes, folder: Path) -> None:
    """The baseline: split, typed decode, executemany into one table, one commit; nothing is checked or kept."""
    decode = msgspec.json.Decoder(ReadingLine).decode
    with closing(sqlite3.connect(folder / f"bare-{time.monotonic_ns()}.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, time_us, v, a, w, hold, flags)")
        tail = b""
        for start in range(0, len(data), CHUNK):
            *whole, tail = (tail + data[start : start + CHUNK]).split(b"\n")
            rows = [(r.seq, r.ms, int(r.v * 1e6), int(r.a * 1e6), int((r.w or 0) * 1e6), 100, 0) for r in map(decode, whole)]
            connection.executemany("INSERT INTO t VALUES (?,?,?,?,?,?,?)", rows)
        connection.commit()


def usual(data: bytes, folder: Path) -> None:
    """The way most dashboards do it: pyserial's readline, json.loads, one commit a row."""
    import serial

    master, slave = os.openpty()
    tty.setraw(slave)
    file = folder / "usual.db"
    with closing(serial.Serial(os.ttyname(slave), timeout=1)) as port, closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t (v, a, w, seq)")
        for line in data.splitlines(keepends=True):
            os.write(master, line)
            value = json.loads(port.readline())
            connection.execute("INSERT INTO t VALUES (?,?,?,?)", (value["v"], value["a"], value["w"], value["seq"]))
            connection.commit()
    os.close(master)
    os.close(slave)


def ratio(name: str, aim: str, ours: Callable[[], float], base: Callable[[], float], runs: int) -> dict[str, Any]:
    """ours/base over alternating runs."""
    pairs = [(ours(), base()) for _ in range(runs)]
    ratios = sorted(mine / max(other, 1e-9) for mine, other in pairs)
    return {
        "what": name,
        "ratio": round(statistics.median(ratios), 3),
        "least": round(ratios[0], 3),
        "most": round(ratios[-1], 3),
        "ours_s": round(statistics.median(mine for mine, _ in pairs), 4),
        "base_s": round(statistics.median(other for _, other in pairs), 4),
        "aim": aim,
        "runs": runs,
    }


def ingest_cases(folder: Path, runs: int, count: int) -> list[dict[str, Any]]:
    sealed, plain = lines(count, True), lines(count, False)
    few = b"".join(plain.splitlines(keepends=True)[:300])
    per_line = count / 300
    return [
        ratio(
            "S1 whole chain / bare loop (CPU, same readings)",
            "≤ 2",
            lambda: cpu_s(lambda: ingest(sealed, folder, HELLO)),
            lambda: cpu_s(lambda: bare(sealed, folder)),
            runs,
        ),
        ratio(
            "level 1 / level 0 (CPU)",
            "< 1.3",
            lambda: cpu_s(lambda: ingest(sealed, folder, HELLO)),
            lambda: cpu_s(lambda: ingest(plain, folder, b"")),
            runs,
        ),
        ratio(
            "S3 readline+json+commit per row / whole chain (wall, per reading)",
            "≥ 20",
            lambda: wall_s(lambda: usual(few, folder)) * per_line,
            lambda: wall_s(lambda: ingest(sealed, folder, HELLO)),
            max(1, runs // 2),
        ),
    ]


def history_cases(database: Path, runs: int) -> list[dict[str, Any]]:
    clock = Clock()
    storage = Storage(database, clock, retention_h=1000, purge_after_s=1e9)
    storage.start()
    try:
        extent = storage.extent(DEVICE)
        assert extent is not None
        t0_us, t1_us = extent
        spans = [int((t1_us - t0_us) / 4**power) for power in range(8)]
        views = [(t1_us - span - (t1_us - t0_us - span) * part // 4, span) for span in spans for part in range(4)]
        times = sorted(wall_s(partial(storage.curve, DEVICE, start, start + span, 2000)) for start, span in views * 3)
        p95_ms, median_ms = times[int(len(times) * 0.95)] * 1e3, statistics.median(times) * 1e3
        row = {"what": f"S4 {len(times)} history views: p95 in ms (median {median_ms:.1f})", "ratio": round(p95_ms, 1)}
        grouped = ratio(
            "S4 widest view / GROUP BY over raw rows",
            "≪ 1",
            lambda: wall_s(lambda: storage.curve(DEVICE, t0_us, t1_us, 2000)),
            lambda: wall_s(lambda: _group_by(database, (t1_us - t0_us) // 2000)),
            3,
        )
        return [row | {"aim": "≤ 20", "runs": 1}, grouped, *_csv_case(storage, database, t0_us, t1_us, max(1, runs // 2))]
    finally:
        storage.stop()


def _group_by(database: Path, width_us: int) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"SELECT time_us / {width_us}, min(w_uw), avg(w_uw), max(w_uw) FROM readings GROUP BY 1").fetchall()


def _csv_case(storage: Storage, database: Path, t0_us: int, t1_us: int, runs: int) -> list[dict[str, Any]]:
    try:
        subprocess.run(["sqlite3", "--version"], capture_output=True, check=True)
    except OSError:
        return [{"what": "S5 CSV: not run, there is no sqlite3 program here", "ratio": None, "aim": "≤ 1.5", "runs": 0}]

    def ours() -> None:
        for _ in export(DEVICE, storage.pages(DEVICE, t0_us, t1_us + 1), "csv", ExportOptions()):
            pass

    def theirs() -> None:
        subprocess.run(["sqlite3", "-csv", str(database), "SELECT * FROM power_log"], stdout=subprocess.DEVNULL, check=True)

    return [ratio("S5 CSV / sqlite3 -csv", "≤ 1.5", lambda: wall_s(ours), lambda: wall_s(theirs), runs)]


def table(rows: list[dict[str, Any]]) -> str:
    head = f"{'what':<66} {'ratio':>9} {'least':>9} {'most':>9}  aim"
    body = []
    for row in rows:
        least, most = row.get("least", ""), row.get("most", "")
        body.append(f"{row['what']:<66} {row['ratio']!s:>9} {least!s:>9} {most!s:>9}  {row['aim']}")
    return "\n".join([head, *body])


def run(folder: Path, runs: int, count: int, rate: float, hours: float) -> list[dict[str, Any]]:
    """Every case; `count` readings for the ingest, a history of `hours` at `rate`."""
    rows = ingest_cases(folder, runs, count)
    generate(folder / "history.db", rate, hours)
    return rows + history_cases(folder / "history.db", runs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="48 h at 100/s instead of 10/s, nine runs instead of five")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = run(Path(name), 9 if options.full else 5, 100_000, 100.0 if options.full else 10.0, 48.0)
    print(table(rows))
    machine = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}")
    file = Path(f"bench-{time.strftime('%Y%m%d-%H%M%S')}.json")
    file.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    print(f"written to {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
