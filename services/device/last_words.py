"""Lines of the boot before that arrive after the next one has said who it is: they were overtaken on their way.

A line says its number and its uptime. Where both go on from what the old boot said last and are not what the new one can
have measured by then, it is the old one's. Pure: time is `now_s`, monotonic seconds.
"""

from __future__ import annotations

from services.device.boot import Boot, step_ms
from services.device.columns import Line
from services.device.count_and_clock import YOUNG_MS, is_live
from services.model import WIRE_NUMBERS
from services.wire.decoders import Hello

AWAITED_S = 3.0  # after the hello of the next boot
INEXACT = 0.02  # a board's interval against its own clock


class LastWords:
    """Of one board's port."""

    def __init__(self) -> None:
        self._old: Boot | None = None
        self._hello: Hello | None = None  # of the boot that speaks now
        self._since_s = 0.0
        self._mine: Line | None = None  # the first live line that is surely that one's

    def over(self, old: Boot | None, hello: Hello, now_s: float) -> None:
        """Another boot speaks from here on."""
        level_1 = old is not None and (old.wire is not None or old.mute)
        self._old, self._hello, self._since_s, self._mine = old if level_1 else None, hello, now_s, None

    def forget(self) -> None:
        """What is under way comes no more: a new connection."""
        self._old = None

    def split(self, lines: list[Line], now_s: float) -> tuple[Boot | None, list[Line], list[Line]]:
        """The boot before with its lines among these, and the others."""
        old = self._old
        if old is None or self._hello is None:
            return None, [], lines
        if now_s - self._since_s > AWAITED_S:
            self._old = None
            return None, [], lines
        last_words = [line for line in lines if self._is_old(old, self._hello, line, now_s)]
        return old, last_words, [line for line in lines if line not in last_words] if last_words else lines

    def _is_old(self, old: Boot, hello: Hello, line: Line, now_s: float) -> bool:
        if line.seq is None or line.ms is None:
            return False
        if self._mine is not None and _continues(self._mine, line, hello.interval_ms):
            return False
        passed_ms = (now_s - self._since_s) * 1e3
        ahead_ms = step_ms(hello.seq, line.seq) * hello.interval_ms
        can_be_new = 0 <= ahead_ms <= passed_ms + hello.interval_ms
        uptime_ms = passed_ms + hello.seq * hello.interval_ms + YOUNG_MS  # of one that measures since it started
        surely_old = old.last_ms is not None and line.ms > uptime_ms and self._mine is None
        if said_by(old, line, now_s) and (surely_old or not can_be_new):
            return True
        if can_be_new and is_live(line):
            self._mine = self._mine or line
        return False


def said_by(boot: Boot, line: Line, now_s: float) -> bool:
    """Whether number and uptime of a line are what this boot measured or may have measured by now, and it has not come."""
    if line.seq is None or line.ms is None:
        return False
    interval_ms, tracker = boot.interval_us / 1e3, boot.tracker
    assert tracker.expected is not None or boot.last_ms is None
    if tracker.expected is None:
        return False
    passed_ms = (now_s - boot.heard_s) * 1e3 if boot.heard_s else 0.0
    most_ms = passed_ms + boot.unsure_s * 1e3
    ahead = step_ms(tracker.expected, line.seq)
    seq = tracker.expected + ahead
    if ahead < 0 and tracker.on_way.at(seq) is None and tracker.lost.at(seq) is None:
        return False
    if boot.last_ms is None or boot.last_seq is None:  # nothing came of it but its hello
        return 0 <= ahead * interval_ms <= most_ms + interval_ms
    clock_ms = step_ms(boot.last_ms, line.ms)
    least_ms = passed_ms - AWAITED_S * 1e3 if is_live(line) else clock_ms
    return goes_on(boot, line) and least_ms <= clock_ms <= most_ms + YOUNG_MS


def goes_on(boot: Boot, line: Line) -> bool:
    """Whether number and uptime of a line went on together from what this boot said last; true where one is not known."""
    if line.seq is None or line.ms is None or boot.last_ms is None or boot.last_seq is None:
        return True
    clock_ms = step_ms(boot.last_ms, line.ms)
    count_ms = step_ms(boot.last_seq % WIRE_NUMBERS, line.seq) * boot.interval_us / 1e3
    return _together(clock_ms, count_ms, boot.interval_us / 1e3)


def _continues(before: Line, line: Line, interval_ms: float) -> bool:
    """Whether number and uptime went on together from one line to the other, either way round."""
    assert before.seq is not None and before.ms is not None and line.seq is not None and line.ms is not None
    clock_ms, count_ms = step_ms(before.ms, line.ms), step_ms(before.seq, line.seq) * interval_ms
    return _together(clock_ms, count_ms, interval_ms)


def _together(clock_ms: float, count_ms: float, interval_ms: float) -> bool:
    return abs(clock_ms - count_ms) <= interval_ms + INEXACT * abs(count_ms)
