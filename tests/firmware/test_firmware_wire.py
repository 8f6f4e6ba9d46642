"""The real binary on the simulated Uno: what it says, what it obeys, what it keeps."""

from __future__ import annotations

import binascii
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from services.wire import decoders as p
from tests.firmware.uno import Host, make, stepped

INTERVAL_MS = 100
RING = 96
SHORTEST_MS = 10
UINT32 = 2**32


def test_a_start_is_a_blank_line_and_a_hello() -> None:
    with stepped() as uno:
        said = uno.run(50)
        hello = p.HostDecoder().feed(said)
    assert said.startswith(b"\n{")
    assert isinstance(hello[0], p.Hello)
    assert (hello[0].proto, hello[0].interval_ms, hello[0].buffer, hello[0].seq) == (1, INTERVAL_MS, RING, 0)
    assert RING >= 48


def test_readings_are_numbered_and_come_on_schedule() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(3050)
    assert [line.seq for line in host.order] == list(range(30))
    assert all(abs((line.ms or 0) - (i + 1) * INTERVAL_MS) <= 2 for i, line in enumerate(host.order))
    assert not host.bad


def test_every_line_has_a_checksum() -> None:
    """Level 1 asks for it in each: hello, reading, offer, reply, refusal, gone."""
    with stepped() as uno:
        said = uno.run(500)
        boot = boot_said(said)
        requests = [
            p.encode_command("ping", 1, {}),
            p.encode_command("make_tea", 2, {}),
            p.encode_ack(2, boot),
            *p.encode_nack([0, 3], boot),
            p.encode_command("hello", 3, {}),
        ]
        for request in requests:
            uno.say(request)
            said += uno.run(100)
        said += uno.run(500)
    lines = [line for line in said.split(b"\n")[:-1] if line]
    for kind in (b'"hello"', b'"v"', b'"re":1', b'"result":"ok"', b'"result":"error"', b'"gone":[0]'):
        assert any(kind in line for line in lines), kind
    for line in lines:
        assert line == p.seal(line[: -len(b',"crc":"9F3C"}')] + b"}")


def boot_said(said: bytes) -> int:
    hello = next(event for event in p.HostDecoder().feed(said) if isinstance(event, p.Hello))
    return hello.boot


def test_the_longest_hello_arrives_whole_and_is_understood(tmp_path: Path) -> None:
    """An id of 20 characters, numbers of ten digits, the longest range: a line that does not fit would never be sent."""
    last_boot, first_seq, name = UINT32 - 2, UINT32 - 200, "a-bench-of-20-chars!"
    slot = struct.pack("<I", last_boot)
    (tmp_path / "eeprom").write_bytes((slot + struct.pack("<H", binascii.crc_hqx(slot, 0xFFFF))).ljust(1024, b"\xff"))
    settings = [f'-DPOWERMON_ID=\\"{name}\\"', "-DPOWERMON_RING=100", "-DPOWERMON_SHUNT_MICRO_OHM=15000"]
    make(f"OUT={tmp_path}", "DEFINES=" + " ".join(settings), directory="firmware")
    with stepped("--eeprom", str(tmp_path / "eeprom"), "--seq", str(first_seq), elf=tmp_path / "powermon.elf") as uno:
        uno.run(200)
        uno.say(p.encode_command("set_interval", 1, {"value_ms": 60_000}))
        uno.say(p.encode_command("hello", 2, {}))
        said = uno.run(1000)
    line = [line for line in said.split(b"\n") if line.startswith(b'{"hello"')][-1]
    hello: dict[str, Any] = json.loads(line)
    assert len(line) == 214
    assert isinstance(p.HostDecoder().feed(b"\n" + line + b"\n")[0], p.Hello)
    assert (hello["id"], hello["boot"], hello["interval_ms"], hello["buffer"]) == (name, last_boot + 1, 60_000, 100)
    assert first_seq == hello["oldest"] < hello["seq"]
    assert hello["range"] == {"v": [0, 26], "a": [-21.334, 21.334]}


def hear(host: Host, request: bytes, answer: type, then_ms: int) -> list[p.HostEvent]:
    """Says it; everything up to its answer (the kernel hands bytes over when it likes) and for so long afterwards."""
    host.uno.say(request)
    events: list[p.HostEvent] = []
    for _ in range(100):
        events += host.run(20)
        if any(isinstance(event, answer) for event in events):
            return events + host.run(then_ms)
    raise AssertionError(f"no {answer.__name__} to {request!r}")


@pytest.mark.parametrize("first_seq", [0, UINT32 - 250])
def test_a_ring_of_48_at_a_hundred_a_second_says_truly_what_it_holds(first_seq: int, tmp_path: Path) -> None:
    """Nobody acknowledges, so it overwrites; numbers roll over meanwhile."""
    make(f"OUT={tmp_path}", "DEFINES=-DPOWERMON_RING=48", directory="firmware")
    with stepped("--seq", str(first_seq), elf=tmp_path / "powermon.elf") as uno:
        host = Host(uno)
        host.run(40)
        first = host.hellos[0]
        assert first.oldest == first.seq == first_seq
        assert host.command("set_interval", value_ms=10).result == "ok"
        host.run(1000)
        for order in range(8):
            assert_offered_in_order(hear(host, p.encode_command("hello", 100 + order, {}), p.Hello, then_ms=400))
        last = host.hellos[-1]
        overwritten, held = ((last.oldest or 0) - 1) % UINT32, (last.seq + 40) % UINT32
        nack = p.encode_nack([overwritten, held, (held + 1000) % UINT32], last.boot)[0]
        answers = hear(host, nack, p.Gone, then_ms=200)
    for hello in host.hellos[1:]:
        assert (hello.seq - (hello.oldest or 0)) % UINT32 == hello.buffer == 48
    assert (last.seq - first_seq) % UINT32 > 350
    assert [event.gone for event in answers if isinstance(event, p.Gone)] == [[overwritten]]
    assert held in {event.seq for event in answers if isinstance(event, p.ReadingLine) and event.re}
    live = [line.seq for line in host.order if not line.re]
    assert live == [(first_seq + i) % UINT32 for i in range(len(live))]
    assert not host.bad


def assert_offered_in_order(events: list[p.HostEvent]) -> None:
    """What is offered after a hello rises from the oldest reading that it names."""
    at = max(i for i, event in enumerate(events) if isinstance(event, p.Hello))
    hello = events[at]
    assert isinstance(hello, p.Hello) and hello.oldest is not None
    offered = [event.seq for event in events[at:] if isinstance(event, p.ReadingLine) and event.re]
    steps = [(seq - hello.oldest) % UINT32 for seq in offered if seq is not None]
    assert steps and steps == sorted(set(steps))
    assert steps[-1] < (hello.seq - hello.oldest) % UINT32


def test_an_acknowledgement_of_the_future_frees_nothing() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(1050)
        newest = max(host.seqs())
        for seq in (newest + 5, newest + 50_000, newest + 2**31, UINT32 - 1):
            host.ack(seq)
            host.run(20)
        assert host.command("hello").result == "ok"
        host.run(500)
    again = [line.seq for line in host.order if line.re]
    assert again[: newest + 1] == list(range(newest + 1))


def test_a_number_that_was_not_yet_measured_is_never_gone() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(1050)
        newest = max(host.seqs())
        host.nack([newest + 20, newest + 21, newest + 100_000])
        host.run(4000)
    assert not host.gone
    assert host.missing() == []
    assert max(host.seqs()) > newest + 21


def test_a_flood_of_hellos_and_questions_stops_neither_measuring_nor_answers() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(3000)
        for i in range(150):
            uno.say(p.encode_command("hello", 1000 + i, {}))
            host.nack([0, 1, 2, 3, 40_000 + i])
            uno.say(b"\xff\x00noise" + b"z" * 140 + b"\n")
            host.run(20)
        host.run(1000)
        assert host.command("ping").result == "ok"
        counts = uno.counts
    live = [line.seq for line in host.order if not line.re]
    assert live == list(range(len(live)))
    assert counts["boots"] == 1
    assert {0, 1, 2, 3} <= {line.seq for line in host.order if line.re}
    assert not host.bad
    assert not host.gone


def test_asked_for_readings_come_again_as_they_were() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(1050)
        before = dict(host.readings)
        host.nack([2, 5])
        events = [event for event in host.run(300) if isinstance(event, p.ReadingLine) and event.re]
    assert [event.seq for event in events] == [2, 5]
    for event in events:
        first = before[host.boot, event.seq or 0]
        assert (event.v, event.a, event.w, event.ms, event.status) == (first.v, first.a, first.w, first.ms, first.status)


def test_acknowledged_readings_are_gone_and_later_ones_are_not() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(1050)
        host.ack(6)
        host.run(50)
        host.nack([6, 7])
        again = [event.seq for event in host.run(300) if isinstance(event, p.ReadingLine) and event.re]
    assert host.gone == {6}
    assert again == [7]


def test_an_acknowledgement_of_another_boot_forgets_nothing() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(1050)
        uno.say(p.encode_ack(9, host.boot + 1))
        host.run(50)
        host.nack([3])
        host.run(300)
    assert not host.gone


def test_hello_offers_everything_unacknowledged_oldest_first_beside_live_readings() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(4050)
        host.ack(9)
        host.run(100)
        newest = max(host.seqs())
        host.order.clear()
        assert host.command("hello").result == "ok"
        host.run(1000)
    again = [line.seq for line in host.order if line.re]
    live = [line.seq for line in host.order if not line.re]
    assert again == list(range(10, newest + 1))
    assert live == list(range(newest + 1, newest + 1 + len(live)))
    assert len(live) >= 10
    assert len(host.hellos) == 2
    assert not host.bad


def test_a_full_ring_overwrites_its_oldest_reading_and_says_so() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(50)
        assert host.command("set_interval", value_ms=20).result == "ok"
        host.run(3000)
        newest = max(host.seqs())
        host.nack([newest - RING - 20, newest - RING + 10])
        again = [event.seq for event in host.run(300) if isinstance(event, p.ReadingLine) and event.re]
    assert host.gone == {newest - RING - 20}
    assert again == [newest - RING + 10]


def test_set_interval_is_obeyed_and_refuses_what_the_line_cannot_carry() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(250)
        too_short = host.command("set_interval", value_ms=SHORTEST_MS - 1)
        assert (too_short.result, too_short.error) == ("error", f"value_ms must be {SHORTEST_MS}..60000")
        assert host.command("set_interval", value_ms=SHORTEST_MS).result == "ok"
        host.run(200)
        first = len(host.order)
        host.run(1000)
        assert 98 <= len(host.order) - first <= 102
        assert host.missing() == []
        assert host.command("hello").result == "ok"
        assert host.hellos[-1].interval_ms == SHORTEST_MS


def test_the_buzzer_pin_goes_on_and_off_as_often_as_ordered() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(100)
        assert host.command("buzzer", on_ms=30, times=3).result == "ok"
        host.run(500)
        counts = uno.counts
        assert host.command("buzzer", on_ms=0, times=3).error == "on_ms must be 1..5000"
    assert counts["buzzer_changes"] == 6
    assert counts["buzzer_on"] is False


def test_measuring_goes_on_while_the_buzzer_sounds() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(100)
        host.command("buzzer", on_ms=1000, times=2)
        host.run(3000)
    assert host.missing() == []
    steps = [b.ms - a.ms for a, b in zip(host.order, host.order[1:], strict=False) if a.ms is not None and b.ms is not None]
    assert max(steps) <= INTERVAL_MS + 5


def test_the_other_commands_are_acknowledged_and_an_unknown_one_is_refused() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(100)
        assert host.command("ping").result == "ok"
        assert host.command("reset_energy").result == "ok"
        assert host.command("set_time", epoch_ms=1712345678125).result == "ok"
        assert host.command("make_tea", cups=2).error == "unknown command"


def test_after_set_time_readings_carry_the_time_of_their_measurement() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(500)
        host.command("set_time", epoch_ms=1712345678000)
        host.run(1000)
    timed = [line for line in host.order if line.ts is not None and line.ms is not None]
    offsets = [round((line.ts or 0) * 1000) - (line.ms or 0) for line in timed]
    assert len(timed) >= 9
    assert max(offsets) == min(offsets)
    assert abs(offsets[0] - (1712345678000 - 500)) <= 25


def test_a_person_without_checksums_is_understood() -> None:
    with stepped() as uno:
        uno.run(100)
        uno.say(b'{"cmd":"ping","seq":7}\r\n')
        assert b'{"ack":7,"result":"ok"' in uno.run(100)


def test_once_the_host_uses_checksums_a_line_without_one_is_refused() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(100)
        host.command("ping")
        uno.say(b'{"cmd":"ping","seq":77}\n')
        host.run(300)
    assert 77 not in {reply.ack for reply in host.replies}


def test_a_line_without_end_is_dropped_and_the_next_one_heard() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(100)
        for _ in range(20):
            uno.say(b"x" * 100)
            host.run(20)
        uno.say(b"\n")
        assert host.command("ping").result == "ok"


def test_the_deepest_json_does_not_reach_the_end_of_the_stack() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(200)
        uno.say(b'{"cmd":"ping","x":' + b"[" * 50 + b"]" * 50 + b',"seq":1}\n')
        host.run(100)
        assert host.command("ping").result == "ok"
        assert uno.counts["boots"] == 1


def test_nobody_reading_the_port_does_not_hold_the_board_up() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(100)
        uno.hang_up()
        uno.ask(run_ms=2000)
        counts = uno.counts
        uno.plug()
        host.decoder.reset()
        host.run(300)
        missed = host.missing()
        host.command("hello")
        host.run(500)
    assert counts["unread"] > 1000
    assert counts["samples"] >= 19
    assert len(missed) >= 18
    assert host.missing() == []


@pytest.mark.parametrize("setting", ["-DPOWERMON_BUZZER_HZ=2000", "-DPOWERMON_SHUNT_MICRO_OHM=15000", "-DPOWERMON_AVERAGE=0"])
def test_other_settings_build_without_warnings_and_measure(setting: str, tmp_path: Path) -> None:
    make(f"OUT={tmp_path}", f"DEFINES={setting}", directory="firmware")
    with stepped(elf=tmp_path / "powermon.elf") as uno:
        host = Host(uno)
        host.run(500)
        host.command("buzzer", on_ms=50)
        host.run(200)
        counts = uno.counts
    assert {line.status for line in host.order} == {"ok"}
    assert counts["buzzer_changes"] >= 2
