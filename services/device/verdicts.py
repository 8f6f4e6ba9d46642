"""Which of the lines that came are readings: the board's own word and the ranges decide; the others get a reason."""

from __future__ import annotations

import numpy as np

from services.analysis.validation import REASONS, Limits, status_reason, validate
from services.device.boot import Taken
from services.device.columns import Line, line_text
from services.model import Readings, Reason, Rejected
from services.wire.decoders import BadReading


def judge(taken: Taken, limits: Limits, device: str) -> tuple[Readings, list[Rejected]]:
    """The readings of a batch, and the lines that are none."""
    rows = taken.readings
    if not len(rows):
        return rows, []
    codes = validate(rows.v, rows.a, rows.w, limits)
    if not taken.doubtful and not codes.any():
        return rows, []
    places = sorted({*np.flatnonzero(codes).tolist(), *taken.doubtful})
    rejected = {}
    for place in places:
        reason, detail = _why(taken.lines[place], int(codes[place]))
        if reason is not None:
            rejected[place] = _rejected(taken, place, device, reason, detail)
    return rows.take(np.delete(np.arange(len(rows)), list(rejected))), list(rejected.values())


def _why(line: Line, code: int) -> tuple[Reason | None, str]:
    """What the line is refused for; None when nothing is wrong with it."""
    if isinstance(line, BadReading):
        return line.reason, line.detail
    own = status_reason(line.status)
    return (own, line.status) if own is not None else (REASONS[code], "")


def _rejected(taken: Taken, place: int, device: str, reason: Reason, detail: str) -> Rejected:
    rows = taken.readings
    boot, seq, time_us = int(rows.boot[place]), int(rows.seq[place]), int(rows.time_us[place])
    return Rejected(device, time_us, reason, line_text(taken.lines[place]), detail, boot, seq)
