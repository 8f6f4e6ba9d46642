"""Bytes in, events out, for both ends of the wire. Sans-I/O: no port, no thread, no clock.

Rules of both receivers: a blank line means nothing; a checksum that is present must be right; once one right
checksum was seen on a connection, a line without a right one is refused, so that one flipped byte in the word
"crc" cannot smuggle a wrong number in. The host forgives the first line after opening: it may have lost its head.
"""

from __future__ import annotations

import binascii
import json
import math
from typing import Any, TypeVar

import msgspec

from services.model import CHANNELS, Reason
from services.wire.messages import (
    CRC_KEY,
    CRC_TAIL,
    MAX_COMMAND,
    MAX_LINE,
    MAX_NACK,
    UINT32,
    Ack,
    BadLine,
    BadReading,
    BoardEvent,
    Command,
    Gone,
    Hello,
    HostEvent,
    Nack,
    ReadingLine,
    Reply,
    checksum,
    encode_ack,
    encode_command,
    encode_gone,
    encode_hello,
    encode_nack,
    encode_reading,
    encode_reply,
    number,
    printable,
    seal,
)

__all__ = [
    "MAX_COMMAND",
    "MAX_LINE",
    "MAX_NACK",
    "UINT32",
    "Ack",
    "BadLine",
    "BadReading",
    "BoardDecoder",
    "BoardEvent",
    "Command",
    "Gone",
    "Hello",
    "HostDecoder",
    "HostEvent",
    "Nack",
    "ReadingLine",
    "Reply",
    "checksum",
    "encode_ack",
    "encode_command",
    "encode_gone",
    "encode_hello",
    "encode_nack",
    "encode_reading",
    "encode_reply",
    "number",
    "printable",
    "seal",
]

MAX_ERROR = 100  # characters of a board's error text
T = TypeVar("T")
BATCH = 4  # from this many lines on they are first tried all at once
_decoder = msgspec.json.Decoder(ReadingLine)
_decode_reading, _decode_readings = _decoder.decode, _decoder.decode_lines
_crc = binascii.crc_hqx
_SEAL = CRC_KEY + b'%04X"}'
_KEY_START, _KEY_END = -CRC_TAIL, -CRC_TAIL + len(CRC_KEY)
_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)  # all that a typed decoder lets out


class HostDecoder:
    """What the board says. One per connection, or `reset` between two."""

    def __init__(self) -> None:
        self.crc_seen = False
        self._tail = b""
        self._first = True

    def reset(self) -> None:
        """A new connection: nothing of the old one counts, and its first line may be partial."""
        self.crc_seen = False
        self._tail = b""
        self._first = True

    def feed(self, data: bytes) -> list[HostEvent]:
        """The events that these bytes complete, in the order of their lines."""
        lines = (self._tail + data).split(b"\n")
        # Two bytes over the limit are enough to know that a line is too long, whatever follows (one may be a CR).
        self._tail = lines.pop()[: MAX_LINE + 2]
        if len(lines) >= BATCH and (readings := self._all_good(lines)) is not None:
            self._first = False
            return readings
        events: list[HostEvent] = []
        for line in lines:
            event = self._fast(line) or self._slow(line)
            if event is not None:
                events.append(event)
            self._first = False
        return events

    def _all_good(self, lines: list[bytes]) -> list[HostEvent] | None:
        """Many lines, if each of them is a good reading, at half the price of one by one; else None, and nothing has changed."""
        text = b"\n".join(lines)
        if not text.isascii() or max(map(len, lines)) > MAX_LINE or not _one_each(text, len(lines)):
            return None
        if self.crc_seen:
            if b"\r" in text:
                lines = [line.removesuffix(b"\r") for line in lines]
            due = (_SEAL * len(lines)) % tuple([_crc(line[:_KEY_START], 0xFFFF) for line in lines])
            if due != b"".join([line[_KEY_START:] for line in lines]):
                return None
        try:
            readings: list[Any] = _decode_readings(text)
        except _REFUSED:
            return None
        if len(readings) != len(lines) or not (self.crc_seen or all(reading.crc is None for reading in readings)):
            return None
        for reading in readings:
            if reading.status != "ok":
                reading.status = printable(reading.status)
        return readings

    def _fast(self, line: bytes) -> HostEvent | None:
        """A good reading at the price of one typed decode; None sends everything else the slow way."""
        line = line.removesuffix(b"\r")
        if len(line) > MAX_LINE or not line.isascii():
            return None
        sealed = line[_KEY_START:_KEY_END] == CRC_KEY
        if sealed and b'%04X"}' % _crc(line[:_KEY_START], 0xFFFF) != line[_KEY_END:]:
            return None
        try:
            reading = _decode_reading(line)
        except _REFUSED:
            return None
        if sealed:
            self.crc_seen = True
        elif self.crc_seen or reading.crc is not None:
            return None
        if reading.status != "ok":
            reading.status = printable(reading.status)
        return reading

    def _slow(self, line: bytes) -> HostEvent | None:
        line = line.removesuffix(b"\r")
        if not line or line.isspace():
            return None
        refused, sealed = _check_frame(line, MAX_LINE, self.crc_seen)
        self.crc_seen = self.crc_seen or sealed
        event = refused or _host_event(line, sealed)
        return None if self._first and isinstance(event, BadLine) else event


def _one_each(text: bytes, count: int) -> bool:
    """Whether every line begins with the only brace in it: the decoder of many would also take two objects on a line."""
    return text.startswith(b"{") and text.count(b"{") == count == text.count(b"\n{") + 1


class BoardDecoder:
    """What the host says, as the board hears it."""

    def __init__(self) -> None:
        self.crc_seen = False
        self._tail = b""

    def reset(self) -> None:
        """A new listener: the old one's partial line and its checksums do not bind it."""
        self.crc_seen = False
        self._tail = b""

    def feed(self, data: bytes) -> list[BoardEvent]:
        """The events that these bytes complete, in the order of their lines."""
        lines = (self._tail + data).split(b"\n")
        self._tail = lines.pop()[: MAX_COMMAND + 2]
        events = (self._event(line.removesuffix(b"\r")) for line in lines)
        return [event for event in events if event is not None]

    def _event(self, line: bytes) -> BoardEvent | None:
        if not line or line.isspace():
            return None
        refused, sealed = _check_frame(line, MAX_COMMAND, self.crc_seen)
        self.crc_seen = self.crc_seen or sealed
        return refused or _board_event(line, sealed)


def _check_frame(line: bytes, limit: int, crc_due: bool) -> tuple[BadLine | None, bool]:
    """(why the line is refused before it is read, whether its checksum is there and right)."""
    if len(line) > limit:
        return BadLine(Reason.TOO_LONG, f"more than {limit} bytes", line[:MAX_LINE]), False
    if line[_KEY_START:_KEY_END] == CRC_KEY and line[-2:] == b'"}':
        due = checksum(line[:_KEY_START])
        if line[_KEY_END:-2] == due:
            return None, True
        return BadLine(Reason.CORRUPT, f"its bytes give {due.decode()}", line), False
    if crc_due:
        return BadLine(Reason.CORRUPT, "no checksum where it is due", line), False
    return None, False


def _parse(line: bytes, sealed: bool) -> dict[str, Any] | BadLine:
    """The line as an object. Unlike msgspec this reads NaN and Infinity, which boards do print."""
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return BadLine(Reason.NOT_JSON, str(error), line)
    if not isinstance(value, dict):
        return BadLine(Reason.NOT_OBJECT, f"a {type(value).__name__}, not an object", line)
    if "crc" in value and not sealed:
        return BadLine(Reason.CORRUPT, "crc is not the last member, or not four upper-case hex digits", line)
    return value


def _host_event(line: bytes, sealed: bool) -> HostEvent:
    value = _parse(line, sealed)
    if isinstance(value, BadLine):
        return value
    if value.get("hello") == "powermon":
        return _hello(value, line)
    if "gone" in value:
        return _convert(value, Gone, line)
    if "ack" in value:
        return _reply(value, line)
    if not value.keys().isdisjoint(("v", "a", "w")):
        return _reading(value, line)
    return BadLine(Reason.UNKNOWN_KIND, "neither a reading nor anything else we know", line)


def _convert(value: dict[str, Any], kind: type[T], line: bytes) -> T | BadLine:
    try:
        return msgspec.convert(value, kind)
    except _REFUSED as error:
        return BadLine(Reason.BAD_TYPE, str(error), line)


def _hello(value: dict[str, Any], line: bytes) -> Hello | BadLine:
    # What makes no sense about its memory or its sensor is not said: a hello must not be lost over it.
    sane = {"oldest": _uint32(value.get("oldest")), "range": _range(value.get("range"))}
    hello = _convert(value | sane, Hello, line)
    if isinstance(hello, BadLine):
        return hello
    if not (math.isfinite(hello.interval_ms) and hello.interval_ms >= 0):
        return BadLine(Reason.BAD_TYPE, "interval_ms is no span of time", line)
    return msgspec.structs.replace(hello, fw=printable(hello.fw), id=printable(hello.id))


def _range(said: object) -> dict[str, tuple[float, float]] | None:
    """What the sensor can measure, per channel."""
    if not isinstance(said, dict):
        return None
    found = {}
    for channel in CHANNELS:
        span = said.get(channel)
        if isinstance(span, list) and len(span) == 2 and not any(map(_number_problem, span)) and span[0] < span[1]:
            found[channel] = (float(span[0]), float(span[1]))
    return found or None


def _reply(value: dict[str, Any], line: bytes) -> Reply | BadLine:
    reply = _convert(value, Reply, line)
    if isinstance(reply, BadLine):
        return reply
    return Reply(reply.ack, printable(reply.result), printable(reply.error, MAX_ERROR))


def _reading(value: dict[str, Any], line: bytes) -> ReadingLine | BadReading | BadLine:
    """Forgiving about the time stamps (the host has a clock of its own), strict about numbers and values."""
    seq = _uint32(value.get("seq"))
    if seq is None and value.get("seq") is not None:
        return BadLine(Reason.BAD_SEQ, "seq must be a whole number, 0 to 4294967295", line)
    ms, again = _uint32(value.get("ms")), int(value.get("re") in (1, True))
    problem = _value_problem(value)
    if problem is not None:
        return BadReading(*problem, seq, ms, line, again)
    w, status = value.get("w"), value.get("status")
    return ReadingLine(
        v=float(value["v"]),
        a=float(value["a"]),
        w=None if w is None else float(w),
        ts=None if _number_problem(value.get("ts")) else float(value["ts"]),
        seq=seq,
        status="ok" if status is None else printable(status),
        ms=ms,
        re=again,
        crc=value.get("crc"),
    )


def _value_problem(value: dict[str, Any]) -> tuple[Reason, str] | None:
    status = value.get("status")
    if status is not None and not isinstance(status, str):
        return Reason.BAD_TYPE, "status is not a text"
    for name in ("v", "a", "w"):
        problem = None if name == "w" and value.get("w") is None else _number_problem(value.get(name))
        if problem is None:
            continue
        if status not in (None, "ok"):  # the board says itself why there is no number
            return Reason.OVERFLOW if status == "overflow" else Reason.STATUS, printable(status)
        return problem, f"{name} is {_shown(value, name)}"
    return None


def _number_problem(value: object) -> Reason | None:
    if value is None:
        return Reason.MISSING_VALUE
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Reason.BAD_TYPE
    try:
        return None if math.isfinite(value) else Reason.NOT_FINITE
    except OverflowError:  # a whole number beyond any float
        return Reason.NOT_FINITE


def _shown(value: dict[str, Any], name: str) -> str:
    return printable(json.dumps(value[name])) if name in value else "missing"


def _uint32(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= UINT32 else None


def _board_event(line: bytes, sealed: bool) -> BoardEvent:
    value = _parse(line, sealed)
    if isinstance(value, BadLine):
        return value
    if "cmd" in value:
        return _command(value, line)
    if "nack" in value:
        return _convert(value, Nack, line)
    if "ack" in value:
        return _convert(value, Ack, line)
    return BadLine(Reason.UNKNOWN_KIND, "neither cmd nor ack nor nack", line)


def _command(value: dict[str, Any], line: bytes) -> Command | BadLine:
    seq = _uint32(value.get("seq"))
    if seq is None:
        return BadLine(Reason.BAD_SEQ, "a command needs a seq, 0 to 4294967295", line)
    if not isinstance(value["cmd"], str):
        return BadLine(Reason.BAD_TYPE, "cmd is not a text", line)
    args = {name: item for name, item in value.items() if name not in ("cmd", "seq", "crc")}
    return Command(printable(value["cmd"]), seq, args)
