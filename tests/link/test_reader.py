"""The link over real ptys and sockets: opens, reads, writes, loses, comes back, and never gives up."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.link.reader import OUT_BYTES, Link
from services.model import LinkState
from tests.link.cable import Cable

LIMIT_S = 10.0


def until(condition: Callable[[], object], what: str) -> None:
    """Poll until true; fails with `what` at the limit."""
    end_s = time.monotonic() + LIMIT_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end_s, what
        pause.wait(0.01)


class Handler:
    """Notes what the link tells it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.opened_times = self.closed_times = self.ticks = 0
        self.send = b""
        self.silent = False
        self.fail = False

    def opened(self) -> None:
        self.opened_times += 1

    def received(self, data: bytes) -> None:
        self.data += data
        if self.fail:
            raise ValueError("a defect above the link")

    def tick(self) -> bytes:
        self.ticks += 1
        out, self.send = self.send, b""
        return out

    def closed(self) -> None:
        self.closed_times += 1

    def silent_too_long(self) -> bool:
        silent, self.silent = self.silent, False
        return silent


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    cable = Cable(tmp_path)
    yield cable
    os.close(cable.master)


@pytest.fixture
def links() -> Iterator[list[Link]]:
    made: list[Link] = []
    yield made
    for link in made:
        link.stop()
        assert not link.alive


def connect(url: str, links: list[Link]) -> tuple[Link, Handler]:
    handler = Handler()
    link = Link(url, handler, first_retry_s=0.05, retry_s=0.1)
    links.append(link)
    link.start()
    return link, handler


def test_bytes_arrive_as_they_were_sent(cable: Cable, links: list[Link]) -> None:
    link, handler = connect(str(cable.link), links)
    until(lambda: handler.opened_times, "not opened")
    cable.say(b'{"v":1}\r\n\x00\xff')
    until(lambda: bytes(handler.data) == b'{"v":1}\r\n\x00\xff', "bytes differ")
    assert link.state is LinkState.WAITING
    assert link.problem == ""


def test_what_the_handler_wants_said_is_written(cable: Cable, links: list[Link]) -> None:
    _, handler = connect(str(cable.link), links)
    until(lambda: handler.opened_times, "not opened")
    handler.send = b'{"cmd":"ping"}\n'
    assert os.read(cable.master, 100) == b'{"cmd":"ping"}\n'


def test_the_handler_is_asked_also_when_nothing_comes(cable: Cable, links: list[Link]) -> None:
    _, handler = connect(str(cable.link), links)
    until(lambda: handler.ticks > 3, "no ticks")


def test_an_unplugged_port_is_said_and_found_again_under_its_name(cable: Cable, links: list[Link]) -> None:
    link, handler = connect(str(cable.link), links)
    until(lambda: handler.opened_times, "not opened")
    cable.unplug()
    until(lambda: handler.closed_times and "is not there" in link.problem, "loss not noticed")
    assert link.state in (LinkState.LOST, LinkState.OPENING)
    cable.plug()
    until(lambda: handler.opened_times == 2, "not found again")
    cable.say(b"again\n")
    until(lambda: handler.data.endswith(b"again\n"), "nothing read after the return")
    assert link.problem == ""


def test_a_port_that_never_was_there_is_tried_for_ever(tmp_path: Path, links: list[Link]) -> None:
    link, handler = connect(str(tmp_path / "nothing"), links)
    until(lambda: "is not there" in link.problem, "no problem said")
    until(lambda: link.next_try_at_s is not None, "no next try")
    assert link.alive
    assert handler.opened_times == 0


def test_a_defect_above_the_link_does_not_end_it(cable: Cable, links: list[Link], caplog: pytest.LogCaptureFixture) -> None:
    link, handler = connect(str(cable.link), links)
    until(lambda: handler.opened_times, "not opened")
    handler.fail = True
    cable.say(b"one\n")
    until(lambda: handler.data == b"one\n", "not read")
    handler.fail = False
    cable.say(b"two\n")
    until(lambda: handler.data == b"one\ntwo\n", "reading ended")
    assert link.alive
    assert "a defect above the link" in caplog.text


def test_a_port_that_is_silent_too_long_is_opened_anew(cable: Cable, links: list[Link]) -> None:
    _, handler = connect(str(cable.link), links)
    until(lambda: handler.opened_times, "not opened")
    handler.silent = True
    until(lambda: handler.opened_times == 2, "not opened anew")


def test_a_port_that_takes_nothing_keeps_the_output_bounded(cable: Cable, links: list[Link]) -> None:
    link, handler = connect(str(cable.link), links)
    until(lambda: handler.opened_times, "not opened")
    for _ in range(40):
        before = handler.ticks
        handler.send = b"x" * 1000 + b"\n"
        until(lambda before=before: handler.ticks > before, "the link stands still")  # type: ignore[misc]
    assert len(link._out) <= OUT_BYTES


def test_a_socket_url_is_read_and_a_closed_one_is_a_loss(links: list[Link]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link, handler = connect(f"socket://127.0.0.1:{server.getsockname()[1]}", links)
        peer, _ = server.accept()
        with peer:
            until(lambda: handler.opened_times, "not opened")
            peer.sendall(b"hello\n" * 10_000)
            until(lambda: len(handler.data) == 60_000, "bytes missing")
            handler.send = b"back\n"
            assert peer.recv(10) == b"back\n"
        until(lambda: handler.closed_times, "loss not noticed")
        assert link.alive


def test_a_port_in_use_says_so(cable: Cable, links: list[Link]) -> None:
    _, first = connect(str(cable.link), links)
    until(lambda: first.opened_times, "not opened")
    second, handler = connect(str(cable.link), links)
    until(lambda: "in use" in second.problem, "not said")
    assert handler.opened_times == 0


def test_stop_wakes_a_waiting_link_at_once(tmp_path: Path) -> None:
    link = Link(str(tmp_path / "nothing"), Handler(), first_retry_s=60.0)
    link.start()
    until(lambda: link.state is LinkState.LOST, "not waiting")
    link.stop(timeout_s=5.0)
    assert not link.alive
    assert link.state is LinkState.CLOSED
