"""The simulated board's core: ring, acknowledgement, retransmission, reboot, rollover, schedule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock.board import RESEND_AT_ONCE, RESEND_PER_S
from mock.commands import MIN_INTERVAL_MS
from mock.sensor import RANGE
from services.wire import decoders as p
from tests.mock.lab import START_US, Bench, readings, seqs, truth

REPLIES = [json.loads(line) for line in (Path(__file__).parents[1] / "golden" / "replies.jsonl").read_text("utf-8").splitlines()]


def test_it_says_hello_when_it_starts() -> None:
    (hello,) = Bench(boot=17, buffer=48, id="bench-1", first_seq=5).events()
    assert hello == p.Hello(1, "mock-1.0", "bench-1", 17, 100.0, 48, 5, oldest=5, range=RANGE)


def test_a_board_of_level_0_says_nothing_but_readings() -> None:
    (reading,) = Bench(level=0).run()
    assert isinstance(reading, p.ReadingLine)
    assert (reading.ts, reading.ms, reading.crc) == (START_US / 1e6, None, None)


def test_readings_keep_a_fixed_schedule_however_late_it_is_looked_at() -> None:
    bench = Bench()
    events = [event for ms in (0, 130, 5, 700, 65, 100) for event in bench.run(ms)]
    assert [reading.ms for reading in readings(events)] == list(range(0, 1001, 100))


def test_fractions_of_a_millisecond_do_not_drift() -> None:
    bench = Bench(interval_us=300)
    assert [reading.ms for reading in readings(bench.run(3))] == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_the_record_says_what_was_measured(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "truth", boot=3)
    sent = readings(bench.run(500))
    bench.record.close()
    rows = truth(tmp_path / "truth")
    assert [(row["seq"], row["ms"], row["v"], row["a"], row["w"], row["status"]) for row in rows] == [
        (reading.seq, reading.ms, reading.v, reading.a, reading.w, "ok") for reading in sent
    ]
    assert [row["t_us"] for row in rows] == [START_US + i * 100_000 for i in range(6)]
    assert {row["boot"] for row in rows} == {3}


def test_values_survive_integer_micro_units() -> None:
    for reading in readings(Bench(interval_us=100).run(50)):
        for value in (reading.v, reading.a, reading.w):
            assert value is not None and round(value * 1e6) / 1e6 == value


def test_an_ack_frees_the_ring_up_to_its_number() -> None:
    bench = Bench(boot=7)
    bench.run(900)
    assert bench.board.unacknowledged == 10
    bench.say(p.encode_ack(6, 7))
    assert bench.board.unacknowledged == 3
    assert isinstance(bench.say(*p.encode_nack([6], 7))[0], p.Gone)


@pytest.mark.parametrize(("seq", "boot"), [(5, 6), (5, 8), (10, 7), (2**31, 7), (2**32 - 1, 7)])
def test_an_ack_of_another_boot_or_of_the_future_frees_nothing(seq: int, boot: int) -> None:
    bench = Bench(boot=7)
    bench.run(900)
    bench.say(p.encode_ack(seq, boot))
    assert bench.board.unacknowledged == 10


def test_an_old_ack_does_no_harm() -> None:
    bench = Bench()
    bench.run(900)
    bench.say(p.encode_ack(8, 1), p.encode_ack(3, 1))
    assert bench.board.unacknowledged == 1


def test_a_nack_brings_the_same_reading_again() -> None:
    bench = Bench()
    sent = {reading.seq: reading for reading in readings(bench.run(900))}
    bench.say(*p.encode_nack([3, 5], 1))
    again = readings(bench.run(50))
    assert [reading.seq for reading in again] == [3, 5]
    for reading in again:
        assert reading.seq is not None
        original = sent[reading.seq]
        assert (reading.v, reading.a, reading.w, reading.ms, reading.re) == (original.v, original.a, original.w, original.ms, 1)


def test_what_is_no_longer_held_is_gone() -> None:
    bench = Bench(buffer=4)
    bench.run(900)
    answer = bench.say(*p.encode_nack([2, 5, 6, 9], 1))
    assert answer == [p.Gone([2, 5], 1)]
    assert seqs(bench.run(50), re=1) == [6, 9]


@pytest.mark.parametrize("seq", [10, 5_000_000, 2**31 + 5, 2**32 - 1])
def test_what_was_never_measured_is_gone(seq: int) -> None:
    bench = Bench()
    bench.run(900)
    assert bench.say(*p.encode_nack([seq], 1)) == [p.Gone([seq], 1)]


def test_an_older_boot_is_gone() -> None:
    bench = Bench(boot=7)
    bench.run(900)
    assert bench.say(*p.encode_nack([1, 2], 6)) == [p.Gone([1, 2], 6)]


def test_asked_twice_it_is_sent_once() -> None:
    bench = Bench()
    bench.run(900)
    bench.say(*p.encode_nack([3], 1), *p.encode_nack([3], 1))
    assert seqs(bench.run(50), re=1) == [3]


def test_without_ack_the_oldest_reading_is_overwritten(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "truth", buffer=4)
    bench.run(900)
    bench.record.close()
    assert bench.board.unacknowledged == 4
    assert bench.board.counts["overwritten"] == 6
    assert [row["seq"] for row in truth(tmp_path / "truth", "overwritten")] == list(range(6))


def test_hello_offers_what_is_held_oldest_first_beside_live_readings() -> None:
    bench = Bench()
    bench.run(900)
    bench.say(p.encode_ack(3, 1))
    answer = bench.say(p.encode_command("hello", 9, {}))
    assert [type(event) for event in answer] == [p.Reply, p.Hello]
    events = bench.run(100)
    assert seqs(events, re=0) == [10]
    assert seqs(events, re=1) == [4, 5, 6, 7, 8, 9]


def test_what_is_acknowledged_meanwhile_is_not_offered_any_more() -> None:
    bench = Bench()
    bench.run(900)
    bench.say(p.encode_command("hello", 9, {}), p.encode_ack(8, 1))
    assert seqs(bench.run(50), re=1) == [9]


def test_a_nack_goes_before_the_offer() -> None:
    bench = Bench(interval_us=1000)
    bench.run(999)
    bench.say(p.encode_command("hello", 9, {}), *p.encode_nack([700], 1))
    assert seqs(bench.run(5), re=1)[:3] == [700, 0, 1]


def test_retransmission_is_paced_by_the_clock_and_by_live_readings() -> None:
    bench = Bench(interval_us=1000)
    bench.run(3999)
    bench.say(p.encode_command("hello", 9, {}))
    for _ in range(20):
        events = bench.run(10)
        assert len(seqs(events, re=1)) <= len(seqs(events, re=0)) + RESEND_AT_ONCE


def test_a_full_ring_is_offered_within_seconds() -> None:
    bench = Bench(interval_us=100_000, buffer=4096)
    bench.now_us += 409_500_000
    while bench.board.next_seq < 4096:
        bench.board.run(bench.board.next_due_us)
    bench.events()
    bench.say(p.encode_command("hello", 9, {}))
    offered = [seq for _ in range(4096 * 1000 // RESEND_PER_S // 50 + 10) for seq in seqs(bench.run(50), re=1)]
    assert offered[:4000] == list(range(4000))
    assert len(offered) >= 4096 - 50


def test_a_new_listener_has_to_ask() -> None:
    bench = Bench()
    bench.run(900)
    bench.say(p.encode_command("hello", 9, {}))
    bench.board.listener_changed()
    assert seqs(bench.run(50), re=1) == []


def test_numbers_and_uptime_roll_over() -> None:
    bench = Bench(first_seq=2**32 - 3, first_ms=2**32 - 150)
    sent = readings(bench.run(500))
    assert [reading.seq for reading in sent] == [2**32 - 3, 2**32 - 2, 2**32 - 1, 0, 1, 2]
    assert [reading.ms for reading in sent] == [2**32 - 150, 2**32 - 50, 50, 150, 250, 350]


def test_ack_and_nack_work_across_the_rollover() -> None:
    bench = Bench(first_seq=2**32 - 3)
    bench.run(500)
    bench.say(*p.encode_nack([2**32 - 1, 0], 1))
    assert seqs(bench.run(50), re=1) == [2**32 - 1, 0]
    bench.say(p.encode_ack(1, 1))
    assert bench.board.unacknowledged == 1


def test_a_reboot_forgets_everything_but_the_boot_counter() -> None:
    bench = Bench(boot=7, first_seq=1000)
    bench.run(900)
    bench.say(p.encode_command("set_interval", 1, {"value_ms": 500}))
    bench.board.reboot(bench.now_us)
    cut, hello = bench.events()
    assert isinstance(cut, p.BadLine)
    assert hello == p.Hello(1, "mock-1.0", "mock", 8, 100.0, 4096, 0, oldest=0, range=RANGE)
    assert [(reading.seq, reading.ms) for reading in readings(bench.run(100))] == [(0, 0), (1, 100)]
    assert bench.say(*p.encode_nack([1005], 7)) == [p.Gone([1005], 7)]


def test_set_interval_takes_effect_at_once() -> None:
    bench = Bench(interval_us=60_000_000)
    bench.run()
    bench.say(p.encode_command("set_interval", 1, {"value_ms": 20}))
    assert [reading.ms for reading in readings(bench.run(60))] == [20, 40, 60]


def test_set_time_gives_the_board_a_wall_clock() -> None:
    bench = Bench()
    assert readings(bench.run())[0].ts is None
    bench.say(p.encode_command("set_time", 1, {"epoch_ms": 1_800_000_000_000}))
    assert readings(bench.run(100))[0].ts == 1_800_000_000.1


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in REPLIES])
def test_golden_replies(row: dict[str, str]) -> None:
    bench = Bench()
    bench.board.take()
    for event in bench.ear.feed(row["line"].encode() + b"\n"):
        bench.board.hear(event, bench.now_us)
    due = row["reply"].encode()
    if b"{min}" in due:
        due = p.seal(due.replace(b"{min}", str(MIN_INTERVAL_MS).encode()))
    assert bench.board.take()[0].line == due + b"\n"


def test_a_board_of_level_0_obeys_set_interval_only() -> None:
    bench = Bench(level=0)
    bench.run()
    assert bench.say(p.encode_command("set_interval", 4, {"value_ms": 1}, crc=False)) == [
        p.Reply(4, "error", "value_ms must be 2..60000")
    ]
    assert bench.say(p.encode_command("set_interval", 5, {"value_ms": 500}, crc=False)) == [p.Reply(5, "ok")]
    assert bench.say(p.encode_command("buzzer", 6, {"on_ms": 5}, crc=False)) == [p.Reply(6, "error", "unknown command")]
    assert bench.say(p.encode_ack(0, 1, crc=False), *p.encode_nack([0], 1, crc=False)) == []


def test_commands_are_in_the_record(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "truth")
    bench.say(p.encode_command("buzzer", 6, {"on_ms": 5}), p.encode_ack(0, 1))
    bench.record.close()
    (row,) = truth(tmp_path / "truth", "command")
    assert (row["cmd"], row["seq"], row["args"], row["result"]) == ("buzzer", 6, {"on_ms": 5}, "ok")
    assert truth(tmp_path / "truth", "ack") == [{"kind": "ack", "boot": 1, "ack": 0, "t_us": START_US}]


def test_lines_it_cannot_read_are_counted_and_not_answered() -> None:
    bench = Bench()
    bench.events()
    assert bench.say(b"what?\n", b'{"cmd":"ping"}\n') == []
    assert bench.board.counts["bad_lines"] == 2


def test_a_wild_jump_is_one_line_and_the_ring_knows_better() -> None:
    bench = Bench()
    bench.run(200)
    bench.board.wild_jump(5_000_000)
    assert seqs(bench.run(200)) == [5_000_003, 4]
    bench.say(*p.encode_nack([3], 1))
    assert seqs(bench.run(50)) == [3]


def test_a_clock_jump_moves_uptime_and_not_the_schedule() -> None:
    bench = Bench()
    bench.run(200)
    bench.board.clock_jump(10)
    assert [reading.ms for reading in readings(bench.run(200))] == [10_300, 10_400]


def test_a_fast_clock_measures_more_often() -> None:
    bench = Bench(interval_us=1000)
    bench.board.drift(bench.now_us, 100_000)
    sent = readings(bench.run(1000))
    assert len(sent) == 1101
    assert sent[-1].ms == 1100


def test_a_process_that_was_stopped_does_not_measure_the_past() -> None:
    bench = Bench(interval_us=1000)
    bench.run(10)
    late = readings(bench.run(3_600_000))
    assert len(late) == 1
    assert (late[0].seq, late[0].ms) == (11, 3_600_010)


def test_a_flood_spreads_its_readings_over_the_time_since_the_last() -> None:
    bench = Bench(interval_us=0)
    bench.now_us += 100_000
    bench.board.flood(bench.now_us, 4)
    bench.board.flood(bench.now_us, 1)
    assert [reading.ms for reading in readings(bench.events())] == [25, 50, 75, 100, 100]


HOST_LINES = st.one_of(
    st.builds(p.encode_ack, st.integers(0, 60), st.just(1)),
    st.lists(st.integers(0, 60), min_size=1, max_size=5).map(lambda found: p.encode_nack(found, 1)[0]),
    st.just(p.encode_command("hello", 1, {})),
)


@given(st.lists(st.tuples(st.integers(0, 900), HOST_LINES), max_size=12), st.integers(1, 40))
def test_whatever_the_host_says_the_ring_holds_the_newest_unacknowledged(talk: list[tuple[int, bytes]], buffer: int) -> None:
    bench = Bench(buffer=buffer)
    measured = {reading.seq: reading for reading in readings(bench.run())}
    acknowledged = -1
    for ms, line in talk:
        for reading in readings(bench.run(ms)):
            original = measured.setdefault(reading.seq, reading)
            assert (original.v, original.a, original.ms) == (reading.v, reading.a, reading.ms)
        newest = bench.board.next_seq - 1
        bench.say(line)
        said: Any = p.BoardDecoder().feed(line)[0]
        if isinstance(said, p.Ack) and said.ack <= newest:
            acknowledged = max(acknowledged, said.ack)
        assert bench.board.unacknowledged == min(newest - acknowledged, buffer)
    assert sorted(seq for seq in measured if seq is not None) == list(range(bench.board.next_seq))
