"""S2, S9, S11: the real program at high rates, with many tabs, and after many readings."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
from playwright.sync_api import Browser

from tests.load.measuring import Row, cpu_share, memory_mb, of_pairs, pause, percentile, process_cpu_s, spread
from tests.load.pulling import Pulling, Pulls
from tests.load.rig import LIMIT_S, NAME, attached, live_page
from tests.mock.serving import wait_for
from tests.system.running import ROOT, Program

SAMPLE_S = 0.2
WARM_S = 0.7
LEAST_RATE = 500  # slower than this a run has stopped
BODY_TABS = 19  # beside the one in a real browser


# --- S2


class Sample(msgspec.Struct, frozen=True):
    """How far the program is behind its board, and the disk behind the program."""

    behind_ms: float
    waiting_s: float


class Account(msgspec.Struct, frozen=True):
    """What the database holds of the numbers from `first` to `last`, both of which were sent."""

    first: int
    last: int
    rows: int

    @property
    def lost(self) -> int:
        return self.last - self.first + 1 - self.rows


def account(database: Path, first: int, last: int) -> Account:
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT count(DISTINCT seq) FROM power_log WHERE device = ? AND seq BETWEEN ? AND ?"
        return Account(first, last, connection.execute(query, (NAME, first, last)).fetchone()[0])


def newest(running: Program) -> int:
    """The newest reading's number."""
    reading = running.latest()["reading"]
    return -1 if reading is None else int(reading["seq"])


def sample(running: Program, rate: float) -> Sample:
    latest, health = running.latest(), running.json("/api/health")
    return Sample(time.time() * 1e3 - latest["reading"]["ts"] * 1e3, health["storage"]["queued"] / rate)


def watch(running: Program, seconds: float, rate: float) -> list[Sample]:
    """Looks again and again for so long, once at least."""
    samples: list[Sample] = []
    until_s = time.monotonic() + seconds
    while not samples or time.monotonic() < until_s:
        samples.append(sample(running, rate))
        pause(SAMPLE_S)
    return samples


def sustained(folder: Path, browser: Browser, seconds: float, rate: int) -> Iterator[Row]:
    """The full speed of a native USB line, once the page is open. What was measured before anybody listened is not counted."""
    with attached(folder, "--interval-ms", str(1000 / rate), "--control", "0") as (running, source):
        page, pids = live_page(browser, running.address), (running.process.pid, source.process.pid)
        first, began_s, before = newest(running), time.monotonic(), [process_cpu_s(pid) for pid in pids]
        samples = watch(running, seconds, rate)
        took_s = time.monotonic() - began_s
        shares = [(process_cpu_s(pid) - used) / took_s * 100 for pid, used in zip(pids, before, strict=True)]
        latency = running.json("/api/health")["latency_ms"]["p95"]
        last = source.ask(get="counts")["next_seq"] - 1
        wait_for(lambda: newest(running) >= last and not running.counts()["missing"], LIMIT_S)
        page.close()
        source.stop()
        running.stop()
    found = account(folder / "powermon.db", first, last)
    note = f"{found.rows} stored in {took_s:.0f} s; server {shares[0]:.0f} % and board {shares[1]:.0f} % of a core"
    yield Row("S2", f"lost of {rate} readings/s, page open", "0", float(found.lost), "", note=note)
    yield from _sustained_rows(samples, latency)


def _sustained_rows(samples: list[Sample], latency_ms: float) -> Iterator[Row]:
    behind, waiting = [each.behind_ms for each in samples], [each.waiting_s for each in samples]
    note = f"most {max(behind):.0f} ms, {len(samples)} looks; a clump's way through the program, p95: {latency_ms:.1f} ms"
    yield Row("S2", "the newest reading is this old: p95", "≤ 250", round(percentile(behind, 0.95), 1), "ms", note=note)
    yield Row("S2", "readings accepted and not on disk: most", "≤ 2", round(max(waiting), 2), "s")


# --- S9


def tabs(folder: Path, browser: Browser, seconds: float, runs: int, count: int = BODY_TABS) -> Iterator[Row]:
    """One tab in a real browser and loops that tick as its clock does in another process, against one such loop."""
    many, one = [], []
    with attached(folder, "--interval-ms", "10") as (running, _):
        for _ in range(runs):
            page = live_page(browser, running.address)
            many.append(_pulled(running, count, seconds))
            page.close()
            one.append(_pulled(running, 1, seconds))
        counts = running.counts()
    p95s, alone = ([percentile(seen.times_ms, 0.95) for seen, _ in found] for found in (many, one))
    cpu = [(with_all, with_one) for (_, with_all), (_, with_one) in zip(many, one, strict=True)]
    note = f"one loop alone: {min(alone):.1f}–{max(alone):.1f} ms; lost or missing: {counts['lost'] + counts['missing']}"
    yield spread("S9", f"a tick, {count} loops and a real tab, 100 readings/s: p95", "≤ 50", p95s, "ms", note)
    yield spread("S9", f"server with {count + 1} tabs", "≤ 12", [each for each, _ in cpu], "% of a core")
    yield of_pairs("S9", f"server with {count + 1} tabs / with one (CPU)", f"< {count + 1}", cpu, "% of a core")


def _pulled(running: Program, count: int, seconds: float) -> tuple[Pulls, float]:
    """What the loops saw, and the server's share of a core meanwhile."""
    pulling = Pulling(running.address, count, seconds + 2 * WARM_S)
    pause(WARM_S)
    share = cpu_share(running.process.pid, seconds)
    return pulling.result(), share


# --- S11


def memory_at_full_speed(folder: Path, first: int, last: int) -> Row:
    """As fast as the line takes it: the five minutes that the window keeps are not over, so it may still fill."""
    with attached(folder, "--interval-ms", "0", "--count", str(last + first), "--linger", "30") as (running, _):
        pid, found = running.process.pid, []
        for count in (first, last):
            wait_for(lambda due=count: running.counts()["received"] >= due, 60 + count / LEAST_RATE)  # type: ignore[misc]
            found.append(memory_mb(pid))
        lost = running.counts()["lost"]
    note = f"{found[1]:.0f} MB against {found[0]:.0f} MB; the window of 5 minutes still fills; lost: {lost}"
    return Row(
        "S11", f"server's memory after {last} readings / {first}, full speed", "–", round(found[1] / found[0], 3), note=note
    )


def memory_played(folder: Path, first: int, last: int, rate: int) -> Iterator[Row]:
    """The same with a clock that shows the hours in which so many readings come."""
    file = folder / "soak.json"
    command = [
        sys.executable,
        "-m",
        "tests.load.soak",
        "--readings",
        str(last),
        "--rate",
        str(rate),
        "--steps",
        str(last // first),
    ]
    # Its exit code says whether anything grew; that is what is measured here.
    subprocess.run([*command, "--json", str(file), "--folder", str(folder)], cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    report = json.loads(file.read_text())
    steps = report["steps"]
    late, played = steps[-1], f"{last / rate / 3600:.1f} h played, lost: {report['lost']}"
    for early in (steps[0], steps[len(steps) // 2]):
        figures = f"{late['memory_mb']:.0f} MB against {early['memory_mb']:.0f} MB; {played}"
        what = f"memory after {late['readings']} readings / {early['readings']}, at {rate}/s"
        yield Row("S11", what, "0.95–1.05", round(late["memory_mb"] / early["memory_mb"], 3), note=figures)
