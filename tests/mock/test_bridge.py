"""Lines gather in the bridge and come out in bursts; none is lost in it."""

from __future__ import annotations

from itertools import pairwise

from mock.bridge import Bridge
from mock.options import parse


def test_four_lines_come_at_once_and_then_nothing_for_about_the_time_of_four() -> None:
    bridge, out = Bridge(4, 60_000, seed=1), []
    for now_us in range(0, 6_000_000, 1_000):
        bridge.send(b"line\n" if now_us % 15_000 == 0 else b"", now_us)
        if burst := bridge.take(now_us):
            out.append((now_us, burst.count(b"\n")))
    lines = [count for _, count in out]
    pauses = [after - before for (before, _), (after, _) in pairwise(out)]
    assert set(lines) == {4} and sum(lines) >= 396
    assert min(pauses) >= 50_000 and max(pauses) <= 66_000 and len(set(pauses)) > 5


def test_a_slow_board_waits_no_longer_than_the_bridge_gathers() -> None:
    bridge = Bridge(4, 60_000, seed=1)
    bridge.send(b"one\n", 0)
    assert bridge.take(59_999) == b"" and bridge.next_us(59_999) == 60_000
    assert bridge.take(60_000) == b"one\n"
    assert bridge.take(1 << 40) == b""


def test_what_the_listener_who_left_did_not_get_is_not_for_the_next() -> None:
    bridge = Bridge(2, 60_000, seed=1)
    bridge.send(b"one\n", 0)
    bridge.forget()
    assert bridge.take(1 << 40) == b""


def test_a_bridge_sets_level_and_pace_unless_told_otherwise() -> None:
    options = parse(["--bridge-lines", "4", "--bridge-ms", "60"])
    assert (options.level, options.interval_ms) == (0, 15.0)
    assert parse(["--bridge-ms", "80"]).bridge_lines == 4
    assert (parse(["--bridge-lines", "4", "--level", "1", "--interval-ms", "20"]).interval_ms, parse([]).level) == (20.0, 1)
