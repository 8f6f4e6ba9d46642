"""Named situations: a pattern together with the faults that belong to it."""

from __future__ import annotations

from typing import NamedTuple


class Scenario(NamedTuple):
    pattern: str
    faults: dict[str, float]
    reboot_every_s: float | None = None


SCENARIOS = {
    "normal": Scenario("steps", {}),
    "noise": Scenario("noise", {}),
    "drop": Scenario("steps", {"drop": 0.05}),
    "spike": Scenario("spikes", {}),
    "voltage_drop": Scenario("drop", {}),
    "error": Scenario("steps", {"sensor_error": 0.02, "overflow": 0.01, "out_of_range": 0.01}),
    "reboot": Scenario("steps", {}, reboot_every_s=30.0),
}
