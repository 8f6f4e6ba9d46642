"""Connections, heads and time: what a client can hold without having shown anything."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import psutil
import pytest

from services.settings import Settings
from services.web.connections import BODY_TIMEOUT_S, Limits
from tests.web.fake_monitor import FakeMonitor
from tests.web.serving import LIMIT_S, running, wait_for

TOKEN = "operator-token-1"
HEAD = "GET /api/health HTTP/1.1\r\nHost: localhost\r\n"
QUICK = Limits(head_s=0.3, body_s=0.3, idle_s=0.3)


def dial(address: str) -> socket.socket:
    host, _, port = address.partition(":")
    return socket.create_connection((host, int(port)), timeout=LIMIT_S)


def ended(connection: socket.socket) -> bool:
    """Whether the other end closes it, after whatever it still says."""
    connection.settimeout(LIMIT_S)
    with suppress(ConnectionResetError):
        while connection.recv(65536):
            pass
    return True


@pytest.fixture
def quick(monitor: FakeMonitor) -> Iterator[str]:
    with running(monitor, limits=QUICK) as address:
        yield address


# --- heads ----------------------------------------------------------------------------------------------------------


PIECES = {"one header": b"x" * 65_536, "small headers": b"X-A: 1\r\n" * 8_192, "empty lines": b"\r\n" * 32_768}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize("start", [f"{HEAD}X-Large: ".encode(), f"{HEAD}".encode(), b"GET /"], ids=["value", "name", "path"])
def test_a_head_of_60_mb_is_cut_off_and_costs_no_memory(address: str, start: bytes, piece: bytes) -> None:
    before, sent = psutil.Process(os.getpid()).memory_info().rss, 0
    with dial(address) as connection, suppress(ConnectionError):
        connection.sendall(start)
        while sent < 60_000_000:
            sent += connection.send(piece)
    assert psutil.Process(os.getpid()).memory_info().rss - before < 16_000_000
    assert sent < 60_000_000
    assert httpx.get(f"http://{address}/api/health", timeout=LIMIT_S).status_code == 200


def test_a_head_as_large_as_may_be_is_taken(address: str) -> None:
    with dial(address) as connection:
        connection.sendall((HEAD + f"X-Large: {'x' * 30_000}\r\n\r\n").encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")


def test_many_requests_at_once_are_not_all_kept(address: str) -> None:
    with dial(address) as connection, suppress(ConnectionError):
        connection.sendall(f"{HEAD}\r\n".encode() * 2_000)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.count(b"HTTP/1.1 200") < 100
    assert httpx.get(f"http://{address}/api/health", timeout=LIMIT_S).status_code == 200


def test_a_few_requests_at_once_are_all_answered(address: str) -> None:
    with dial(address) as connection:
        connection.sendall(f"{HEAD}\r\n".encode() * 7 + f"{HEAD}Connection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.count(b"HTTP/1.1 200") == 8


# --- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        "", "\r\n", "GET", HEAD, f"{HEAD}Content-Length: 5\r\n\r\nab", f"{HEAD}\r\n",
        "POST /api/connect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
        "POST /api/connect HTTP/1.1\r\nHost: evil\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    ],
)  # fmt: skip
def test_a_connection_that_asks_nothing_or_half_is_closed(quick: str, sent: str) -> None:
    with dial(quick) as connection:
        connection.sendall(sent.encode())
        assert ended(connection)


@pytest.mark.parametrize("piece", [b"\r\n", b"a"])
@pytest.mark.parametrize("start", ["", f"{HEAD}X-Slow: ", f"{HEAD}\r\n", f"{HEAD}Content-Length: 1000\r\n\r\n"])
def test_a_connection_that_trickles_is_closed(quick: str, start: str, piece: bytes) -> None:
    with dial(quick) as connection, suppress(ConnectionError):
        connection.sendall(start.encode())
        connection.settimeout(0.02)
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            connection.sendall(piece)
            with suppress(TimeoutError):
                if not connection.recv(65536):
                    break
        else:
            raise AssertionError("it is still open")


def test_a_body_may_be_slower_than_a_head_and_an_answer_slower_than_both(monitor: FakeMonitor) -> None:
    def slow() -> object:
        time.sleep(1.0)
        return real()

    real, monitor.health = monitor.health, slow  # type: ignore[method-assign,assignment]
    with running(monitor, limits=QUICK) as address, httpx.Client(base_url=f"http://{address}", timeout=LIMIT_S) as client:
        assert [client.get("/api/health").status_code for _ in range(2)] == [200, 200]


def test_a_connection_is_kept_between_requests(address: str) -> None:
    with dial(address) as connection:
        for _ in range(50):
            connection.sendall(f"{HEAD}\r\n".encode())
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")


# --- how many -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", ["", HEAD, f"{HEAD}\r\n"], ids=["idle", "half a head", "kept alive"])
def test_idle_connections_keep_nobody_out(monitor: FakeMonitor, sent: str) -> None:
    with running(monitor, limits=Limits(connections=50, unknown=40, of_one_source=40)) as address, ExitStack() as held:
        for _ in range(200):
            held.enter_context(dial(address)).sendall(sent.encode())
        for _ in range(20):
            assert httpx.get(f"http://{address}/api/health", timeout=LIMIT_S).status_code == 200


def test_slow_bodies_keep_nobody_out(monitor: FakeMonitor) -> None:
    start = "POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    limits = Limits(connections=50, unknown=40, of_one_source=40)
    with running(monitor, Settings(token=TOKEN), limits=limits) as address, ExitStack() as held:
        for _ in range(200):
            held.enter_context(dial(address)).sendall(start.encode())
        assert httpx.get(f"http://{address}/api/health", timeout=LIMIT_S).status_code == 200


def test_a_connection_on_which_a_token_was_shown_is_not_given_up_for_unknown_ones(monitor: FakeMonitor) -> None:
    asked = f"{HEAD}Authorization: Bearer {TOKEN}\r\n\r\n".encode()
    limits = Limits(connections=50, unknown=40, of_one_source=40)
    with running(monitor, Settings(token=TOKEN), limits=limits) as address, ExitStack() as held, dial(address) as known:
        for _ in range(3):
            known.sendall(asked)
            assert known.recv(4096).startswith(b"HTTP/1.1 200")
            for _ in range(100):
                held.enter_context(dial(address))
        assert httpx.get(f"http://{address}/api/health", timeout=LIMIT_S).status_code == 200


def test_the_one_that_waits_longest_makes_room(monitor: FakeMonitor) -> None:
    with running(monitor, limits=Limits(of_one_source=3)) as address, ExitStack() as held:
        first, *others = [held.enter_context(dial(address)) for _ in range(4)]
        assert ended(first)
        for other in others:
            other.sendall(f"{HEAD}\r\n".encode())
            assert other.recv(4096).startswith(b"HTTP/1.1 200")


def test_connections_that_end_are_forgotten(monitor: FakeMonitor) -> None:
    with running(monitor, limits=Limits(of_one_source=8)) as address:
        for _ in range(40):
            with dial(address) as connection:
                connection.sendall(f"{HEAD}Connection: close\r\n\r\n".encode())
                assert ended(connection)
        wait_for(lambda: httpx.get(f"http://{address}/api/health", timeout=LIMIT_S).status_code == 200)


def test_limits_fit_each_other() -> None:
    limits = Limits()
    assert limits.of_one_source < limits.unknown < limits.connections
    assert limits.body_s > BODY_TIMEOUT_S
