"""The simulated board as people start it: real process, real pipe, real pty, real TCP port."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from services.wire import decoders as p
from tests.mock.lab import truth
from tests.mock.serving import LIMIT_S, Listener, mock, rows, run, wait_for

KINDS = ["pty", "tcp"]
FAULTS = ["--drop", "0.1", "--corrupt", "0.1", "--duplicate", "0.1", "--reorder", "0.1", "--delay", "0.1", "--half-line", "0.1"]


@pytest.mark.parametrize("level", ["0", "1"])
@pytest.mark.parametrize("interval", ["0", "2"])
def test_the_same_seed_and_start_give_the_same_bytes(level: str, interval: str) -> None:
    args = ["--level", level, "--interval-ms", interval, "--start-ts", "1712345678.5", "--count", "200", *FAULTS]
    first, second, other = run(*args), run(*args), run(*args, "--seed", "2")
    assert first.stdout == second.stdout != other.stdout
    assert len(first.stdout) > 8_000


def test_count_lines_come_out_and_no_more(tmp_path: Path) -> None:
    done = run("--count", "500", "--interval-ms", "0", "--record", str(tmp_path / "truth"))
    events = p.HostDecoder().feed(done.stdout)
    assert [type(event) for event in events] == [p.Hello] + [p.ReadingLine] * 500
    assert [row["seq"] for row in truth(tmp_path / "truth")] == list(range(500))
    assert (done.returncode, done.stderr) == (0, b"")


def test_level_0_is_the_plain_format() -> None:
    (line,) = run("--count", "1", "--level", "0", "--start-ts", "1712345678.125").stdout.splitlines()
    assert line == b'{"v":5.012,"a":0.1026,"w":0.5142,"ts":1712345678.125,"seq":0,"status":"ok"}'


@pytest.mark.parametrize("scenario", ["normal", "noise", "drop", "spike", "voltage_drop", "error", "reboot"])
def test_every_scenario_runs(scenario: str) -> None:
    done = run("--scenario", scenario, "--count", "300", "--interval-ms", "0", "--start-ts", "1712345678")
    assert done.returncode == 0
    assert len(p.HostDecoder().feed(done.stdout)) > 250


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--drop", "1.5"], 2, "not within 0..1"),
        (["--interval-ms", "fast"], 2, "not a number"),
        (["--interval-ms", "nan"], 2, "not within"),
        (["--first-seq", "4294967296"], 2, "not within"),
        (["--out", "serial"], 2, "stdout, pty"),
        (["--out", "tcp:x"], 2, "no port"),
        (["--scenario", "storm"], 2, "voltage_drop"),
        (["--pattern", "sawtooth"], 2, "spikes"),
        (["--replay", "x.csv", "--pattern", "sine"], 2, "exclude"),
        (["--speed", "2"], 2, "belongs to --replay"),
        (["--replay", "README.md"], 2, "README.md"),
        (["--id", "x" * 33], 2, "printable"),
        (["--nonsense"], 2, "--nonsense"),
        (["--record", "/nowhere/truth"], 1, "/nowhere/truth"),
        (["--out", "pty:/nowhere/board"], 1, "/nowhere"),
        (["--out", "tcp", "--control", "/nowhere/control"], 1, "/nowhere/control"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(args: list[str], code: int, words: str) -> None:
    done = run(*args)
    assert done.returncode == code
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run("--out", f"tcp:{port}")
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_listener_hears_every_reading(kind: str, tmp_path: Path) -> None:
    with mock("--out", kind, "--interval-ms", "1", "--record", str(tmp_path / "truth")) as board, Listener(board.url) as ear:
        ear.say(p.encode_command("hello", 1, {}))
        ear.read_until(lambda: len(set(ear.seqs())) >= 1000)
        assert board.stop() == 0
    measured = {row["seq"]: (row["v"], row["a"], row["w"], row["ms"]) for row in truth(tmp_path / "truth")}
    heard = {reading.seq: (reading.v, reading.a, reading.w, reading.ms) for reading in ear.of(p.ReadingLine)}
    assert heard == {seq: measured[seq] for seq in heard}
    assert sorted(seq for seq in heard if seq is not None) == list(range(len(heard)))
    assert ear.of(p.BadLine) == []


@pytest.mark.parametrize("kind", KINDS)
def test_as_fast_as_it_goes_no_line_is_lost_or_cut(kind: str) -> None:
    with mock("--out", kind, "--interval-ms", "0") as board, Listener(board.url) as ear:
        ear.read_until(lambda: len(ear.events) >= 20_000)
    assert ear.seqs() == list(range(len(ear.seqs())))


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_when_everything_is_acknowledged(kind: str) -> None:
    args = ("--interval-ms", "1", "--count", "50", "--linger", "60", "--boot", "1")
    with mock("--out", kind, *args) as board, Listener(board.url) as ear:
        ear.say(p.encode_command("hello", 1, {}))
        ear.read_until(lambda: len(set(ear.seqs())) == 50)
        ear.say(p.encode_ack(49, 1))
        assert board.process.wait(LIMIT_S) == 0


def test_it_does_not_wait_for_ever_for_the_last_acknowledgement() -> None:
    with mock("--out", "tcp", "--interval-ms", "1", "--count", "5", "--linger", "0.05") as board:
        assert board.process.wait(LIMIT_S) == 0


def test_each_start_is_a_boot_of_its_own() -> None:
    def boot_at(start_ts: str) -> int:
        command = [sys.executable, "-m", "mock", "--count", "1", "--start-ts", start_ts]
        said = subprocess.run(command, capture_output=True, check=True, timeout=LIMIT_S).stdout
        (hello,) = [event for event in p.HostDecoder().feed(said) if isinstance(event, p.Hello)]
        return hello.boot

    assert (boot_at("1712345678"), boot_at("1712345679")) == (1712345678, 1712345679)


@pytest.mark.parametrize("kind", KINDS)
def test_commands_are_obeyed_and_retransmissions_come(kind: str) -> None:
    with mock("--out", kind, "--interval-ms", "20", "--boot", "7", "--buffer", "10") as board, Listener(board.url) as ear:
        ear.read_until(lambda: len(ear.seqs()) > 20)
        newest = ear.of(p.ReadingLine)[-1].seq
        assert newest is not None
        ear.say(p.encode_command("set_interval", 5, {"value_ms": 2}), *p.encode_nack([0, newest], 7))
        ear.read_until(lambda: ear.of(p.Reply) and ear.of(p.Gone) and any(reading.re for reading in ear.of(p.ReadingLine)))
        assert ear.of(p.Reply) == [p.Reply(5, "ok")]
        assert ear.of(p.Gone) == [p.Gone([0], 7)]
        assert [reading.seq for reading in ear.of(p.ReadingLine) if reading.re] == [newest]


@pytest.mark.parametrize("kind", KINDS)
def test_with_nobody_there_it_measures_on_and_offers_what_it_holds(kind: str) -> None:
    with mock("--out", kind, "--interval-ms", "2", "--control", "0", "--buffer", "100") as board:
        wait_for(lambda: board.ask(get="counts")["measured"] > 200)
        with Listener(board.url) as ear:
            ear.say(p.encode_command("hello", 1, {}))
            ear.read_until(lambda: len([reading for reading in ear.of(p.ReadingLine) if reading.re]) >= 50)
            (hello,) = ear.of(p.Hello)
            offered = [reading.seq for reading in ear.of(p.ReadingLine) if reading.re][:50]
            first = offered[0]
            assert first is not None and offered == list(range(first, first + 50))
            assert hello.seq > 200 and hello.seq - first <= 100


@pytest.mark.parametrize("kind", KINDS)
def test_unplugged_it_comes_back_under_the_same_name(kind: str, tmp_path: Path) -> None:
    out = f"pty:{tmp_path / 'board'}" if kind == "pty" else "tcp"
    with mock("--out", out, "--interval-ms", "2", "--control", "0") as board:
        with Listener(board.url) as ear:
            ear.read_until(lambda: len(ear.seqs()) > 20)
            assert board.ask(fault="unplug", value=0.2) == {"ok": True}
            ear.read_to_the_end()

        def replugged() -> bool:
            try:
                with Listener(board.url) as ear:
                    ear.say(p.encode_command("hello", 1, {}))
                    ear.read_until(lambda: len(set(ear.seqs())) > 100)
                    return 0 in ear.seqs()
            except OSError:
                return False

        assert wait_for(replugged)


def test_unplugged_its_link_is_gone(tmp_path: Path) -> None:
    link = tmp_path / "board"
    with mock("--out", f"pty:{link}", "--control", "0") as board:
        assert link.is_symlink()
        board.ask(fault="unplug", value=60)
        assert not link.is_symlink()
    with mock("--out", f"pty:{link}") as board:
        assert board.stop() == 0
        assert not link.is_symlink()


def test_a_link_that_is_a_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "board").write_text("precious")
    done = run("--out", f"pty:{tmp_path / 'board'}")
    assert done.returncode == 1 and b"no symbolic link" in done.stderr
    assert (tmp_path / "board").read_text() == "precious"


def test_the_newest_tcp_client_is_the_listener() -> None:
    with mock("--out", "tcp", "--interval-ms", "2") as board, Listener(board.url) as old:
        old.read_until(lambda: len(old.seqs()) > 5)
        with Listener(board.url) as new:
            new.read_until(lambda: len(new.seqs()) > 5)
            old.read_to_the_end()


def test_a_new_listener_of_a_pty_gets_no_leftovers() -> None:
    with mock("--out", "pty", "--interval-ms", "2", "--control", "0") as board:
        with Listener(board.url) as first:
            first.read_until(lambda: len(first.seqs()) > 5)
            start = board.ask(get="counts")["measured"]
            wait_for(lambda: board.ask(get="counts")["measured"] > start + 10)
        wait_for(lambda: not board.ask(get="counts")["connected"])
        here = board.ask(get="counts")["measured"]
        with Listener(board.url) as second:
            second.read_until(lambda: second.seqs())
            assert (second.seqs()[0] or 0) >= here


@pytest.mark.parametrize("kind", KINDS)
def test_at_level_0_what_nobody_heard_is_in_the_record(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "truth"
    with mock("--out", kind, "--level", "0", "--interval-ms", "2", "--record", str(path), "--control", "0") as board:
        wait_for(lambda: board.ask(get="counts")["measured"] > 20)
        with Listener(board.url) as ear:
            ear.read_until(lambda: len(ear.seqs()) > 20)
            assert board.stop() == 0
            ear.read_to_the_end()
    unheard = [row["seq"] for row in truth(path, "fault") if row["fault"] == "unheard"]
    first = ear.seqs()[0]
    assert first is not None
    assert unheard[: first - 1] == list(range(first - 1))


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_code_0_and_a_whole_record(sign: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "truth"
    with mock("--out", "tcp", "--interval-ms", "2", "--record", str(path), "--control", "0") as board:
        wait_for(lambda: board.ask(get="counts")["measured"] > 20)
        least = board.ask(get="counts")["measured"]
        board.process.send_signal(sign)
        assert board.process.wait(LIMIT_S) == 0
    assert len([row for row in rows(path) if row["kind"] == "reading"]) >= least


def test_the_record_is_written_while_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "truth"
    with mock("--out", "tcp", "--interval-ms", "2", "--record", str(path)):
        wait_for(lambda: path.exists() and path.read_text().count("reading") > 50)


def test_a_signal_ends_it_although_nobody_reads_its_pipe() -> None:
    with subprocess.Popen([sys.executable, "-m", "mock", "--interval-ms", "0"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read(1)
        process.terminate()
        assert process.wait(LIMIT_S) == 0


def test_it_ends_when_its_pipe_is_closed() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "mock", "--interval-ms", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.read(1)
        process.stdout.close()
        assert process.wait(LIMIT_S) == 0
        assert process.stderr.read() == b""


def test_it_ends_with_the_program_that_started_it() -> None:
    with mock("--out", "tcp", "--until-stdin-closes") as board:
        assert board.process.stdin
        board.process.stdin.close()
        assert board.process.wait(LIMIT_S) == 0
        board.process.stdin = None


def test_a_replay_says_so_and_ends_with_the_recording(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("t,V,A\n0,5,0.1\n0.01,5,0.2\n0.02,5,0.3\nend\n")
    done = run("--replay", str(tmp_path / "r.csv"), "--interval-ms", "10")
    events = p.HostDecoder().feed(done.stdout)
    assert isinstance(events[0], p.Hello)
    assert (events[0].id, events[0].replay) == ("replay", True)
    assert [(event.a, event.ms) for event in events if isinstance(event, p.ReadingLine)] == [(0.1, 0), (0.2, 10), (0.3, 20)]
    assert done.stderr.decode().startswith("1 lines of")


def test_a_silent_board_is_connected_and_says_nothing() -> None:
    with mock("--out", "tcp", "--interval-ms", "2", "--control", "0") as board, Listener(board.url) as ear:
        ear.read_until(lambda: len(ear.seqs()) > 5)
        board.ask(fault="silence", value=0.3)
        ear.read_until(lambda: len(ear.seqs()) > 200)
        numbers = [seq for seq in ear.seqs() if seq is not None]
        assert max(b - a for a, b in itertools.pairwise(numbers)) > 50


def test_the_control_channel_switches_and_refuses(tmp_path: Path) -> None:
    with mock("--out", "pty", "--control", "0", "--interval-ms", "2", "--boot", "1") as board:
        assert board.ask(fault="drop", value=0.5) == {"ok": True}
        assert board.ask(get="faults")["faults"] == {"drop": 0.5}
        assert board.ask(fault="drop", value=0) == {"ok": True}
        assert board.ask(get="faults")["faults"] == {}
        assert board.ask(fault="reboot") == {"ok": True}
        assert board.ask(get="counts")["boot"] == 2
        for request in ({"fault": "storm"}, {"fault": "drop", "value": 2}, {"fault": "drop", "value": "x"}, {"a": 1}):
            answer = board.ask(**request)
            assert not answer["ok"] and answer["error"]


def test_the_control_channel_survives_nonsense() -> None:
    with mock("--out", "pty", "--control", "0") as board:
        host, _, port = board.control.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=LIMIT_S) as connection:
            connection.sendall(b"\xff\xfe\n[1]\n" + b"[" * 3000 + b"\n")
            file = connection.makefile("rb")
            assert all(b'"ok": false' in file.readline() for _ in range(3))
            with contextlib.suppress(ConnectionError):  # it hangs up on who never ends a line
                connection.sendall(b"x" * 50_000)
                assert file.readline() == b""
            file.close()
        assert board.ask(get="counts")["ok"]


def test_the_control_channel_may_be_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with mock("--out", "pty", "--control", str(path)) as board:
        assert board.control == str(path)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.fspath(path))
            connection.sendall(b'{"get":"counts"}\n')
            assert b'"measured"' in connection.recv(4096)
        assert board.stop() == 0
    assert not path.exists()
