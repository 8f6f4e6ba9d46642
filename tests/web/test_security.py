"""One test for each threat: foreign names, foreign sites, frames, large bodies, guessed tokens."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from services.settings import Settings
from services.web import security
from services.web.access import Access, is_loopback, token_needed
from services.web.security import content_security_policy, host_name, make_policy
from tests.web.fake_monitor import DEVICE, FakeMonitor
from tests.web.serving import running

TOKEN, LOOK = "operator-token-1", "viewer-token-22"
COMMAND = f"/api/devices/{DEVICE}/commands"


def client_of(address: str, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=f"http://{address}", timeout=20, headers=headers)


# --- whose page is this ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8050", "127.0.0.1.evil.example", "localhost.evil.example", "", "a" * 300]
)
def test_a_foreign_host_is_refused_and_the_flag_is_named(client: httpx.Client, monitor: FakeMonitor, host: str) -> None:
    for answer in (
        client.get("/api/latest", headers={"Host": host}),
        client.post(COMMAND, json={"cmd": "ping"}, headers={"Host": host}),
    ):
        assert answer.status_code == 403 and "--allow-host" in answer.json()["error"]["message"]
    assert monitor.calls == []


@pytest.mark.parametrize(
    "host", ["localhost:8050", "127.0.0.1", "[::1]:8050", "192.168.0.5:8050", "bench.local", socket.gethostname(), "LOCALHOST"]
)
def test_our_own_names_and_addresses_are_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/api/health", headers={"Host": host}).status_code == 200


def test_further_names_can_be_allowed(monitor: FakeMonitor) -> None:
    with (
        running(monitor, Settings(allow_host=("bench.example",))) as address,
        client_of(address, Host="bench.example:8050") as client,
    ):
        assert client.get("/api/health").status_code == 200


def test_a_request_with_two_hosts_or_none_is_refused(address: str) -> None:
    for headers in ("Host: localhost\r\nHost: evil.example\r\n", ""):
        assert raw(address, f"GET /api/health HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").split()[1] == b"400"


def raw(address: str, request: str) -> bytes:
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request.encode())
        return connection.recv(4096)


@given(st.text(max_size=60))
def test_no_host_header_makes_the_check_fall_over(text: str) -> None:
    assert isinstance(host_name(text), str)


# --- other sites ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "https://{host}", "http://{host}.evil.example", "file://"]
)
def test_other_sites_may_not_change_anything(client: httpx.Client, monitor: FakeMonitor, address: str, origin: str) -> None:
    answer = client.post(COMMAND, json={"cmd": "ping"}, headers={"Origin": origin.format(host=address)})
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "origin"
    assert monitor.calls == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_says_cross_site_is_believed(client: httpx.Client, monitor: FakeMonitor, site: str) -> None:
    assert client.post(COMMAND, json={"cmd": "ping"}, headers={"Sec-Fetch-Site": site}).status_code == 403
    assert monitor.calls == []


def test_our_own_page_and_scripts_may_command(client: httpx.Client, monitor: FakeMonitor, address: str) -> None:
    for headers in ({"Origin": f"http://{address}", "Sec-Fetch-Site": "same-origin"}, {}):
        assert client.post(COMMAND, json={"cmd": "ping"}, headers=headers).status_code == 200
    assert len(monitor.calls) == 2


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_other_sites_may_not_listen(address: str, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://{address}/ws/realtime", origin=origin, open_timeout=20):  # type: ignore[arg-type]
        pass
    assert refused.value.response.status_code == 403


def test_a_foreign_name_may_not_listen(address: str) -> None:
    host, _, port = address.partition(":")
    with (
        pytest.raises(InvalidStatus) as refused,
        socket.create_connection((host, int(port))) as connection,
        connect("ws://evil.example/ws/realtime", sock=connection, open_timeout=20),
    ):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
def test_only_json_changes_anything(client: httpx.Client, monitor: FakeMonitor, kind: str) -> None:
    answer = client.post(COMMAND, content=b'{"cmd":"ping"}', headers={"Content-Type": kind})
    assert answer.status_code == 415 and monitor.calls == []


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_not_used(client: httpx.Client, method: str) -> None:
    assert client.request(method, COMMAND).status_code == 405


# --- how much -------------------------------------------------------------------------------------------------------


def test_a_large_body_is_refused_before_it_is_read(address: str) -> None:
    head = f"POST {COMMAND} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n"
    assert raw(address, head).split()[1] == b"413"


def test_a_large_body_without_length_is_cut_off(client: httpx.Client, monitor: FakeMonitor) -> None:
    def chunks() -> Any:
        for _ in range(30):
            yield b" " * 50_000

    answer = client.post(COMMAND, content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413 and monitor.calls == []


def test_a_body_that_never_ends_is_not_waited_for(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BODY_TIMEOUT_S", 0.2)
    head = f"POST {COMMAND} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{{"
    assert raw(address, head).split()[1] == b"408"


# --- what a browser may do with the answer --------------------------------------------------------------------------


def test_every_answer_carries_the_headers(client: httpx.Client) -> None:
    for answer in (
        client.get("/api/health"),
        client.get("/api/nothing"),
        client.get("/", headers={"Host": "evil.example"}),
        client.get("/api/docs"),
    ):
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin" and "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_the_policy_has_no_eval_and_no_foreign_source() -> None:
    policy = content_security_policy(["'sha256-abc='"])
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["script-src"] == "'self' 'sha256-abc='"
    assert "unsafe-eval" not in policy and "http:" not in policy and "https:" not in policy and "*" not in policy
    assert directives["default-src"] == "'none'"


def test_answers_of_the_api_are_not_kept_by_caches(client: httpx.Client) -> None:
    assert client.get("/api/latest").headers["cache-control"] == "no-store"


# --- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        (Settings(), False),
        (Settings(host="::1"), False),
        (Settings(host="localhost"), False),
        (Settings(host="0.0.0.0"), True),
        (Settings(host="::"), True),
        (Settings(host="192.168.0.5"), True),
        (Settings(host="bench.local"), True),
        (Settings(token=TOKEN), True),
        (Settings(viewer_token=LOOK), True),
    ],
)
def test_a_page_others_can_reach_needs_a_token(settings: Settings, needed: bool) -> None:
    assert token_needed(settings) is needed


def test_without_a_token_nothing_is_shown_or_done(monitor: FakeMonitor) -> None:
    with running(monitor, Settings(token=TOKEN)) as address, client_of(address) as client:
        for path in ("/", "/api/latest", "/api/history", "/metrics", "/api/openapi.json", "/assets/x.js", "/_dash-layout"):
            assert client.get(path).status_code == 401, path
        for path in (COMMAND, "/_dash-update-component", "/api/connect"):
            assert client.post(path, json={"cmd": "ping"}).status_code == 401, path
        assert client.get("/api/health").json() == {"status": "ok"}
        with pytest.raises(InvalidStatus) as refused, connect(f"ws://{address}/ws/realtime", open_timeout=20):
            pass
        assert refused.value.response.status_code == 403
    assert monitor.calls == []


def test_a_browser_is_shown_where_to_enter_the_token(monitor: FakeMonitor) -> None:
    with running(monitor, Settings(token=TOKEN)) as address, client_of(address) as client:
        page = client.get("/", headers={"Accept": "text/html,application/xhtml+xml"})
        assert page.status_code == 401 and 'type="password"' in page.text and TOKEN not in page.text
        assert "addEventListener" in client.get("/login.js").text
        assert client.get("/api/latest").json()["error"]["code"] == "token_needed"


def test_the_cookie_of_a_login_opens_page_commands_and_socket(monitor: FakeMonitor) -> None:
    with running(monitor, Settings(token=TOKEN)) as address, client_of(address) as client:
        answer = client.post("/api/login", json={"token": TOKEN})
        cookie = answer.headers["set-cookie"]
        assert answer.json() == {"role": "operator"} and "HttpOnly" in cookie and "SameSite=Lax" in cookie and TOKEN not in cookie
        assert client.get("/api/session").json()["role"] == "operator"
        assert client.post(COMMAND, json={"cmd": "ping"}).status_code == 200
        headers = {"Cookie": cookie.partition(";")[0]}
        with connect(f"ws://{address}/ws/realtime", additional_headers=headers, open_timeout=20) as websocket:
            assert json.loads(websocket.recv(timeout=20))["type"] == "status"


def test_scripts_give_the_token_in_a_header(monitor: FakeMonitor) -> None:
    with running(monitor, Settings(token=TOKEN)) as address, client_of(address, Authorization=f"Bearer {TOKEN}") as client:
        assert client.get("/api/latest").status_code == 200


@pytest.mark.parametrize("header", ["Bearer wrong-token", "Bearer", "Basic b3BlcmF0b3I6eA==", f"Bearer {TOKEN}x", "Bearer ünï"])
def test_wrong_tokens_open_nothing(monitor: FakeMonitor, header: str) -> None:
    with running(monitor, Settings(token=TOKEN)) as address, client_of(address) as client:
        assert client.get("/api/latest", headers={b"Authorization": header.encode()}).status_code == 401


def test_a_viewer_may_look_and_not_command(monitor: FakeMonitor) -> None:
    settings = Settings(token=TOKEN, viewer_token=LOOK)
    with running(monitor, settings) as address, client_of(address, Authorization=f"Bearer {LOOK}") as client:
        assert client.get("/api/latest").status_code == 200 and client.get("/api/session").json()["role"] == "viewer"
        for path in (COMMAND, "/api/connect", "/api/demo/fault"):
            answer = client.post(path, json={"cmd": "ping", "url": "COM3", "device": "demo", "name": "drop"})
            assert answer.status_code == 403 and answer.json()["error"]["code"] == "viewer", path
        assert client.post("/_dash-update-component", json={}).status_code != 403
    assert monitor.calls == []


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_guessing_is_stopped_and_allowed_again_after_a_minute() -> None:
    clock = Clock()
    access = Access(TOKEN, "", "c", clock)
    for _ in range(20):
        assert access.role_of_token("wrong") is None
    assert access.role_of_token(TOKEN) is None and access.locked
    clock.now_s += 60.0
    assert access.role_of_token(TOKEN) == "operator"


def test_many_wrong_tokens_are_429(monitor: FakeMonitor) -> None:
    with running(monitor, Settings(token=TOKEN)) as address, client_of(address) as client:
        codes = [client.post("/api/login", json={"token": f"wrong-{n}"}).status_code for n in range(21)]
    assert codes == [401] * 19 + [429] * 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token":5}', b'"x"', b"{", b"null"])
def test_a_login_that_makes_no_sense_is_refused(monitor: FakeMonitor, body: bytes) -> None:
    with running(monitor, Settings(token=TOKEN)) as address, client_of(address) as client:
        answer = client.post("/api/login", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 401) and answer.json()["error"]["field"] == "token"


def test_another_site_may_not_log_a_browser_in(monitor: FakeMonitor) -> None:
    with running(monitor, Settings(token=TOKEN)) as address, client_of(address, Origin="https://evil.example") as client:
        assert client.post("/api/login", json={"token": TOKEN}).status_code == 403


# --- behind a proxy -------------------------------------------------------------------------------------------------


def test_a_trusted_proxy_may_speak_for_the_browser(monitor: FakeMonitor) -> None:
    settings = Settings(token=TOKEN, trust_proxy=True, allow_host=("bench.example",))
    forwarded = {"X-Forwarded-Host": "bench.example", "X-Forwarded-Proto": "https", "Origin": "https://bench.example"}
    with running(monitor, settings) as address, client_of(address, **forwarded) as client:
        answer = client.post("/api/login", json={"token": TOKEN})
    assert answer.status_code == 200 and "Secure" in answer.headers["set-cookie"]


def test_what_a_proxy_says_is_not_believed_by_default(client: httpx.Client) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Origin": "https://evil.example"}
    assert client.post(COMMAND, json={"cmd": "ping"}, headers=headers).status_code == 403


def test_loopback_is_this_machine_only() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1", "x")] == [
        True
    ] * 4 + [False] * 4


def test_the_listening_host_is_one_of_our_names() -> None:
    assert "bench.lan" in make_policy(Settings(host="bench.lan"), None).hosts
