"""A current beyond what the sensor states: one recording through everything, and its peak is there in each."""

from __future__ import annotations

import csv
import io
import sqlite3
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from services.alert_model import Level
from services.analysis.alert_rules import Limit
from services.device.device import Device
from services.model import Curve, EventKind, Reason
from services.settings import Settings
from services.storage import export
from services.storage.database import open_writer
from services.storage.retention import Limits, Retention
from services.storage.storage import Storage
from services.wire.decoders import Hello, ReadingLine, encode_hello, encode_reading
from tests.device.test_hostile_wires import HandClock
from tests.storage.storing import commit

DAY_US = 24 * 3_600_000_000
PEAK_A = 4.7
COUNT = 6_000  # ten minutes at ten readings a second
SPIKES = (1_000, 1_001, 1_002, 4_500)
STATED = {"v": (0.0, 26.0), "a": (-3.2, 3.2)}


def amperes(seq: int) -> float:
    return PEAK_A if seq in SPIKES else 0.5 + seq % 10 / 100


def record(device: Device, clock: HandClock) -> None:
    device.opened()
    device.received(encode_hello(Hello(1, "1.0", "lab", 1, 100.0, 96, 0, range=STATED)))
    for seq in range(COUNT):
        clock.us += 100_000
        status = "brownout" if seq == 2_000 else "ok"
        line = ReadingLine(16.4, amperes(seq), round(16.4 * amperes(seq), 6), seq=seq, ms=seq * 100, status=status)
        device.received(encode_reading(line))


def opened(path: Path, clock: HandClock) -> Storage:
    storage = Storage(path, clock, synchronous="OFF", commit_s=0.05)
    storage.start()
    return storage


def assert_peak(curve: Curve, marked: int = len(SPIKES) + 1) -> None:
    assert curve.marked.sum() == marked
    assert np.nanmax(curve.a_marked_max) == PEAK_A
    assert np.nanmax(curve.a_max) < 1.0, "it is in no statistic"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


def test_the_peak_is_in_every_view_after_a_restart_and_after_compaction(path: Path) -> None:
    clock = HandClock()
    storage = opened(path, clock)
    alarm = Limit("a", Level.DANGER, 3.0, 2.8)
    device = Device("lab", "socket://nowhere", Settings(thresholds=(alarm,)), storage, clock)
    record(device, clock)
    end_us = clock.now_us() + 1
    commit(storage)

    window = device.moment(300, 5_000)[1]
    assert (window.bucket_us, len(window)) == (0, 3_001)
    assert np.nanmax(window.a_marked_max) == PEAK_A and np.isnan(window.a_max[window.marked > 0]).all()
    in_buckets = device.moment(300, 400)[1]
    assert in_buckets.bucket_us > 0 and np.nanmax(in_buckets.a_marked_max) == PEAK_A and in_buckets.marked.sum() == 1

    state = device.snapshot()
    (kind, word) = state.marked
    assert (kind.reason, kind.count, kind.highest, kind.high, kind.origin) == (Reason.CURRENT_RANGE, 4, PEAK_A, 3.2, "board")
    assert kind.option == "--current-max" and (word.reason, word.word) == (Reason.STATUS, "brownout")
    assert (state.counts.received, state.counts.marked, state.counts.rejected) == (COUNT, 5, 0)
    assert state.counts.completeness == 1.0
    device.tick()
    commit(storage)
    levels = [event.data["level"] for event in storage.events("lab") if event.kind is EventKind.ALERT]
    assert levels == [Level.NORMAL, Level.DANGER] * 2, "an over-current must not silence its own alarm"

    for again in (False, True):
        if again:
            storage.stop()
            storage = opened(path, clock)
        for points in (2, 50, 300, 10_000):
            assert_peak(storage.curve("lab", end_us - 2 * DAY_US, end_us, points))
        stats = storage.span_stats("lab", end_us - DAY_US, end_us)
        assert (stats.count, stats.marked) == (COUNT - 5, 5)
        assert stats.coverage_s == pytest.approx((COUNT - 5) / 10, abs=0.2)
        good = [16.4 * amperes(seq) for seq in range(COUNT) if seq not in SPIKES and seq != 2_000]
        assert stats.energy_wh == pytest.approx(sum(good) * 0.1 / 3600, rel=1e-3)
        assert stats.counts is not None and stats.counts.completeness == 1.0 and stats.counts.reasons["current_range"] == 4
        pages = storage.pages("lab", 0, end_us)
        text = b"".join(export.export("lab", pages, "csv", export.ExportOptions(), storage.status_words)).decode()
        rows = [row for row in csv.DictReader(io.StringIO(text)) if row["status"] != "ok"]
        assert [(int(row["seq"]), row["status"]) for row in rows] == [
            (1_000, "current_range"), (1_001, "current_range"), (1_002, "current_range"),
            (2_000, "brownout"), (4_500, "current_range"),
        ]  # fmt: skip
        assert {float(row["current_a"]) for row in rows if row["status"] == "current_range"} == {PEAK_A}
    storage.stop()

    shown = sqlite3.connect(path)
    found = shown.execute("SELECT status, max(current), count(*) FROM power_log WHERE marked GROUP BY 1 ORDER BY 1").fetchall()
    assert found == [("brownout", 0.5, 1), ("current_range", PEAK_A, 4)]
    shown.close()
    compact(path, end_us)
    storage = opened(path, clock)
    assert sum(map(len, storage.pages("lab", 0, end_us))) < 1_000, "most readings are gone"
    assert_peak(storage.curve("lab", end_us - 2 * DAY_US, end_us, 500))
    assert storage.span_stats("lab", end_us - DAY_US, end_us).marked == 5
    storage.stop()


def compact(path: Path, now_us: int) -> None:
    """Retention by hand: a minute of readings, the one-minute values for ever."""
    conn, seconds = open_writer(path, "OFF"), count(0.0, 7.0)
    retention = Retention(Limits(60_000_000, DAY_US, None, 0.0, 60.0), lambda *_: None, lambda: None)
    for _ in range(2_000):
        retention.step(conn, now_us, lambda: next(seconds))
    conn.close()


def test_a_minute_with_nothing_but_marked_readings_is_drawn_counted_and_deleted_like_any_other(path: Path) -> None:
    clock = HandClock()
    storage = opened(path, clock)
    device = Device("lab", "socket://nowhere", Settings(), storage, clock)
    device.opened()
    for seq in range(1_800):
        clock.us += 100_000
        device.received(encode_reading(ReadingLine(99.0, 1.0, 99.0, seq=seq), crc=False))
    commit(storage)
    curve = storage.curve("lab", 0, clock.now_us() + 1, 100)
    assert curve.marked.sum() == 1_800 and np.nanmax(curve.v_marked_max) == 99.0 and not curve.count.any()
    assert np.isnan(curve.v_mean).all()
    stats = storage.span_stats("lab", 0, clock.now_us() + 1)
    assert (stats.count, stats.marked, stats.coverage_s, stats.energy_wh, stats.v.mean) == (0, 1_800, 0.0, 0.0, None)
    assert stats.counts is not None and (stats.counts.received, stats.counts.completeness) == (1_800, 1.0)
    now = device.snapshot()
    assert (now.stats_1m.count, now.stats_1m.marked, now.stats_1m.v.max) == (0, 600, None)
    assert now.last is not None and now.last.status == "voltage_range"
    storage.rebuild_rollups()
    assert storage.curve("lab", 0, clock.now_us() + 1, 100).marked.sum() == 1_800
    storage.stop()
    compact(path, clock.now_us() + DAY_US)
    conn = sqlite3.connect(path)
    assert conn.execute("SELECT count(*) FROM readings").fetchone()[0] < 1_200  # the last minute and the rest of another
    assert conn.execute("SELECT sum(marked), sum(n) FROM rollup_60s").fetchone() == (1_800, 0)
    conn.close()


def test_a_value_that_its_board_doubts_begins_an_alarm_and_never_ends_one(path: Path) -> None:
    clock = HandClock()
    storage = opened(path, clock)
    device = Device("lab", "socket://nowhere", Settings(thresholds=(Limit("a", Level.DANGER, 3.0, 2.8),)), storage, clock)
    device.opened()

    def level(seq: int, a: float, status: str) -> Level:
        clock.us += 100_000
        device.received(encode_reading(ReadingLine(5.0, a, 1.0, seq=seq, status=status), crc=False))
        return device.snapshot().levels["a"]

    assert level(0, 0.1, "ok") is Level.NORMAL
    assert level(1, 3.2, "overflow") is Level.DANGER
    assert level(2, 0.0, "sensor_error") is Level.DANGER
    assert level(3, 0.1, "ok") is Level.NORMAL
    assert level(4, 9.0, "hot") is Level.DANGER
    storage.stop()
