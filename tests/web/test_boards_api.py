"""Boards, commands, health, metrics, description: the rest of the HTTP side."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from services.errors import DatabaseError, PortNotOpened
from services.model import LinkState
from services.web import errors
from tests.web.fake_monitor import DEVICE, STORED_ONLY, FakeMonitor
from tests.web.program import LOOK, TOKEN, Program, program
from tests.web.serving import wait_for


def test_latest_gives_the_live_state_of_each_board(client: httpx.Client, monitor: FakeMonitor) -> None:
    body = client.get("/api/latest").json()
    (board,) = body["devices"]  # the one without a link has no live state
    assert board["device"] == DEVICE and board["state"] == "live" and board["energy_wh"] == 1.5
    assert board["reading"]["w"] == monitor.stored.w[-1] and board["reading"]["time"].endswith("Z")
    assert board["stats_1m"]["avg"]["v"] is not None and board["completeness"] == 1.0


def test_devices_include_those_of_the_database_and_name_the_default(client: httpx.Client) -> None:
    body = client.get("/api/devices").json()
    assert body["default"] == DEVICE
    assert [board["device"] for board in body["devices"]] == [DEVICE, STORED_ONLY]
    assert body["devices"][0]["clock"] == {"drift_ppm": 1.5, "jitter_ms": 0.2, "offset_us": 10}


def test_a_command_is_sent_and_answers_its_outcome(client: httpx.Client, monitor: FakeMonitor) -> None:
    answer = client.post(f"/api/devices/{DEVICE}/commands", json={"cmd": "set_interval", "value_ms": 500})
    assert answer.status_code == 200 and answer.json()["result"] == "ok" and answer.json()["tries"] == 1
    assert monitor.calls == [("command", DEVICE, "set_interval", {"value_ms": 500})]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"cmd": ""},
        {"cmd": "x y"},
        {"cmd": 3},
        {"cmd": "ping", "seq": 1},
        {"cmd": "ping", "a": {}},
        {"cmd": "ping", "a": None},
        {"cmd": "explode"},
        {"cmd": "ping"} | {f"a{n}": n for n in range(9)},
        [],
        "ping",
    ],
)
def test_a_command_that_makes_no_sense_is_400(client: httpx.Client, monitor: FakeMonitor, body: object) -> None:
    answer = client.post(f"/api/devices/{DEVICE}/commands", json=body)
    assert answer.status_code == 400 and answer.json()["error"]["message"]
    assert monitor.calls == []


def test_a_body_that_is_no_json_is_400(client: httpx.Client) -> None:
    answer = client.post(f"/api/devices/{DEVICE}/commands", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "bad_request"


def test_commands_do_not_go_by_get(client: httpx.Client, monitor: FakeMonitor) -> None:
    answer = client.get(f"/api/devices/{DEVICE}/commands?cmd=ping")
    assert answer.status_code == 405 and answer.headers["allow"] == "POST"
    assert monitor.calls == []


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/latest"), ("PUT", "/api/history"), ("DELETE", "/api/health")])
def test_another_method_than_a_route_has_is_405_with_those_it_has(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path, json={})
    assert answer.status_code == 405 and "GET" in answer.headers["allow"]
    assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("argument", ["x" * 500, "\ud800", "\ud83d"])
def test_a_command_that_does_not_fit_on_the_wire_is_400(tmp_path: Path, argument: str) -> None:
    headers = {"Content-Type": "application/json"}
    with program(tmp_path) as running, running.client(**headers) as client:  # type: ignore[arg-type]
        wait_for(lambda: running.monitor.snapshot("bench").info.state is LinkState.WAITING)
        body = json.dumps({"cmd": "buzzer", "pattern": argument})
        answer = client.post("/api/devices/bench/commands", content=body)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "command"


def test_a_port_can_be_connected_while_running(client: httpx.Client, monitor: FakeMonitor) -> None:
    assert client.post("/api/connect", json={"url": "socket://10.0.0.7:5000", "name": "b2"}).json() == {"device": "b2"}
    assert monitor.calls == [("connect", "socket://10.0.0.7:5000", "b2", None, None)]
    own = {"url": "loop://", "name": "b3", "baud": 9600, "dtr": False}
    assert client.post("/api/connect", json=own).status_code == 200
    assert monitor.calls[-1] == ("connect", "loop://", "b3", 9600, False)
    assert client.post("/api/connect", json=own | {"baud": 7}).json()["error"]["field"] == "baud"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with program(tmp_path_factory.mktemp("whole"), token=TOKEN, viewer_token=LOOK) as whole:
        yield whole


@pytest.mark.parametrize(
    "body",
    [
        {"url": ""},
        {"url": "spy:///dev/ttyACM0?file=/tmp/x"},
        {"url": "http://x"},
        {"url": "/etc/passwd"},
        {"url": "/etc/no-such-file"},
        {"url": "hwgrep://(a+)+$"},
        {"url": "socket://127.0.0.1:1?logging=debug"},
        {"url": "socket://127.0.0.1:1\n2026-01-01 forged"},
        {"url": "loop://", "name": "a b"},
        {"url": "loop://", "name": "demo"},
        {"url": "loop://", "name": "ünï"},
        {"url": "auto", "name": "x"},
        {"url": "loop://", "nam": "x"},
        {"name": "x"},
    ],
)
def test_a_port_that_may_not_be_connected_is_refused(whole: Program, body: dict[str, str]) -> None:
    with whole.client(TOKEN) as operator:
        before = whole.monitor.devices()
        answer = operator.post("/api/connect", json=body)
        assert answer.status_code == 400 and answer.json()["error"]["field"] in ("url", "name", "nam")
        assert len(whole.monitor.devices()) == len(before)


def test_what_a_port_says_before_it_spoke_as_a_board_is_not_for_viewers(tmp_path: Path) -> None:
    def lines(client: httpx.Client, query: str = "?device=console") -> list[str]:
        return [item["line"] for item in client.get(f"/api/rejected{query}").json()["rejected"]]

    with socket.create_server(("127.0.0.1", 0)) as console, ExitStack() as until_the_end:
        url = f"socket://127.0.0.1:{console.getsockname()[1]}"
        running = until_the_end.enter_context(program(tmp_path, ports=(f"console={url}",), token=TOKEN, viewer_token=LOOK))
        connection = console.accept()[0]
        with running.client(TOKEN) as operator, running.client(LOOK) as viewer:
            connection.sendall(b"part\nroot@bench:~# cat secret\n")
            wait_for(lambda: any("secret" in line for line in lines(operator)))
            assert lines(viewer) == [] and lines(viewer, "") == []
            connection.sendall(b'{"v":5,"a":1,"w":5}\n' * 3)
            wait_for(lambda: lines(viewer) != [])
    connection.close()


def test_a_board_is_removed_by_delete(client: httpx.Client, monitor: FakeMonitor) -> None:
    assert client.delete(f"/api/devices/{DEVICE}").json() == {"device": DEVICE, "removed": True}
    assert monitor.calls == [("remove", DEVICE)]


@pytest.mark.parametrize(("device", "status", "code"), [("nothing", 404, "not_found"), (STORED_ONLY, 409, "conflict")])
def test_what_has_no_link_cannot_be_removed(
    client: httpx.Client, monitor: FakeMonitor, device: str, status: int, code: str
) -> None:
    answer = client.delete(f"/api/devices/{device}")
    assert answer.status_code == status and answer.json()["error"]["code"] == code
    assert monitor.calls == []


def test_a_port_that_does_not_open_is_told_with_its_reason(client: httpx.Client, monitor: FakeMonitor) -> None:
    def refused(url: str, *_rest: object) -> str:
        raise PortNotOpened(f"{url} is not there")

    monitor.connect = refused  # type: ignore[method-assign]
    answer = client.post("/api/connect", json={"url": "/dev/ttyUSB9"})
    assert answer.status_code == 502
    assert answer.json() == errors.error_body("port_not_opened", "/dev/ttyUSB9 is not there", "url")


def test_faults_reach_the_simulated_board(client: httpx.Client, monitor: FakeMonitor) -> None:
    assert client.post("/api/demo/fault", json={"device": "demo", "name": "drop", "value": 0.05}).json() == {"result": "ok"}
    assert monitor.calls == [("fault", "demo", "drop", 0.05)]


def test_ports_carry_the_doctors_advice(client: httpx.Client) -> None:
    assert client.get("/api/ports").json()["ports"][0] == {
        "url": "/dev/ttyACM0",
        "description": "Arduino Uno",
        "vid_pid": "2341:0043",
        "likely": True,
        "advice": "",
        "state": "",
    }


def test_health_gives_its_reasons(client: httpx.Client) -> None:
    body = client.get("/api/health").json()
    assert body["status"] == "ok" and body["reasons"] == [] and body["version"] == "1.2.3"
    assert body["storage"]["ok"] is True and body["storage"]["last_commit"].endswith("Z")
    assert body["latency_ms"] == {"p50": 1.2, "p95": None}


def test_metrics_are_openmetrics_with_measured_values_only(client: httpx.Client, monitor: FakeMonitor) -> None:
    monitor.state = LinkState.LOST
    answer = client.get("/metrics")
    lines = answer.text.splitlines()
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert lines[-1] == "# EOF" and answer.text.endswith("\n")
    assert f'powermon_received_total{{device="{DEVICE}"}} 200.0' in lines
    assert f'powermon_live{{device="{DEVICE}"}} 0.0' in lines
    assert 'powermon_latency_ms{quantile="p50"} 1.2' in lines
    assert not [line for line in lines if "None" in line or "nan" in line.lower() or 'quantile="p95"' in line]
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families))


def test_unknown_api_paths_are_404_in_our_shape(client: httpx.Client) -> None:
    for path in ("/api/nothing", "/api/", "/api/history/x", "/api/docs/../../etc/passwd", "/api/docs/main.py"):
        answer = client.get(path)
        assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found", path
    assert client.post("/api/nothing", json={}).status_code == 404


def test_the_description_tells_of_our_errors_and_of_every_route(client: httpx.Client) -> None:
    schema = client.get("/api/openapi.json").json()
    assert {"/api/history", "/api/latest", "/api/stats", "/api/devices", "/api/ports", "/api/health", "/metrics"} <= set(
        schema["paths"]
    )
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert "422" not in operation["responses"] and "400" in operation["responses"]
    names = {parameter["name"] for parameter in schema["paths"]["/api/history"]["get"]["parameters"]}
    assert {"from", "to", "device", "format", "points", "channels", "delimiter", "decimal"} <= names


def test_the_docs_page_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/api/docs")
    assert page.status_code == 200 and "http" not in page.text.replace("http-equiv", "")
    for name, kind in (
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("start.js", "text/javascript"),
    ):
        asset = client.get(f"/api/docs/{name}")
        assert asset.status_code == 200 and asset.headers["content-type"].startswith(kind) and asset.content


def test_trouble_with_the_database_is_503_with_its_sentence(client: httpx.Client, monitor: FakeMonitor) -> None:
    def broken(*_: object) -> None:
        raise DatabaseError("the disk is full")

    monitor.stats = broken  # type: ignore[method-assign,assignment]
    answer = client.get("/api/stats")
    assert answer.status_code == 503 and answer.json()["error"]["message"] == "the disk is full"


def test_a_mistake_of_ours_is_500_and_tells_nothing_of_our_insides(client: httpx.Client, monitor: FakeMonitor) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret path /home/x")

    monitor.stats = broken  # type: ignore[method-assign,assignment]
    answer = client.get("/api/stats")
    assert answer.status_code == 500 and answer.json() == errors.error_body(
        "internal", "the program made a mistake; its log has the details"
    )
