"""What the binary costs: it must fit, with room to spare."""

from __future__ import annotations

import re
import subprocess
import time

from services.wire import decoders as p
from tests.firmware.uno import ROOT, Host, Uno, stepped

RAM = 2048
SPARE = 64  # bytes that the stack has never touched, for interrupts at the worst moment
RECEIVE_BUFFER_MS = 64 * 10 / 115.2  # how long the core's receive buffer lasts


def sizes() -> tuple[int, int]:
    said = subprocess.run(["make", "-s", "-C", str(ROOT / "firmware"), "size"], capture_output=True, text=True, check=True).stdout
    flash, ram = re.findall(r"(\d+) of", said)
    return int(flash), int(ram)


def say_everything(host: Host) -> None:
    """The work that takes most stack and most time: long requests, deep JSON, all replies, everything offered."""
    host.run(1500)
    lines = [
        b'{"nack":[100001,100002,100003,100004,100005,100006,100007,100008],"boot":17}',
        b'{"cmd":"ping","x":[[[[[[[[1]]]]]]]],"seq":1}',
        b'{"cmd":"ping","y":{"a":{"b":{"c":["\\u0041",1.5e3,{}]}}},"seq":2}',
        b'{"cmd":"set_time","epoch_ms":1712345678125,"seq":3}',
        b'{"cmd":"buzzer","on_ms":5001,"times":11,"seq":4}',
        b'{"cmd":"set_interval","value_ms":1,"seq":5}',
        b'{"cmd":"hello","seq":6}',
    ]
    for line in lines:
        host.uno.say(line + b"\n")
        host.run(60)
    host.command("buzzer", on_ms=5, times=10)
    host.nack([1, 2, 3, 4, 5, 6, 7, 8])
    host.run(2000)


def test_flash_and_static_ram_fit() -> None:
    flash, ram = sizes()
    assert flash <= 20_000
    assert ram <= 1_700


def test_the_stack_never_meets_the_variables() -> None:
    with stepped() as uno:
        say_everything(Host(uno))
        used = uno.counts["stack"]
    assert sizes()[1] + used + SPARE <= RAM


def test_no_turn_of_the_loop_outlasts_the_receive_buffer() -> None:
    """In simulated time, so no matter how fast this machine is."""
    with stepped("--profile") as uno:
        host = Host(uno)
        say_everything(host)
        longest_us = uno.counts["loop_longest_us"]
        assert uno.counts["overrun"] == 0
    assert longest_us / 1000 < RECEIVE_BUFFER_MS


def test_no_delay_no_string_no_heap_in_the_binary() -> None:
    elf = str(ROOT / "build/firmware/powermon.elf")
    symbols = subprocess.run(["avr-nm", "--demangle", elf], capture_output=True, text=True, check=True).stdout
    names = {line.split(" ", 2)[2] for line in symbols.splitlines()}
    assert "setup" in {name.split("(")[0] for name in names}
    assert not {"malloc", "free", "delay", "operator new(unsigned int)", "dtoa_prf", "vfprintf"} & names
    assert not any(name.startswith("String::") for name in names)


def test_the_line_is_full_while_readings_are_sent_again() -> None:
    with stepped() as uno:
        host = Host(uno)
        host.run(9000)
        host.command("set_interval", value_ms=60_000)
        uno.say(p.encode_command("hello", 99, {}))
        host.run(40)
        before = uno.counts
        host.run(300)
        after = uno.counts
    bytes_per_s = (after["bytes_to_host"] - before["bytes_to_host"]) / (after["t_us"] - before["t_us"]) * 1e6
    assert bytes_per_s > 0.95 * 11_520


def test_the_simulation_can_be_held_to_real_time() -> None:
    uno = Uno()
    try:
        said = b""
        deadline = time.monotonic() + 20
        while said.count(b'{"v":') < 3 and time.monotonic() < deadline:
            said += uno.read()
            uno.ask(run_ms=0)
        assert said.count(b'{"v":') >= 3
        assert uno.stop() == 0
    finally:
        uno.close()
