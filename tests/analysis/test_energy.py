"""Energy is what was measured since the moment it is counted from, and nothing else."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from services.analysis.energy import Energy
from services.model import no_readings
from tests.analysis.making import T0, Row, arrivals, columns


@settings(deadline=None)
@given(arrivals(), st.integers(-5_000_000, 30_000_000))
def test_energy_equals_recomputation(batches: list[list[Row]], since_us: int) -> None:
    energy = Energy(T0 + since_us)
    for batch in batches:
        energy.add(columns(batch))
    rows = [row for batch in batches for row in batch]
    held = [max(0, min(row.hold_us, row.time_us - T0 - since_us)) for row in rows]
    watt_us, ampere_us = (math.fsum(getattr(row, name) * hold for row, hold in zip(rows, held, strict=True)) for name in "wa")
    assert energy.energy_wh == approx(watt_us / 3.6e9, rel=1e-9, abs=1e-12)
    assert energy.charge_mah == approx(ampere_us / 3.6e6, rel=1e-9, abs=1e-9)


def test_one_hour_of_one_watt_is_a_watt_hour() -> None:
    energy = Energy()
    energy.add(columns(Row(T0 + (n + 1) * 1_000_000, 1_000_000, 5, 0.2, 1) for n in range(3600)))
    assert (energy.energy_wh, energy.charge_mah) == (approx(1.0), approx(200.0))


def test_a_pause_adds_nothing() -> None:
    energy = Energy()
    energy.add(columns([Row(T0, 1_000_000, 5, 1, 3600)]))
    energy.add(columns([Row(T0 + 3_600_000_000, 1_000_000, 5, 1, 3600)]))
    assert energy.energy_wh == approx(2.0)


def test_after_a_reset_only_later_time_counts() -> None:
    energy = Energy()
    energy.add(columns([Row(T0, 1_000_000, 5, 1, 3600)]))
    energy.reset(T0 + 500_000)
    assert (energy.since_us, energy.energy_wh, energy.charge_mah) == (T0 + 500_000, 0, 0)
    late_and_new = [Row(T0 + 400_000, 400_000, 5, 1, 3600), Row(T0 + 1_000_000, 600_000, 5, 1, 3600)]
    energy.add(columns(late_and_new))
    assert energy.energy_wh == approx(0.5)
    energy.add(columns(late_and_new[:1]))
    energy.add(columns(late_and_new[1:]))
    assert energy.energy_wh == approx(1.0)


def test_no_readings_change_nothing() -> None:
    energy = Energy()
    energy.add(no_readings())
    assert energy.energy_wh == energy.charge_mah == 0
