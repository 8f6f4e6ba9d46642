"""Builds the firmware, the simulated Uno and the host-compiled tests once, when the first test needs them."""

from __future__ import annotations

import pytest

from tests.firmware.uno import make


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    make("all")
