"""`python -m tests.system.independent_board --seeds 10 --seconds 60`: a board written from the page of the wire, not from mock/,
on a real socket or pseudo terminal whose wire loses, damages, doubles, halves and delays lines, against the real program.

Cables are pulled, either side restarts, the program is killed. Afterwards: nothing acknowledged is missing, nothing is there
twice, and lost is exactly what the board overwrote or forgot before it could be had.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import select
import socket
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.clock import Clock
from services.storage.storage import Storage
from tests.mock.serving import wait_for
from tests.model.board import Board, Kind, Measured, Payload, Said, Truth
from tests.model.disk import Disk
from tests.model.wire import Wire
from tests.system.running import Program

STEP_S = 0.01
CALM_S = 90.0


class Port:
    """Where the program finds the board: `url` stays, whatever is plugged in or out."""

    def __init__(self, folder: Path, pty: bool) -> None:
        self._link = folder / "board"
        self._fd: int | None = None
        self._keep: int | None = None
        self._connection: socket.socket | None = None
        self._server = None if pty else socket.create_server(("127.0.0.1", 0))
        self.url = str(self._link) if self._server is None else f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self.plug()

    def plug(self) -> None:
        if self._server is None and self._fd is None:
            self._fd, self._keep = os.openpty()
            tty.setraw(self._keep)
            os.set_blocking(self._fd, False)
            fresh = self._link.with_suffix(".new")
            fresh.symlink_to(os.ttyname(self._keep))
            fresh.rename(self._link)

    def pull(self) -> None:
        for fd in (self._fd, self._keep):
            if fd is not None:
                os.close(fd)
        self._fd = self._keep = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        self.pull()
        if self._server is not None:
            self._server.close()

    def exchange(self, data: bytes, wait_s: float) -> bytes | None:
        """Sends what fits and returns what came within the time; None while nobody is there."""
        fd = self._descriptor(wait_s)
        if fd is None:
            return None
        try:
            if data and select.select([], [fd], [], 0)[1]:
                os.write(fd, data)
            return os.read(fd, 65_536) or self._hung_up() if select.select([fd], [], [], wait_s)[0] else b""
        except OSError:
            return self._hung_up()

    def _descriptor(self, wait_s: float) -> int | None:
        if self._server is None:
            return self._fd
        if self._connection is None:
            if not select.select([self._server], [], [], wait_s)[0]:
                return None
            self._connection = self._server.accept()[0]
            self._connection.setblocking(False)
        return self._connection.fileno()

    def _hung_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Bench(threading.Thread):
    """The board in real time. What it hears and forgets is written down in its truth."""

    def __init__(self, port: Port, kind: Kind, seed: int) -> None:
        super().__init__(name="independent board")
        self.truth, self.port = Truth(), port
        chance = random.Random(seed)
        self.to_host, self.to_board = Wire(chance), Wire(chance)
        self.board = Board(kind, self.truth, time.time_ns() // 1000)
        self.forgotten: list[Measured] = []  # by an acknowledgement
        self.listened = False  # somebody spoke on this connection: a hello before that may never have been read
        self.plugged = True
        self._heard = b""
        self._end = threading.Event()
        self.lock = threading.Lock()

    def run(self) -> None:
        while not self._end.is_set():
            with self.lock:
                self._step()
            if not self.plugged:
                self._end.wait(STEP_S)

    def end(self) -> None:
        self._end.set()
        self.join(20)

    def _step(self) -> None:
        now_us = time.time_ns() // 1000
        self.board.run(now_us)
        lines = self.board.take()
        if not self.plugged:
            return
        for line, payload in lines:
            self.to_host.put(line, payload, now_us)
        due = self.to_host.take(now_us)
        came = self.port.exchange(b"".join(line for line, _ in due), STEP_S)
        if came is None:
            self.to_board.clear()
            self.listened = False
            self._heard = b""
            return
        self._sent(due)
        self._hear(came, now_us)

    def _sent(self, due: list[tuple[bytes, Payload]]) -> None:
        for _, payload in due:
            if isinstance(payload, Measured):
                payload.life.heard = max(payload.life.heard, payload.n)
            elif isinstance(payload, Said) and self.listened:
                life = payload.life
                life.heard = max(life.heard, payload.end - 1)
                life.begin = payload.begin if life.begin is None else min(life.begin, payload.begin)

    def _hear(self, came: bytes, now_us: int) -> None:
        *lines, self._heard = (self._heard + came).split(b"\n")
        self.listened = self.listened or bool(lines)
        for line in lines:
            with contextlib.suppress(ValueError):
                self.to_board.put(line + b"\n", None, now_us)
        for line, _ in self.to_board.take(now_us):
            self._obey(line)

    def _obey(self, line: bytes) -> None:
        before = list(self.board.ring)
        self.board.hear(line)
        if len(self.board.ring) < len(before):
            self.forgotten += before[: len(before) - len(self.board.ring)]

    # --- what happens to it

    def noisy(self, share: float) -> None:
        with self.lock:
            self.to_host.noise = self.to_board.noise = share
            self.to_host.delay_us = self.to_board.delay_us = 120_000

    def pull(self) -> None:
        with self.lock:
            self.plugged = self.listened = False
            self.port.pull()
            self.to_host.clear()
            self.to_board.clear()

    def plug(self) -> None:
        with self.lock:
            self.port.plug()
            self.plugged = True

    def restart(self) -> None:
        with self.lock:
            self.to_host.clear()  # a line of the old boot cannot come after the new one's hello for long
            self.to_board.clear()
            self.board.restart(time.time_ns() // 1000, self.board.boot + 1)


@contextlib.contextmanager
def bench(folder: Path, kind: Kind, seed: int, pty: bool) -> Iterator[Bench]:
    port = Port(folder, pty)
    running = Bench(port, kind, seed)
    running.start()
    try:
        yield running
    finally:
        running.end()
        port.close()


def hostile(folder: Path, seed: int, seconds: float, ring: int, interval_ms: int = 50, noise: float = 0.1) -> dict[str, Any]:
    """One seed's account. Raises AssertionError when a promise is broken."""
    chance = random.Random(seed)
    kind = Kind(ring=ring, interval_ms=interval_ms, boot=chance.randrange(1, 300), says_oldest=seed % 3 != 0)
    did: dict[str, int] = dict.fromkeys(("cables", "boards", "kills", "stops"), 0)
    with bench(folder, kind, seed, pty=seed % 2 == 1) as board:
        board.noisy(noise)
        arguments = ("--port", f"bench={board.port.url}", "--no-demo")
        running = Program(folder, *arguments).ready()
        try:
            until_s = time.monotonic() + seconds
            while time.monotonic() < until_s:
                running = something(board, running, chance, did, folder, arguments)
            board.noisy(0.0)
            wait_for(lambda: calm(board, running), CALM_S)
            lost = running.counts()
            assert running.stop() == 0
        finally:
            if running.process.poll() is None:
                running.process.kill()
            running.process.communicate(timeout=20)
        return compared(folder, board, did, lost, seed, ring)


def something(
    board: Bench, running: Program, chance: random.Random, did: dict[str, int], folder: Path, arguments: tuple[str, ...]
) -> Program:
    """A while of nothing, then one thing that happens."""
    pause = threading.Event()
    pause.wait(chance.uniform(1.0, 6.0))
    what = chance.choice(("cables", "cables", "boards", "kills", "stops"))
    did[what] += 1
    if what == "cables":
        board.pull()
        pause.wait(chance.uniform(0.2, 4.0))
        board.plug()
    elif what == "boards":
        board.restart()
    else:
        if what == "kills":
            running.kill()
        else:
            assert running.stop() == 0
        pause.wait(chance.uniform(0.0, 2.0))
        return Program(folder, *arguments).ready()
    return running


def calm(board: Bench, running: Program) -> bool:
    """Nothing is outstanding, and what the board holds is fresh."""
    with board.lock:
        oldest_us = board.board.ring[0].t_us if board.board.ring else time.time_ns() // 1000
    fresh = time.time_ns() // 1000 - oldest_us < 4_000_000
    return fresh and running.latest()["state"] == "live" and running.counts()["missing"] == 0


def compared(
    folder: Path, board: Bench, did: dict[str, int], session: dict[str, Any], seed: int, ring: int
) -> dict[str, Any]:
    """What the file says, against what the board knows."""
    disk = Disk(folder / "powermon.db", board.truth).read(1)
    storage = Storage(folder / "powermon.db", Clock())
    storage.start()
    try:
        counts, gaps = storage.counts("bench", 0, 1 << 60), storage.gaps("bench", 0, 1 << 60)
    finally:
        storage.stop(60.0)
    lives = board.truth.lives
    bounds = [bounds_of(life.measured, disk.settled, life.begin, life.heard) for life in lives]
    answer = {
        "seed": seed, "ring": ring, **did, "measured": len(board.truth.by_key), "stored": len(disk.rows),
        "acknowledged": len(board.forgotten),
        "acknowledged and missing": sum(reading.key not in disk.settled for reading in board.forgotten),
        "twice": len(disk.twice), "never measured": len(disk.foreign), "outstanding": sum(gap.missing for gap in gaps),
        "lost": counts.lost, "truly lost": (sum(low for low, _ in bounds), sum(high for _, high in bounds)),
        "received": counts.received, "completeness": counts.completeness,
    }  # fmt: skip
    least, most = answer["truly lost"]
    wrong = [name for name in ("acknowledged and missing", "twice", "never measured", "outstanding") if answer[name]]
    assert not wrong and least <= counts.lost <= most and counts.received == len(disk.rows), answer
    return answer


def bounds_of(measured: list[Measured], settled: set[int], begin: int | None, heard: int) -> tuple[int, int]:
    """How many are lost: at least the holes between what is stored, at most all from the account's beginning to what was told."""
    stored = [reading.n for reading in measured if reading.key in settled]
    absent = [reading.n for reading in measured if reading.key not in settled]
    first, last = (stored[0], stored[-1]) if stored else (0, -1)
    low = sum(1 for n in absent if first <= n <= last)
    return low, sum(1 for n in absent if min(first, first if begin is None else begin) <= n <= max(last, heard))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rings", type=int, nargs="*", default=[48, 4096])
    parser.add_argument("--noise", type=float, default=0.1)
    options = parser.parse_args()
    broken = 0
    for seed in range(options.first, options.first + options.seeds):
        for ring in options.rings:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    print(hostile(Path(folder), seed, options.seconds, ring, noise=options.noise), flush=True)
                except AssertionError as error:
                    broken += 1
                    print("BROKEN", error, flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
