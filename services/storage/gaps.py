"""Gaps in the file: numbers of one fate each. What is written later replaces what it covers."""

from __future__ import annotations

from collections.abc import Iterable

from services.analysis.ranges import Ranges, part_of
from services.model import Gap, GapState
from services.storage.database import Connection

_IN = "INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?)"
# No two gaps of a run overlap, so that of those that begin before `first` only the last can reach beyond it.
_UNDER = """SELECT first, last, device_id, t0_us, t1_us, state FROM gaps
    WHERE run_id = :run_id AND first <= :last AND last >= :first
    AND first >= coalesce((SELECT max(first) FROM gaps WHERE run_id = :run_id AND first <= :first), :first)"""


def of_boots(gaps: Iterable[Gap]) -> dict[int, Ranges[Gap]]:
    """What is left of gaps that replace each other in their order, by boot."""
    boots: dict[int, Ranges[Gap]] = {}
    for gap in gaps:
        boots.setdefault(gap.boot, Ranges()).put(gap.first, gap.last, gap)
    return boots


def write(conn: Connection, device_id: int, run_id: int, gaps: Ranges[Gap]) -> None:
    """Put them over what is stored of the run."""
    for first, last, gap in gaps:
        _clear(conn, run_id, first, last)
        if gap.state is not GapState.BEFORE:
            _insert(conn, device_id, run_id, part_of(gap, first, last))


def _clear(conn: Connection, run_id: int, first: int, last: int) -> None:
    """Nothing of first … last is left; what reaches beyond is cut."""
    for *numbers, device_id, t0_us, t1_us, state in conn.execute(
        _UNDER, {"run_id": run_id, "first": first, "last": last}
    ).fetchall():
        known = Gap("", 0, numbers[0], numbers[1], t0_us, t1_us, GapState(state))
        conn.execute("DELETE FROM gaps WHERE run_id = ? AND first = ?", (run_id, known.first))
        for low, high in ((known.first, min(known.last, first - 1)), (max(known.first, last + 1), known.last)):
            if low <= high:
                _insert(conn, device_id, run_id, part_of(known, low, high))


def _insert(conn: Connection, device_id: int, run_id: int, gap: Gap) -> None:
    conn.execute(_IN, (run_id, int(gap.first), int(gap.last), device_id, int(gap.t0_us), int(gap.t1_us), str(gap.state)))
