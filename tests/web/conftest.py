"""What the web tests share."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.web.fake_monitor import FakeMonitor
from tests.web.serving import running


@pytest.fixture
def monitor() -> FakeMonitor:
    return FakeMonitor()


@pytest.fixture
def address(monitor: FakeMonitor) -> Iterator[str]:
    with running(monitor) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}", timeout=20) as client:
        yield client
