"""What the board says of its own value comes first, then the ranges; every refused line keeps its number and a reason."""

from __future__ import annotations

from services.analysis.validation import Limits
from services.device.boot import Boot
from services.device.columns import Line
from services.device.sequence import SequenceTracker
from services.device.verdicts import judge
from services.model import Readings, Reason, Rejected
from services.wire.decoders import BadReading, ReadingLine

NOW_US = 1_700_000_000_000_000


def judged(*lines: Line) -> tuple[Readings, list[Rejected]]:
    boot = Boot(3, SequenceTracker(retransmits=True), wire=3)
    return judge(boot.take(list(lines), NOW_US, 0.0), Limits(), "bench")


def line(seq: int, v: float = 5.0, status: str = "ok") -> ReadingLine:
    return ReadingLine(v, 0.2, 1.0, seq=seq, status=status, ms=seq * 100)


def test_readings_without_fault_pass_as_they_are() -> None:
    good, rejected = judged(*(line(seq) for seq in range(20)))
    assert good.seq.tolist() == list(range(20))
    assert rejected == []


def test_each_refused_line_keeps_its_number_and_gets_its_reason() -> None:
    bad = BadReading(Reason.NOT_FINITE, "v is NaN", 3, 300, b'{"v":NaN,"seq":3}')
    good, rejected = judged(line(0), line(1, v=25.0), line(2, v=99.0, status="overflow"), bad, line(4), line(5, status="hot"))
    assert good.seq.tolist() == [0, 4]
    assert [(item.seq, item.reason, item.detail) for item in rejected] == [
        (1, Reason.VOLTAGE_RANGE, ""),
        (2, Reason.OVERFLOW, "overflow"),
        (3, Reason.NOT_FINITE, "v is NaN"),
        (5, Reason.STATUS, "hot"),
    ]
    assert {(item.device, item.boot) for item in rejected} == {("bench", 3)}
    assert rejected[2].line == '{"v":NaN,"seq":3}'


def test_one_line_that_is_refused_leaves_nothing() -> None:
    good, rejected = judged(line(7, v=-1.0))
    assert (len(good), len(rejected)) == (0, 1)
