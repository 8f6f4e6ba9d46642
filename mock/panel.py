"""The fault panel: what a request of the control channel, an option or a scenario does to the board and its wire."""

from __future__ import annotations

import math
from typing import Any, Protocol

from mock.board import Board
from mock.faults import WIRE_FAULTS, WireFaults
from mock.scenarios import SCENARIOS
from mock.sensor import SENSOR_FAULTS

CHANCES = (*WIRE_FAULTS, *SENSOR_FAULTS)
DEFAULTS = {
    **dict.fromkeys(CHANCES, 0.05),
    "reboot": 0.0,
    "silence": 3.0,  # seconds
    "unplug": 3.0,  # seconds
    "clock_jump": 10.0,  # seconds
    "wild_jump": 5_000_000.0,  # numbers
    "drift": 100.0,  # ppm
    "spike": 2.0,  # amperes
}
LIMITS = {
    "silence": (0.0, 86_400.0),
    "unplug": (0.0, 86_400.0),
    "clock_jump": (-4e6, 4e6),
    "wild_jump": (-(2.0**32), 2.0**32),
    "drift": (-500_000.0, 500_000.0),
    "spike": (-10.0, 10.0),
    "reboot": (0.0, 1e9),
}


class Bench(Protocol):
    """What is done around the board: its cable is pulled, it is restarted every so often."""

    def unplug_until(self, until_us: int) -> None: ...

    def reboot_every(self, seconds: float | None) -> None: ...


class Panel:
    """ValueError, with a sentence for the user, for everything that cannot be done."""

    def __init__(self, board: Board, faults: WireFaults, bench: Bench) -> None:
        self._board = board
        self._faults = faults
        self._bench = bench

    def apply(self, name: str, value: float | None, now_us: int, count: int | None = None) -> None:
        """Switches a fault, or does it once. `value` None: a sensible default."""
        if name not in DEFAULTS:
            raise ValueError(f"unknown fault {name!r}; known: {', '.join(DEFAULTS)}")
        chosen = DEFAULTS[name] if value is None else value
        low, high = LIMITS.get(name, (0.0, 1.0))
        if not (math.isfinite(chosen) and low <= chosen <= high):
            raise ValueError(f"{name} must be {low:g}..{high:g}")
        if name in WIRE_FAULTS:
            self._faults.set(name, chosen, count)
        elif name in SENSOR_FAULTS:
            self._board.sensor.set(name, chosen)
        else:
            self._act(name, chosen, now_us)

    def timing(self, delay_ms: float | None, burst_ms: float | None) -> None:
        """How long a delayed line and a burst are held back."""
        for value in (delay_ms, burst_ms):
            if value is not None and not 0 < value <= 60_000:
                raise ValueError("delay_ms and burst_ms must be 0..60000")
        if delay_ms is not None:
            self._faults.delay_us = round(delay_ms * 1000)
        if burst_ms is not None:
            self._faults.burst_us = round(burst_ms * 1000)

    def scenario(self, name: str, now_us: int) -> None:
        """Another situation from now on: its pattern, and its faults in place of all that were switched on."""
        if name not in SCENARIOS:
            raise ValueError(f"unknown scenario {name!r}; known: {', '.join(SCENARIOS)}")
        chosen = SCENARIOS[name]
        self._board.sensor.follow(chosen.pattern)
        for fault in (*self._faults.chances, *self._board.sensor.chances):
            self.apply(fault, 0.0, now_us)
        for fault, chance in chosen.faults.items():
            self.apply(fault, chance, now_us)
        self._bench.reboot_every(chosen.reboot_every_s)

    def _act(self, name: str, value: float, now_us: int) -> None:
        board = self._board
        match name:
            case "reboot":
                board.reboot(now_us)
            case "silence":
                self._faults.silence(now_us + round(value * 1e6))
            case "unplug":
                self._bench.unplug_until(now_us + round(value * 1e6))
            case "clock_jump":
                board.clock_jump(value)
            case "wild_jump":
                board.wild_jump(round(value))
            case "drift":
                board.drift(now_us, round(value))
            case "spike":
                board.sensor.spike(value)

    def request(self, request: dict[str, Any], now_us: int) -> dict[str, Any]:
        """One request of the control channel."""
        if request.get("get") == "counts":
            return self.counts()
        if request.get("get") == "faults":
            return {"faults": {**self._faults.chances, **self._board.sensor.chances}, "drift": self._board.uptime.ppm}
        if "scenario" in request:
            self.scenario(str(request["scenario"]), now_us)
            return {}
        if "fault" not in request:
            raise ValueError('a request has "fault" (with "value"), "scenario", or "get" ("counts" or "faults")')
        self.timing(_number(request, "delay_ms"), _number(request, "burst_ms"))
        count = _number(request, "count")
        self.apply(str(request["fault"]), _number(request, "value"), now_us, None if count is None else int(count))
        return {}

    def counts(self) -> dict[str, Any]:
        """Everything that can be counted, for tests and the demo."""
        board = self._board
        return {
            **board.counts,
            "boot": board.boot,
            "next_seq": board.next_seq,
            "interval_ms": board.interval_us / 1000,
            "unacknowledged": board.unacknowledged,
            "faults": dict(board.record.faults),
        }


def _number(request: dict[str, Any], name: str) -> float | None:
    value = request.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number")
    return float(value)
