"""One test for each threat: foreign names, foreign sites, frames, large bodies, guessed tokens."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from services.settings import Settings
from services.web import connections
from services.web.access import Access, Sessions, Tries, token_needed
from services.web.origins import host_name, is_loopback, source_of
from services.web.security import content_security_policy, make_policy
from tests.web.fake_monitor import DEVICE, FakeMonitor
from tests.web.serving import running

TOKEN, LOOK = "operator-token-1", "viewer-token-22"
SHORT = socket.gethostname().lower().partition(".")[0]
COMMAND = f"/api/devices/{DEVICE}/commands"


def client_of(address: str, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=f"http://{address}", timeout=20, headers=headers)


# --- whose page is this ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8050", "127.0.0.1.evil.example", "localhost.evil.example", "", "a" * 300,
        "other.local", "[::1].evil.example", "1.2.3.4%.evil.example", "1.2.3.4%25x", "[::1", "localhost:80:80", "localhost/x",
        "user@localhost", "[evil.example]", "localhost evil.example",
    ],
)  # fmt: skip
def test_a_foreign_host_is_refused_and_the_flag_is_named(client: httpx.Client, monitor: FakeMonitor, host: str) -> None:
    for answer in (
        client.get("/api/latest", headers={"Host": host}),
        client.post(COMMAND, json={"cmd": "ping"}, headers={"Host": host}),
    ):
        assert answer.status_code == 403 and "--allow-host" in answer.json()["error"]["message"]
    assert monitor.calls == []


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8050", "127.0.0.1", "[::1]:8050", "192.168.0.5:8050", f"{SHORT}.local", socket.gethostname(), "LOCALHOST",
        "localhost.",
    ],
)  # fmt: skip
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


@given(st.text(max_size=60) | st.from_regex(r"[\[\]%.:@a-z0-9]{0,40}", fullmatch=True))
def test_no_host_header_makes_the_check_fall_over(text: str) -> None:
    name = host_name(text)
    assert name == "" or (name in text.lower() and not set(name) & set("[]%/@ "))


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


@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_not_used(client: httpx.Client, method: str) -> None:
    answer = client.request(method, COMMAND)
    assert answer.status_code == 405 and "POST" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/api/latest", "/api/history?points=1&from=0&to=253402300799", "/metrics", "/_dash-layout"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Origin": "https://evil.example"},
    ],
)
def test_other_sites_may_not_ask_either(client: httpx.Client, path: str, headers: dict[str, str]) -> None:
    assert client.get(path, headers=headers).status_code == 403


def test_other_sites_may_link_to_the_page(client: httpx.Client) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.get("/", headers=headers).status_code != 403
    assert client.get("/api/latest", headers={"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}).status_code == 200


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
    monkeypatch.setattr(connections, "BODY_TIMEOUT_S", 0.2)
    head = f"POST {COMMAND} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{{"
    assert raw(address, head).split()[1] == b"408"


@pytest.mark.parametrize("length", ["Content-Length: 10", "Transfer-Encoding: chunked"])
def test_a_question_with_an_unfinished_body_is_answered_at_once(address: str, length: str) -> None:
    for path in ("/", "/_dash-layout", "/api/latest"):
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
        assert raw(address, head).split()[1] in (b"200", b"404")


def test_more_headers_than_any_browser_sends_are_refused(client: httpx.Client) -> None:
    many = client.get("/api/latest", headers={f"X-{n}": "1" for n in range(200)})
    large = client.get("/api/latest", headers={"X-Large": "x" * 40_000})
    assert many.status_code == 431 and large.status_code == 431


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


def test_wrong_tokens_are_looked_at_one_a_second_and_the_right_one_is_only_queued() -> None:
    clock = Clock()
    tries = Tries(clock)
    for _ in range(5):
        assert tries.wait_s("a", "wrong") == 0.0
        tries.failed("a")
    waits = [tries.wait_s("a", f"wrong-{n}") for n in range(20)]
    assert waits[:5] == [1.0, 2.0, 3.0, 4.0, 5.0] and set(waits[5:]) == {6.0}  # those take no turn
    assert tries.wait_s("b", "wrong") == 0.0  # nobody else waits
    clock.now_s += 6.0
    assert tries.wait_s("a", TOKEN) == 0.0


def test_a_token_that_was_right_from_there_never_waits() -> None:
    tries = Tries(Clock())
    tries.succeeded("a", TOKEN)
    for _ in range(50):
        tries.failed("a")
    assert tries.wait_s("a", TOKEN) == 0.0 and tries.wait_s("a", "other") > 0.0


def test_a_source_that_stopped_guessing_is_like_any_other() -> None:
    clock = Clock()
    tries = Tries(clock)
    for _ in range(50):
        tries.failed("a")
    clock.now_s += 61.0
    assert [tries.wait_s("a", "x") for _ in range(3)] == [0.0] * 3


def test_any_number_of_sources_takes_bounded_memory() -> None:
    tries = Tries(Clock())
    for n in range(10_500):
        tries.failed(f"source-{n}")
    assert len(tries._sources) == 10_000


@pytest.mark.parametrize("how", ["bearer", "login"])
def test_guessing_locks_nobody_out(monitor: FakeMonitor, how: str) -> None:
    def ask(client: httpx.Client, token: str) -> httpx.Response:
        if how == "login":
            return client.post("/api/login", json={"token": token})
        return client.get("/api/latest", headers={"Authorization": f"Bearer {token}"})

    with running(monitor, Settings(token=TOKEN)) as address, client_of(address) as client, client_of(address) as inside:
        assert inside.post("/api/login", json={"token": TOKEN}).status_code == 200
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda n: ask(client, f"wrong-{n}"), range(20)))
        assert {answer.status_code for answer in answers} == {401, 429}
        late = [answer for answer in answers if answer.status_code == 429]
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in late)
        assert inside.get("/api/latest").status_code == 200  # who is in does not wait
        assert ask(client, TOKEN).status_code == 200
        assert ask(client, TOKEN).status_code == 200


# --- sessions -------------------------------------------------------------------------------------------------------


def test_a_session_ends_after_a_week_without_use_and_after_a_month_with() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    idle, used = sessions.open("viewer"), sessions.open("operator")
    for day in range(30):
        assert sessions.role(used) == "operator", day
        clock.now_s += 86_400.0
    assert sessions.role(idle) is None and sessions.role(used) is None


def test_many_viewers_do_not_log_an_operator_out() -> None:
    sessions = Sessions(Clock())
    operator = sessions.open("operator")
    viewers = [sessions.open("viewer") for _ in range(300)]
    assert sessions.role(operator) == "operator"
    assert [sessions.role(viewer) is not None for viewer in viewers] == [False] * 100 + [True] * 200


def test_a_session_is_not_made_of_the_token_and_no_two_are_alike() -> None:
    sessions = Sessions(Clock())
    names = {sessions.open("operator") for _ in range(100)}
    assert len(names) == 100 and min(map(len, names)) >= 32


def test_logging_out_ends_the_session_its_cookie_and_its_sockets(monitor: FakeMonitor) -> None:
    with running(monitor, Settings(token=TOKEN)) as address, client_of(address) as client, client_of(address) as other:
        cookie = client.post("/api/login", json={"token": TOKEN}).headers["set-cookie"].partition(";")[0]
        other.post("/api/login", json={"token": TOKEN})
        with connect(f"ws://{address}/ws/realtime", additional_headers={"Cookie": cookie}, open_timeout=20) as websocket:
            websocket.recv(timeout=20)
            assert "Max-Age=0" in client.post("/api/logout", json={}).headers["set-cookie"]
            with pytest.raises(ConnectionClosed):
                for _ in range(100):
                    websocket.recv(timeout=20)
        assert client.get("/api/latest", headers={"Cookie": cookie}).status_code == 401
        assert other.get("/api/latest").status_code == 200


def test_an_operator_can_log_everybody_out_and_a_viewer_cannot(monitor: FakeMonitor) -> None:
    settings = Settings(token=TOKEN, viewer_token=LOOK)
    with running(monitor, settings) as address, client_of(address) as operator, client_of(address) as viewer:
        operator.post("/api/login", json={"token": TOKEN})
        viewer.post("/api/login", json={"token": LOOK})
        viewer.post("/api/logout", json={"everywhere": True})
        assert operator.get("/api/latest").status_code == 200 and viewer.get("/api/latest").status_code == 401
        viewer.post("/api/login", json={"token": LOOK})
        operator.post("/api/logout", json={"everywhere": True})
        assert [one.get("/api/latest").status_code for one in (operator, viewer)] == [401, 401]


def test_every_session_ends_when_the_token_changes() -> None:
    name = Access(TOKEN, "", "c", Clock()).sessions.open("operator")
    assert Access("another-token", "", "c", Clock()).sessions.role(name) is None


def test_nobody_knows_a_session_and_so_nobody_ends_one(monitor: FakeMonitor) -> None:
    with running(monitor, Settings(token=TOKEN)) as address, client_of(address) as client:
        assert client.post("/api/logout", json={"everywhere": True}).status_code == 401


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


@pytest.mark.parametrize(("host", "forwarded"), [
    ("evil.example", "bench.example"), ("bench.example", "evil.example"), ("bench.example", "evil.example, bench.example"),
])  # fmt: skip
def test_behind_a_proxy_every_name_must_be_ours(monitor: FakeMonitor, host: str, forwarded: str) -> None:
    settings = Settings(token=TOKEN, trust_proxy=True, allow_host=("bench.example",))
    with running(monitor, settings) as address, client_of(address, **{"Host": host, "X-Forwarded-Host": forwarded}) as client:
        assert client.get("/api/health").status_code == 403


def test_behind_a_proxy_guesses_count_for_who_made_them() -> None:
    assert source_of(("127.0.0.1", 5), "203.0.113.9, 198.51.100.7") == "198.51.100.7"
    assert source_of(("127.0.0.1", 5), "nonsense") == "127.0.0.1" and source_of(None) == ""
    assert source_of(("2001:db8:1:2:3:4:5:6", 5)) == source_of(("2001:db8:1:2::1", 5)) != source_of(("2001:db8:1:3::1", 5))
    assert source_of(("::ffff:192.0.2.1", 5)) == "192.0.2.1"


def test_what_a_proxy_says_is_not_believed_by_default(client: httpx.Client) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Origin": "https://evil.example"}
    assert client.post(COMMAND, json={"cmd": "ping"}, headers=headers).status_code == 403


def test_loopback_is_this_machine_only() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1", "x")] == [
        True
    ] * 4 + [False] * 4


def test_the_listening_host_is_one_of_our_names() -> None:
    assert "bench.lan" in make_policy(Settings(host="bench.lan"), None).hosts
