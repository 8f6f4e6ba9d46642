"""The process: says where it listens once it does, ends in order, and says clearly why it cannot begin."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from services.settings import Settings
from services.web.serve import CannotListenError, listen

ROOT = Path(__file__).parents[2]


@contextmanager
def program(tmp_path: Path, *options: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.web.serve_fake", "--database", str(tmp_path / "powermon.db"), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | env, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("powermon: http://"), line
    return line.split("//")[1].strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_with_pages_and_exports_open(tmp_path: Path, number: signal.Signals) -> None:
    with program(tmp_path, "--http-port", "0") as process, ExitStack() as clients:
        address = address_of(process)
        websocket = clients.enter_context(connect(f"ws://{address}/ws/realtime", open_timeout=20))
        websocket.recv(timeout=20)
        answer = clients.enter_context(httpx.stream("GET", f"http://{address}/api/history", timeout=20))
        next(answer.iter_raw())  # a client that stalls: it reads no further
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        assert (tmp_path / "stopped").exists()


def test_a_taken_port_is_said_with_what_to_do(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with program(tmp_path, "--http-port", str(port)) as process:
            out, err = process.communicate(timeout=20)
    assert process.returncode == 1 and out == ""
    assert f"127.0.0.1:{port} is taken" in err and "--http-port" in err and "Traceback" not in err


def test_a_database_that_cannot_be_used_is_said_and_nothing_is_served(tmp_path: Path) -> None:
    with program(tmp_path, "--http-port", "0", TEST_TOO_NEW="1") as process:
        out, err = process.communicate(timeout=20)
    assert process.returncode == 1 and out == ""
    assert err == "powermon: the database is newer than this program\n"


def test_a_page_for_the_network_prints_a_token_it_made_and_logs_it_not(tmp_path: Path) -> None:
    with program(tmp_path, "--http-port", "0", "--host", "0.0.0.0", "--log-level", "debug") as process:
        port = address_of(process).rpartition(":")[2]
        assert process.stdout is not None
        token = process.stdout.readline().removeprefix("powermon: token for this run: ").strip()
        answer = httpx.get(f"http://127.0.0.1:{port}/api/latest", headers={"Authorization": f"Bearer {token}"}, timeout=20)
        assert answer.status_code == 200 and len(token) >= 20
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert token not in err and token not in (tmp_path / "powermon.log").read_text()


def test_an_ordinary_run_logs_nothing_above_info(tmp_path: Path) -> None:
    with program(tmp_path, "--http-port", "0") as process:
        address = address_of(process)
        assert httpx.get(f"http://{address}/api/health", timeout=20).status_code == 200
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert not [line for line in err.splitlines() if " INFO " not in line]


@pytest.mark.parametrize(
    ("host", "words"),
    [("203.0.113.7", "no address of this machine"), ("no-such-host.invalid", "is not known")],
)
def test_a_host_that_is_not_ours_is_said(host: str, words: str) -> None:
    with pytest.raises(CannotListenError, match=words):
        listen(host, 0)


def test_ipv6_is_listened_on() -> None:
    if not socket.has_ipv6:
        return
    try:
        listening = listen("::1", 0)
    except CannotListenError as error:
        assert "no address of this machine" in str(error)  # a machine without IPv6
        return
    with listening:
        assert listening.family == socket.AF_INET6


def test_stalled_connections_are_dropped_by_the_kernel() -> None:
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux has it
    with listen(Settings().host, 0) as listening:
        assert option is None or listening.getsockopt(socket.IPPROTO_TCP, option) == 15_000
