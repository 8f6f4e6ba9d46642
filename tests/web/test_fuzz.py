"""Whatever is asked, the answer is an answer: never a 500, and every refusal in the one shape."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.web.api import create_api
from tests.web.fake_monitor import DEVICE, FakeMonitor
from tests.web.serving import running

SCHEMA = create_api(FakeMonitor()).openapi()["paths"]  # type: ignore[arg-type]
GETS = {path: [p["name"] for p in item["get"].get("parameters", [])] for path, item in SCHEMA.items() if "get" in item}
POSTS = [path.replace("{device}", DEVICE).replace("{", "").replace("}", "") for path, item in SCHEMA.items() if "post" in item]

likely = st.sampled_from(
    [
        "0",
        "1",
        "-1",
        "1e9",
        "1e400",
        "nan",
        "inf",
        "",
        "csv",
        "json",
        "v",
        "v,a",
        DEVICE,
        "2026-01-31",
        "2026-01-31T25:00",
        "UTC",
        "\0",
        "١",
    ]
)
values = st.one_of(likely, st.text(max_size=20), st.integers().map(str), st.floats().map(str), st.datetimes().map(str))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=8
)
names = st.sampled_from(["cmd", "url", "name", "device", "value", "seq", "value_ms"])
bodies = st.one_of(documents.map(json.dumps), st.dictionaries(names, scalars, max_size=5).map(json.dumps), st.text(max_size=30))


@pytest.fixture(scope="module")
def shared() -> Iterator[httpx.Client]:
    with running(FakeMonitor()) as address, httpx.Client(base_url=f"http://{address}", timeout=20) as client:
        yield client


def check(answer: httpx.Response) -> None:
    assert answer.status_code in (200, 400, 404), (answer.request.url, answer.text)
    if answer.status_code != 200:
        assert set(answer.json()["error"]) == {"code", "message", "field"}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(GETS)).flatmap(
        lambda path: st.tuples(st.just(path), st.dictionaries(st.sampled_from([*GETS[path], "x"]), values))
    )
)
def test_no_question_makes_the_program_fall_over(shared: httpx.Client, asked: tuple[str, dict[str, str]]) -> None:
    path, params = asked
    check(shared.get(path, params=params))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(POSTS), bodies)
def test_no_body_makes_the_program_fall_over(shared: httpx.Client, path: str, body: str) -> None:
    check(shared.post(path, content=body.encode(errors="replace"), headers={"Content-Type": "application/json"}))
