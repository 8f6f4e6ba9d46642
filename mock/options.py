"""The command line of the simulated board."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from mock.panel import CHANCES
from mock.patterns import PATTERNS
from mock.scenarios import SCENARIOS
from services.wire.messages import MAX_TEXT, UINT32

EPILOG = """examples:
  python -m mock                                            lines on standard output
  python -m mock --out pty:/tmp/board --scenario spike      a port that any program can open
  python -m mock --out tcp:5555 --drop 0.05 --control 0     lossy, with faults to switch while it runs
  python -m mock --replay data/samples/usb-tester.csv --out tcp --speed 10
"""


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Exits with code 2 and a sentence for anything that makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m mock",
        description="A simulated board: speaks the wire of the real one, its faults included.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_what(parser)
    _add_wire(parser)
    _add_faults(parser)
    _add_run(parser)
    options = parser.parse_args(argv)
    _check(parser, options)
    return options


def _add_what(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is measured")
    group.add_argument("--scenario", choices=SCENARIOS, default="normal")
    group.add_argument("--pattern", choices=PATTERNS, help="default: the scenario's")
    pace = "100, or what a bridge needs; 0: as fast as it goes"
    group.add_argument("--interval-ms", type=_number(0, 3_600_000), metavar="N", help=pace)
    group.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed gives the same lines")
    group.add_argument("--count", type=_whole(1), metavar="N", help="stop after so many readings")
    group.add_argument("--replay", type=Path, metavar="FILE.csv", help="readings of a recording instead of a pattern")
    group.add_argument("--speed", type=_number(1e-3, 1e6), default=1.0, metavar="X", help="of the replay")
    group.add_argument("--voltage", type=_number(-1000, 1000), metavar="V", help="for a recording of the current alone")


def _add_wire(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it is sent")
    group.add_argument("--out", type=_output, default=("stdout", ""), metavar="stdout|pty[:LINK]|tcp[:PORT]")
    group.add_argument("--level", type=int, choices=(0, 1), help="wire level (1, or 0 with a bridge); 0: the plain format")
    group.add_argument("--bridge-lines", type=_whole(2, 1000), metavar="N", help="a radio bridge delivers N lines at once (4)")
    group.add_argument("--bridge-ms", type=_number(1, 60_000), metavar="N", help="and waits this long for them (60)")
    group.add_argument("--buffer", type=_whole(1, 10_000_000), default=4096, metavar="N", help="readings kept until acknowledged")
    group.add_argument("--boot", type=_whole(0, UINT32), metavar="N", help="first boot (default: another at each start)")
    group.add_argument("--first-seq", type=_whole(0, UINT32), default=0, metavar="N")
    group.add_argument("--first-ms", type=_whole(0, UINT32), default=0, metavar="N")
    group.add_argument("--id", type=_name, metavar="NAME", help="the board's name (default mock, or replay)")
    group.add_argument("--start-ts", type=_number(1e9, 1e11), metavar="S", help="its clock starts at this Unix time")


def _add_faults(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("faults (chance per line, 0..1)")
    for name in CHANCES:
        group.add_argument(f"--{name.replace('_', '-')}", type=_number(0, 1), metavar="P")
    group.add_argument("--delay-ms", type=_number(0.001, 60_000), metavar="N", help="how long a delayed line is held (200)")
    group.add_argument("--burst-ms", type=_number(0.001, 60_000), metavar="N", help="how long lines gather for a burst (400)")
    group.add_argument("--drift-ppm", type=_whole(-500_000, 500_000), default=0, metavar="N", help="the board's clock is fast")
    group.add_argument("--reboot-every", type=_number(0.01, 1e6), metavar="S", help="seconds between reboots")


def _add_run(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("running it")
    group.add_argument("--record", type=Path, metavar="FILE", help="the truth as JSON lines")
    group.add_argument("--control", type=_control, metavar="PORT|PATH", help="switch faults while it runs; 0: a free port")
    group.add_argument("--linger", type=_number(0, 3600), metavar="S", help="stay so long after the last reading (0, or 5)")
    group.add_argument("--until-stdin-closes", action="store_true", help="end together with the program that started it")


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.replay and options.pattern:
        parser.error("--replay and --pattern exclude each other")
    if options.voltage is not None and not options.replay:
        parser.error("--voltage belongs to --replay")
    if options.speed != 1.0 and not options.replay:
        parser.error("--speed belongs to --replay")
    if options.out[0] == "pty" and os.name != "posix":
        parser.error("this system has no pseudo-terminals; use --out tcp")
    if options.linger is None:
        options.linger = 0.0 if options.out[0] == "stdout" else 5.0
    if options.bridge_lines or options.bridge_ms:
        options.bridge_lines, options.bridge_ms = options.bridge_lines or 4, options.bridge_ms or 60.0
    if options.level is None:
        options.level = 0 if options.bridge_lines else 1
    if options.interval_ms is None:
        options.interval_ms = options.bridge_ms / options.bridge_lines if options.bridge_lines else 100.0
    if options.id is None:
        options.id = "replay" if options.replay else "mock"


def _number(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not (math.isfinite(value) and low <= value <= high):
            raise argparse.ArgumentTypeError(f"{text} is not within {low:g}..{high:g}")
        return value

    return convert


def _whole(low: int, high: int = 2**63) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not within {low}..{high}")
        return value

    return convert


def _name(text: str) -> str:
    if not (0 < len(text) <= MAX_TEXT and text.isprintable()):
        raise argparse.ArgumentTypeError(f"a name has 1 to {MAX_TEXT} printable characters")
    return text


def _control(text: str) -> str:
    if text.isdigit() and int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is no port (0..65535)")
    return text


def _output(text: str) -> tuple[str, str]:
    """(kind, link or port)."""
    kind, _, rest = text.partition(":")
    if kind not in ("stdout", "pty", "tcp") or (kind == "stdout" and rest):
        raise argparse.ArgumentTypeError(f"{text!r} is none of stdout, pty, pty:LINK, tcp, tcp:PORT")
    if kind == "tcp" and rest and not (rest.isdigit() and int(rest) <= 65_535):
        raise argparse.ArgumentTypeError(f"{rest!r} is no port (0..65535)")
    return kind, rest
