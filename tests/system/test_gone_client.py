"""A browser that closes its connection ends the query that it asked for: nobody waits for the answer any more."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from services.clock import Clock
from services.monitor import Monitor
from services.settings import Settings
from services.storage import history
from services.storage.database import MAX_READERS
from services.storage.storage import Storage
from tests.storage.storing import T0, readings, until, write
from tests.web.serving import running

ENDLESS = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000000) SELECT count(*) FROM c"


class Slow:
    """A query that takes minutes; counts how it goes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begun = self.ended = 0

    def curve(self, conn: Any, *_: object) -> Any:
        with self.lock:
            self.begun += 1
        try:
            return conn.execute(ENDLESS).fetchone()
        finally:
            with self.lock:
                self.ended += 1


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    slow = Slow()
    monkeypatch.setattr(history, "curve", slow.curve)
    return slow


@pytest.fixture
def monitor(tmp_path: Path) -> Monitor:
    """Not started: the server does that. Of one board there is a reading."""
    storage = Storage(tmp_path / "x.db", Clock())
    storage.start()
    storage.append(write(readings([T0], [0])))
    storage.stop()
    return Monitor(Settings(database=tmp_path / "x.db", demo=False, ports=("none=socket://127.0.0.1:1",)))


def ask(address: str) -> socket.socket:
    host, port = address.split(":")
    client = socket.create_connection((host, int(port)), timeout=20)
    client.sendall(f"GET /api/history?device=bench&points=100 HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
    return client


def test_a_query_ends_when_its_client_is_gone(monitor: Monitor, slow: Slow) -> None:
    with running(monitor) as address:  # type: ignore[arg-type]
        client = ask(address)
        until(lambda: slow.begun == 1)
        assert slow.ended == 0
        client.close()
        until(lambda: slow.ended == 1)


def test_a_crowd_that_left_leaves_the_page_free(monitor: Monitor, slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monitor) as address:  # type: ignore[arg-type]
        clients = [ask(address) for _ in range(5 * MAX_READERS)]
        until(lambda: slow.begun == MAX_READERS)
        for client in clients:
            client.close()
        # Who still waited for a place may get one before anybody looks whether the client is there; it ends all the same.
        until(lambda: slow.ended == slow.begun and monitor._storage._readers._idle.qsize() > 0)
        monkeypatch.undo()
        with ask(address) as client:
            assert client.recv(100).startswith(b"HTTP/1.1 200")
