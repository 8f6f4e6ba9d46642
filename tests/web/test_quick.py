"""The shorter way to /api/live answers what the framework would, or leaves it to the framework."""

from __future__ import annotations

from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.web.quick import Asked, plain
from tests.web.fake_monitor import DEVICE, FakeMonitor


def test_a_plain_question_is_understood() -> None:
    assert plain(b"") == Asked(None, None, "", 60.0, 1200)
    asked = plain(b"device=bench%201&cursor=1114070545473282&seen=ab12-7&span_s=300&points=800")
    assert asked == Asked("bench 1", 1114070545473282, "ab12-7", 300.0, 800)


@pytest.mark.parametrize(
    "query",
    [
        b"cursor=-1",
        b"cursor=x",
        b"cursor=1.5",
        b"cursor=" + b"9" * 30,
        b"cursor=%D9%A1",
        b"span_s=0",
        b"span_s=nan",
        b"span_s=inf",
        b"span_s=3601",
        b"span_s=",
        b"span_s=1e9",
        b"points=0",
        b"points=20001",
        b"points=1e3",
        b"seen=" + b"x" * 33,
        b"device=" + b"x" * 65,
        b"device=a&device=b",
        b"other=1",
        b"device=" + b"%41" * 200,
    ],
)
def test_whatever_is_odd_is_left_to_the_framework(query: bytes, client: httpx.Client) -> None:
    asked = plain(query)
    status = client.get(f"/api/live?{query.decode()}").status_code
    assert asked is None or query == b"span_s="
    assert status in (200, 400)


@given(st.binary(max_size=200))
def test_no_query_raises(query: bytes) -> None:
    asked = plain(query)
    assert asked is None or (0 < asked.span_s <= 3600 and 1 <= asked.points <= 20_000)


@pytest.mark.parametrize("device", [DEVICE, "nobody"])
def test_both_ways_give_the_same_answer(client: httpx.Client, monitor: FakeMonitor, device: str) -> None:
    """An unknown parameter is ignored by the framework and sends the question its way."""
    now_s = monitor.clock.monotonic_s()
    monitor.clock.monotonic_s = lambda: now_s  # type: ignore[method-assign]
    question = urlencode({"device": device, "span_s": 60, "points": 500})
    quick, slow = (client.get(f"/api/live?{question}{more}") for more in ("", "&other=1"))
    assert (quick.status_code, quick.json()) == (slow.status_code, slow.json())
    assert quick.headers["content-type"] == slow.headers["content-type"]
    for name in ("content-security-policy", "cache-control", "x-content-type-options"):
        assert quick.headers[name] == slow.headers[name]
