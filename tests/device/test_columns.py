"""A batch of lines as columns says what the lines say one by one."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from services.device.columns import Line, columns, line_text
from services.model import Reason
from services.wire.decoders import BadReading, ReadingLine

VALUE = st.floats(-30, 30)
NUMBER = st.none() | st.integers(0, 2**32 - 1)
READING = st.builds(
    ReadingLine,
    v=VALUE,
    a=VALUE,
    w=st.none() | VALUE,
    seq=NUMBER,
    status=st.sampled_from(["ok", "overflow"]),
    ms=NUMBER,
    re=st.integers(0, 1),
)
BAD = st.builds(BadReading, st.just(Reason.NOT_FINITE), st.just("v is NaN"), NUMBER, NUMBER, st.just(b'{"v":NaN}'))


@given(st.lists(st.one_of(READING, READING, READING, BAD), min_size=1, max_size=12))
def test_columns_say_what_the_lines_say(lines: list[Line]) -> None:
    batch = columns(lines)
    assert batch.tracked == all(line.seq is not None for line in lines)
    for place, line in enumerate(lines):
        assert (batch.seq[place], batch.ms[place]) == (line.seq, line.ms)
        if isinstance(line, BadReading):
            assert all(map(math.isnan, (batch.v[place], batch.a[place], batch.w[place])))
            assert place in batch.doubtful
            continue
        assert (batch.v[place], batch.a[place], batch.again[place]) == (line.v, line.a, line.re)
        assert batch.w[place] == (round(line.v * line.a, 6) if line.w is None else line.w)
        assert (place in batch.derived) == (line.w is None)
        assert (place in batch.doubtful) == (line.status != "ok")


def test_a_line_is_shown_in_at_most_256_printable_characters() -> None:
    assert line_text(ReadingLine(5.0, 0.25, None, seq=7)) == '{"v":5,"a":0.25,"w":None,"seq":7,"status":"ok"}'
    shown = line_text(BadReading(Reason.BAD_TYPE, "", 1, None, b'{"v":"\x07' + b"x" * 400))
    assert len(shown) == 256
    assert shown.isprintable()
