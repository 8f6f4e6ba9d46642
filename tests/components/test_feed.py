"""A tick's answer is made once for everybody, and never belongs to another board."""

from __future__ import annotations

import threading
from typing import cast

from components.feed import Feed, Kept
from components.live import OUTPUTS, answer, drawn_of
from components.panels.chart import Drawn
from components.view import View
from services.monitor import Monitor
from tests.components.fakes import BOARDS, OLD, FakeMonitor


def feed_of(monitor: FakeMonitor) -> Feed:
    return Feed(cast(Monitor, monitor))


def test_one_answer_is_made_however_many_ask_at_once() -> None:
    monitor = FakeMonitor()
    monitor.hold.clear()
    feed, found = feed_of(monitor), []
    threads = [threading.Thread(target=lambda: found.append(feed.look(View(device=BOARDS[0])))) for _ in range(20)]
    for thread in threads:
        thread.start()
    monitor.hold.set()
    for thread in threads:
        thread.join(20)
    assert len(found) == 20 and monitor.ticks == 1
    assert len({look.picture.serial for look in found if look.picture}) == 1


def test_a_picture_is_of_the_board_that_is_named() -> None:
    feed = feed_of(FakeMonitor())
    for device, volts in ((BOARDS[0], 5), (BOARDS[1], 12), (BOARDS[0], 5)):
        look = feed.look(View(device=device))
        assert look.device == device and look.tick is not None and look.picture is not None
        assert abs(look.picture.frame["v_mean"].mean() - volts) < 1
        assert look.tick.state.info.device == device


def test_a_range_that_did_not_change_is_the_same_picture() -> None:
    monitor = FakeMonitor()
    now_us = monitor.now_us()
    view = View(device=BOARDS[0], range_us=(now_us - 60_000_000, now_us - 30_000_000))
    one, other = feed_of(monitor).look(view).picture, feed_of(monitor).look(view).picture
    assert one is not None and other is not None and one.serial == other.serial
    monitor.missing = [(now_us // 100_000 - 400, now_us // 100_000 - 390)]
    changed = feed_of(monitor).look(view).picture
    assert changed is not None and changed.serial != one.serial


def test_a_board_of_the_record_ends_where_its_record_ends() -> None:
    monitor = FakeMonitor()
    monitor.frozen_us = monitor.now_us() - 3_600_000_000
    look = feed_of(monitor).look(View(device=OLD, span_s=60))
    assert look.tick is None and look.picture is not None
    assert len(look.picture.frame) > 500


def test_between_two_readings_the_line_that_joins_them_is_there() -> None:
    monitor = FakeMonitor()
    t0_us = (monitor.now_us() - 5_000_000) // 100_000 * 100_000 + 30_000
    picture = feed_of(monitor).look(View(device=BOARDS[0], range_us=(t0_us, t0_us + 30_000))).picture
    assert picture is not None and picture.stats.count == 0
    times = [stamp.value // 1000 for stamp in picture.frame.index]
    assert times[0] < t0_us and times[-1] > t0_us + 30_000


def test_what_has_not_changed_is_not_sent_again() -> None:
    monitor = FakeMonitor()
    feed = feed_of(monitor)
    now_us = monitor.now_us()
    view = View(device=BOARDS[0], range_us=(now_us - 60_000_000, now_us - 30_000_000))
    facade = cast(Monitor, monitor)
    first = answer(feed.look(view), view, Drawn(), facade)
    names = ["{}.{}".format(*output) for output in OUTPUTS]
    drawn = drawn_of(dict(zip(names, first, strict=True))["drawn.data"])
    again = dict(zip(names, answer(feed.look(view), view, drawn, facade), strict=True))
    quiet = ("chart.figure", "side.children", "note.children", "line.children", "alerts.children", "strip-live.children")
    assert [type(again[name]).__name__ for name in quiet] == ["NoUpdate"] * len(quiet)


def test_only_so_many_answers_are_kept() -> None:
    kept: Kept[int] = Kept(lambda: 0.0, size=3)
    for number in range(10):
        kept.get(number, 1.0, lambda number=number: number)  # type: ignore[misc]
    assert len(kept) == 3


def test_an_answer_that_failed_is_asked_for_again() -> None:
    kept: Kept[int] = Kept(lambda: 0.0)
    for _ in range(2):
        try:
            kept.get("x", 1.0, lambda: 1 // 0)
        except ZeroDivisionError:
            continue
        raise AssertionError("the failure did not reach the asker")
    assert kept.get("x", 1.0, lambda: 7) == (7, 1)
