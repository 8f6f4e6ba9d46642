"""The golden lines, read by the host's decoder, by the board's decoder and by the encoders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.wire import decoders as p

GOLDEN = Path(__file__).parents[1] / "golden"
KINDS: dict[type, str] = {
    p.ReadingLine: "reading",
    p.Hello: "hello",
    p.Gone: "gone",
    p.Reply: "reply",
    p.BadReading: "bad_reading",
    p.BadLine: "bad_line",
    p.Ack: "ack",
    p.Nack: "nack",
    p.Command: "command",
}
SEALED = p.encode_ack(0, 0)


def load(name: str) -> list[Any]:
    rows = [json.loads(line) for line in (GOLDEN / name).read_text(encoding="utf-8").splitlines()]
    return [pytest.param(row, id=row["name"]) for row in rows]


def wire_bytes(row: dict[str, Any]) -> bytes:
    return bytes.fromhex(row["hex"]) if "hex" in row else row["line"].encode()


def decode(decoder: p.HostDecoder | p.BoardDecoder, row: dict[str, Any]) -> Any:
    decoder.feed(SEALED if row["crc_seen"] else b"\n")
    events = decoder.feed(wire_bytes(row) + b"\n")
    assert len(events) == 1
    return events[0]


def as_expected(event: Any, expect: dict[str, Any]) -> dict[str, Any]:
    found = {"kind": KINDS[type(event)], **msgspec.structs.asdict(event)}
    return {name: found[name] for name in expect}


@pytest.mark.parametrize("row", load("board_lines.jsonl"))
def test_the_host_reads_a_golden_board_line(row: dict[str, Any]) -> None:
    assert as_expected(decode(p.HostDecoder(), row), row["expect"]) == row["expect"]


@pytest.mark.parametrize("row", load("host_lines.jsonl"))
def test_the_board_reads_a_golden_host_line(row: dict[str, Any]) -> None:
    assert as_expected(decode(p.BoardDecoder(), row), row["expect"]) == row["expect"]


def write(expect: dict[str, Any], crc: bool) -> bytes:
    fields = {name: value for name, value in expect.items() if name != "kind"}
    match expect["kind"]:
        case "reading":
            return p.encode_reading(p.ReadingLine(**fields), crc)
        case "hello":
            return p.encode_hello(p.Hello(**fields), crc)
        case "gone":
            return p.encode_gone(fields["gone"], fields["boot"], crc)[0]
        case "reply":
            return p.encode_reply(p.Reply(**fields), crc)
        case "ack":
            return p.encode_ack(fields["ack"], fields["boot"], crc)
        case "nack":
            return p.encode_nack(fields["nack"], fields["boot"], crc)[0]
    return p.encode_command(fields["cmd"], fields["seq"], fields["args"], crc)


@pytest.mark.parametrize("row", load("board_lines.jsonl") + load("host_lines.jsonl"))
def test_a_canonical_golden_line_is_what_the_encoder_writes(row: dict[str, Any]) -> None:
    if row["canonical"]:
        line = wire_bytes(row)
        assert write(row["expect"], crc=b'"crc"' in line) == line + b"\n"


def test_every_kind_of_event_has_a_golden_line() -> None:
    rows = [param.values[0] for param in load("board_lines.jsonl") + load("host_lines.jsonl")]
    assert {row["expect"]["kind"] for row in rows} == set(KINDS.values())
