"""Commands: one at a time, tried again, and what was told to have failed is never sent."""

from __future__ import annotations

import threading

import pytest

from services.device import device as device_module
from services.device.commands import MAX_TRIES, CommandQueue
from services.device.device import Device
from services.live_model import CommandOutcome
from services.model import LinkState
from services.settings import Settings
from services.wire.decoders import Reply
from tests.device.test_hostile_wires import Disk, HandClock


def test_a_command_is_tried_three_times_and_then_told_to_have_failed() -> None:
    queue = CommandQueue("bench")
    pending = queue.add("ping", {})
    sent = [queue.poll(step * 0.1, crc=True)[0] for step in range(200)]
    assert len([line for line in sent if line]) == MAX_TRIES
    assert pending.outcome is not None and pending.outcome.result == "failed"


def test_what_was_given_up_is_never_sent_and_an_answer_to_it_means_nothing() -> None:
    queue = CommandQueue("bench")
    first, second = queue.add("ping", {}), queue.add("buzzer", {"on_ms": 200, "times": 1})
    assert b"ping" in queue.poll(0.0, crc=True)[0]
    assert queue.give_up(second, "no answer", 0.1)
    assert second.outcome is not None and (second.outcome.result, second.outcome.tries) == ("failed", 0)
    assert queue.reply(Reply(first.seq, "ok"), 0.2) is first
    assert [queue.poll(step * 0.1, crc=True)[0] for step in range(100)] == [b""] * 100
    assert queue.reply(Reply(second.seq, "ok"), 20.0) is None
    assert not queue.give_up(second, "again", 20.0)


def test_a_person_who_was_told_that_a_command_failed_does_not_hear_the_buzzer_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first version answered "failed, tries 0", and sent it afterwards."""
    monkeypatch.setattr(device_module, "COMMAND_WAIT_S", 0.05)
    clock = HandClock()
    device = Device("lab", "socket://nowhere", Settings(), Disk(), clock)  # type: ignore[arg-type]
    device.link.state = LinkState.WAITING
    device.opened()
    answers: list[CommandOutcome] = []
    person = threading.Thread(target=lambda: answers.append(device.command("buzzer", {"on_ms": 200, "times": 1})))
    person.start()
    person.join(10)
    assert [(answer.result, answer.tries) for answer in answers] == [("failed", 0)]
    said = b""
    for _ in range(400):
        clock.us += 50_000
        said += device.tick()
    assert b"hello" in said and b"buzzer" not in said
