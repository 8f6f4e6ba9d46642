"""The golden lines, read and written by the firmware's own code; and lines near them, on which Python must agree."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.wire import decoders as p
from tests.firmware.uno import ROOT

GOLDEN = ROOT / "tests/golden"
SHORTEST_MS = 10  # at 115 200 baud
SEALED = p.encode_ack(0, 0)
ARGUMENTS = ("value_ms", "epoch_ms", "on_ms", "times")
ORDERS = ("hello", "ping", "set_interval", "set_time", "buzzer", "reset_energy")
MUTATED_LINES = 20_000
MINUS_ZERO = b"-0"  # a whole number to Python, not to a board; nobody sends it

Ask = Callable[[str], bytes]


def load(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLDEN / name).read_text(encoding="utf-8").splitlines()]


def by_name(rows: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in rows]


def wire_bytes(row: dict[str, Any]) -> bytes:
    return bytes.fromhex(row["hex"]) if "hex" in row else row["line"].encode()


@pytest.fixture(scope="module")
def firmware() -> Iterator[Ask]:
    """Says a request to the firmware's code, returns its line (or lines, up to an empty one)."""
    command = [str(ROOT / "build/firmware-tests/golden")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        out, into = process.stdout, process.stdin

        def ask(request: str) -> bytes:
            into.write(request.encode() + b"\n")
            into.flush()
            return out.readline()

        yield ask
        into.close()
        assert process.wait(10) == 0


def read(firmware: Ask, line: bytes, crc_due: bool) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(firmware(f"read {int(crc_due)} {line.hex()}"))
    return found


def as_board(expect: dict[str, Any]) -> dict[str, Any]:
    """What a board with little memory keeps of it: no reasons, no unknown members, no names of unknown commands."""
    if expect["kind"] == "bad_line":
        return {"kind": "bad_line"}
    if expect["kind"] != "command":
        return expect
    name = expect["cmd"] if expect["cmd"] in ORDERS else ""
    arguments = {key: value for key, value in expect["args"].items() if key in ARGUMENTS}
    return {"kind": "command", "cmd": name, "seq": expect["seq"], **arguments}


@pytest.mark.parametrize("row", by_name(load("host_lines.jsonl")))
def test_the_firmware_reads_a_golden_host_line(firmware: Ask, row: dict[str, Any]) -> None:
    assert read(firmware, wire_bytes(row), row["crc_seen"]) == as_board(row["expect"])


@pytest.mark.parametrize("row", by_name(load("replies.jsonl")))
def test_the_firmware_replies_as_the_golden_file_says(firmware: Ask, row: dict[str, Any]) -> None:
    reply = row["reply"].encode()
    if b"{min}" in reply:
        reply = p.seal(reply.replace(b"{min}", str(SHORTEST_MS).encode()))
    assert firmware(f"obey {row['line'].encode().hex()}") == reply + b"\n"
    assert firmware("") == b"\n"


def is_ours(row: dict[str, Any]) -> bool:
    """Whether the firmware writes such lines: readings of level 1."""
    expect = row["expect"]
    return bool(row["canonical"] and expect["kind"] == "reading" and expect["ms"] is not None and '"crc"' in row["line"])


@pytest.mark.parametrize("row", by_name([row for row in load("board_lines.jsonl") if is_ours(row)]))
def test_the_firmware_writes_a_golden_reading_byte_for_byte(firmware: Ask, row: dict[str, Any]) -> None:
    e = row["expect"]
    values = f"{round(e['v'] * 1e3)} {round(e['a'] * 1e6)} {round(e['w'] * 1e6)}"
    epoch_ms = round((e["ts"] or 0) * 1000)
    line = firmware(f"reading {values} {e['ms']} {e['seq']} {e['status']} {e['re']} {epoch_ms}")
    assert line == wire_bytes(row) + b"\n"


def is_our_hello(row: dict[str, Any]) -> bool:
    """Whether the board of `host/golden.cpp` can say it: its id, interval and buffer, live and with a checksum."""
    e = row["expect"]
    ours = {"id": "bench-1", "interval_ms": 500, "buffer": 48, "replay": False}
    return bool(row["canonical"] and e["kind"] == "hello" and ours.items() <= e.items() and '"crc"' in row["line"])


@pytest.mark.parametrize("row", by_name([row for row in load("board_lines.jsonl") if is_our_hello(row)]))
def test_the_firmware_says_a_golden_hello_in_the_same_words_and_order(firmware: Ask, row: dict[str, Any]) -> None:
    """But for its own version, and for what it says beyond that line."""
    golden = json.loads(row["line"])
    oldest = golden.get("oldest", golden["seq"])
    said = firmware(f"hello {golden['boot']} {oldest} {(golden['seq'] - oldest) % 2**32}").removesuffix(b"\n")
    found = json.loads(said)
    assert said == p.seal(said[: -len(b',"crc":"9F3C"}')] + b"}")
    assert found["range"] == {"v": [0, 26], "a": [-3.2, 3.2]}
    assert found["oldest"] == oldest
    differ = ("fw", "crc")
    assert [(k, v) for k, v in found.items() if k in golden and k not in differ] == [
        (k, v) for k, v in golden.items() if k not in differ
    ]


def mutated(line: bytes, rng: random.Random) -> bytes:
    spice = b'{}[]",:0123456789-.eE\\u tfn\r\xc3\xa9\xff'
    data = bytearray(line)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data)) if data else 0
        match rng.randrange(4):
            case 0:
                data.insert(at, rng.choice(spice))
            case 1 if data:
                del data[at]
            case 2 if data:
                data[at] = rng.choice(spice)
            case _:
                data[at:at] = data[at : at + rng.randrange(12)]
    return bytes(data)


def python_reads(line: bytes, crc_due: bool) -> dict[str, Any] | None:
    """The other reading of the same line; None where the two may differ."""
    decoder = p.BoardDecoder()
    decoder.feed(SEALED if crc_due else b"\n")
    events = decoder.feed(line + b"\n")
    match events:
        case [p.Ack(ack=ack, boot=boot)]:
            return {"kind": "ack", "ack": ack, "boot": boot}
        case [p.Nack(nack=nack, boot=boot)]:
            return {"kind": "nack", "nack": nack, "boot": boot}
        case [p.Command(seq=seq)]:
            return {"kind": "command", "seq": seq}
        case [] | [p.BadLine()]:
            return {"kind": "bad_line"}
    return None


def test_firmware_and_python_agree_on_thousands_of_damaged_lines(firmware: Ask) -> None:
    rng = random.Random(4)
    seeds = [wire_bytes(row) for row in load("host_lines.jsonl")]
    for _ in range(MUTATED_LINES):
        line = mutated(rng.choice(seeds), rng).replace(b"\n", b"")
        if rng.random() < 0.3:
            line = p.seal(line)
        expected = python_reads(line, crc_due=False)
        if expected is None or MINUS_ZERO in line:
            continue
        found = read(firmware, line, crc_due=False)
        assert {key: found.get(key) for key in expected} == expected, line
