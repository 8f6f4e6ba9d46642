"""How the benchmark measures: processor time, ratios over alternating runs, what a process takes."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Row(msgspec.Struct):
    """One line of the table. `figure`: a ratio, or what `unit` says; least and most over the runs where there are several."""

    case: str
    what: str
    aim: str
    figure: float | None
    unit: str = "×"
    least: float | None = None
    most: float | None = None
    runs: int = 1
    note: str = ""


def cpu_s(work: Callable[[], object]) -> float:
    """Processor seconds of this process, all threads."""
    before = time.process_time()
    work()
    return time.process_time() - before


def wall_s(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def ratio(
    case: str, what: str, aim: str, ours: Callable[[], float], base: Callable[[], float], runs: int, unit: str = "s"
) -> Row:
    """ours / base, each pair measured one after the other."""
    return of_pairs(case, what, aim, [(ours(), base()) for _ in range(runs)], unit)


def of_pairs(case: str, what: str, aim: str, pairs: Sequence[tuple[float, float]], unit: str = "s") -> Row:
    """The ratio of each pair (ours, baseline): the median with the least and the most."""
    ratios = sorted(mine / max(other, 1e-9) for mine, other in pairs)
    mine, other = (statistics.median(values) for values in zip(*pairs, strict=True))
    note = f"{mine:.4g} {unit} against {other:.4g} {unit}"
    return Row(
        case, what, aim, round(statistics.median(ratios), 3), "×", round(ratios[0], 3), round(ratios[-1], 3), len(pairs), note
    )


def spread(case: str, what: str, aim: str, values: Sequence[float], unit: str, note: str = "") -> Row:
    """The median of several measurements of one thing."""
    least, most, median = min(values), max(values), statistics.median(values)
    return Row(case, what, aim, short(median), unit, short(least), short(most), len(values), note)


def short(value: float) -> float:
    """Three digits: no measurement here knows more."""
    return float(f"{value:.3g}")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def process_cpu_s(pid: int) -> float:
    """Processor seconds that a process has used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid: int) -> float:
    """Resident memory of a process without what it has mapped from files (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def cpu_share(pid: int, seconds: float) -> float:
    """Percent of one core that a process uses during the next seconds."""
    before, began = process_cpu_s(pid), time.monotonic()
    pause(seconds)
    return (process_cpu_s(pid) - before) / (time.monotonic() - began) * 100


def pause(seconds: float) -> None:
    """A span over which something is measured."""
    time.sleep(seconds)


def table(rows: Sequence[Row]) -> str:
    """For the terminal."""
    cells = [("case", "what", "figure", "least", "most", "aim"), *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = []
    for line, note in zip(cells, ["", *(row.note for row in rows)], strict=True):
        fitted = [
            text.ljust(width) if column in (0, 1, 5) else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(fitted).rstrip())
        if note:
            lines.append(f"{'':{widths[0] + 4}}{note}")
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    figure = "not run" if row.figure is None else f"{row.figure:g} {row.unit}"
    least, most = ("" if value is None else f"{value:g}" for value in (row.least, row.most))
    return row.case, row.what, figure, least, most, row.aim
