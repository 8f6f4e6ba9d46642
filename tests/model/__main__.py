"""`python -m tests.model --examples 20000 [--seed N]`: many benches; each broken promise with its shortest story."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import PowermonMachine
from tests.model.replay import Story, play, promise_of, shortest

BATCH = 100  # hypothesis remembers what it has tried: a new run now and then is faster


class Findings:
    """The first few stories of each broken promise, the shortest of them to be told."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()
        self.best: dict[str, tuple[Story, str]] = {}

    def take(self, story: Story, broken: str) -> None:
        name = promise_of(broken)
        self.times[name] += 1
        if name not in self.best or len(story.moves) < len(self.best[name][0].moves):
            self.best[name] = (story, broken)


def run(examples: int, seed: int, skip: tuple[str, ...], moves: int) -> Findings:
    """Every example to its end; nothing is raised."""
    findings = Findings()

    class Machine(PowermonMachine):
        pass

    Machine.skip, Machine.found = skip, findings.take
    for batch in range(-(-examples // BATCH)):
        count = min(BATCH, examples - batch * BATCH)
        quiet = settings(
            max_examples=count, stateful_step_count=moves, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        try:
            run_state_machine_as_test(seeded(seed * 1_000_000 + batch)(Machine), settings=quiet)
        except KeyboardInterrupt:
            print("stopped by hand", file=sys.stderr)
            break
        print(f"{batch * BATCH + count} examples, {sum(findings.times.values())} broken", file=sys.stderr, flush=True)
    return findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--moves", type=int, default=20)
    parser.add_argument("--skip", default="", help="names of promises that are not looked at, with commas")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    skip = tuple(name for name in options.skip.split(",") if name)
    began_s = time.monotonic()
    findings = run(options.examples, options.seed, skip, options.moves)
    print(f"{options.examples} examples, seed {options.seed}, {time.monotonic() - began_s:.0f} s")
    for name, times in findings.times.most_common():
        story, broken = findings.best[name]
        least = shortest(story, broken, skip)
        print(f"\n{times} × {play(least, skip)}\n{least}")
    return 1 if findings.times else 0


if __name__ == "__main__":
    sys.exit(main())
