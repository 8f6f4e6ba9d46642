"""Outliers are told in the event log and stay in the record; lamps are part of the live state."""

from __future__ import annotations

from services.alert_model import Level
from services.analysis.outliers import Judgement, Method
from services.model import Event, EventKind
from services.settings import Settings
from tests.device.test_alert_actions import Bench


def outliers(bench: Bench) -> list[Event]:
    return [event for write in bench.disk.writes for event in write.events if event.kind is EventKind.OUTLIER]


def feed(bench: Bench, seconds: int, spike: float | None = None) -> None:
    for at in range(seconds * 10):
        bench.feed(spike if spike is not None and at == 5 else 1.0 + at % 7 / 1000)


def test_an_outlier_is_told_once_with_how_it_was_judged_and_is_in_the_record() -> None:
    bench = Bench()
    feed(bench, 20)
    feed(bench, 6, spike=9.0)
    power = [event for event in outliers(bench) if event.data["channel"] == "w"]
    assert [(event.data["value"], event.data["count"]) for event in power] == [(9.0, 1)]
    assert power[0].data["judged"] == {"method": "zscore", "window_s": 60.0, "z": 8.0, "iqr": 3.0}
    assert power[0].data["z"] > 1000 and power[0].text.startswith("w: 1 reading stood alone")
    assert sum(w == 9.0 for _, _, w in bench.disk.rows.values()) == 1
    assert bench.device.snapshot().stats_1m.w.max == 9.0  # and in the statistics: it was measured


def test_many_of_them_are_one_line_a_minute() -> None:
    bench = Bench()
    feed(bench, 20)
    for _ in range(40):
        feed(bench, 2, spike=9.0)
    power = [event for event in outliers(bench) if event.data["channel"] == "w"]
    assert len(power) == 2 and sum(event.data["count"] for event in power) >= 30


def test_they_can_be_switched_off() -> None:
    bench = Bench(settings=Settings(outliers=Judgement(Method.OFF)))
    feed(bench, 20)
    feed(bench, 6, spike=9.0)
    assert outliers(bench) == []


def test_the_lamps_are_part_of_the_live_state() -> None:
    bench = Bench()
    feed(bench, 20)
    health = {lamp.name: lamp for lamp in bench.device.snapshot().health}
    assert health["residual"].value is not None and health["residual"].value < 1e-3 and health["residual"].level is Level.NORMAL
    assert (health["saturation"].value, health["completeness"].value, health["drift"].value) == (0.0, 1.0, None)
    bench.seq += 20
    feed(bench, 5)
    assert {lamp.name: lamp.level for lamp in bench.device.snapshot().health}["completeness"] is Level.DANGER
