"""The webhook against a receiver that is slow, refuses, dies and comes back: nothing twice, nothing waits for it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from services.actions.webhook import QUEUED, Webhook
from services.alert_model import AlertChange, AlertChannel, AlertRule, Episode, Level
from tests.storage.storing import SECOND, T0, until

RULE = AlertRule("over", AlertChannel.W, Level.DANGER, 10, 9, hold_s=1, repeat_s=0)
EPISODE = Episode(f"over.bench.{T0}", "bench", RULE, T0, T0 + SECOND, T0 + SECOND, 12.5, 11)


def fired(number: int, **change: Any) -> AlertChange:
    episode = msgspec.structs.replace(EPISODE, id=f"over.bench.{number}", rule=msgspec.structs.replace(RULE, **change))
    return AlertChange("fired", episode, 12.5)


def ended(number: int) -> AlertChange:
    known = {"end_us": T0 + 4 * SECOND, "seen_us": T0 + 4 * SECOND, "ended_by": "value"}
    return AlertChange("ended", msgspec.structs.replace(fired(number).episode, **known), 5.0)


class Receiver:
    """A program that takes messages; what it answers is set by the test."""

    def __init__(self, port: int = 0) -> None:
        self.got: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[int] = []  # for the next requests; then 200
        self.gate = threading.Event()
        self.gate.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = receiver.answers.pop(0) if receiver.answers else 200
                receiver.headers.append(dict(self.headers) | {"path": self.path})
                if status == 200:
                    receiver.got.append(body)
                receiver.gate.wait(20)
                if status:
                    self.send_response(status)
                    self.end_headers()
                else:
                    self.connection.shutdown(socket.SHUT_RDWR)  # dies before it answers

            def log_message(self, *args: object) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None: ...  # a client that does not wait for its answer

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Sending:
    """A webhook and what it says became of its messages."""

    def __init__(self, port: int, **options: Any) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        options = {"waits_s": (0.02,), "kept_s": 60.0, "timeout_s": 10.0} | options
        url = f"http://127.0.0.1:{port}/hook?tpl=1&m={{{{.message}}}}"
        self.webhook = Webhook(url, "s3cret-token", "http://bench.local:8050/", self.tell, **options)
        self.webhook.start()

    def tell(self, episode: Episode, outcome: dict[str, Any]) -> None:
        self.told.append((episode.id, outcome))

    def results(self) -> list[str]:
        return [one["result"] for _, outcome in self.told for one in outcome.values()]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def sending(receiver: Receiver) -> Iterator[Sending]:
    sending = Sending(receiver.port)
    yield sending
    sending.webhook.stop(20)
    assert not sending.webhook._thread.is_alive()


def test_a_message_says_what_it_is_in_words_and_numbers_with_a_link(receiver: Receiver, sending: Sending) -> None:
    sending.webhook.deliver(fired(1))
    sending.webhook.deliver(ended(1))
    until(lambda: len(sending.told) == 2)
    first, second = receiver.got
    assert (first["event"], first["title"], first["severity"]) == ("fired", "DANGER on bench: power above 10 W for 1 s", "danger")
    assert first["message"] == "Since 2023-11-14T22:13:20.000Z, 12.5 W." and first["peak"] == 12.5 and first["end"] is None
    assert first["link"].startswith("http://bench.local:8050/?device=bench&from=2023-11-14T22:12:50.000Z")
    assert (second["event"], second["duration_s"], second["end"]) == ("ended", 4.0, "2023-11-14T22:13:24.000Z")
    assert receiver.headers[0]["Authorization"] == "Bearer s3cret-token"
    assert receiver.headers[0]["path"] == "/hook?tpl=1&m={{.message}}"
    (_, outcome), (_, end) = sending.told
    assert outcome["webhook"]["result"] == "delivered" and outcome["webhook"]["status"] == 200 and list(end) == ["webhook_end"]


def test_a_receiver_that_is_not_there_gets_each_message_once_when_it_is_back() -> None:
    receiver = Receiver()
    sending = Sending(receiver.port)
    sending.webhook.deliver(fired(1))
    until(lambda: len(sending.told) == 1)
    receiver.close()
    for number in (2, 3):
        sending.webhook.deliver(fired(number))
    until(lambda: sending.webhook._queue.qsize() <= 1)
    again = Receiver(receiver.port)
    until(lambda: len(sending.told) == 3)
    sending.webhook.stop(20)
    again.close()
    assert [body["id"] for body in [*receiver.got, *again.got]] == ["over.bench.1", "over.bench.2", "over.bench.3"]
    assert sending.results() == ["delivered"] * 3 and sending.told[1][1]["webhook"]["tries"] >= 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_receiver_that_says_later_is_asked_again(receiver: Receiver, sending: Sending, status: int) -> None:
    receiver.answers = [status, status, 200]
    sending.webhook.deliver(fired(1))
    until(lambda: sending.told)
    assert len(receiver.got) == 1 and sending.told[0][1]["webhook"]["tries"] == 3 and sending.results() == ["delivered"]


@pytest.mark.parametrize("status", [400, 401, 404, 302])
def test_a_receiver_that_refuses_is_not_asked_again(receiver: Receiver, sending: Sending, status: int) -> None:
    receiver.answers = [status]
    sending.webhook.deliver(fired(1))
    sending.webhook.deliver(fired(2))
    until(lambda: len(sending.told) == 2)
    assert sending.results() == ["refused", "delivered"] and sending.told[0][1]["webhook"]["status"] == status
    assert len(receiver.headers) == 2


def test_what_was_sent_and_not_answered_is_not_sent_again(receiver: Receiver, sending: Sending) -> None:
    receiver.answers = [0]
    sending.webhook.deliver(fired(1))
    sending.webhook.deliver(fired(2))
    until(lambda: len(sending.told) == 2)
    assert sending.results() == ["no answer", "delivered"] and len(receiver.headers) == 2


def test_a_receiver_that_is_too_slow_gets_nothing_twice(receiver: Receiver) -> None:
    sending = Sending(receiver.port, timeout_s=0.1)
    receiver.gate.clear()
    sending.webhook.deliver(fired(1))
    until(lambda: sending.told)
    receiver.gate.set()
    sending.webhook.deliver(fired(2))
    until(lambda: len(sending.told) == 2)
    sending.webhook.stop(20)
    assert sending.results() == ["no answer", "delivered"]
    assert [body["id"] for body in receiver.got] == ["over.bench.1", "over.bench.2"]


def test_handing_over_never_waits_and_what_does_not_fit_is_said(receiver: Receiver, sending: Sending) -> None:
    receiver.gate.clear()
    for number in range(QUEUED + 50):
        sending.webhook.deliver(fired(number))
    assert not receiver.gate.is_set()  # all were handed over while the receiver held back its first answer
    assert sending.results().count("dropped") >= 48
    receiver.gate.set()
    until(lambda: len(sending.told) == QUEUED + 50)
    ids = [body["id"] for body in receiver.got]
    assert len(ids) == len(set(ids)) == QUEUED + 50 - sending.results().count("dropped")


def test_stopping_does_not_wait_for_a_receiver(receiver: Receiver) -> None:
    sending = Sending(receiver.port, timeout_s=60.0)
    receiver.gate.clear()
    sending.webhook.deliver(fired(1))
    until(lambda: receiver.got)
    sending.webhook.stop(10)
    assert not sending.webhook._thread.is_alive()


def test_a_receiver_that_never_comes_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    sending = Sending(port, kept_s=0.05)
    sending.webhook.deliver(fired(1))
    until(lambda: sending.told)
    sending.webhook.stop(20)
    assert sending.results() == ["gave up"]


def test_a_rule_that_fires_again_and_again_is_told_once_and_then_counted(receiver: Receiver) -> None:
    now = [1000.0]
    sending = Sending(receiver.port, now_s=lambda: now[0])
    for number in range(5):
        sending.webhook.deliver(fired(number, repeat_s=60.0))
        sending.webhook.deliver(ended(number))
    until(lambda: len(sending.told) == 6 and sending.webhook._queue.empty())
    assert [body["event"] for body in receiver.got] == ["fired", "ended"]
    now[0] += 61
    until(lambda: len(receiver.got) == 3)
    summary = receiver.got[2]
    assert (summary["event"], summary["repeats"], summary["id"]) == ("repeated", 4, "over.bench.4")
    assert summary["message"].endswith("Meanwhile it had fired 4 more times.")
    sending.webhook.stop(20)
    assert sending.results().count("grouped") == 4


def test_each_rule_and_board_has_its_own_peace(receiver: Receiver, sending: Sending) -> None:
    sending.webhook.deliver(fired(1, repeat_s=60.0))
    sending.webhook.deliver(fired(2, repeat_s=60.0, id="other"))
    elsewhere = fired(3, repeat_s=60.0)
    sending.webhook.deliver(AlertChange("fired", msgspec.structs.replace(elsewhere.episode, device="lab")))
    until(lambda: len(sending.told) == 3)
    assert sending.results() == ["delivered"] * 3
