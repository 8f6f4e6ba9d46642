"""What a board's count and its clock say about who sends a line: had the board gone on, both would be where time has got to.

How much time has passed is not always known: a host's clock that was set and a sleep that the system did not tell look the same.
Pure: lines and times go in.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.device.boot import Boot, step_ms
from services.device.columns import Line
from services.wire.decoders import Hello

STALE_S = 1.0  # a hello that was asked for may have been overtaken on its way by so much
AHEAD_MS = 10_000  # one that is so much further ahead than time has passed is another's, or leapt
BACK_MS = 2_000  # a board's clock that is this far behind has begun anew
LOOSE_MS, LOOSE_SHARE = 2_000, 0.05  # between the board's clock and ours: lines come late, clocks are not exact
YOUNG_MS = 500  # a board that has been up for longer than it was not heard, and this, has not begun anew


def is_live(line: Line) -> bool:
    """Just measured, and it tells the board's clock."""
    return line.ms is not None and line.seq is not None and not line.re


def clock_fits(boot: Boot, lines: Sequence[Line], now_s: float) -> bool:
    """Whether the board's clock is where it may be. Behind it, or further ahead than time has passed: the board restarted or
    another one speaks, and its hello was lost on the way; or its clock leapt, or our machine slept, and it is the same."""
    line = lines[-1]
    if boot.last_ms is None or line.ms is None or not is_live(line):
        return True
    return -BACK_MS < step_ms(boot.last_ms, line.ms) <= (now_s - boot.heard_s + boot.unsure_s) * 1e3 + AHEAD_MS


def can_precede(line: Line, hello: Hello, passed_ms: float) -> bool:
    """Whether the board of this hello can have measured a line that came at most so long before it."""
    if line.seq is None:
        return False
    behind = step_ms(line.seq, hello.seq)
    return behind > 0 and (not is_live(line) or behind * hello.interval_ms <= passed_ms)


def is_same(boot: Boot, hello: Hello, line: Line, now_us: int, now_s: float) -> bool:
    """Whether the board that sends this live line is the boot, which has another name or may have been overtaken."""
    if (boot.board_id, boot.wire) != (hello.id, hello.boot):
        return _goes_on(boot, line, now_us, now_s)
    if not boot.tracker.follows(hello.seq):  # overtaken on its way, or the board began anew
        assert line.seq is not None
        clock_ms, _ = _steps_ms(boot, line)
        return boot.tracker.follows(line.seq) or clock_ms > -min(1e3 * STALE_S, (boot.clock_ms or 0) / 2)
    return not lags(boot, line, now_s)


def lags(boot: Boot, line: Line, now_s: float) -> bool:
    """Whether both clock and count are behind where they would be, had the board gone on: then it began anew. Time that may
    not have passed is not held against it."""
    clock_ms, count_ms = _steps_ms(boot, line)
    if not boot.heard_s:  # in an earlier session: the host's clock may have been set since
        return clock_ms <= -BACK_MS
    expected_ms = (now_s - boot.heard_s) * 1e3
    expected_ms -= LOOSE_MS + LOOSE_SHARE * expected_ms
    return max(clock_ms, count_ms) < expected_ms


def _goes_on(boot: Boot, line: Line, now_us: int, now_s: float) -> bool:
    """Whether both are where they would be, and the board cannot have begun anew since: a new boot number, but the same
    count and memory."""
    if line.ms is None:
        return False
    passed_ms = (now_s - boot.heard_s) * 1e3 if boot.heard_s else (now_us - (boot.last_us or 0)) / 1e3
    slept_ms = (boot.unsure_s if boot.heard_s else 0.0) * 1e3
    most_ms = passed_ms + slept_ms
    return _goes_on_after(boot, line, passed_ms, most_ms) or (slept_ms > 0 and _goes_on_after(boot, line, most_ms, most_ms))


def _goes_on_after(boot: Boot, line: Line, passed_ms: float, most_ms: float) -> bool:
    """The same, when so much time has passed since it was heard, and at most so much may have."""
    assert line.ms is not None
    slack_ms = LOOSE_MS + LOOSE_SHARE * passed_ms
    clock_ms, count_ms = _steps_ms(boot, line)
    if not (clock_ms >= 0 and 0 <= count_ms <= passed_ms + slack_ms + 2 * boot.interval_us / 1e3):
        return False
    if boot.clock_ms is None:  # nothing came of it yet but its hello
        return line.ms > most_ms + YOUNG_MS
    older = boot.clock_ms > slack_ms + most_ms - passed_ms or line.ms > most_ms + YOUNG_MS
    return older and max(abs(clock_ms - passed_ms), passed_ms - count_ms) <= slack_ms


def _steps_ms(boot: Boot, line: Line) -> tuple[float, float]:
    """How far the clock went since the last live line, and how far the count went, in milliseconds."""
    assert line.ms is not None and line.seq is not None
    clock_ms = step_ms(boot.clock_ms, line.ms) if boot.clock_ms is not None else 0
    return clock_ms, step_ms(boot.tracker.expected or 0, line.seq) * boot.interval_us / 1e3
