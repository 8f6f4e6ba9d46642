"""`python -m tests.load.feeder COUNT RATE`: a board's lines on standard output, as fast as they are taken."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from services.wire.decoders import ReadingLine, encode_hello, encode_reading
from services.wire.messages import Hello

BLOCK = 10_000
READ_BYTES = 65_536
SILENT_S = 60.0


def blocks(count: int, rate: float) -> Iterator[bytes]:
    """The hello, then sealed readings in helpings: the memory does not grow with their number."""
    yield encode_hello(Hello(1, "1.0", "bench", 1, 1000 / rate, 4096, 0))
    for first in range(0, count, BLOCK):
        yield b"".join(_line(number, rate) for number in range(first, min(first + BLOCK, count)))


def _line(number: int, rate: float) -> bytes:
    part, ms = number % 97, int(number * 1000 / rate) % 2**32
    return encode_reading(ReadingLine(5.02, 0.2451 + part / 1000, round(1.2304 + part / 200, 4), seq=number, ms=ms), crc=True)


@contextmanager
def board(count: int, rate: float) -> Iterator[int]:
    """A pseudo-terminal's descriptor from which so many readings come; another process makes them."""
    master, slave = os.openpty()
    tty.setraw(slave)
    process = subprocess.Popen([sys.executable, "-m", "tests.load.feeder", str(count), str(rate)], stdout=master)
    try:
        yield slave
    finally:
        process.kill()
        process.wait()
        os.close(slave)
        os.close(master)  # not before: what is still in the terminal would be gone


def pieces(fd: int, readings: int) -> Iterator[bytes]:
    """What comes until the last of so many readings, as a link takes it. Raises RuntimeError when nothing comes any more."""
    lines = readings + 1  # the hello
    while lines > 0:
        if not select.select([fd], [], [], SILENT_S)[0]:
            raise RuntimeError(f"the board fell silent {lines} lines before the end")
        data = os.read(fd, READ_BYTES)
        lines -= data.count(b"\n")
        yield data


def main() -> None:
    for block in blocks(int(sys.argv[1]), float(sys.argv[2])):
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(1, rest) :]


if __name__ == "__main__":
    main()
