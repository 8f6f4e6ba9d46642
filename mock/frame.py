"""One line on its way out, with what the record must say when something happens to it."""

from __future__ import annotations

from typing import NamedTuple


class Frame(NamedTuple):
    """`kind`: reading, hello, reply or gone; `seq` only for readings; `t_us`: when it was handed over."""

    line: bytes
    kind: str
    boot: int
    seq: int | None
    t_us: int
    resent: bool = False
