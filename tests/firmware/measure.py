"""What the firmware costs and what it can do, measured on the simulated Uno: the tables of firmware/README.md.

python -m tests.firmware.measure
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from services.wire import decoders as p
from tests.firmware.uno import ROOT, Host, Uno, make, stepped

BAUDS = (9600, 57600, 115200, 250000, 500000, 1000000)
SLOW_INTERVAL_MS = 500  # that even 9600 baud can carry
ENOUGH_LINES = 60  # of the 96 that the ring holds


@dataclass
class Rate:
    baud: int
    shortest_ms: int
    per_s: float
    again_per_s: float
    missing: int
    awake: float


def build(baud: int) -> Path:
    """The firmware for another line speed."""
    out = ROOT / f"build/firmware/baud-{baud}"
    make(f"BAUD={baud}", f"OUT={out}", f"DEFINES=-DPOWERMON_INTERVAL_MS={SLOW_INTERVAL_MS}", directory="firmware")
    return out / "powermon.elf"


def shortest_interval(host: Host) -> int:
    """As the board itself says it."""
    found = re.search(r"(\d+)\.\.", host.command("set_interval", value_ms=1).error)
    assert found is not None
    return int(found.group(1))


def live_rate(uno: Uno, host: Host, seconds: int = 5) -> tuple[float, float]:
    """(readings a second, share of the processor's time) while acknowledging once a second."""
    first, before = len(host.order), uno.counts
    for _ in range(seconds):
        host.run(1000)
        host.ack_all()
    after = uno.counts
    awake = after["loop_awake_us"] * after["loops"] - before["loop_awake_us"] * before["loops"]
    return (len(host.order) - first) / seconds, awake / (after["t_us"] - before["t_us"])


def again_rate(uno: Uno, host: Host) -> float:
    """Lines a second when the board sends again all that it holds and measures nothing."""
    host.run(2000)
    host.command("set_interval", value_ms=60000)
    uno.say(p.encode_command("hello", 99, {}))
    before = len(host.order)
    while len(host.order) < before + 2:
        host.run(2)
    first, start = len(host.order), uno.counts["t_us"]
    while len(host.order) < first + ENOUGH_LINES:
        host.run(2)
    elapsed_us: int = uno.counts["t_us"] - start
    return (len(host.order) - first) / elapsed_us * 1e6


def measure(baud: int) -> Rate:
    with stepped("--profile", elf=build(baud)) as uno:
        host = Host(uno)
        host.run(1500)
        shortest = shortest_interval(host)
        assert host.command("set_interval", value_ms=shortest).result == "ok"
        host.run(1000)
        host.ack_all()
        per_s, awake = live_rate(uno, host)
        missing = len(host.missing())
        while len(host.seqs()) < 3 * ENOUGH_LINES:
            host.run(1000)
        return Rate(baud, shortest, per_s, again_rate(uno, host), missing, awake)


def worst_case() -> None:
    """Stack and loop times after everything that a host can say."""
    with stepped("--profile") as uno:
        host = Host(uno)
        host.run(500)
        for line in (ROOT / "tests/golden/host_lines.jsonl").read_text(encoding="utf-8").splitlines():
            found = re.search(r'"line": "((?:[^"\\]|\\.)*)"', line)
            if found:
                uno.say(found.group(1).encode().decode("unicode_escape").encode() + b"\n")
            host.run(50)
        host.command("buzzer", on_ms=5, times=10)
        host.command("set_time", epoch_ms=1712345678125)
        host.command("hello")
        host.nack([1, 2, 3, 4, 5, 6, 7, 8])
        uno.say(b'{"cmd":"ping","x":[[[[[[[[1]]]]]]]],"y":{"a":{"b":{"c":{}}}},"seq":1}\n')
        host.run(2000)
        counts = uno.counts
        print(f"stack {counts['stack']} bytes, loop longest {counts['loop_longest_us']} µs, mean {counts['loop_awake_us']} µs")


def main() -> None:
    make("harness", "firmware")
    print(subprocess.run(["make", "-s", "-C", str(ROOT / "firmware"), "size"], capture_output=True, text=True, check=True).stdout)
    worst_case()
    print("| baud | shortest interval | readings/s | processor | sent again, lines/s | missing |")
    print("|---|---|---|---|---|---|")
    for baud in BAUDS:
        rate = measure(baud)
        print(
            f"| {baud} | {rate.shortest_ms} ms | {rate.per_s:.1f} | {rate.awake:.0%} | {rate.again_per_s:.0f} | {rate.missing} |"
        )


if __name__ == "__main__":
    main()
