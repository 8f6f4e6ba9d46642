"""The words on the wire and how they are written: one JSON object per line, see docs of the protocol.

Level 1 lines end in a checksum: `…,"crc":"9F3C"}`, CRC-16/CCITT-FALSE over the bytes before `,"crc"`.
"""

from __future__ import annotations

import binascii
import math
from typing import Annotated

import msgspec

from services.errors import WireError
from services.model import Reason

MAX_LINE = 256  # bytes from the board, without the line end
MAX_COMMAND = 128  # bytes to the board: half of its 2 kB are other people's
MAX_NACK = 8  # numbers in one nack
UINT32 = 2**32 - 1
MAX_TEXT = 32  # characters of any text of a board that we keep
CRC_KEY = b',"crc":"'
CRC_TAIL = len(b',"crc":"9F3C"}')

Uint32 = Annotated[int, msgspec.Meta(ge=0, le=UINT32)]


class ReadingLine(msgspec.Struct, gc=False):
    """A reading as it stands on the wire. `w` None: derive it. `ts`: the board's Unix seconds. `ms`: its uptime."""

    v: float
    a: float
    w: float | None = None
    ts: float | None = None
    seq: Uint32 | None = None
    status: str = "ok"
    ms: Uint32 | None = None
    re: int = 0
    crc: str | None = None


class Hello(msgspec.Struct, frozen=True, tag_field="hello", tag="powermon"):
    """Who the board is; sent at its start and when asked. `seq`: the number that its next new reading will have;
    `oldest`: that of the oldest reading it still holds (`seq` when it holds none), None where it does not say."""

    proto: Uint32
    fw: str
    id: str
    boot: Uint32
    interval_ms: float
    buffer: Uint32
    seq: Uint32
    replay: bool = False
    oldest: Uint32 | None = None
    range: dict[str, tuple[float, float]] | None = None  # per channel, what the sensor can measure


class Gone(msgspec.Struct, frozen=True):
    """Asked for, but no longer in the board's ring."""

    gone: list[Uint32]
    boot: Uint32


class Reply(msgspec.Struct, frozen=True):
    """The board's answer to the command numbered `ack`."""

    ack: Uint32
    result: str
    error: str = ""


class BadReading(msgspec.Struct, frozen=True):
    """A reading that came unharmed but whose value is no number; its `seq` counts as arrived."""

    reason: Reason
    detail: str
    seq: int | None
    ms: int | None
    line: bytes
    re: int = 0  # 1: a retransmission


class BadLine(msgspec.Struct, frozen=True):
    """A line that says nothing we can use; its first 256 bytes."""

    reason: Reason
    detail: str
    line: bytes


class Ack(msgspec.Struct, frozen=True):
    """Every reading of `boot` up to number `ack` is on disk: the board may forget them."""

    ack: Uint32
    boot: Uint32


class Nack(msgspec.Struct, frozen=True):
    """Please send these readings of `boot` again."""

    nack: Annotated[list[Uint32], msgspec.Meta(max_length=MAX_NACK)]
    boot: Uint32


class Command(msgspec.Struct, frozen=True):
    """A numbered order to the board; `args` are its other members as they came."""

    cmd: str
    seq: int
    args: dict[str, object]


HostEvent = ReadingLine | Hello | Gone | Reply | BadReading | BadLine
BoardEvent = Ack | Nack | Command | BadLine


def printable(text: str, most: int = MAX_TEXT) -> str:
    """Text of a board made safe to show: cut to `most` characters, control characters replaced."""
    return "".join(c if c.isprintable() else "�" for c in text[:most])


def checksum(body: bytes) -> bytes:
    """CRC-16/CCITT-FALSE as four upper-case hex digits."""
    return b"%04X" % binascii.crc_hqx(body, 0xFFFF)


def seal(line: bytes) -> bytes:
    """The JSON object `line` with its checksum added as the last member."""
    body = line[:-1]
    return b'%b,"crc":"%b"}' % (body, checksum(body))


def number(value: float) -> str:
    """A finite number with at most six decimals, never with an exponent."""
    whole, _, fraction = repr(value).partition(".")
    if len(fraction) > 6 or "e" in fraction or not whole.lstrip("-").isdigit():
        if not math.isfinite(value):
            raise WireError(f"{value} is not a number that JSON knows")
        whole, _, fraction = f"{value:.6f}".partition(".")
    fraction = fraction.rstrip("0")
    if fraction:
        return f"{whole}.{fraction}"
    return "0" if whole == "-0" else whole


def encode_reading(line: ReadingLine, crc: bool = True) -> bytes:
    """A reading; members that are None are left out. `line.crc` is not looked at."""
    text = f'{{"v":{number(line.v)},"a":{number(line.a)}'
    if line.w is not None:
        text += f',"w":{number(line.w)}'
    if line.ts is not None:
        text += f',"ts":{number(line.ts)}'
    if line.ms is not None:
        text += f',"ms":{line.ms}'
    if line.seq is not None:
        text += f',"seq":{line.seq}'
    text += ',"status":"ok"' if line.status == "ok" else f',"status":{_json(line.status).decode()}'
    return _finish((text + (',"re":1}' if line.re else "}")).encode(), crc, MAX_LINE)


def encode_hello(hello: Hello, crc: bool = True) -> bytes:
    """The board's introduction."""
    interval = number(hello.interval_ms)
    text = (
        f'{{"hello":"powermon","proto":{hello.proto},"fw":{_json(hello.fw).decode()},"id":{_json(hello.id).decode()},'
        f'"boot":{hello.boot},"interval_ms":{interval},"buffer":{hello.buffer}'
    )
    if hello.oldest is not None:
        text += f',"oldest":{hello.oldest}'
    text += f',"seq":{hello.seq}'
    if hello.range:
        spans = (f'"{channel}":[{number(low)},{number(high)}]' for channel, (low, high) in hello.range.items())
        text += f',"range":{{{",".join(spans)}}}'
    return _finish((text + (',"replay":true}' if hello.replay else "}")).encode(), crc, MAX_LINE)


def encode_reply(reply: Reply, crc: bool = True) -> bytes:
    """The board's answer to a command; `error` only where there is one."""
    members: dict[str, object] = {"ack": reply.ack, "result": reply.result}
    if reply.error:
        members["error"] = reply.error
    return _finish(_json(members), crc, MAX_LINE)


def encode_gone(gone: list[int], boot: int, crc: bool = True) -> list[bytes]:
    """As many lines as it takes to name all numbers; none for none."""
    return _numbered("gone", gone, boot, crc, MAX_LINE, most=20)


def encode_nack(seqs: list[int], boot: int, crc: bool = True) -> list[bytes]:
    """As many lines as it takes to ask for all numbers; none for none."""
    return _numbered("nack", seqs, boot, crc, MAX_COMMAND, most=MAX_NACK)


def encode_ack(seq: int, boot: int, crc: bool = True) -> bytes:
    """Everything of `boot` up to `seq` is on disk."""
    return _finish(_json({"ack": seq, "boot": boot}), crc, MAX_COMMAND)


def encode_command(name: str, seq: int, args: dict[str, object], crc: bool = True) -> bytes:
    """A command line; WireError when it does not fit into the board's 128 bytes or is no JSON."""
    if {"cmd", "seq", "crc"} & args.keys():
        raise WireError("cmd, seq and crc cannot be arguments of a command")
    return _finish(_json({"cmd": name, **args, "seq": seq}), crc, MAX_COMMAND)


def _json(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WireError(f"cannot be written as JSON: {error}") from None


def _finish(line: bytes, crc: bool, limit: int) -> bytes:
    if crc:
        line = seal(line)
    if len(line) > limit:
        raise WireError(f"the line would have {len(line)} bytes; at most {limit} are allowed")
    return line + b"\n"


def _numbered(word: str, seqs: list[int], boot: int, crc: bool, limit: int, most: int) -> list[bytes]:
    room = limit - len(f'{{"{word}":[],"boot":{boot}}}') - (CRC_TAIL - 1 if crc else 0)
    groups: list[list[int]] = []
    used = limit
    for seq in seqs:
        size = len(str(seq)) + 1
        if not groups or used + size > room + 1 or len(groups[-1]) == most:
            groups.append([])
            used = 0
        groups[-1].append(seq)
        used += size
    return [_finish(_json({word: group, "boot": boot}), crc, limit) for group in groups]
