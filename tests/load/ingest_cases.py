"""S1, S3, S6: what a reading costs on its way from the wire to the disk."""

from __future__ import annotations

import json
import os
import select
import sqlite3
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

import msgspec

from services.clock import Clock
from services.device.device import Device
from services.settings import Settings
from services.storage import rollups
from services.storage.storage import Storage
from services.wire.decoders import ReadingLine, encode_hello, encode_reading
from services.wire.messages import Hello
from tests.load.measuring import Row, cpu_s, ratio, wall_s
from tests.mock.serving import wait_for

RATE = 10_000  # readings per second that the lines pretend
CLUMP_BYTES = 65_536
CLUMP_S = 0.01
START_NS = 1_700_000_000 * 10**9
LIMIT_S = 20.0
FEEDER = "import os, sys\ndata = open(sys.argv[1], 'rb').read()\nwhile data: data = data[os.write(1, data[:65536]):]"


class SteppedClock:
    """Shows what it is set to: the time at which the lines handed over so far would have arrived."""

    def __init__(self) -> None:
        self._now_ns = START_NS
        self.clock = Clock(wall_ns=lambda: self._now_ns, monotonic_ns=lambda: self._now_ns)

    def pass_readings(self, count: int, rate: float) -> None:
        self._now_ns += int(count * 1e9 / rate)


def lines(count: int, crc: bool, rate: float = RATE) -> bytes:
    """Good readings of a board at `rate`; with checksums and uptime as level 1 has them, or without."""

    def line(n: int) -> bytes:
        part, ms = n % 97, int(n * 1000 / rate)
        reading = ReadingLine(5.02, 0.2451 + part / 1000, round(1.2304 + part / 200, 4), seq=n, ms=ms if crc else None)
        return encode_reading(reading, crc=crc)

    return b"".join(map(line, range(count)))


def hello(rate: float) -> bytes:
    return encode_hello(Hello(1, "1.0", "bench", 1, 1000 / rate, 4096, 0))


@contextmanager
def pty_fed_with(file: Path) -> Iterator[int]:
    """A descriptor from which the file's bytes come, written by another process into a pseudo-terminal."""
    master, slave = os.openpty()
    tty.setraw(slave)
    feeder = subprocess.Popen([sys.executable, "-c", FEEDER, str(file)], stdout=master)
    try:
        yield slave
    finally:
        feeder.kill()
        feeder.wait()
        os.close(slave)
        os.close(master)  # not before: what is still in the terminal would be gone


def chunks(fd: int, size: int) -> Iterator[bytes]:
    """`size` bytes as the link would hand them over: what is there, in clumps at high rates."""
    while size > 0:
        if not select.select([fd], [], [], LIMIT_S)[0]:
            raise RuntimeError(f"the feeder has stopped {size} bytes before the end")
        data, until_s = os.read(fd, CLUMP_BYTES), time.monotonic() + CLUMP_S
        while len(data) < min(CLUMP_BYTES, size) and (left_s := until_s - time.monotonic()) > 0:
            if select.select([fd], [], [], left_s)[0]:
                data += os.read(fd, CLUMP_BYTES)
        size -= len(data)
        yield data


class Chain:
    """The whole chain: bytes → protocol → sequence → checks → window → statistics → committed rows with rollups."""

    def __init__(self, file: Path, rate: float = RATE) -> None:
        self._rate = rate
        self._time = SteppedClock()
        self._storage = Storage(file, self._time.clock)
        self._storage.start()
        self._device = Device("bench", "loop://", Settings(), self._storage, self._time.clock)
        self._device.opened()

    def take(self, pieces: Iterator[bytes], count: int, level: int = 1) -> None:
        """Everything, and wait until it is on disk; a commit for each second of the board."""
        if level:
            self._device.received(hello(self._rate))
        passed, nudged = 0, 0
        for piece in pieces:
            arrived = piece.count(b"\n")
            self._time.pass_readings(arrived, self._rate)
            self._device.received(piece)
            self._device.tick()
            passed += arrived
            if passed - nudged >= self._rate:
                nudged = passed
                self._storage.nudge()
        self._storage.nudge()
        wait_for(lambda: self._storage.health().committed >= count, LIMIT_S)

    def stop(self) -> None:
        self._storage.stop(30)


def whole_chain(file: Path, folder: Path, count: int, rate: float = RATE, level: int = 1) -> float:
    """Processor seconds for the file's lines."""
    chain = Chain(folder / f"chain-{time.monotonic_ns()}.db", rate)
    try:
        with pty_fed_with(file) as fd:
            return cpu_s(lambda: chain.take(chunks(fd, file.stat().st_size), count, level))
    finally:
        chain.stop()


def bare_loop(file: Path, folder: Path) -> float:
    """The baseline's processor seconds: read, split, typed decode, executemany into the same table, and nothing else."""
    decode = msgspec.json.Decoder(ReadingLine).decode
    with closing(sqlite3.connect(folder / f"bare-{time.monotonic_ns()}.db")) as connection, pty_fed_with(file) as fd:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            """CREATE TABLE readings (id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, v_uv INTEGER NOT NULL,
            a_ua INTEGER NOT NULL, w_uw INTEGER NOT NULL, hold_us INTEGER NOT NULL, flags INTEGER NOT NULL) STRICT"""
        )

        def work() -> None:
            tail = b""
            for piece in chunks(fd, file.stat().st_size):
                *whole, tail = (tail + piece).split(b"\n")
                rows = [
                    (r.seq, r.ms or 0, int(r.v * 1e6), int(r.a * 1e6), int((r.w or 0) * 1e6), 100, 0) for r in map(decode, whole)
                ]
                connection.executemany("INSERT INTO readings VALUES (?,?,?,?,?,?,?)", rows)
                if connection.total_changes % RATE < len(rows):
                    connection.commit()
            connection.commit()

        return cpu_s(work)


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


def without_rollups(file: Path, folder: Path, count: int, rate: float) -> float:
    with patch.object(rollups, "add", lambda *_: None):
        return whole_chain(file, folder, count, rate)


def cases(folder: Path, runs: int, count: int, wanted: set[str]) -> Iterator[Row]:
    """S1, S3 and S6; `count` readings a run."""
    sealed, plain, slow = folder / "sealed", folder / "plain", folder / "slow"
    sealed.write_bytes(lines(count, True))
    plain.write_bytes(lines(count, False))
    slow.write_bytes(lines(count // 5, True, 500))
    few = b"".join(plain.read_bytes().splitlines(keepends=True)[:300])
    if "S1" in wanted:
        ours, base = lambda: whole_chain(sealed, folder, count), lambda: bare_loop(sealed, folder)
        yield ratio("S1", "whole chain / bare loop, both from a pty (CPU)", "≤ 2", ours, base, runs)
        plainly = lambda: whole_chain(plain, folder, count, level=0)  # noqa: E731
        yield ratio("S1", "level 1 / level 0 (CPU)", "< 1.3", ours, plainly, runs)
    if "S3" in wanted:
        per_line = count / 300
        usually = lambda: wall_s(lambda: usual(few, folder)) * per_line  # noqa: E731
        quickly = lambda: wall_s(lambda: whole_chain(sealed, folder, count))  # noqa: E731
        yield ratio(
            "S3", "readline + json.loads + commit per row / whole chain (wall)", "≥ 20", usually, quickly, max(1, runs // 2)
        )
    if "S6" in wanted:
        for file, number, rate in ((sealed, count, RATE), (slow, count // 5, 500)):
            what = f"whole chain with / without rollups at {rate}/s, a commit a second (CPU)"
            with_, without = (
                (lambda f=file, n=number, r=rate: whole_chain(f, folder, n, r)),
                (lambda f=file, n=number, r=rate: without_rollups(f, folder, n, r)),
            )
            yield ratio("S6", what, "≤ 1.25", with_, without, runs)
