"""`make bench`: how fast, as ratios against a named baseline measured in the same run.

The short form takes about two minutes; `--full` takes the full histories, minutes instead of seconds and more runs.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
from playwright.sync_api import Browser

from tests.load import history_cases, ingest_cases, live_cases, running_cases
from tests.load.generate import generate
from tests.load.measuring import Row, table
from tests.load.rig import chromium

HOURS = 48.0
NAMES = {10.0: "1.7 M readings", 500.0: "86.4 M readings"}


class Plan(msgspec.Struct, frozen=True):
    """How much of everything."""

    runs: int
    readings: int
    seconds: float
    sustained_s: float
    rate: int = 10_000
    long_rate: float = 10.0  # readings per second of the longest history
    export_rate: float = 10.0
    export_runs: int = 1
    page_runs: int = 2  # of what opens pages: each takes seconds
    settle_s: float = 1.5  # how long the live window fills before it is measured
    warm: int = 1  # starts that are not counted
    memory: tuple[int, int] = (100_000, 1_000_000)  # readings played, after which memory is compared
    flood: tuple[int, int] = (100_000, 1_000_000)  # the same at full speed
    hours: float = HOURS


SHORT = Plan(runs=3, readings=50_000, seconds=2.0, sustained_s=20.0, memory=(100_000, 800_000), flood=(100_000, 300_000))
FULL = Plan(
    runs=7,
    readings=200_000,
    seconds=20.0,
    sustained_s=300.0,
    long_rate=500.0,
    export_rate=100.0,
    export_runs=3,
    page_runs=5,
    settle_s=60.0,
)


class Bench:
    """Folders, histories that are made once, and one browser for all cases that want it."""

    def __init__(self, folder: Path, histories: Path, plan: Plan, stack: ExitStack) -> None:
        self.plan = plan
        self._folder = folder
        self._histories = histories
        self._stack = stack
        self._browser: Browser | None = None

    def new(self, name: str) -> Path:
        """An empty folder."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._folder))

    def history(self, rate: float) -> Path:
        """A database of 48 hours at that rate. One that exists is used as it is: its end may lie in the past."""
        file = self._histories / f"{rate:g}.db"
        if not file.exists():
            unfinished = self.new("generate") / file.name
            generate(unfinished, rate, self.plan.hours)
            unfinished.rename(file)
        return file

    @property
    def browser(self) -> Browser:
        if self._browser is None:
            self._browser = self._stack.enter_context(chromium())
        return self._browser


def _ingest(case: str) -> Callable[[Bench], Iterator[Row]]:
    return lambda bench: ingest_cases.cases(bench.new(case), bench.plan.runs, bench.plan.readings, {case})


def _sustained(bench: Bench) -> Iterator[Row]:
    return running_cases.sustained(bench.new("S2"), bench.browser, bench.plan.sustained_s, bench.plan.rate)


def _views(bench: Bench) -> Iterator[Row]:
    plan = bench.plan
    large = bench.history(plan.long_rate) if plan.long_rate != 10.0 else None
    return history_cases.view_cases(bench.history(10.0), large, plan.runs)


def _export(bench: Bench) -> Iterator[Row]:
    return history_cases.export_cases(bench.history(bench.plan.export_rate), bench.new("S5"), bench.plan.export_runs)


def _start(bench: Bench) -> Iterator[Row]:
    plan = bench.plan
    name = NAMES.get(plan.long_rate, "a history")
    return live_cases.starting(bench.new("S7"), bench.browser, bench.history(plan.long_rate), name, plan.page_runs, plan.warm)


def _one_tab(bench: Bench) -> Iterator[Row]:
    plan = bench.plan
    return live_cases.one_tab(bench.new("S8"), bench.browser, plan.seconds, plan.page_runs, plan.settle_s)


def _tabs(bench: Bench) -> Iterator[Row]:
    return running_cases.tabs(bench.new("S9"), bench.browser, bench.plan.seconds, max(1, bench.plan.page_runs - 1))


def _on_screen(bench: Bench) -> Iterator[Row]:
    return live_cases.on_screen(bench.new("S10"), bench.browser, 3 * bench.plan.seconds)


def _memory(bench: Bench) -> Iterator[Row]:
    yield running_cases.memory_at_full_speed(bench.new("S11"), *bench.plan.flood)
    yield from running_cases.memory_played(bench.new("S11"), *bench.plan.memory, rate=100)


def _gestures(bench: Bench) -> Iterator[Row]:
    plan = bench.plan
    return live_cases.gestures(bench.new("S12"), bench.browser, bench.history(10.0), 4 * plan.page_runs)


def _first_paint(bench: Bench) -> Iterator[Row]:
    return live_cases.first_paint(bench.new("S13"), bench.browser, bench.plan.page_runs + 2)


CASES: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "S1": _ingest("S1"),
    "S2": _sustained,
    "S3": _ingest("S3"),
    "S4": _views,
    "S5": _export,
    "S6": _ingest("S6"),
    "S7": _start,
    "S8": _one_tab,
    "S9": _tabs,
    "S10": _on_screen,
    "S11": _memory,
    "S12": _gestures,
    "S13": _first_paint,
}


def run(bench: Bench, wanted: list[str]) -> Iterator[Row]:
    """Every case that is wanted, as it is measured. One that fails says so and costs the others nothing."""
    for case in wanted:
        began = time.monotonic()
        try:
            yield from CASES[case](bench)
        except Exception as error:  # noqa: BLE001  # half an hour of figures must not be lost with one of them
            traceback.print_exc()
            yield Row(case, "failed", "", None, note=str(error).partition("\n")[0])
        print(f"{case} took {time.monotonic() - began:.0f} s", file=sys.stderr)


def write(rows: list[Row], machine: str) -> Path:
    """The figures as JSON, for comparing."""
    file = Path(f"bench-{time.strftime('%Y%m%d-%H%M%S')}.json")
    found = {"machine": machine, "rows": [msgspec.structs.asdict(row) for row in rows]}
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False))
    return file


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--full", action="store_true", help="86.4 M readings, 5 minutes at 10 000/s, more runs; about half an hour"
    )
    parser.add_argument("--only", default=",".join(CASES), metavar="S1,S4", help="these cases")
    parser.add_argument(
        "--database-folder", type=Path, metavar="DIR", help="keep generated histories here, use them again (4 GB for --full)"
    )
    options = parser.parse_args(words)
    options.only = options.only.upper().split(",")
    unknown = [case for case in options.only if case not in CASES]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; the cases are {', '.join(CASES)}")
    return options


def main(words: list[str] | None = None) -> int:
    options = parse(words)
    began, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        histories = options.database_folder or Path(name)
        histories.mkdir(parents=True, exist_ok=True)
        bench = Bench(Path(name), histories, FULL if options.full else SHORT, stack)
        for row in run(bench, options.only):
            rows.append(row)
            print(f"{row.case} {row.what}: {row.figure} {row.unit}", file=sys.stderr)
    print(table(rows))
    load = f"load {os.getloadavg()[0]:.1f}, {time.monotonic() - began:.0f} s"
    machine = f"{os.cpu_count()} processors, {load}; Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"
    print(machine)
    print(f"written to {write(rows, machine)}")
    return 1 if any(row.what == "failed" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
