"""A batch of lines as columns: every field in one pass, however many lines there are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from services.model import F64
from services.wire.decoders import BadReading, ReadingLine, printable

Line = ReadingLine | BadReading
_NAN = math.nan
_astuple = msgspec.structs.astuple


class Columns(msgspec.Struct, frozen=True):
    """Lines field by field. A line that is no reading has NaN for values.

    `derived`: places whose power was made of voltage and current; `doubtful`: places that are no reading, or whose
    board says itself that something is wrong.
    """

    seq: Sequence[int | None]
    ts: Sequence[float | None]
    ms: Sequence[int | None]
    again: Sequence[int]
    v: F64
    a: F64
    w: F64
    derived: list[int]
    doubtful: list[int]

    @property
    def tracked(self) -> bool:
        """Whether every line has a number."""
        return None not in self.seq


def columns(lines: Sequence[Line]) -> Columns:
    """At least one line."""
    if set(map(type, lines)) == {ReadingLine}:
        v, a, w, ts, seq, status, ms, again, _ = zip(*map(_astuple, lines), strict=True)
        doubtful = [] if status.count("ok") == len(status) else [at for at, said in enumerate(status) if said != "ok"]
    else:
        v, a, w, ts, seq, ms, again = zip(*map(_fields, lines), strict=True)
        doubtful = [at for at, line in enumerate(lines) if type(line) is BadReading or line.status != "ok"]  # type: ignore[union-attr]
    derived: list[int] = []
    if None in w:
        derived = [at for at, value in enumerate(w) if value is None]
        w = tuple(round(x * y, 6) if value is None else value for x, y, value in zip(v, a, w, strict=True))
    volts, amperes, watts = (np.array(column, np.float64) for column in (v, a, w))
    return Columns(seq, ts, ms, again, volts, amperes, watts, derived, doubtful)


def line_text(line: Line) -> str:
    """The line for a person's eyes, at most 256 characters."""
    if isinstance(line, BadReading):
        return printable(line.line.decode("utf-8", "replace"), 256)
    return f'{{"v":{line.v:g},"a":{line.a:g},"w":{line.w},"seq":{line.seq},"status":"{line.status}"}}'


def _fields(line: Line) -> tuple[float, float, float | None, float | None, int | None, int | None, int]:
    if isinstance(line, BadReading):
        return _NAN, _NAN, _NAN, None, line.seq, line.ms, line.re
    return line.v, line.a, line.w, line.ts, line.seq, line.ms, line.re
