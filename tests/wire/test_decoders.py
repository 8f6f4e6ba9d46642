"""Framing, round trips, damage and limits of both decoders."""

from __future__ import annotations

import itertools
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import WireError
from services.model import Reason
from services.wire import decoders as p

UINT32 = st.integers(0, p.UINT32)
VALUE = st.integers(-30_000_000, 30_000_000).map(lambda micro: micro / 1e6)
STATUS = st.one_of(st.just("ok"), st.sampled_from(["overflow", "sensor_error", "고장"]))
READING = st.builds(
    p.ReadingLine,
    v=VALUE,
    a=VALUE,
    w=st.none() | VALUE,
    ts=st.none() | st.integers(10**15, 2 * 10**15).map(lambda us: us / 1e6),
    seq=st.none() | UINT32,
    ms=st.none() | UINT32,
    status=STATUS,
    re=st.integers(0, 1),
)
NAME = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_categories=["C", "Z"]), max_size=16)
HELLO = st.builds(
    p.Hello,
    proto=UINT32,
    fw=NAME,
    id=NAME,
    boot=UINT32,
    interval_ms=st.integers(0, 60_000).map(float),
    buffer=UINT32,
    seq=UINT32,
    replay=st.booleans(),
)
BYTES = st.binary(max_size=600)
JSON_LIKE = st.lists(
    st.sampled_from(
        [b'{"v":', b'"a"', b":", b",", b"1", b"{", b"}", b"[", b"]", b'"', b"\n", b"\xff", b'"crc":"', b"NaN", b"nack", b"cmd"]
    )
).map(b"".join)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def in_sync() -> p.HostDecoder:
    decoder = p.HostDecoder()
    decoder.feed(b"\n")
    return decoder


@given(READING, st.booleans())
def test_a_reading_comes_back_as_it_was_written(reading: p.ReadingLine, crc: bool) -> None:
    (event,) = in_sync().feed(p.encode_reading(reading, crc))
    assert isinstance(event, p.ReadingLine)
    assert (event.crc is not None) == crc
    event.crc = None
    assert event == reading


@given(HELLO, st.booleans())
def test_a_hello_comes_back_as_it_was_written(hello: p.Hello, crc: bool) -> None:
    assert in_sync().feed(p.encode_hello(hello, crc)) == [hello]


@given(st.lists(UINT32, max_size=60), UINT32, st.booleans())
def test_nack_and_gone_carry_every_number_in_lines_that_fit(seqs: list[int], boot: int, crc: bool) -> None:
    asked = p.encode_nack(seqs, boot, crc)
    assert all(len(line) <= p.MAX_COMMAND + 1 for line in asked)
    events = p.BoardDecoder().feed(b"".join(asked))
    assert all(isinstance(event, p.Nack) and event.boot == boot for event in events)
    assert [seq for event in events if isinstance(event, p.Nack) for seq in event.nack] == seqs
    gone = in_sync().feed(b"".join(p.encode_gone(seqs, boot, crc)))
    assert [seq for event in gone if isinstance(event, p.Gone) for seq in event.gone] == seqs


@given(UINT32, UINT32)
def test_ack_and_command_come_back_as_they_were_written(seq: int, boot: int) -> None:
    decoder = p.BoardDecoder()
    command = p.encode_command("set_time", seq, {"epoch_ms": 1712345678125})
    assert decoder.feed(p.encode_ack(seq, boot) + command) == [
        p.Ack(seq, boot),
        p.Command("set_time", seq, {"epoch_ms": 1712345678125}),
    ]


@given(
    st.lists(st.one_of(READING.map(p.encode_reading), HELLO.map(p.encode_hello), BYTES), max_size=6),
    st.lists(st.integers(0, 10**6), max_size=20),
)
def test_events_do_not_depend_on_how_the_bytes_are_split(lines: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(lines)
    whole, split = p.HostDecoder(), p.HostDecoder()
    expected = whole.feed(data)
    assert [event for piece in pieces(data, cuts) for event in split.feed(piece)] == expected
    assert split.crc_seen == whole.crc_seen


@given(
    st.lists(st.one_of(UINT32.map(lambda n: p.encode_ack(n, 1)), JSON_LIKE, BYTES), max_size=6),
    st.lists(st.integers(0, 10**6), max_size=20),
)
def test_the_boards_events_do_not_depend_on_how_the_bytes_are_split(lines: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(lines)
    expected = p.BoardDecoder().feed(data)
    split = p.BoardDecoder()
    assert [event for piece in pieces(data, cuts) for event in split.feed(piece)] == expected


ODD_LINES = (
    b"",
    b" ",
    b'{"v":1,"a":2}{"v":3,"a":4}',
    b'{"v":1,',
    b'"a":2}',
    b'{"v":1,"a":2,"x":{"y":1}}',
    b'{"v":1,"a":2,"status":"{"}',
    b'{"v":1,"a":2,"crc":"0000"}',
    b'{"v":NaN,"a":2}',
    b'{"v":5,"a":1,"status":"over\\nflow"}\r',
    b'{"v":1,"a":2,"w":"' + b"x" * p.MAX_LINE + b'"}',
)


@given(st.lists(st.one_of(st.tuples(READING, st.booleans()), st.sampled_from(ODD_LINES)), max_size=12), st.booleans())
def test_many_lines_at_once_say_what_they_say_one_by_one(parts: list[tuple[p.ReadingLine, bool] | bytes], known: bool) -> None:
    """Whole batches are decoded at once when every line is good: nobody can see a difference."""
    lines = [part + b"\n" if isinstance(part, bytes) else p.encode_reading(part[0], crc=part[1]) for part in parts]
    if known:  # this board's lines carry checksums
        lines.insert(0, p.encode_reading(p.ReadingLine(1.0, 1.0), crc=True))
    together, singly = p.HostDecoder(), p.HostDecoder()
    first = lines[:1]
    assert together.feed(b"".join(first)) == singly.feed(b"".join(first))
    assert together.feed(b"".join(lines[1:])) == [event for line in lines[1:] for event in singly.feed(line)]
    assert together.crc_seen == singly.crc_seen


def test_one_byte_at_a_time_is_enough() -> None:
    reading = p.ReadingLine(5.02, 0.245, 1.23, seq=123, ms=8102)
    data = p.encode_reading(reading) + p.encode_gone([121], 17)[0]
    decoder = in_sync()
    events = [event for byte in data for event in decoder.feed(bytes([byte]))]
    assert [type(event) for event in events] == [p.ReadingLine, p.Gone]


@given(READING, st.integers(0, 10**6), st.integers(1, 255))
def test_any_flipped_byte_is_noticed_once_checksums_are_due(reading: p.ReadingLine, position: int, mask: int) -> None:
    line = bytearray(p.encode_reading(reading))
    line[position % (len(line) - 1)] ^= mask
    decoder = p.HostDecoder()
    decoder.feed(p.encode_gone([0], 0)[0])
    events = decoder.feed(bytes(line))
    assert not any(isinstance(event, p.ReadingLine | p.BadReading) for event in events)
    assert all(isinstance(event, p.BadLine) and event.reason is Reason.CORRUPT for event in events)


@given(UINT32, UINT32, st.integers(0, 10**6), st.integers(1, 255))
def test_the_board_obeys_no_line_with_a_flipped_byte(seq: int, boot: int, position: int, mask: int) -> None:
    line = bytearray(p.encode_ack(seq, boot))
    line[position % (len(line) - 1)] ^= mask
    decoder = p.BoardDecoder()
    decoder.feed(p.encode_ack(0, 0))
    assert all(isinstance(event, p.BadLine) for event in decoder.feed(bytes(line)))


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(
            BYTES,
            JSON_LIKE,
            st.recursive(st.none() | st.floats() | st.text(max_size=5), st.lists).map(lambda v: json.dumps(v).encode()),
        )
    )
)
def test_no_bytes_raise_and_what_is_kept_is_bounded(chunks: list[bytes]) -> None:
    host, board = p.HostDecoder(), p.BoardDecoder()
    for chunk in chunks:
        for event in host.feed(chunk):
            assert not isinstance(event, p.BadLine | p.BadReading) or len(event.line) <= p.MAX_LINE
            assert not isinstance(event, p.ReadingLine) or (math.isfinite(event.v) and math.isfinite(event.a))
        board.feed(chunk)
        assert len(host._tail) <= p.MAX_LINE + 2
        assert len(board._tail) <= p.MAX_COMMAND + 2


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 250,
        b'{"v":1,"a":2,"x":' + b"[" * 110 + b"]" * 110 + b"}",
        b'{"v":1' + b"0" * 200 + b',"a":2}',
        b'{"hello":"powermon","proto":1e999,"fw":1}',
        b'{"hello":"powermon","proto":1,"fw":"","id":"","boot":1,"interval_ms":NaN,"buffer":1,"seq":0}',
        b'{"hello":"powermon","proto":1,"fw":"","id":"","boot":1,"interval_ms":-1,"buffer":1,"seq":0}',
        b'{"v":1,"a":2,"status":"\\ud800\\u0000"}',
        b'{"ack":NaN,"result":"ok"}',
        b'{"gone":[1e3],"boot":1}',
    ],
)
def test_odd_json_is_answered_with_an_event(line: bytes) -> None:
    assert len(in_sync().feed(line + b"\n")) == 1


def test_a_line_without_end_is_bounded_and_counted_once() -> None:
    decoder = in_sync()
    for _ in range(100):
        assert decoder.feed(b"x" * 10_000) == []
    (event,) = decoder.feed(b'{"v":1,"a":2}\n')
    assert event == p.BadLine(Reason.TOO_LONG, "more than 256 bytes", b"x" * 256)
    assert isinstance(decoder.feed(b'{"v":1,"a":2}\n')[0], p.ReadingLine)


def test_a_partial_first_line_is_forgiven() -> None:
    assert p.HostDecoder().feed(b'45,"w":1.23,"seq":5}\n') == []


def test_only_the_first_line_is_forgiven() -> None:
    assert len(p.HostDecoder().feed(b"half\nhalf\n")) == 1


def test_a_whole_first_line_is_kept() -> None:
    (event,) = p.HostDecoder().feed(b'{"v":1,"a":2}\n')
    assert isinstance(event, p.ReadingLine)


def test_a_first_line_too_long_is_forgiven() -> None:
    assert p.HostDecoder().feed(b"x" * 1000 + b"\n") == []


def test_reset_forgets_the_old_connection() -> None:
    decoder = p.HostDecoder()
    decoder.feed(p.encode_gone([1], 2)[0] + b'{"v":1,')
    decoder.reset()
    assert not decoder.crc_seen
    assert decoder.feed(b"tail\n") == []
    assert isinstance(decoder.feed(b'{"v":1,"a":2}\n')[0], p.ReadingLine)


def test_the_board_forgets_the_old_listener() -> None:
    decoder = p.BoardDecoder()
    decoder.feed(p.encode_ack(1, 2) + b'{"cmd":')
    decoder.reset()
    assert decoder.feed(b'{"cmd":"ping","seq":1}\n') == [p.Command("ping", 1, {})]


def test_checksums_are_due_only_after_a_right_one() -> None:
    decoder = in_sync()
    plain = b'{"v":1,"a":2}\n'
    assert isinstance(decoder.feed(plain)[0], p.ReadingLine)
    decoder.feed(p.encode_reading(p.ReadingLine(1, 2)))
    (event,) = decoder.feed(plain)
    assert isinstance(event, p.BadLine) and event.reason is Reason.CORRUPT


def test_texts_of_a_board_are_made_printable_and_short() -> None:
    (event,) = in_sync().feed(('{"v":1,"a":2,"status":"\\u001b[31m' + "x" * 60 + '"}\n').encode())
    assert isinstance(event, p.ReadingLine)
    assert event.status == "�[31m" + "x" * 27


def test_the_checksum_is_crc_16_ccitt_false() -> None:
    assert p.checksum(b"123456789") == b"29B1"


@pytest.mark.parametrize(
    ("value", "text"),
    [(5.0, "5"), (5.02, "5.02"), (-0.0, "0"), (1e-7, "0"), (-1e-7, "0"), (1e-6, "0.000001"), (0.1 + 0.2, "0.3")],
)
def test_numbers_have_at_most_six_decimals_and_no_exponent(value: float, text: str) -> None:
    assert p.number(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_written(value: float) -> None:
    with pytest.raises(WireError):
        p.encode_reading(p.ReadingLine(value, 1.0))


@pytest.mark.parametrize("args", [{"text": "x" * 100}, {"seq": 5}, {"crc": "0000"}, {"x": object()}])
def test_a_command_that_does_not_fit_is_refused(args: dict[str, object]) -> None:
    with pytest.raises(WireError):
        p.encode_command("buzzer", 1, args)
