"""The simulated Uno as a fixture's object: the real binary, stepped through simulated time, behind a real pty."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.wire import decoders as p

ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / "build/firmware-tests/powermon-uno"
ELF = ROOT / "build/firmware/powermon.elf"
LONGEST_START_S = 20


def make(*arguments: str, directory: str = "tests/firmware") -> None:
    """Builds; a failure says what the compiler said. One at a time: tests that run side by side share the folder."""
    command = ["make", "--no-print-directory", "-j2", "-C", str(ROOT / directory), *arguments]
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


class Uno:
    """A running harness. `ask` says something to its control channel, `run` lets simulated time pass."""

    def __init__(self, *options: str, elf: Path = ELF) -> None:
        self._process = subprocess.Popen([str(HARNESS), *options, str(elf)], stderr=subprocess.PIPE, text=True)
        self._control: socket.socket | None = None
        self.port = -1
        try:
            self.url = self._said("url=")
            host, _, port = self._said("control=").rpartition(":")
            self._control = socket.create_connection((host, int(port)), timeout=60)
            self._answers = self._control.makefile("r")
            self.plug()
        except BaseException:
            self.close()
            raise

    def _said(self, word: str) -> str:
        assert self._process.stderr is not None
        line = self._process.stderr.readline().strip()
        if not line.startswith(word):
            raise RuntimeError(f"the harness said {line!r} instead of {word}")
        return line.removeprefix(word)

    def plug(self) -> None:
        """Opens the port (again)."""
        self.port = os.open(self.url, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def hang_up(self) -> None:
        """Closes the port; the board does not notice."""
        os.close(self.port)
        self.port = -1

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request and its answer."""
        assert self._control is not None
        self._control.sendall(json.dumps(request).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._answers.readline())
        assert answer["ok"], answer
        return answer

    def run(self, ms: float) -> bytes:
        """Simulated time passes; what the board sent meanwhile. Reads often enough for the kernel's small buffer."""
        said = b""
        while ms > 0:
            part = min(ms, 20.0)
            self.ask(run_ms=part)
            said += self.read()
            ms -= part
        return said

    def read(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            return os.read(self.port, 65536) if self.port >= 0 else b""
        return b""

    def say(self, line: bytes) -> None:
        assert os.write(self.port, line) == len(line)

    @property
    def counts(self) -> dict[str, Any]:
        return self.ask(get="counts")

    def stop(self) -> int:
        """Ends the harness in the ordinary way; its exit code."""
        self._process.terminate()
        code = self._process.wait(LONGEST_START_S)
        self.close()
        return code

    def close(self) -> None:
        if self.port >= 0:
            self.hang_up()
        if self._control is not None:
            self._answers.close()
            self._control.close()
            self._control = None
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()


@contextlib.contextmanager
def stepped(*options: str, elf: Path = ELF) -> Iterator[Uno]:
    """A board whose time stands still until `run`."""
    uno = Uno("--step", *options, elf=elf)
    try:
        yield uno
    finally:
        uno.close()


class Host:
    """The least that a level 1 host does: decodes, acknowledges, asks again for what is missing."""

    def __init__(self, uno: Uno) -> None:
        self.uno = uno
        self.decoder = p.HostDecoder()
        self.readings: dict[tuple[int, int], p.ReadingLine] = {}
        self.order: list[p.ReadingLine] = []
        self.hellos: list[p.Hello] = []
        self.replies: list[p.Reply] = []
        self.gone: set[int] = set()
        self.bad: list[p.BadLine | p.BadReading] = []
        self._command = 0

    @property
    def boot(self) -> int:
        return self.hellos[-1].boot

    def run(self, ms: float) -> list[p.HostEvent]:
        """Lets time pass; the events of that time, which are kept as well."""
        events = self.decoder.feed(self.uno.run(ms))
        for event in events:
            self._take(event)
        return events

    def _take(self, event: p.HostEvent) -> None:
        match event:
            case p.ReadingLine():
                assert event.seq is not None
                self.readings.setdefault((self.boot if self.hellos else 0, event.seq), event)
                self.order.append(event)
            case p.Hello():
                self.hellos.append(event)
            case p.Reply():
                self.replies.append(event)
            case p.Gone():
                self.gone.update(event.gone)
            case _:
                self.bad.append(event)

    def seqs(self) -> set[int]:
        """Numbers of the present boot that are here."""
        return {seq for boot, seq in self.readings if boot == self.boot}

    def missing(self) -> list[int]:
        """Numbers up to the newest that are neither here nor given up."""
        here = self.seqs()
        return [seq for seq in range(max(here, default=-1) + 1) if seq not in here and seq not in self.gone]

    def ack(self, seq: int) -> None:
        self.uno.say(p.encode_ack(seq, self.boot))

    def ack_all(self) -> None:
        """Everything before the first missing number."""
        first = min(self.missing(), default=max(self.seqs(), default=-1) + 1)
        if first > 0:
            self.ack(first - 1)

    def nack(self, seqs: list[int]) -> None:
        for line in p.encode_nack(seqs, self.boot):
            self.uno.say(line)

    def command(self, name: str, **args: object) -> p.Reply:
        """Sends an order (three times, if need be); its reply."""
        self._command += 1
        told = len(self.hellos)
        for _ in range(3):
            self.uno.say(p.encode_command(name, self._command, args))
            for _ in range(10):
                self.run(100)
                for reply in self.replies:
                    if reply.ack == self._command and (name != "hello" or len(self.hellos) > told):  # which follows the reply
                        return reply
        raise AssertionError(f"no reply to {name}")
