"""What the board says of its own value comes first, then the ranges; what is marked stays, only what is no number is refused."""

from __future__ import annotations

from services.analysis.marks import status_of
from services.analysis.validation import Limits
from services.device.boot import Boot
from services.device.columns import Line
from services.device.sequence import SequenceTracker
from services.device.verdicts import Judge, Judged
from services.model import Reason
from services.wire.decoders import BadReading, ReadingLine

NOW_US = 1_700_000_000_000_000


def judged(*lines: Line, judge: Judge | None = None) -> Judged:
    boot = Boot(3, SequenceTracker(retransmits=True), wire=3)
    return (judge or Judge("bench", Limits())).judge(boot.take(list(lines), NOW_US, 0.0))


def line(seq: int, v: float = 5.0, status: str = "ok", a: float = 0.2) -> ReadingLine:
    return ReadingLine(v, a, 1.0, seq=seq, status=status, ms=seq * 100)


def test_readings_without_fault_pass_as_they_are() -> None:
    found = judged(*(line(seq) for seq in range(20)))
    assert found.readings.seq.tolist() == list(range(20))
    assert not found.readings.flags.any()
    assert found.rejected == [] and found.marks == {}


def test_what_is_out_of_range_stays_with_its_mark_and_only_what_is_no_number_goes() -> None:
    bad = BadReading(Reason.NOT_FINITE, "v is NaN", 3, 300, b'{"v":NaN,"seq":3}')
    judge = Judge("bench", Limits())
    lines = (line(0), line(1, v=25.0), line(2, v=99.0, status="overflow"), bad, line(4), line(5, status="hot"), line(6, v=1e300))
    found = judged(*lines, judge=judge)
    flags = found.readings.flags.tolist()
    assert found.readings.seq.tolist() == [0, 1, 2, 4, 5]
    assert [status_of(bits, judge.words) for bits in flags] == ["ok", "voltage_range", "overflow", "ok", "hot"]
    assert found.marks == {Reason.VOLTAGE_RANGE: 1, Reason.OVERFLOW: 1, Reason.STATUS: 1}
    assert [(item.seq, item.reason, item.detail) for item in found.rejected] == [
        (3, Reason.NOT_FINITE, "v is NaN"),
        (6, Reason.NOT_FINITE, "v 1e+300, a 0.2: larger than anything that can be kept"),
    ]
    assert {(item.device, item.boot) for item in found.rejected} == {("bench", 3)}
    assert found.rejected[0].line == '{"v":NaN,"seq":3}'


def test_the_boards_own_range_decides_and_the_setting_that_would_accept_it_is_named() -> None:
    judge = Judge("bench", Limits())
    assert judged(line(0, a=4.7), judge=judge).marks == {}
    judge.sensor_range({"a": (-3.2, 3.2)})
    assert judged(line(1, a=4.7), line(2, a=-5.0), line(3, a=3.3), judge=judge).marks == {Reason.CURRENT_RANGE: 3}
    (kind,) = judge.marked
    assert (kind.reason, kind.count, kind.lowest, kind.highest) == (Reason.CURRENT_RANGE, 3, -5.0, 4.7)
    assert (kind.low, kind.high, kind.origin, kind.option) == (-3.2, 3.2, "board", "--current-max")
    judge.sensor_range(None)  # another board, which says nothing
    assert judged(line(4, a=4.7), judge=judge).marks == {}
    assert judge.marked == (kind,)


def test_a_word_of_the_board_marks_and_no_setting_would_help() -> None:
    judge = Judge("bench", Limits())
    judged(line(0, status="brownout"), judge=judge)
    (kind,) = judge.marked
    assert (kind.reason, kind.word, kind.low, kind.option) == (Reason.STATUS, "brownout", None, "")
