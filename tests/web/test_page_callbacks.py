"""Every callback of the page, for every role, over every transport: a viewer changes nothing."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import Any

import pytest
from dash import Dash, Input, Output, State
from dash.exceptions import PreventUpdate
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from components.page import CHANGING
from services.actions.alert_book import AlertBook
from services.monitor import Monitor
from services.web.callbacks import CALLBACK_PATH, MalformedCallError, Rule, callback_rules, called
from tests.web.program import LOOK, TOKEN, Program, program

# Each public method of the façade is one or the other. A new one: does anything differ afterwards, here or on the board?
LOOKING_WORDS = """devices default_device snapshot tick window samples curve ports history pages export estimate stats counts gaps
    status_words events rejected extent health episodes back_test since demo changeable limits snoozed"""
CHANGING_WORDS = """start stop command connect remove fault begin_scenario change_settings set_rules snooze acknowledge
    add_evidence adopt release set_rule remove_rule store_again"""
LOOKS, CHANGES = frozenset(LOOKING_WORDS.split()), frozenset(CHANGING_WORDS.split())
LOOKED, CHANGED = "probe-looked", "probe-changed"


@pytest.fixture(scope="module")
def done() -> list[str]:
    """What the two probes did."""
    return []


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, done: list[str]) -> Iterator[Program]:
    def probes(page: Dash, monitor: Monitor) -> tuple[str, ...]:
        @page.callback(Output(LOOKED, "children"), Input("probe-tick", "n_intervals"), State("probe-view", "data"))
        async def look(_tick: int, _view: object) -> str:
            done.append("looked")
            return "looked"

        @page.callback(Output(CHANGED, "children"), Output("probe-note", "children"), Input("probe-button", "n_clicks"))
        def change(_clicks: int) -> tuple[str, str]:
            done.append("changed")
            return "changed", "done"

        return (CHANGED,)

    folder = tmp_path_factory.mktemp("page")
    with program(folder, probes, token=TOKEN, viewer_token=LOOK) as running:
        yield running


def call_of(page: Dash, name: str) -> dict[str, Any]:
    """A call as the page makes it, with nothing in its inputs."""
    entry = page.callback_map[name]
    outputs = entry["output"] if isinstance(entry["output"], list | tuple) else [entry["output"]]
    written = [{"id": one.component_id, "property": one.component_property} for one in outputs]
    return {
        "output": name,
        "outputs": written if isinstance(entry["output"], list | tuple) else written[0],
        "inputs": [{**one, "value": None} for one in entry["inputs"]],
        "state": [{**one, "value": None} for one in entry["state"]],
        "changedPropIds": [f"{one['id']}.{one['property']}" for one in entry["inputs"][:1]],
    }


def on_server(page: Dash) -> list[str]:
    return [name for name, entry in page.callback_map.items() if "callback" in entry]


def changing(page: Dash) -> set[str]:
    return {name for name, rule in callback_rules(page.callback_map, (*CHANGING, CHANGED)).items() if rule.changes}


def test_every_callback_is_for_a_viewer_unless_it_changes_something(running: Program, done: list[str]) -> None:
    done.clear()
    with running.client(LOOK) as viewer, running.client(TOKEN) as operator, running.client() as nobody:
        for name in on_server(running.page):
            body = call_of(running.page, name)
            refused = viewer.post(CALLBACK_PATH, json=body).status_code == 403
            assert refused is (name in changing(running.page)), name
            assert nobody.post(CALLBACK_PATH, json=body).status_code == 401, name
            if CHANGED in name or LOOKED in name:
                assert operator.post(CALLBACK_PATH, json=body).status_code == 200, name
    assert sorted(done) == ["changed", "looked", "looked"]


@pytest.mark.parametrize("token", [TOKEN, LOOK, ""])
@pytest.mark.parametrize("path", ["/_dash-ws-callback", "/_dash-ws-callback/", "/ws/other", "/"])
def test_no_callback_goes_over_a_socket(running: Program, done: list[str], token: str, path: str) -> None:
    done.clear()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    origin: Any = f"http://{running.address}"
    url = f"ws://{running.address}{path}"
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(url, additional_headers=headers, origin=origin, open_timeout=20) as socket,
    ):
        for name in on_server(running.page):
            call = {"type": "callback_request", "requestId": name, "payload": call_of(running.page, name)}
            socket.send(json.dumps(call))
    assert refused.value.response.status_code == 403 and done == []


def test_a_viewer_may_post_nowhere_else(running: Program) -> None:
    described = [(path, method.upper()) for path, methods in running.app.openapi()["paths"].items() for method in methods]
    routes = [(route.path, method) for route in running.app.routes for method in getattr(route, "methods", None) or ()]
    changing = {pair for pair in (*described, *routes) if pair[1] not in ("GET", "HEAD") and pair[0] != CALLBACK_PATH}
    assert len(changing) >= 4
    with running.client(LOOK) as viewer:
        for path, method in changing:
            answer = viewer.request(method, re.sub(r"{[^}]*}", "bench", path), json={})
            assert answer.status_code == 403, (method, path)


def test_every_method_of_the_facade_looks_or_changes() -> None:
    methods = [*inspect.getmembers(Monitor, inspect.isfunction), *inspect.getmembers(AlertBook, inspect.isfunction)]
    public = {name for name, _ in methods if not name.startswith("_")}
    assert public - LOOKS - CHANGES == set(), "say in LOOKS or CHANGES what it is"


def test_what_changes_something_is_on_the_list(running: Program) -> None:
    for name in set(on_server(running.page)) - changing(running.page):
        found = names_used(running.page.callback_map[name]["callback"]) & CHANGES
        assert not found, f"{name} calls {found}: put the component it writes to into CHANGING (components/page.py)"


def test_the_search_for_what_changes_finds_it() -> None:
    def innermost(monitor: Monitor) -> None:
        monitor.connect("loop://")

    def through_a_closure() -> None:
        (lambda: innermost(None))()  # type: ignore[arg-type]

    assert "connect" in names_used(partial(through_a_closure)) and "connect" not in names_used(on_server)


def names_used(function: Any, seen: set[int] | None = None) -> set[str]:
    """Every name that a function, what it encloses and what it calls of ours refers to."""
    seen = set() if seen is None else seen
    if isinstance(function, partial):
        return names_used(function.func, seen).union(*(names_used(item, seen) for item in function.args))
    if isinstance(function, MethodType):
        function = function.__func__
    if not isinstance(function, FunctionType) or id(function) in seen:
        return set()
    seen.add(id(function))
    names = set(names_in(function.__code__))
    ours = function.__module__.startswith(("components", "tests"))
    called = [function.__globals__[name] for name in names if ours and name in function.__globals__]
    enclosed = [cell.cell_contents for cell in function.__closure__ or () if cell.cell_contents is not function]
    return names.union(*(names_used(item, seen) for item in [*called, *enclosed, getattr(function, "__wrapped__", None)]))


def names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


# --- calls that no page makes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"{}", b"[]", b"null", b"{", b'"x"', b"\xff", b'{"output": 5}', b'{"output": "x.y"}', b'{"output": "..a.b...c.d.."}',
        b'{"output": "probe-looked.children"}', b'{"output": "probe-looked.children", "inputs": 5}',
        b'{"output": "probe-looked.children", "inputs": [{"id": "x"}], "state": [{}]}',
        b'{"output": "probe-looked.children", "inputs": [], "state": []}',
        b'{"output": "\\ud800"}', b"[" * 100_000,
        '{"output": "probe-changed.children"}'.encode("utf-16"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("token", [TOKEN, LOOK])
def test_a_malformed_call_is_400(running: Program, token: str, body: bytes) -> None:
    with running.client(token, **{"Content-Type": "application/json"}) as client:
        answer = client.post(CALLBACK_PATH, content=body)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "bad_request"


def test_the_last_of_two_names_counts_as_it_does_for_dash(running: Program, done: list[str]) -> None:
    done.clear()
    name = next(name for name in changing(running.page) if CHANGED in name)
    body = json.dumps(call_of(running.page, name))
    twice = f'{{"output": "{LOOKED}.children", {body[1:]}'
    with running.client(LOOK, **{"Content-Type": "application/json"}) as viewer:
        assert viewer.post(CALLBACK_PATH, content=twice).status_code == 403
    assert done == []


def test_a_callback_is_told_who_asks_and_cannot_be_lied_to(running: Program) -> None:
    seen = []
    original = running.page.callback_map[f"{LOOKED}.children"]["callback"]

    async def asking(*args: Any, **kwargs: Any) -> Any:
        seen.append(kwargs["callback_context"].headers.get("x-powermon-role"))
        return await original(*args, **kwargs)

    running.page.callback_map[f"{LOOKED}.children"]["callback"] = asking
    try:
        for token in (LOOK, TOKEN):
            with running.client(token, **{"X-Powermon-Role": "operator"}) as client:
                client.post(CALLBACK_PATH, json=call_of(running.page, f"{LOOKED}.children"))
    finally:
        running.page.callback_map[f"{LOOKED}.children"]["callback"] = original
    assert seen == ["viewer", "operator"]


# --- the list -------------------------------------------------------------------------------------------------------


def test_a_list_that_names_nothing_is_refused(tmp_path: Path) -> None:
    page = Dash("listed", server=False)
    with pytest.raises(ValueError, match="no-such-id"):
        callback_rules(page.callback_map, ["no-such-id"])


def test_a_rule_counts_inputs_and_states() -> None:
    rules = {"a.b": Rule(changes=True, inputs=1, states=1)}
    inputs = [[{"id": {"type": "x", "index": 1}, "property": "p"}]]
    body = {"output": "a.b", "inputs": inputs, "state": [{"id": "c", "property": "d"}]}
    assert called(json.dumps(body).encode(), rules).changes
    with pytest.raises(MalformedCallError):
        called(b'{"output": "a.b", "inputs": []}', rules)


def test_a_callback_that_fails_is_in_the_log_and_tells_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def add(page: Dash, _monitor: Monitor) -> tuple[str, ...]:
        @page.callback(Output("probe-fails", "children"), Input("probe-tick", "n_intervals"))
        def fail(_tick: int) -> str:
            raise ZeroDivisionError("secret path /home/x")

        @page.callback(Output("probe-same", "children"), Input("probe-tick", "n_intervals"))
        def same(_tick: int) -> str:
            raise PreventUpdate

        return ()

    with program(tmp_path, add) as running, running.client() as client:
        failed = client.post(CALLBACK_PATH, json=call_of(running.page, "probe-fails.children"))
        same = client.post(CALLBACK_PATH, json=call_of(running.page, "probe-same.children"))
    assert failed.status_code == 500 and "secret" not in failed.text and failed.json()["error"]["code"] == "internal"
    assert "secret path" in caplog.text and same.status_code == 204
