"""`python -m mock`: puts the parts together and runs them."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from mock.board import Board, BoardConfig
from mock.bridge import Bridge
from mock.control import Control
from mock.faults import WireFaults
from mock.options import parse
from mock.outputs import Output, PtyOutput, StdoutOutput, TcpOutput
from mock.panel import CHANCES
from mock.patterns import PATTERNS
from mock.record import Record
from mock.replay import ReplayError, ReplaySource
from mock.runner import Runner
from mock.scenarios import SCENARIOS
from mock.sensor import PatternSource, Sensor, Source

BOOT_US = 1_000_000  # a start has the second it began in for its boot number
VIRTUAL_STEP_US = 100  # as fast as it goes, with --start-ts: what the clock shows between two readings


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 after its work or a signal, 1 when a port or file cannot be used, 2 for bad options or recordings."""
    options = parse(argv)
    try:
        source = _source(options)
    except ReplayError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        return _run(options, source)
    except BrokenPipeError:  # `… | head`
        return 0
    except OSError as error:
        where = error.filename2 or error.filename or "output"
        print(f"python -m mock: {where}: {error.strerror or error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, source: Source) -> int:
    record = Record(options.record)
    output = _output(*options.out)
    try:
        runner = _runner(options, source, output, record)
        _stop_on_signals(runner, options.until_stdin_closes)
        if output.url:
            print(f"url={output.url}", file=sys.stderr, flush=True)
        if options.control is not None:
            runner.control = Control(options.control, runner.request)
            print(f"control={runner.control.address}", file=sys.stderr, flush=True)
        runner.run()
        if runner.control:
            runner.control.close()
        if isinstance(source, ReplaySource) and source.skipped:
            print(f"{source.skipped} lines of {options.replay} hold no reading", file=sys.stderr)
    finally:
        output.close()
        record.close()
    return 0


def _source(options: argparse.Namespace) -> Source:
    if options.replay:
        return ReplaySource(options.replay, options.speed, options.voltage)
    pattern = options.pattern or SCENARIOS[options.scenario].pattern
    return PatternSource(PATTERNS[pattern](Random(f"{options.seed} {pattern}")))


def _output(kind: str, rest: str) -> Output:
    if kind == "pty":
        return PtyOutput(Path(rest) if rest else None)
    if kind == "tcp":
        return TcpOutput(int(rest or 0))
    return StdoutOutput()


def _runner(options: argparse.Namespace, source: Source, output: Output, record: Record) -> Runner:
    clock = _clock(options.start_ts)
    start_us = clock()
    interval_us = round(options.interval_ms * 1000)
    if isinstance(source, ReplaySource) and interval_us:
        interval_us = source.interval_us or interval_us
    paced = not (options.start_ts is not None and interval_us == 0)
    config = BoardConfig(
        level=options.level,
        interval_us=interval_us if paced else VIRTUAL_STEP_US,
        buffer=options.buffer,
        boot=start_us // BOOT_US % 2**32 if options.boot is None else options.boot,
        first_seq=options.first_seq,
        first_ms=options.first_ms,
        id=options.id,
        replay=options.replay is not None,
        stamps=options.bridge_lines is None,
    )
    board = Board(config, Sensor(source, options.seed), record, start_us)
    runner = Runner(
        board,
        WireFaults(options.seed, options.level, record),
        output,
        record,
        clock,
        paced=paced,
        count=options.count,
        linger_s=options.linger,
        reboot_every_s=options.reboot_every or SCENARIOS[options.scenario].reboot_every_s,
        bridge=_bridge(options),
    )
    _set_faults(runner, options, start_us)
    return runner


def _bridge(options: argparse.Namespace) -> Bridge | None:
    if not options.bridge_lines:
        return None
    return Bridge(options.bridge_lines, round(options.bridge_ms * 1000), options.seed)


def _set_faults(runner: Runner, options: argparse.Namespace, now_us: int) -> None:
    """The scenario's faults, and those of the command line in their place."""
    chosen = {name: getattr(options, name) for name in CHANCES}
    scenario = SCENARIOS[options.scenario].faults
    for name, chance in {**scenario, **{k: v for k, v in chosen.items() if v is not None}}.items():
        runner.panel.apply(name, chance, now_us)
    runner.panel.timing(options.delay_ms, options.burst_ms)
    if options.drift_ppm:
        runner.panel.apply("drift", options.drift_ppm, now_us)


def _clock(start_ts: float | None) -> Callable[[], int]:
    """UTC µs carried by the monotonic clock, from now or from a chosen moment; its first value is exactly that."""
    start_us = time.time_ns() // 1000 if start_ts is None else round(start_ts * 1e6)
    first_ns: list[int] = []

    def now_us() -> int:
        now_ns = time.monotonic_ns()
        if not first_ns:
            first_ns.append(now_ns)
        return start_us + (now_ns - first_ns[0]) // 1000

    return now_us


def _stop_on_signals(runner: Runner, until_stdin_closes: bool) -> None:
    def stop(*_: object) -> None:
        runner.stopping = True

    def wait_for_stdin() -> None:
        sys.stdin.buffer.read()
        stop()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if until_stdin_closes:
        threading.Thread(target=wait_for_stdin, name="stdin", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
