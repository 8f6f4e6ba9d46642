"""Boards at the plain level whose lines come in bursts, at their own pace through a real pty and a real socket."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from services.clock import Clock
from services.device.device import Device
from services.model import I64, Readings
from services.settings import Settings
from services.storage.storage import Storage
from tests.device.arriving import joined, trapezoid_ws
from tests.mock.serving import Mock, wait_for

SETTLED_S = 8.0  # five seconds and 64 lines, and what a busy machine adds


class Heard(Device):
    """A device that also notes when its bytes came."""

    def __init__(self, url: str, storage: Storage) -> None:
        super().__init__("lab", url, Settings(), storage, Clock())
        self.arrivals: list[tuple[int, int]] = []  # (µs, lines)

    def received(self, data: bytes) -> None:
        self.arrivals.append((self._clock.now_us(), data.count(b"\n")))
        super().received(data)


@contextmanager
def listening(url: str, folder: Path) -> Iterator[tuple[Heard, Storage]]:
    storage = Storage(folder / "x.db", Clock(), synchronous="OFF", commit_s=0.1)
    storage.start()
    device = Heard(url, storage)
    device.link.start()
    try:
        yield device, storage
    finally:
        device.link.stop()
        storage.stop(60.0)


def recorded(device: Heard, storage: Storage, count: int, limit_s: float) -> Readings:
    """Wait for so many readings; what is stored of them."""
    wait_for(lambda: device.snapshot().counts.received >= count, limit_s)
    wait_for(lambda: sum(map(len, storage.pages("lab", 0, 1 << 60))) >= count)
    return joined(list(storage.pages("lab", 0, 1 << 60))).take(slice(0, count))


def arrivals_of(rows: Readings, device: Heard) -> I64:
    """When the bytes of each came."""
    times, lines = np.array(device.arrivals, np.int64).T
    each: I64 = np.repeat(times, lines)[: len(rows)]
    return each


def assert_covered(rows: Readings, device: Heard, storage: Storage) -> None:
    """All of the time it took counts, and the energy is that of the trapezoid over the arrivals."""
    arrived = arrivals_of(rows, device)
    took_us = int(arrived[-1] - arrived[0])
    assert 0.98 * took_us <= rows.hold_us.sum() <= 1.01 * took_us + 200_000
    assert rows.w @ rows.hold_us / 1e6 == pytest.approx(trapezoid_ws(arrived, rows.w), rel=0.02)
    stats = storage.span_stats("lab", 0, 1 << 60)
    assert stats.counts is not None and stats.counts.completeness == 1.0
    assert stats.coverage_s >= 0.98 * took_us / 1e6


@pytest.mark.parametrize("out", ["pty", "tcp"])
def test_four_lines_each_sixty_milliseconds(out: str, tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    mock = Mock("--bridge-lines", "4", "--bridge-ms", "60", "--out", out, "--record", str(truth), "--pattern", "walk")
    try:
        with listening(mock.url, tmp_path) as (device, storage):
            rows = recorded(device, storage, 1_000, 60)
            assert_covered(rows, device, storage)
    finally:
        mock.stop()
    found = [json.loads(line) for line in truth.read_text().splitlines()]
    measured = {item["seq"]: item["t_us"] for item in found if item["kind"] == "reading"}
    settled = rows.take(rows.time_us > rows.time_us[0] + SETTLED_S * 1e6)
    off_us = settled.time_us - np.array([measured[seq] for seq in settled.seq.tolist()])
    assert len(settled) > 300
    # The two clocks were read a moment apart, and a bridge is never faster than its fastest.
    assert np.abs(off_us - np.median(off_us)).max() <= 15_000 and abs(float(np.median(off_us))) <= 15_000


def test_a_thousand_lines_a_second_with_pauses_of_fifty_milliseconds(tmp_path: Path) -> None:
    args = ("--bridge-lines", "50", "--bridge-ms", "50", "--interval-ms", "1", "--out", "tcp", "--pattern", "walk")
    mock = Mock(*args)
    try:
        with listening(mock.url, tmp_path) as (device, storage):
            rows = recorded(device, storage, 10_000, 60)
            assert_covered(rows, device, storage)
            steady = rows.take(rows.time_us > rows.time_us[0] + SETTLED_S * 1e6)
            assert np.percentile(np.diff(steady.time_us), (5, 95)) == pytest.approx([1_000, 1_000], rel=0.2)
    finally:
        mock.stop()


Write = Callable[[bytes], object]


@contextmanager
def board(kind: str, speak: Callable[[Write], None]) -> Iterator[str]:
    """A board of this test's own, on a pty or a socket; it begins to speak when somebody listens."""
    if kind == "pty":
        master, slave = os.openpty()
        tty.setraw(master)
        tty.setraw(slave)
        thread = threading.Thread(target=speak, args=(lambda data: os.write(master, data),))
        thread.start()
        yield os.ttyname(slave)
        thread.join(60)
        os.close(master)
        os.close(slave)
        return
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                speak(connection.sendall)
                while connection.recv(4096):  # what the program said, until it hangs up
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"
        thread.join(60)


def lines_at(pauses_s: Sequence[float], numbered: bool) -> Callable[[Write], None]:
    """Speaks a line after each pause."""

    def speak(write: Write) -> None:
        for seq, pause_s in enumerate(pauses_s):
            time.sleep(pause_s)  # the board's own pace
            w = 5.0 + (seq % 7) / 20
            number = f',"seq":{seq}' if numbered else ""
            write(f'{{"v":5.0,"a":{w / 5:.4f},"w":{w:.4f}{number}}}\n'.encode())
    return speak


@pytest.mark.parametrize("kind", ["pty", "tcp"])
def test_a_board_that_sends_only_on_change(kind: str, tmp_path: Path) -> None:
    pauses = [0.5, *[0.02, 0.3, 0.05, 2.6, 0.02, 0.02, 1.0, 0.1] * 3]
    with board(kind, lines_at(pauses, True)) as url, listening(url, tmp_path) as (device, storage):
        rows = recorded(device, storage, len(pauses), 60)
        assert_covered(rows, device, storage)
        assert np.abs(rows.time_us - arrivals_of(rows, device)).max() < 5_000


def test_a_board_without_numbers(tmp_path: Path) -> None:
    pauses = [0.5, *[0.0, 0.0, 0.0, 0.06] * 40, 3.5, *[0.06] * 10]
    with board("tcp", lines_at(pauses, False)) as url, listening(url, tmp_path) as (device, storage):
        rows = recorded(device, storage, len(pauses), 60)
        took_us = device.arrivals[-1][0] - device.arrivals[0][0]
        assert took_us - 1_700_000 <= rows.hold_us.sum() <= took_us - 1_200_000, "all but what may have been lost in the pause"
