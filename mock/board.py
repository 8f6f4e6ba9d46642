"""The simulated board, sans-I/O: time and bytes in, frames out.

Level 1 keeps what it measured in a ring until the host says that it is on disk. Readings are known inside by `n`,
the count since the boot; on the wire by seq, which is `n` plus the first number, modulo 2³².
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from mock.commands import Orders
from mock.frame import Frame
from mock.record import Record
from mock.sensor import RANGE, Sensor
from mock.uptime import Uptime
from services.wire.messages import (
    Ack,
    Command,
    Hello,
    Nack,
    ReadingLine,
    encode_gone,
    encode_hello,
    encode_reading,
    encode_reply,
    seal,
)

SEQS = 2**32
RESEND_PER_S = 2000  # retransmissions beside live readings: a ring of 4096 is empty in 2 s
RESEND_AT_ONCE = 100
LATEST_CATCH_UP_US = 10_000_000  # a process that was stopped for longer does not measure the past
FIRMWARE = "mock-1.0"


@dataclass(frozen=True, slots=True)
class BoardConfig:
    """`interval_us` 0: measures when `flood` says so."""

    level: int = 1
    interval_us: int = 100_000
    buffer: int = 4096
    boot: int = 1
    first_seq: int = 0
    first_ms: int = 0
    id: str = "mock"
    replay: bool = False
    stamps: bool = True  # at level 0 it knows the time of day; one behind a radio bridge does not


class Board:
    """`run` and `flood` measure, `hear` takes what the host says; all of them leave frames that `take` gives."""

    def __init__(self, config: BoardConfig, sensor: Sensor, record: Record, now_us: int) -> None:
        self.config = config
        self.sensor = sensor
        self.record = record
        self.boot = config.boot
        self.interval_us = config.interval_us
        self.counts = dict.fromkeys(("measured", "resent", "acked", "gone", "overwritten", "commands", "bad_lines"), 0)
        self.finished = False
        self._orders = Orders(self, config.level)
        self._frames: list[Frame] = []
        self._wall_offset_us: int | None = None
        self._start(now_us, config.first_seq, Uptime(now_us, config.first_ms), b"\n")

    def _start(self, now_us: int, first_seq: int, uptime: Uptime, before: bytes) -> None:
        """`before`: what stands on the line already; it ends in a line end, so that it cannot swallow the hello."""
        self.uptime = uptime
        self._first_seq = first_seq
        self._next = 0
        self._oldest = 0
        self._ring: dict[int, bytes] = {}
        self._asked: deque[int] = deque()
        self._offered: deque[int] = deque()
        self._tokens = 0.0
        self._tokens_us = now_us
        self._due_us = 0  # on the board's clock
        self._wild: int | None = None
        self.record.note("boot", boot=self.boot, seq=first_seq, t_us=now_us)
        self._hello(now_us, before)

    @property
    def next_due_us(self) -> int:
        """When the next reading is due, on the host's clock."""
        return self.uptime.host_us(self._due_us)

    @property
    def resending(self) -> bool:
        return bool(self._asked or self._offered)

    @property
    def unacknowledged(self) -> int:
        return len(self._ring)

    @property
    def next_seq(self) -> int:
        return (self._first_seq + self._next) % SEQS

    def run(self, now_us: int, most: int | None = None, resend: bool = True) -> None:
        """Measures all that is due (at most `most`), then sends again what is asked for, as fast as it may."""
        if now_us - self.next_due_us > LATEST_CATCH_UP_US:
            self._due_us = self.uptime.board_us(now_us)
        measured = 0
        while not self.finished and measured != most and self.next_due_us <= now_us:
            self._measure(self._due_us, self.next_due_us)
            measured += 1
        if resend:
            self._resend(now_us, measured)

    def flood(self, now_us: int, count: int) -> None:
        """Measures `count` readings now, spread evenly over the time since the last one."""
        first_us, last_us = self._due_us, max(self._due_us, self.uptime.board_us(now_us))
        for i in range(count):
            board_us = first_us + (last_us - first_us) * (i + 1) // count
            self._measure(board_us, self.uptime.host_us(board_us))
        self._due_us = last_us
        self._resend(now_us, count)

    def hear(self, event: object, now_us: int) -> None:
        """What the decoder made of a line of the host."""
        if isinstance(event, Command):
            self.counts["commands"] += 1
            self._obey(event, now_us)
        elif self.config.level == 0:
            return  # such a board knows no more than commands
        elif isinstance(event, Ack):
            self._acknowledged(event, now_us)
        elif isinstance(event, Nack):
            self._asked_for(event, now_us)
        else:
            self.counts["bad_lines"] += 1

    def listener_changed(self) -> None:
        """What was offered to the old listener may mean nothing to the new one: it asks with `hello`."""
        self._asked.clear()
        self._offered.clear()

    def reboot(self, now_us: int) -> None:
        """Everything forgotten but the boot counter; a line is cut in the middle."""
        self.record.fault("reboot", self.boot, None, now_us)
        self.boot = (self.boot + 1) % SEQS
        self.interval_us = self.config.interval_us
        self._wall_offset_us = None
        self._start(now_us, 0, Uptime(now_us, ppm=self.uptime.ppm), b'{"v":5.0\n')

    def clock_jump(self, seconds: float) -> None:
        """The board's clocks leap: uptime, and the wall clock if it has one."""
        self.uptime.jump(seconds)
        if self._wall_offset_us is not None or self.config.level == 0:
            self._wall_offset_us = (self._wall_offset_us or 0) + round(seconds * 1e6)

    def wild_jump(self, numbers: int) -> None:
        """The next reading is sent under a number that is this much off."""
        self._wild = numbers

    def drift(self, now_us: int, ppm: int) -> None:
        """The board's clock runs fast by so many millionths, its schedule with it."""
        self.uptime.drift(now_us, ppm)

    def set_interval(self, value_us: int, now_us: int) -> None:
        """From now on; the next reading comes one interval from now."""
        self.interval_us = value_us
        self._due_us = self.uptime.board_us(now_us) + value_us

    def set_wall_clock(self, epoch_us: int, now_us: int) -> None:
        """From now on readings carry `ts`."""
        self._wall_offset_us = epoch_us - now_us

    def introduce(self, now_us: int) -> None:
        """Hello, and the offer of everything that is not acknowledged, oldest first."""
        self._hello(now_us)
        self._asked.clear()
        self._offered = deque(range(self._oldest, self._next))

    def take(self) -> list[Frame]:
        """The frames since the last call, in order."""
        frames, self._frames = self._frames, []
        return frames

    def _measure(self, board_us: int, t_us: int) -> None:
        found = self.sensor.measure(board_us)
        if found is None:
            self.finished = True
            return
        wait_us = found.wait_us
        self._due_us = board_us + (self.interval_us if wait_us is None else wait_us)
        n, seq, ms = self._next, self.next_seq, self.uptime.ms(board_us)
        self._next += 1
        self.counts["measured"] += 1
        self.record.reading(self.boot, seq, ms, found.v, found.a, found.w, found.status, t_us)
        reading = ReadingLine(found.v, found.a, found.w, ts=self._ts(t_us), seq=seq, status=found.status)
        if self.config.level:
            reading.ms = ms
            self._keep(n, encode_reading(reading, crc=False)[:-2], t_us)
        if self._wild is not None:
            reading.seq = (seq + self._wild) % SEQS
            self._wild = None
            self.record.fault("wild_jump", self.boot, seq, t_us, sent=reading.seq)
            line = encode_reading(reading, bool(self.config.level))
        elif self.config.level:
            line = seal(self._ring[n] + b"}") + b"\n"
        else:
            line = encode_reading(reading, crc=False)
        self._frames.append(Frame(line, "reading", self.boot, seq, t_us))

    def _ts(self, t_us: int) -> float | None:
        if self._wall_offset_us is not None:
            return (t_us + self._wall_offset_us) / 1e6
        return t_us / 1e6 if self.config.level == 0 and self.config.stamps else None

    def _keep(self, n: int, body: bytes, t_us: int) -> None:
        if len(self._ring) >= self.config.buffer:
            self._ring.pop(self._oldest)
            self.counts["overwritten"] += 1
            self.record.note("overwritten", boot=self.boot, seq=self._seq(self._oldest), t_us=t_us)
            self._oldest += 1
        self._ring[n] = body

    def _seq(self, n: int) -> int:
        return (self._first_seq + n) % SEQS

    def _n(self, seq: int) -> int:
        """The newest n with this number; negative or not measured yet where there is none."""
        behind = (self._seq(self._next - 1) - seq) % SEQS
        return self._next - 1 - (behind if behind < SEQS // 2 else behind - SEQS)

    def _acknowledged(self, ack: Ack, now_us: int) -> None:
        self.record.note("ack", boot=ack.boot, ack=ack.ack, t_us=now_us)
        n = self._n(ack.ack)
        if ack.boot != self.boot or n >= self._next:
            return
        for known in range(self._oldest, n + 1):
            del self._ring[known]
            self.counts["acked"] += 1
        self._oldest = max(self._oldest, n + 1)

    def _asked_for(self, nack: Nack, now_us: int) -> None:
        waiting = set(self._asked)
        gone = []
        for seq in nack.nack:
            n = self._n(seq)
            if nack.boot != self.boot or n not in self._ring:
                gone.append(seq)
            elif n not in waiting:
                self._asked.append(n)
        if gone:
            self.counts["gone"] += len(gone)
            self.record.note("gone", boot=nack.boot, gone=gone, t_us=now_us)
            lines = encode_gone(gone, nack.boot)
            self._frames += [Frame(line, "gone", self.boot, None, now_us) for line in lines]

    def _resend(self, now_us: int, live: int) -> None:
        """As many as live ones, and some more by the clock: old readings never starve new ones."""
        elapsed_s = (now_us - self._tokens_us) / 1e6
        self._tokens_us = now_us
        self._tokens = min(self._tokens + elapsed_s * RESEND_PER_S, RESEND_AT_ONCE) + live
        while self._tokens >= 1 and self.resending:
            n = (self._asked or self._offered).popleft()
            body = self._ring.get(n)
            if body is None:  # acknowledged or overwritten since; who misses it will ask and hear `gone`
                continue
            self._tokens -= 1
            self.counts["resent"] += 1
            line = seal(body + b',"re":1}') + b"\n"
            self._frames.append(Frame(line, "reading", self.boot, self._seq(n), now_us, resent=True))

    def _hello(self, now_us: int, before: bytes = b"") -> None:
        if not self.config.level:
            return
        config, interval_ms = self.config, self.interval_us / 1000
        said = None if config.replay else RANGE  # whose recording it is nobody knows
        buffer, oldest = config.buffer, self._seq(self._oldest)
        hello = Hello(1, FIRMWARE, config.id, self.boot, interval_ms, buffer, self.next_seq, config.replay, oldest, said)
        self._frames.append(Frame(before + encode_hello(hello), "hello", self.boot, None, now_us))

    def _obey(self, command: Command, now_us: int) -> None:
        reply = self._orders.obey(command, now_us)
        result = {"result": reply.result, "error": reply.error}
        self.record.note("command", cmd=command.cmd, seq=command.seq, args=command.args, t_us=now_us, **result)
        line = encode_reply(reply, crc=bool(self.config.level))
        self._frames.append(Frame(line, "reply", self.boot, None, now_us))
        if command.cmd == "hello" and reply.result == "ok":
            self.introduce(now_us)
