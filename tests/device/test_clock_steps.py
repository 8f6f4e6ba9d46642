"""The computer's clock is set, or it sleeps, while a board is read: readings follow at their edge, no line is drawn through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from services.alert_model import Level
from services.analysis.alert_rules import Limit, rule_of
from services.clock import Clock
from services.device.device import Device
from services.model import EventKind
from services.settings import Settings
from services.storage.storage import Storage
from services.wire.decoders import Hello, ReadingLine, encode_hello, encode_reading
from tests.device.arriving import joined
from tests.storage.storing import commit
from tests.test_clock import Host

HOUR_US = 3_600_000_000
INTERVAL_US = 100_000
END_US = 1 << 60


class Bench:
    """A board of level 0 or 1, read by a device that writes to a real file."""

    def __init__(self, path: Path, level: int) -> None:
        self.host, self.level, self.seq = Host(), level, 0
        self.path = path
        self.up_ms = 5_000
        self.open()

    def open(self) -> None:
        self.storage = Storage(self.path, self.host.clock, synchronous="OFF", commit_s=0.05)
        self.storage.start()
        self.device = Device("lab", "socket://nowhere", Settings(), self.storage, self.host.clock)
        self.device.opened()
        if self.level:
            self.device.received(encode_hello(Hello(1, "1.0", "lab", 1, INTERVAL_US / 1000, 96, self.seq, oldest=self.seq)))

    def measure(self, count: int) -> None:
        for _ in range(count):
            self.host.passes(INTERVAL_US)
            self.up_ms += INTERVAL_US // 1000
            ms = self.up_ms if self.level else None
            line = ReadingLine(5.0, 0.2, 1.0, seq=self.seq, ms=ms)
            self.device.received(encode_reading(line, crc=bool(self.level)))
            self.seq += 1
        self.device.tick()

    def rows(self):  # type: ignore[no-untyped-def]
        commit(self.storage)
        rows = joined(list(self.storage.pages("lab", 0, END_US)))
        return rows.take(np.argsort(rows.seq))


@pytest.fixture(params=[0, 1])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(tmp_path / "x.db", request.param)
    yield made
    made.storage.stop(60.0)


@pytest.mark.parametrize("step_us", [HOUR_US, -HOUR_US, 56 * 365 * 24 * HOUR_US])
def test_a_step_is_followed_between_two_readings_and_spacing_holds(bench: Bench, step_us: int) -> None:
    bench.measure(200)
    bench.host.wall_us += step_us
    bench.measure(200)
    rows = bench.rows()
    assert len(rows) == 400
    steps = np.diff(rows.time_us)
    assert steps[199] == pytest.approx(INTERVAL_US + step_us, abs=3_000)
    assert np.delete(steps, 199) == pytest.approx(INTERVAL_US, abs=3_000)
    assert rows.time_us[-1] == pytest.approx(bench.host.wall_us, abs=5_000)
    assert rows.hold_us[1:] == pytest.approx(INTERVAL_US, abs=3_000), "the time between them was measured"
    state = bench.device.snapshot()
    assert state.last is not None and abs(state.last.time_us - bench.host.wall_us) < 5_000
    assert state.counts.completeness == 1.0 and state.energy_wh == pytest.approx(400 * 0.1 / 3600, rel=0.02)
    assert 150 <= state.stats_1m.count <= 400


def test_a_step_back_is_an_overlap_that_is_named_and_never_drawn_as_one_line(bench: Bench) -> None:
    bench.measure(600)
    bench.host.wall_us -= 30_000_000
    bench.measure(600)
    rows = bench.rows()
    t0_us, t1_us = int(rows.time_us[600]), int(rows.time_us[599])
    assert t0_us < t1_us
    for points in (5_000, 100):
        curve = bench.storage.curve("lab", int(rows.time_us.min()), int(rows.time_us.max()) + 1, points)
        assert curve.count.sum() == 1_200
        inside = (curve.time_us >= t0_us) & (curve.time_us <= t1_us)
        assert inside.sum() > 10 and curve.break_before[inside].all()
        assert curve.break_before[np.flatnonzero(inside)[-1] + 1] == 1, "nor out of it"
        outside = curve.time_us < t0_us - curve.bucket_us
        assert not curve.break_before[outside][1:].any()
    (event,) = [event for event in bench.storage.events("lab") if "overlap_us" in event.data]
    assert event.kind is EventKind.CLOCK and event.data["overlap_us"] == t1_us - t0_us
    live = bench.device.moment(300, 5_000)[1]
    assert (np.diff(live.time_us) > 0).all() and not live.break_before[1:].any(), "live shows the new segment alone"


def test_a_program_that_starts_with_an_earlier_clock_names_the_overlap_too(bench: Bench) -> None:
    bench.measure(100)
    bench.storage.stop(60.0)
    bench.host.wall_us -= HOUR_US
    bench.host.clock = Clock(bench.host._wall_ns, lambda: bench.host.monotonic_us * 1000, lambda: 0)
    bench.open()
    bench.measure(100)
    rows = bench.rows()
    assert len(rows) == 200
    assert np.diff(rows.time_us[100:]) == pytest.approx(INTERVAL_US, abs=3_000)
    assert [event.kind for event in bench.storage.events("lab") if "overlap_us" in event.data] == [EventKind.CLOCK]


def test_a_suspended_span_is_a_gap_in_time(bench: Bench) -> None:
    bench.measure(200)
    bench.host.sleeps(8 * HOUR_US)
    bench.up_ms += 8 * HOUR_US // 1000
    bench.measure(200)
    rows = bench.rows()
    assert rows.time_us[-1] == pytest.approx(bench.host.wall_us, abs=5_000)
    assert rows.time_us[200] - rows.time_us[199] == pytest.approx(8 * HOUR_US + INTERVAL_US, abs=10_000)
    assert rows.hold_us.sum() == pytest.approx(400 * INTERVAL_US, rel=0.02), "nobody measured while the machine slept"
    curve = bench.storage.curve("lab", 0, END_US, 5_000)
    assert np.flatnonzero(curve.break_before).tolist() == [200]


def test_an_alarm_that_was_on_before_the_clock_was_set_back_ends_when_the_value_does(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "x.db", 0)
    bench.device.alerts._alerts.set_rules([rule_of(Limit("a", Level.DANGER, 3.0, 2.8))])
    bench.measure(5)
    send(bench, 9.0)
    assert bench.device.snapshot().levels["a"] is Level.DANGER
    bench.host.wall_us -= HOUR_US
    send(bench, 9.0)
    send(bench, 0.1)
    assert bench.device.snapshot().levels["a"] is Level.NORMAL
    bench.storage.stop(60.0)


def send(bench: Bench, a: float) -> None:
    bench.host.passes(INTERVAL_US)
    bench.device.received(encode_reading(ReadingLine(5.0, a, 5.0 * a, seq=bench.seq), crc=False))
    bench.seq += 1


def test_a_board_that_went_on_while_the_machine_slept_is_believed_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "x.db", 1)
    bench.measure(50)
    bench.host.sleeps(HOUR_US)
    bench.up_ms += HOUR_US // 1000
    bench.seq += 36_000 % 5_000  # what it measured meanwhile did not come
    bench.measure(1)
    assert bench.device.snapshot().counts.received == 51
    bench.storage.stop(60.0)
