"""The real binary and the simulated INA219: what the sensor saw is what the line says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.wire import decoders as p
from tests.firmware.uno import Host, Uno, stepped

SHUNT_LSB_A = 1e-4  # 10 µV over 0.1 ohm
BUS_LSB_V = 4e-3
HALF = 0.5 + 1e-6


def recorded(path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["kind"] == "sample"]


def assert_equal_to_the_sensor(line: p.ReadingLine, sample: dict[str, Any]) -> None:
    assert line.v == pytest.approx(sample["bus"] * BUS_LSB_V, abs=1e-9)
    assert line.a == pytest.approx(sample["shunt"] * SHUNT_LSB_A, abs=1e-9)
    assert abs(line.v - sample["v"]) <= HALF * BUS_LSB_V
    assert abs(line.a - sample["a"]) <= HALF * SHUNT_LSB_A
    assert line.w is not None
    assert line.w == pytest.approx(line.v * line.a, abs=0.6e-6)


@pytest.mark.parametrize("interval_ms", [10, 50, 500])
def test_values_are_the_sensors_to_half_a_step(interval_ms: int, tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    with stepped("--record", str(record)) as uno:
        host = Host(uno)
        host.run(90)
        assert host.command("set_interval", value_ms=interval_ms).result == "ok"
        for _ in range(30):
            host.run(400)
            host.ack_all()
    samples = recorded(record)
    assert len(host.order) >= 12_000 / interval_ms - 12
    for line in host.order:
        assert line.status == "ok" and line.seq is not None
        assert_equal_to_the_sensor(line, samples[line.seq])
    assert max(line.a for line in host.order) > 0.5  # the load has worked


def test_negative_current_is_measured(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    with stepped("--record", str(record)) as uno:
        uno.ask(load="constant", v=12.3456, a=-1.23456)
        host = Host(uno)
        host.run(350)
    samples = recorded(record)
    for line in host.order:
        assert_equal_to_the_sensor(line, samples[line.seq or 0])
    assert host.order[0].a == -1.2346


def overload(uno: Uno) -> None:
    uno.ask(load="constant", v=5.0, a=4.0)


def math_overflow(uno: Uno) -> None:
    uno.ask(fault="sensor", mode="overflow")


@pytest.mark.parametrize("cause", [overload, math_overflow])
def test_a_saturated_sensor_is_said_to_be(cause: Callable[[Uno], None]) -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(350)
        cause(uno)
        host.run(600)
        uno.ask(fault="sensor", mode="ok")
        uno.ask(load="constant", v=5.0, a=0.5)
        host.run(600)
    states = [line.status for line in host.order]
    assert states[:3] == ["ok"] * 3
    assert states[5:8] == ["overflow"] * 3
    assert states[-3:] == ["ok"] * 3


@pytest.mark.parametrize("mode", ["missing", "nack", "hang"])
def test_a_sensor_that_fails_is_said_at_once_and_its_return_is_seen(mode: str) -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(350)
        uno.ask(fault="sensor", mode=mode)
        host.run(1000)
        uno.ask(fault="sensor", mode="ok")
        host.run(600)
    states = [line.status for line in host.order]
    assert states[:3] == ["ok"] * 3
    assert states[3:13] == ["sensor_error"] * 10
    assert states[-3:] == ["ok"] * 3
    assert host.missing() == []  # a reading that failed has its number and its place in time
    failed = [line for line in host.order if line.status == "sensor_error"]
    assert {(line.v, line.a, line.w) for line in failed} == {(0.0, 0.0, 0.0)}
    assert [line.ms for line in failed] == sorted(line.ms or 0 for line in failed)


def test_a_sensor_that_lost_its_power_is_set_up_again() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(350)
        uno.ask(fault="sensor", mode="missing")
        uno.ask(fault="sensor", mode="ok")  # unplugged and back between two readings: only its settings tell
        host.run(2000)
    assert host.order[-1].status == "ok"
    assert "sensor_error" in {line.status for line in host.order}
