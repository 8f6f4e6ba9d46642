"""Much comes and nothing is recorded: that must not look like waiting, or like a good connection."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from components.words.phrases import phrase
from services.device.device import Device
from services.model import EventKind, LinkState
from services.settings import Settings
from services.wire.decoders import Hello, ReadingLine, encode_hello, encode_reading
from tests.device.test_hostile_wires import Disk, HandClock

PACE_US = 100_000
HANGUL = re.compile("[가-힣]")


class Wire:
    """A board's end, with a clock that we turn."""

    def __init__(self, baud: int = 115_200) -> None:
        self.clock, self.disk = HandClock(), Disk()
        self.device = Device("lab", "socket://nowhere", Settings(baud=baud), self.disk, self.clock)  # type: ignore[arg-type]
        self.device.link.state = LinkState.WAITING
        self.device.opened()

    def say(self, *data: bytes) -> None:
        for piece in data:
            self.clock.us += PACE_US
            self.device.received(piece)
            self.device.tick()

    @property
    def problem(self) -> str:
        """As everybody is told it; in Korean, too."""
        self.clock.us += 250_000  # it is judged so often
        text = self.device.info().problem
        assert not text or HANGUL.search(phrase(text, "ko"))
        return text


@pytest.fixture
def wire() -> Iterator[Wire]:
    yield Wire()


def reading(seq: int | None = None, **more: object) -> bytes:
    return encode_reading(ReadingLine(5.0, 0.2, 1.0, seq=seq), crc=False)


def test_a_good_board_has_no_problem(wire: Wire) -> None:
    wire.say(b'"half a li', *(reading(n) for n in range(200)))
    assert wire.problem == "" and wire.device.info().lines_here == 199
    assert wire.device.info().state is LinkState.LIVE


def test_a_wrong_baud_rate_is_named(wire: Wire) -> None:
    noise = random.Random(3)
    wire.say(*(bytes(noise.randrange(256) for _ in range(40)) + b"\n" for _ in range(60)))
    assert "none is a reading" in wire.problem and "baud rate (115200 here)" in wire.problem
    assert wire.device.info().state is LinkState.WAITING


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (b"T:21.4 ok\n", "another device"),
        (b'{"temperature":21.4}\n', "JSON of another device"),
        (b"[1,2]\n", "JSON of another device"),
        (b'{"v":"5.0","a":null,"w":1}\n', "JSON of another device"),
        (b'{"v":5,"a":1,"w":5,"seq":1,"crc":"0000"}\n', "noise on the line"),
        (b"x" * 300 + b"\n", "another device"),
    ],
)
def test_lines_of_which_none_is_a_reading_are_named_with_their_reason(wire: Wire, line: bytes, cause: str) -> None:
    wire.say(b"\n" + line, *[line] * 59)  # the first line of a connection is forgiven
    assert "none is a reading" in wire.problem and cause in wire.problem and "60 of 60 refused" in wire.problem
    (reason,) = wire.device.snapshot().counts.reasons
    assert reason in wire.problem


@pytest.mark.parametrize(("end", "cause"), [(b"\r", "carriage return alone"), (b"", "baud rate")])
def test_bytes_without_the_end_of_a_line_are_counted_named_and_no_silence(wire: Wire, end: bytes, cause: str) -> None:
    piece = reading(1).rstrip(b"\n") + end
    for _ in range(1200):  # two minutes: longer than any silence that is borne
        wire.say(piece)
        assert not wire.device.silent_too_long()
    assert cause in wire.problem and str(1200 * len(piece)) in wire.problem
    assert wire.device.info().bytes_here == 1200 * len(piece)


def test_few_bytes_without_an_end_are_named_after_a_while(wire: Wire) -> None:
    wire.say(*[b"~"] * 40)
    assert wire.problem == ""
    wire.say(*[b"~"] * 40)
    assert "80 bytes came, but no end of a line" in wire.problem


def test_true_silence_is_still_silence(wire: Wire) -> None:
    wire.say(reading(1), reading(2))
    wire.clock.us += 6_000_000
    assert wire.device.silent_too_long()


def test_two_boards_on_one_stream_are_named(wire: Wire) -> None:
    for n in range(100):
        wire.say(reading(n), reading(3_000_000 + n))
    assert "two boards on one port" in wire.problem


def test_a_number_that_stands_still_is_named(wire: Wire) -> None:
    wire.say(*[reading(7)] * 100)
    assert "repeat a number" in wire.problem


def test_a_board_that_never_says_who_it_is_is_named(wire: Wire) -> None:
    wire.say(*(encode_reading(ReadingLine(5.0, 0.2, 1.0, seq=n, ms=n * 100), crc=True) for n in range(100)))
    assert "does not answer who it is" in wire.problem and "receiving line" in wire.problem


def test_a_board_that_offers_twice_what_it_held_is_no_trouble(wire: Wire) -> None:
    hello = Hello(proto=1, fw="x", id="lab", boot=3, interval_ms=100, buffer=4096, seq=100)
    wire.say(encode_hello(hello))
    held = [encode_reading(ReadingLine(5.0, 0.2, 1.0, seq=n, ms=n * 100, re=1), crc=True) for n in range(100)]
    wire.say(b"".join(held), b"".join(held), b"".join(held))
    wire.say(*(encode_reading(ReadingLine(5.0, 0.2, 1.0, seq=n, ms=n * 100), crc=True) for n in range(100, 160)))
    assert wire.problem == ""


def test_a_trouble_is_one_event_when_it_begins_and_one_when_it_ends(wire: Wire) -> None:
    wire.say(*[b"T:21.4\n"] * 60)
    wire.say(*(reading(n) for n in range(200)))
    assert wire.problem == ""
    events = [event for write in wire.disk.writes for event in write.events if event.kind is EventKind.LINK]
    told = [event for event in events if event.data["state"] in ("trouble", "well")]
    assert [event.data["state"] for event in told] == ["trouble", "well"] and "none is a reading" in told[0].text


def test_a_new_connection_begins_without_the_troubles_of_the_old(wire: Wire) -> None:
    wire.say(*[b"T:21.4\n"] * 60)
    wire.device.opened()
    wire.say(reading(1))
    assert wire.problem == "" and wire.device.info().lines_here == 1


def test_what_was_measured_long_ago_says_nothing_about_speed(wire: Wire) -> None:
    hello = Hello(proto=1, fw="x", id="lab", boot=3, interval_ms=100, buffer=4096, seq=50)
    wire.say(encode_hello(hello))
    before = len(wire.device.latencies_ms())
    wire.say(*(encode_reading(ReadingLine(5.0, 0.2, 1.0, seq=n, ms=n * 100), crc=True) for n in (50, 51, 55)))
    live = len(wire.device.latencies_ms())
    assert live == before + 3
    wire.say(*(encode_reading(ReadingLine(5.0, 0.2, 1.0, seq=n, ms=n * 100, re=1), crc=True) for n in (52, 53, 54)))
    assert len(wire.device.latencies_ms()) == live


def sealed(seq: int, re: int = 0, v: float = 5.0, **more: object) -> bytes:
    return encode_reading(ReadingLine(v, 0.2, 1.0, seq=seq, ms=seq * 100, re=re), crc=True)


def test_at_level_1_another_reading_under_a_number_that_is_taken_is_named(wire: Wire) -> None:
    hello = Hello(proto=1, fw="x", id="lab", boot=3, interval_ms=100, buffer=96, seq=0, oldest=0)
    wire.say(encode_hello(hello))
    for n in range(110):
        wire.say(sealed(n), sealed(n, v=7.0))
        wire.say(encode_hello(Hello(proto=1, fw="x", id="lab", boot=3, interval_ms=100, buffer=96, seq=n + 1, oldest=0)))
    assert "two boards on one port" in wire.problem


def adds_up(wire: Wire, lines: int) -> bool:
    counts = wire.device.snapshot().counts
    sorted_out = counts.received + counts.rejected + counts.duplicates + counts.unaccounted + counts.waiting
    return lines == sorted_out + counts.bad_lines


@pytest.mark.parametrize("seed", range(8))
def test_every_line_is_in_one_count_at_level_1(wire: Wire, seed: int) -> None:
    chance, lines, n = random.Random(seed), 0, 0
    hello = Hello(proto=1, fw="x", id="lab", boot=3, interval_ms=100, buffer=96, seq=0, oldest=0)
    wire.say(encode_hello(hello))
    for _ in range(400):
        what = chance.randrange(12)
        if what == 0:
            told = Hello(proto=1, fw="x", id="lab", boot=3, interval_ms=100, buffer=96, seq=n, oldest=max(0, n - 96))
            wire.say(encode_hello(told))
            continue
        if what == 1:
            wire.device.opened()
            wire.say(b"\n")
            continue
        lines += 1
        if what < 8:
            n += chance.choice((0, 0, 0, 1, 3))
            wire.say(sealed(n))
            n += 1
        else:
            wild = {8: sealed(max(0, n - chance.randrange(1, 9)), re=1), 9: sealed(n + 20_000), 10: sealed(max(0, n - 1), v=7.0)}
            odd = b"rubbish\n", b"[]\n", sealed(n).replace(b"5", b"6"), b'{"v":null,"a":1,"seq":%d}\n' % n
            unnumbered = encode_reading(ReadingLine(5.0, 0.2, 1.0, ms=n * 100), crc=True)
            wire.say(wild.get(what, chance.choice((*odd, unnumbered))))
        assert adds_up(wire, lines), (what, wire.device.snapshot().counts, lines)


@pytest.mark.parametrize("seed", range(8))
def test_every_line_is_in_one_count_at_level_0(wire: Wire, seed: int) -> None:
    chance, n = random.Random(seed), 3
    wire.say(b"\n", reading(0), reading(1), reading(2))
    for lines in range(4, 304):
        what = chance.randrange(8)
        n = 0 if what == 0 else n + chance.choice((0, 0, 2))
        odd = {1: reading(n + 3_000_000), 2: reading(max(0, n - 1)), 3: reading(), 4: b"rubbish\n"}
        wire.say(odd.get(what, reading(n)))
        n += what not in odd
        assert adds_up(wire, lines), (what, wire.device.snapshot().counts, lines)
