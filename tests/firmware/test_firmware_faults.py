"""The real binary, badly treated: link down, resets, rollovers, bytes lost and flipped. The account must stay true."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from services.wire import decoders as p
from tests.firmware.uno import Host, Uno, stepped

UINT32 = 2**32
MOST_READINGS = 2000  # of a run: whoever has not recovered by then never will


def test_fifteen_seconds_without_a_link_at_two_a_second_lose_nothing(tmp_path: Path) -> None:
    with stepped("--pty", str(tmp_path / "port")) as uno:
        host = Host(uno)
        host.run(90)
        assert host.command("set_interval", value_ms=500).result == "ok"
        host.run(3000)
        host.ack_all()
        host.run(20)
        before = max(host.seqs())
        uno.ask(fault="unplug")
        uno.hang_up()
        uno.ask(run_ms=15_000)
        uno.ask(fault="plug")
        uno.plug()
        host.decoder.reset()
        uno.run(20)  # the rest of a line
        host.command("hello")
        host.run(2000)
    missed = range(before + 1, before + 31)
    assert set(missed) <= host.seqs()
    assert host.missing() == []
    assert not host.gone
    times = [host.readings[host.boot, seq].ms or 0 for seq in range(before, before + 33)]
    assert all(abs(b - a - 500) <= 3 for a, b in pairwise(times))


def test_a_reset_in_the_middle_of_a_line_is_a_new_boot_and_no_gap() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(550)
        first = host.boot
        uno.ask(fault="reset", in_line=1)
        host.run(1000)
        host.nack([2])
        host.run(200)
    assert host.boot == first + 1
    assert len(host.bad) == 1  # the line that was cut, ended by the blank line of the new start
    assert isinstance(host.bad[0], p.BadLine)
    assert host.hellos[-1].seq == 0
    assert host.missing() == []
    assert min(host.seqs()) == 0


def test_power_that_fails_is_a_new_boot_and_the_counter_survives() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(550)
        boots = [host.boot]
        for _ in range(3):
            uno.ask(fault="brown_out", value=0.3)
            host.run(800)
            boots.append(host.boot)
    assert boots == list(range(boots[0], boots[0] + 4))


def test_the_boot_counter_survives_the_harness_too(tmp_path: Path) -> None:
    boots = []
    for _ in range(3):
        with stepped("--eeprom", str(tmp_path / "eeprom")) as uno:
            host = Host(uno)
            host.run(100)
            boots.append(host.boot)
            assert uno.stop() == 0
    assert boots == list(range(boots[0], boots[0] + 3))


def test_an_erased_eeprom_starts_a_new_count() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(100)
        first = host.boot
        uno.ask(fault="reset")
        host.run(100)
        assert host.boot == first + 1
        uno.ask(fault="erase_eeprom")
        uno.ask(fault="reset")
        host.run(100)
        assert host.boot not in (first, first + 1)
        assert host.hellos[-1].seq == 0


def test_nothing_but_a_start_changes_the_boot_number() -> None:
    """Not a cable, not a silent or a hostile host, not a sensor, not a rollover: the numbers go on, and so does the boot."""
    with stepped("--millis", str(UINT32 - 3000), "--seq", str(UINT32 - 20)) as uno:
        host = Host(uno)
        host.run(500)
        for line in (b'{"cmd":"reset_energy","seq":1}\n', b"x" * 300 + b"\n", b'{"cmd":"set_interval","value_ms":50,"seq":2}\n'):
            uno.say(line)
            host.run(50)
        uno.ask(fault="sensor", mode="hang")
        host.run(500)
        uno.ask(fault="sensor", mode="ok")
        uno.ask(fault="unplug")
        uno.hang_up()
        uno.ask(run_ms=3000)
        uno.ask(fault="plug")
        uno.plug()
        host.decoder.reset()
        uno.run(20)
        before = host.hellos[-1]
        assert host.command("hello").result == "ok"
        after = host.hellos[-1]
        assert uno.counts["boots"] == 1
    assert after.boot == before.boot
    assert 0 < (after.seq - before.seq) % UINT32 < 100


def test_opening_the_port_resets_the_board_when_it_is_wired_so() -> None:
    with stepped("--dtr") as uno:
        uno.run(100)
        boots = uno.counts["boots"]
        uno.hang_up()
        uno.ask(run_ms=100)
        uno.plug()
        uno.ask(run_ms=100)
        assert uno.counts["boots"] == boots + 1


def test_uptime_and_numbers_roll_over_without_a_gap() -> None:
    start_ms, start_seq = UINT32 - 1000, UINT32 - 7
    with stepped("--millis", str(start_ms), "--seq", str(start_seq)) as uno:
        host = Host(uno)
        host.run(3050)
        assert host.hellos[0].seq == start_seq
        host.nack([UINT32 - 1, 0])
        host.run(200)
        again = [line.seq for line in host.order if line.re]
        host.ack(3)
        host.run(100)
        host.order.clear()
        host.command("hello")
        host.run(500)
    live = [line for line in host.readings.values() if not line.re]
    assert [line.seq for line in live][:10] == [(start_seq + i) % UINT32 for i in range(10)]
    times = [line.ms or 0 for line in live]
    assert times[0] > times[-1]
    assert all(abs((b - a) % UINT32 - 100) <= 3 for a, b in pairwise(times))
    assert again == [UINT32 - 1, 0]
    assert next(line.seq for line in host.order if line.re) == 4


class Truth:
    """What the board measured, from the harness's record: number → (mV, 0.1 mA)."""

    def __init__(self, path: Path) -> None:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        samples = [row for row in rows if row["kind"] == "sample"]
        self.values = {i: (row["bus"] * 4, row["shunt"]) for i, row in enumerate(samples)}


def recover(host: Host, rounds: int) -> None:
    """Acknowledges what is safe and asks for what is missing, oldest first, a few times."""
    for _ in range(rounds):
        host.ack_all()
        host.nack(host.missing()[:8])
        host.run(400)


def talk(uno: Uno, chance: float, seconds: int) -> Host:
    host = Host(uno)
    host.run(250)
    assert host.command("set_interval", value_ms=100).result == "ok"
    uno.ask(fault="flip", value=chance / 2)
    uno.ask(fault="drop", value=chance / 2)
    for _ in range(seconds):
        host.run(600)
        recover(host, 1)
    uno.ask(fault="flip", value=0)
    uno.ask(fault="drop", value=0)
    while host.missing():
        recover(host, 1)
        assert max(host.seqs()) < MOST_READINGS
    return host


@pytest.mark.parametrize(("chance", "all_recovered"), [(0.002, True), (0.03, False)])
def test_damaged_bytes_both_ways_never_make_a_false_reading(chance: float, all_recovered: bool, tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    with stepped("--record", str(record), "--seed", "11") as uno:
        host = talk(uno, chance, seconds=30)
        assert uno.counts["boots"] == 1
    truth = Truth(record).values
    for (_, seq), line in host.readings.items():
        assert (round(line.v * 1000), round(line.a * 10_000)) == truth[seq]
    assert host.missing() == []  # here, or the board has said that it is gone
    assert host.seqs() | host.gone == set(range(max(host.seqs()) + 1))
    assert host.seqs() & host.gone == set()
    assert len(host.bad) > 10
    if all_recovered:
        assert not host.gone


def test_orders_get_through_a_bad_line() -> None:
    with stepped("--seed", "5") as uno:
        host = Host(uno)
        host.run(250)
        uno.ask(fault="flip", value=0.003)
        replies = [host.command("set_interval", value_ms=value) for value in (200, 150, 120, 100)]
    assert [reply.result for reply in replies] == ["ok"] * 4
