"""/ws/realtime: a client that listens loses nothing, one that stalls harms nobody."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from services.model import LinkState
from services.web import realtime
from tests.web.fake_monitor import DEVICE, STORED_ONLY, T0_US, FakeMonitor, make_readings
from tests.web.serving import running, wait_for


@contextmanager
def listening(address: str, query: str = "interval_ms=100") -> Iterator[ClientConnection]:
    with connect(f"ws://{address}/ws/realtime?{query}", open_timeout=20, max_size=None) as websocket:
        yield websocket


def receive(websocket: ClientConnection, kind: str) -> dict[str, Any]:
    """The data of the next message of that kind."""
    while True:
        message = json.loads(websocket.recv(timeout=20))
        if message["type"] == kind:
            return message.get("data", message)


def test_messages_have_the_documented_shape(address: str, monitor: FakeMonitor) -> None:
    with listening(address) as websocket:
        data = receive(websocket, "realtime")
    last = monitor.stored.take(-1)
    assert set(data) == {"device", "v", "a", "w", "seq", "ts", "status", "stats_1m", "samples", "dropped"}
    assert (data["device"], data["v"], data["ts"], data["status"]) == (DEVICE, last.v, last.time_us / 1e6, "ok")
    assert data["seq"] == int(last.seq) % 2**32
    assert {"min", "max", "avg", "coverage_s"} <= set(data["stats_1m"])
    assert {"t", "v", "a", "w"} <= set(data["samples"])


def test_a_client_that_listens_gets_every_reading_once(address: str, monitor: FakeMonitor) -> None:
    got: dict[str, list[float]] = {"t": [], "v": [], "a": [], "w": []}
    with listening(address) as websocket:
        receive(websocket, "status")
        wait_for(lambda: len(receive(websocket, "realtime")["samples"]["t"]) == 0)
        for _ in range(8):
            monitor.feed(25)
            while len(got["t"]) < len(monitor.stored) - 200:
                data = receive(websocket, "realtime")
                assert data["dropped"] == 0
                for name, column in got.items():
                    column += data["samples"][name]
    assert got["t"] == (monitor.stored.time_us[200:] / 1e6).tolist()
    for channel in ("v", "a", "w"):
        assert got[channel] == getattr(monitor.stored, channel)[200:].tolist()


def test_a_late_client_is_told_what_it_missed(address: str, monitor: FakeMonitor) -> None:
    with listening(address) as websocket:
        receive(websocket, "realtime")
        monitor.forgotten = 230
        monitor.feed(50)
        data = receive(websocket, "realtime")
    assert data["dropped"] == 30 and len(data["samples"]["t"]) == 20


def test_one_message_is_bounded_and_counts_what_it_leaves_out(monitor: FakeMonitor) -> None:
    readings = make_readings(realtime.MAX_SAMPLES + 7)
    data = realtime.realtime_data(monitor.snapshot(DEVICE), readings, 3)
    assert len(data["samples"]["t"]) == realtime.MAX_SAMPLES and data["dropped"] == 10
    assert data["samples"]["t"][-1] == readings.time_us[-1] / 1e6


def test_a_change_of_the_link_is_told(address: str, monitor: FakeMonitor) -> None:
    with listening(address) as websocket:
        assert receive(websocket, "status")["state"] == "live"
        monitor.state = LinkState.LOST
        data = receive(websocket, "status")
    assert data["state"] == "lost" and data["device"] == DEVICE and "next_try_s" in data


def test_history_is_answered_on_the_same_socket(address: str) -> None:
    with listening(address) as websocket:
        websocket.send(json.dumps({"type": "history", "from": T0_US / 1e6, "to": T0_US / 1e6 + 2, "points": 500}))
        data = receive(websocket, "history")
    assert len(data["points"]) == 20 and data["points"][0]["ts"] == T0_US / 1e6


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[]",
        '{"type":"dance"}',
        '{"type":"history","from":"never"}',
        '{"type":"history","from":9,"to":8}',
        '{"type":"history","points":0}',
        '{"type":"history","points":[]}',
        '{"type":"history","from":{}}',
    ],
)
def test_a_message_that_makes_no_sense_is_answered_and_the_stream_goes_on(address: str, message: str) -> None:
    with listening(address) as websocket:
        websocket.send(message)
        assert receive(websocket, "error")["error"]["message"]
        assert receive(websocket, "realtime")["device"] == DEVICE


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("interval_ms=99", "interval_ms"),
        ("interval_ms=1001", "interval_ms"),
        ("interval_ms=fast", "interval_ms"),
        ("device=nobody", "device"),
        (f"device={STORED_ONLY}", "device"),
    ],
)
def test_a_wrong_question_is_closed_with_its_reason(address: str, query: str, field: str) -> None:
    with listening(address, query) as websocket:
        assert json.loads(websocket.recv(timeout=20))["error"]["field"] == field
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(timeout=20)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008 and field in closed.value.rcvd.reason


def test_more_clients_than_the_limit_are_turned_away(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime, "MAX_CLIENTS", 2)
    with ExitStack() as stack:
        first = [stack.enter_context(listening(address)) for _ in range(2)]
        for websocket in first:
            receive(websocket, "realtime")
        third = stack.enter_context(listening(address))
        assert receive(third, "error")["error"]["code"] == "too_many"
    wait_for(lambda: takes_a_client(address))  # those that left made room


def takes_a_client(address: str) -> bool:
    with listening(address) as websocket:
        return json.loads(websocket.recv(timeout=20))["type"] != "error"


def test_a_stalled_client_is_let_go_and_the_others_go_on(monitor: FakeMonitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime, "SEND_TIMEOUT_S", 0.3)
    stalls: list[str] = []
    send = realtime.Client._send

    async def watched(self: realtime.Client, message: dict[str, Any]) -> None:
        try:
            await send(self, message)
        except TimeoutError:
            stalls.append("let go")
            raise

    monkeypatch.setattr(realtime.Client, "_send", watched)
    with running(monitor) as address, stalled(address), listening(address) as healthy:
        while not stalls:
            monitor.feed(20_000)
            assert receive(healthy, "realtime")["device"] == DEVICE
        assert receive(healthy, "realtime")["dropped"] == 0


@contextmanager
def stalled(address: str) -> Iterator[None]:
    """A client that shakes hands, asks for everything and never reads."""
    host, _, port = address.partition(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        client.connect((host, int(port)))
        client.sendall(
            f"GET /ws/realtime?interval_ms=100 HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        yield


def test_clients_are_told_when_the_program_stops(monitor: FakeMonitor) -> None:
    with ExitStack() as client:
        with running(monitor) as address:
            websocket = client.enter_context(listening(address))
            receive(websocket, "realtime")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                websocket.recv(timeout=20)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
    assert monitor.stopped


@pytest.mark.parametrize(
    "message", [b"\x00\xff", b"", "", "x", "[" * 60_000, "5", '{"type": 5}', '{"type": "history", "points": {}}']
)
def test_a_message_that_makes_no_sense_is_an_error_and_no_traceback(
    address: str, message: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(address) as websocket:
        for _ in range(3):
            websocket.send(message)
            assert receive(websocket, "error")["error"]["code"] == "bad_request"
    assert not [record for record in caplog.records if record.exc_info]


def test_a_client_that_asks_on_and_on_is_answered_at_its_pace(address: str, monitor: FakeMonitor) -> None:
    asked, original = [], monitor.curve
    monitor.curve = lambda *args: (asked.append(args), original(*args))[1]  # type: ignore[method-assign,func-returns-value]
    with listening(address) as websocket, listening(address) as honest:
        for _ in range(500):
            websocket.send('{"type": "history", "points": 5}')
        receive(honest, "realtime")
        wait_for(lambda: len(asked) >= 20)
        honest.send('{"type": "history", "points": 5}')
        receive(honest, "history")
        assert len(asked) < 400
