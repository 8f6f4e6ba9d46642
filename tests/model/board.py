"""A board as the page of the wire says that boards are, and the truth of what it measured. Nothing of mock/ or of the host in it.

Every reading has a value of its own, by which it is found again on the disk.
"""

from __future__ import annotations

import binascii
import json
from collections import deque
from dataclasses import dataclass, field
from itertools import count

WIRE = 1 << 32
BELIEVED = 100_000  # a hello's `buffer` is believed up to this
AMPERES = (0.6, 0.2)  # five seconds each: a square wave, so that energy is not just time


@dataclass(slots=True)
class Measured:
    """One reading. `n`: the number within its life, which does not roll over."""

    key: int
    life: Life
    n: int
    t_us: int
    interval_us: int
    v: float
    a: float
    w: float
    kind: str
    line: bytes
    held: bool = True  # in the board's ring
    heard_by: int = -1  # which start of the program had a good copy of it last

    @property
    def wire(self) -> int:
        return (self.life.first_seq + self.n) % WIRE


@dataclass(slots=True, eq=False)
class Life:
    """A count of one board from its beginning to its end; a new boot that keeps memory and count does not end it."""

    board: str
    first_seq: int
    level: int
    numbered: bool
    measured: list[Measured] = field(default_factory=list)
    begin: int | None = None  # the number its account begins with, as the first hello that was heard said; not before it
    surely: int | None = None  # and from here on at the latest
    heard: int = -1  # the highest number that any program was told of
    known_by: int = -1  # which start of the program heard a hello of it last
    boot_heard: bool = True  # the boot number that it has now was told to the program that knows it
    over: bool = False
    lies: bool = False  # says that it holds less than it does: then what it holds beyond may be called lost
    leapt: bool = False  # its clock leapt

    def number(self, wire: int) -> int:
        """The n nearest to the end with this number on the wire."""
        return len(self.measured) + (wire - self.first_seq - len(self.measured) + WIRE // 2) % WIRE - WIRE // 2


@dataclass(frozen=True, slots=True)
class Said:
    """A hello on its way, and what it says about the account: [begin, end) of the numbers of `life`."""

    life: Life
    boot: int
    begin: int
    surely: int
    end: int


Payload = Measured | Said | None  # what a line stands for


class Truth:
    """Everything that any board measured."""

    def __init__(self) -> None:
        self.keys = count()
        self.by_key: dict[int, Measured] = {}
        self.lives: list[Life] = []


@dataclass
class Kind:
    """What sort of board. `claims`: the `buffer` of its hello; None: the truth."""

    level: int = 1
    numbers: bool = True
    ring: int = 48
    claims: int | None = None
    says_oldest: bool = True
    interval_ms: int = 100
    first_seq: int = 0
    first_ms: int = 0
    boot: int = 1
    id: str = "bench-1"
    offers_per_s: float = 400.0


class Board:
    """`run` measures, `hear` takes a line of the host, `take` gives the lines to send, each with its reading if it is one."""

    def __init__(self, kind: Kind, truth: Truth, now_us: int) -> None:
        self.kind, self.truth = kind, truth
        self.boot, self.id = kind.boot, kind.id
        self.interval_us = kind.interval_ms * 1000
        self.ring: deque[Measured] = deque()
        self.next_kind = "ok"
        self.overwritten: list[Measured] = []
        self._out: list[tuple[bytes, Payload]] = []
        self._begin(now_us, kind.first_seq, kind.first_ms)

    # --- its lives

    def _begin(self, now_us: int, first_seq: int, first_ms: int) -> None:
        self.life = Life(self.id, first_seq, self.kind.level, self.kind.numbers, lies=self._lies())
        self.truth.lives.append(self.life)
        for reading in self.ring:
            reading.held = False
        self.ring.clear()
        self._forget_queues()
        self._zero_us = now_us - first_ms * 1000  # when its uptime was 0
        self._due_us = now_us + self.interval_us
        self._tokens_us, self._tokens = now_us, 0.0
        self.say_hello()

    def _lies(self) -> bool:
        return self.kind.claims is not None and self.kind.claims < self.kind.ring

    def _forget_queues(self) -> None:
        self._asked: deque[int] = deque()
        self._offered: deque[int] = deque()

    def restart(self, now_us: int, boot: int) -> None:
        """Power lost: memory, count and uptime are gone; `boot` is what its EEPROM says now."""
        self.life.over = True
        self.boot = boot
        self._begin(now_us, 0, 0)

    def swap(self, now_us: int, identity: str, boot: int, first_seq: int) -> None:
        """Another board on the same cable."""
        self.life.over = True
        self.id, self.boot = identity, boot
        self._begin(now_us, first_seq, 5_000_000)

    def new_boot_keeps_memory(self) -> None:
        """What no board should do: a new number for a count that goes on. One whose clock leaps too is a new board."""
        if self.life.leapt:
            return
        self.boot += 1
        self.life.boot_heard = False
        self.say_hello()

    def jump_uptime(self, ms: int) -> None:
        self._zero_us -= ms * 1000
        self.life.leapt = True

    # --- measuring

    def run(self, now_us: int) -> None:
        """Measure all that is due, then send again what is asked for, as fast as the line allows."""
        while self._due_us <= now_us:
            self._measure(self._due_us)
            self._due_us += self.interval_us
        self._tokens = min(self._tokens + (now_us - self._tokens_us) / 1e6 * self.kind.offers_per_s, 200.0)
        self._tokens_us = now_us
        while self._tokens >= 1 and (self._asked or self._offered):
            n = (self._asked or self._offered).popleft()
            reading = self._held(n)
            if reading is not None:
                self._tokens -= 1
                self._out.append((self._finish(reading.line[:-1] + b',"re":1}'), reading))

    def _measure(self, t_us: int) -> None:
        key, kind, life = next(self.truth.keys), self.next_kind, self.life
        self.next_kind = "ok"
        a = AMPERES[t_us // 5_000_000 % 2]
        v = round(1 + key * 1e-5, 5) if kind == "ok" else round(30 + key * 1e-4, 4)
        reading = Measured(key, life, len(life.measured), t_us, self.interval_us, v, a, round(v * a, 6), kind, b"")
        reading.line = self._line(reading, t_us)
        life.measured.append(reading)
        self.truth.by_key[key] = reading
        if self.kind.level and self.kind.ring:
            if len(self.ring) == self.kind.ring:
                self.overwritten.append(self.ring.popleft())
                self.overwritten[-1].held = False
            self.ring.append(reading)
        else:
            reading.held = False
        self._out.append((self._finish(reading.line), reading))

    def _line(self, reading: Measured, t_us: int) -> bytes:
        values = {"v": reading.v, "a": reading.a, "w": reading.w}
        more: dict[str, object] = {"ms": (t_us - self._zero_us) // 1000 % WIRE} if self.kind.level else {}
        if self.kind.numbers:
            more["seq"] = reading.wire
        status = {"range": "ok", "null": "sensor_error"}.get(reading.kind, reading.kind)
        if reading.kind == "null":
            values = {"v": None, "a": None}  # type: ignore[dict-item]
            more["key"] = reading.key  # no value to find it by
        return _json({**values, **more, "status": status})

    def glitch(self, ahead: int) -> None:
        """A line under a number that no reading has."""
        if self.life.measured and self.kind.numbers:
            line = json.loads(self.life.measured[-1].line)
            line["seq"] = (line["seq"] + ahead) % WIRE
            line["v"] = 0.5  # nothing that was measured
            self._out.append((self._finish(_json(line)), None))

    # --- talking

    def say_hello(self) -> None:
        if not self.kind.level:
            return
        life, end = self.life, len(self.life.measured)
        oldest = self.ring[0].n if self.ring else end
        claims = self.kind.ring if self.kind.claims is None else self.kind.claims
        least = max(0, end - min(claims, BELIEVED))
        hello = {
            "hello": "powermon", "proto": 1, "fw": "1.1.0", "id": self.id, "boot": self.boot,
            "interval_ms": self.interval_us // 1000, "buffer": claims,
        } | ({"oldest": (life.first_seq + oldest) % WIRE} if self.kind.says_oldest else {})  # fmt: skip
        begin = max(least, oldest) if self.kind.says_oldest else least
        said = Said(life, self.boot, begin, begin if self.kind.says_oldest else end, end)
        self._out.append((self._finish(_json({**hello, "seq": (life.first_seq + end) % WIRE})), said))

    def hear(self, line: bytes) -> None:
        """A whole good line of the host; what is damaged means nothing."""
        said = _understood(line)
        if said is None or (not self.kind.level and "cmd" not in said):
            return
        if "cmd" in said:
            self._obey(said)
        elif said.get("boot") == self.boot and "ack" in said:
            self._forget(self.life.number(said["ack"]))
        elif said.get("boot") == self.boot and "nack" in said:
            self._send_again([self.life.number(wire) for wire in said["nack"]])

    def _obey(self, said: dict[str, object]) -> None:
        if not self.kind.level:
            return
        self._out.append((self._finish(_json({"ack": said["seq"], "result": "ok"})), None))
        if said["cmd"] == "hello":
            self.say_hello()
            self._asked.clear()
            self._offered = deque(reading.n for reading in self.ring)

    def _forget(self, n: int) -> None:
        if n < len(self.life.measured):
            while self.ring and self.ring[0].n <= n:
                self.ring.popleft().held = False

    def _send_again(self, numbers: list[int]) -> None:
        waiting = set(self._asked)
        self._asked += [n for n in numbers if self._held(n) is not None and n not in waiting]
        gone = [n for n in numbers if self._held(n) is None]
        if gone:
            wires = [(self.life.first_seq + n) % WIRE for n in gone]
            self._out.append((self._finish(_json({"gone": wires, "boot": self.boot})), None))

    def _held(self, n: int) -> Measured | None:
        if not self.ring or not 0 <= n - self.ring[0].n < len(self.ring):
            return None
        return self.ring[n - self.ring[0].n]

    def take(self) -> list[tuple[bytes, Payload]]:
        out, self._out = self._out, []
        return out

    def _finish(self, line: bytes) -> bytes:
        if not self.kind.level:
            return line + b"\n"
        body = line[:-1]
        return body + b',"crc":"%04X"}\n' % binascii.crc_hqx(body, 0xFFFF)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _understood(line: bytes) -> dict[str, object] | None:
    """What the host said, if the line is whole: a checksum that is there must be right."""
    body, mark, tail = line.rstrip(b"\r\n").rpartition(b',"crc":"')
    if mark and tail != b'%04X"}' % binascii.crc_hqx(body, 0xFFFF):
        return None
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
