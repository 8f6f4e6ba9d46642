"""Every fault can be switched by name."""

from __future__ import annotations

import pytest

from mock.faults import WireFaults
from mock.panel import CHANCES, DEFAULTS, Panel
from services.wire import decoders as p
from tests.mock.lab import Bench, readings, seqs


class Desk:
    def __init__(self) -> None:
        self.bench = Bench()
        self.wire = WireFaults(1, 1, self.bench.record)
        self.panel = Panel(self.bench.board, self.wire, self)
        self.pulled_until = 0
        self.reboots: float | None = None

    def unplug_until(self, until_us: int) -> None:
        self.pulled_until = until_us

    def reboot_every(self, seconds: float | None) -> None:
        self.reboots = seconds

    def do(self, name: str, value: float | None = None) -> None:
        self.panel.apply(name, value, self.bench.now_us)


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_fault_has_a_sensible_default(name: str) -> None:
    Desk().do(name)


@pytest.mark.parametrize("name", CHANCES)
def test_chances_are_seen_and_switched_off(name: str) -> None:
    desk = Desk()
    desk.do(name, 0.25)
    assert desk.panel.request({"get": "faults"}, 0)["faults"] == {name: 0.25}
    desk.do(name, 0)
    assert desk.panel.request({"get": "faults"}, 0)["faults"] == {}


def test_a_scenario_brings_its_pattern_and_its_faults_and_ends_the_others() -> None:
    desk = Desk()
    desk.do("corrupt", 0.5)
    desk.do("overflow", 0.5)
    assert desk.panel.request({"scenario": "drop"}, 0) == {}
    assert desk.panel.request({"get": "faults"}, 0)["faults"] == {"drop": 0.05}
    desk.panel.request({"scenario": "reboot"}, 0)
    assert desk.reboots == 30.0 and desk.panel.request({"get": "faults"}, 0)["faults"] == {}
    desk.panel.request({"scenario": "spike"}, 0)
    assert desk.reboots is None
    measured = [reading.a for _ in range(200) for reading in readings(desk.bench.run(100))]
    assert len(measured) > 190 and max(measured) > 0.7 > 0.3 > sorted(measured)[len(measured) // 2]


def test_a_scenario_that_is_none_changes_nothing() -> None:
    desk = Desk()
    desk.do("corrupt", 0.5)
    with pytest.raises(ValueError, match="unknown scenario 'storm'; known: normal"):
        desk.panel.request({"scenario": "storm"}, 0)
    assert desk.panel.request({"get": "faults"}, 0)["faults"] == {"corrupt": 0.5}


def test_actions_reach_the_board() -> None:
    desk = Desk()
    bench = desk.bench
    bench.run(100)
    desk.do("wild_jump", 7)
    desk.do("spike", 2.0)
    desk.do("clock_jump", 5)
    (wild,) = readings(bench.run(100))
    assert wild.seq == 9 and wild.a > 2.0 and wild.ms == 5200
    desk.do("drift", 500_000)
    assert len(readings(bench.run(200))) == 3
    desk.do("reboot")
    assert isinstance(bench.events()[-1], p.Hello)
    desk.do("unplug", 2)
    assert desk.pulled_until == bench.now_us + 2_000_000


@pytest.mark.parametrize(
    ("name", "value"), [("storm", 1.0), ("drop", 1.1), ("drop", -0.1), ("drop", float("nan")), ("silence", -1.0), ("drift", 1e6)]
)
def test_what_makes_no_sense_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        Desk().do(name, value)


def test_a_request_may_say_how_long_and_how_often() -> None:
    desk = Desk()
    desk.panel.request({"fault": "delay", "value": 1, "delay_ms": 50, "burst_ms": 100, "count": 2}, 0)
    assert (desk.wire.delay_us, desk.wire.burst_us) == (50_000, 100_000)
    for frame in desk.bench.frames(400):
        desk.wire.send(frame)
    desk.wire.release_all()
    assert desk.wire.chances == {}
    assert sorted(seq or 0 for seq in seqs(desk.bench.host.feed(desk.wire.take()))) == list(range(5))


@pytest.mark.parametrize(
    "request_", [{}, {"fault": "drop", "value": "much"}, {"fault": "delay", "delay_ms": 0}, {"get": "nothing"}]
)
def test_requests_that_make_no_sense_are_refused(request_: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Desk().panel.request(request_, 0)
