"""What the database knows beside the readings: gaps, events, refused lines, counts, and where a boot stood."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from services.analysis.ranges import Ranges, part_of
from services.model import I64, Counts, Event, EventKind, Gap, GapState, Identity, Reason, Rejected, Restored, StoredRun
from services.storage.database import Connection
from services.storage.history import Scope, Total
from services.storage.rows import Run, runs_between
from services.storage.schema import BUCKET_BITS, BUCKET_MASK, MINUTE_US, SEQ_BITS, SEQ_MASK

RUNS = 16  # boots that a restart may go on with
GAPS_BACK = 1_000  # of each of them: gaps of which something may still come
_GAP = "d.name, r.boot, g.first, g.last, g.t0_us, g.t1_us, g.state"
_GAPS = f"SELECT {_GAP} FROM gaps AS g JOIN runs AS r USING (run_id) JOIN devices AS d ON d.device_id = g.device_id"  # noqa: S608
_TOUCHING = "g.device_id = ? AND g.t0_us > ? AND g.t0_us < ? AND g.t1_us >= ?"
_GAPS_BETWEEN = " ".join((_GAPS, "WHERE", _TOUCHING, "ORDER BY g.t0_us DESC LIMIT ?"))
_HOLES = " ".join(
    (
        "SELECT g.t0_us, g.t1_us, g.last - g.first + 1, g.state = 'lost' FROM gaps AS g WHERE",
        _TOUCHING,
        "AND g.state <> 'recovered'",
    )
)
_GAPS_OPEN = " ".join((_GAPS, "WHERE g.run_id = ? AND g.state = 'open' ORDER BY g.first"))
_GAPS_LOST = " ".join((_GAPS, "WHERE g.run_id = ? AND g.state = 'lost' ORDER BY g.first DESC LIMIT ?"))
_NEWEST_RUNS = """SELECT run_id, boot, board_id, wire_boot, last_ms, last_us FROM runs WHERE device_id = ?
    ORDER BY run_id DESC LIMIT ?"""
_GAP_IN = "INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?)"
# No two gaps of a run overlap, so that of those that begin before `first` only the last can reach beyond it.
_GAPS_UNDER = """SELECT first, last, device_id, t0_us, t1_us, state FROM gaps
    WHERE run_id = :run_id AND first <= :last AND last >= :first
    AND first >= coalesce((SELECT max(first) FROM gaps WHERE run_id = :run_id AND first <= :first), :first)"""


def devices(conn: Connection) -> list[str]:
    """Names of all devices of which anything was recorded."""
    found = conn.execute("SELECT name FROM devices WHERE device_id IN (SELECT device_id FROM runs) ORDER BY name")
    return [row[0] for row in found]


def extent(conn: Connection, where: Scope) -> tuple[int, int] | None:
    """Where the device's history begins (exact to the run's disorder; older rollups count) and the time of its newest reading."""
    base = where.device_id << BUCKET_BITS
    low, high = base | where.compact_us // MINUTE_US, base + (1 << BUCKET_BITS)
    first = conn.execute("SELECT min(id) FROM rollup_60s WHERE id >= ? AND id < ?", (low, high)).fetchone()[0]
    last = conn.execute("SELECT max(last_us) FROM runs WHERE device_id = ?", (where.device_id,)).fetchone()[0]
    if first is None or last is None:
        return None
    minute_us = (first & BUCKET_MASK) * MINUTE_US
    if minute_us < where.horizon_us:
        return minute_us, last
    runs = runs_between(conn, where.device_id, minute_us, minute_us + MINUTE_US)
    times = [_first_time(conn, run, minute_us) for run in runs]
    return min((time for time in times if time is not None), default=minute_us), last


def _first_time(conn: Connection, run: Run, from_us: int) -> int | None:
    row = conn.execute(
        "SELECT time_us FROM readings WHERE id >= ? AND id < ? AND time_us >= ? ORDER BY id LIMIT 1",
        (run.first_id, run.end_id, from_us - run.t0_us),
    ).fetchone()
    return None if row is None else int(row[0]) + run.t0_us


# --- gaps: numbers of one fate each; no two of a run overlap


def gaps_by_boot(gaps: Iterable[Gap]) -> dict[int, Ranges[Gap]]:
    """What is left of gaps that replace each other in their order, by boot."""
    boots: dict[int, Ranges[Gap]] = {}
    for gap in gaps:
        boots.setdefault(gap.boot, Ranges()).put(gap.first, gap.last, gap)
    return boots


def write_gaps(conn: Connection, device_id: int, run_id: int, gaps: Ranges[Gap]) -> None:
    """Put them over what is stored of the run: what is written later replaces what it covers."""
    for first, last, gap in gaps:
        _clear_gaps(conn, run_id, first, last)
        if gap.state is not GapState.BEFORE:
            _insert_gap(conn, device_id, run_id, part_of(gap, first, last))


def _clear_gaps(conn: Connection, run_id: int, first: int, last: int) -> None:
    """Nothing of first … last is left; what reaches beyond is cut."""
    for *numbers, device_id, t0_us, t1_us, state in conn.execute(
        _GAPS_UNDER, {"run_id": run_id, "first": first, "last": last}
    ).fetchall():
        known = Gap("", 0, numbers[0], numbers[1], t0_us, t1_us, GapState(state))
        conn.execute("DELETE FROM gaps WHERE run_id = ? AND first = ?", (run_id, known.first))
        for low, high in ((known.first, min(known.last, first - 1)), (max(known.first, last + 1), known.last)):
            if low <= high:
                _insert_gap(conn, device_id, run_id, part_of(known, low, high))


def _insert_gap(conn: Connection, device_id: int, run_id: int, gap: Gap) -> None:
    conn.execute(_GAP_IN, (run_id, int(gap.first), int(gap.last), device_id, int(gap.t0_us), int(gap.t1_us), str(gap.state)))


# --- what there is of a span


def gaps(conn: Connection, where: Scope, t0_us: int, t1_us: int, limit: int) -> list[Gap]:
    """Gaps that touch [t0, t1), ascending in time; the newest `limit`."""
    found = conn.execute(_GAPS_BETWEEN, (*_touching(conn, where, t0_us, t1_us), limit)).fetchall()
    return [_gap(row) for row in reversed(found)]


def _touching(conn: Connection, where: Scope, t0_us: int, t1_us: int) -> tuple[int, int, int, int]:
    """Values for _TOUCHING: no gap is longer than the longest, so none that began before that is of interest."""
    longest = conn.execute("SELECT longest_gap_us FROM devices WHERE device_id = ?", (where.device_id,)).fetchone()[0]
    return where.device_id, t0_us - longest - 1, t1_us, t0_us


def _gap(row: tuple[Any, ...]) -> Gap:
    device, boot, first, last, t0_us, t1_us, state = row
    return Gap(device, boot, first, last, t0_us, t1_us, GapState(state))


def counts(conn: Connection, where: Scope, t0_us: int, t1_us: int, found: Total) -> Counts:
    """The account of [t0, t1): readings from their total, the rest from gaps and tallies.

    A gap that reaches beyond the span counts with the share of its time that lies inside; shares of neighbouring spans
    add up to the whole. Tallies count by the second in which they begin.
    """
    marked, *kinds = found.marked.tolist()
    received, recovered, late = (int(found.added[at]) + more for at, more in zip((0, 8, 9), (marked, *kinds), strict=True))
    missing, lost = _not_there(conn, where, t0_us, t1_us)
    tallies = dict(
        conn.execute(
            "SELECT kind, sum(count) FROM tallies WHERE device_id = ? AND second_us >= ? AND second_us < ? GROUP BY kind",
            (where.device_id, -(-t0_us // 1_000_000) * 1_000_000, t1_us),
        )
    )
    reasons = {str(reason): tallies[reason] for reason in Reason if reason in tallies}
    beside = {name: tallies.get(name, 0) for name in ("rejected", "duplicates", "bad_lines", "corrupt", "unaccounted")}
    return Counts(
        received=received, marked=marked, recovered=recovered, late=late, missing=missing, lost=lost, reasons=reasons, **beside
    )


def _not_there(conn: Connection, where: Scope, t0_us: int, t1_us: int) -> tuple[int, int]:
    values = _touching(conn, where, t0_us, t1_us)
    table: I64 = np.array(conn.execute(_HOLES, values).fetchall(), np.int64).reshape(-1, 4)
    begin, end, number, lost = table.T
    return _inside(begin, end, number * (1 - lost), t0_us, t1_us), _inside(begin, end, number * lost, t0_us, t1_us)


def _inside(begin: I64, end: I64, number: I64, t0_us: int, t1_us: int) -> int:
    """How many of `number` things, spread evenly over [begin, end), lie in [t0, t1)."""
    span = np.maximum(end - begin, 1)

    def before(time_us: int) -> I64:
        share = np.clip((time_us - begin) / span, 0.0, 1.0)
        whole: I64 = np.rint(number * share).astype(np.int64)
        return whole

    return int((before(t1_us) - before(t0_us)).sum())


# --- events and refused lines


def events(conn: Connection, device: str | None, t0_us: int, t1_us: int, limit: int) -> list[Event]:
    """Events with time in [t0, t1), newest first; with a device also those that concern all."""
    rows = conn.execute(
        """SELECT device, time_us, kind, text, data, id FROM events
        WHERE time_us >= ?1 AND time_us < ?2 AND (?3 IS NULL OR device IN (?3, '')) ORDER BY time_us DESC, id DESC LIMIT ?4""",
        (t0_us, t1_us, device, limit),
    )
    return [Event(row[0], row[1], EventKind(row[2]), row[3], msgspec.json.decode(row[4]), row[5]) for row in rows]


def rejected(conn: Connection, device: str | None, limit: int) -> list[Rejected]:
    """Lines that were not accepted, newest first."""
    rows = conn.execute(
        """SELECT d.name, r.time_us, r.reason, r.line, r.detail, r.boot, r.seq
        FROM rejected_lines AS r JOIN devices AS d USING (device_id)
        WHERE ?1 IS NULL OR d.name = ?1 ORDER BY r.id DESC LIMIT ?2""",
        (device, limit),
    )
    return [Rejected(row[0], row[1], Reason(row[2]), *row[3:]) for row in rows]


# --- going on after a restart


def restored(conn: Connection, where: Scope) -> Restored:
    """Where the device's newest boots stood."""
    runs = conn.execute(_NEWEST_RUNS, (where.device_id, RUNS)).fetchall()
    highest = conn.execute("SELECT highest_boot FROM devices WHERE device_id = ?", (where.device_id,)).fetchone()[0]
    return Restored(tuple(_stored_run(conn, *run) for run in runs), highest)


_EXTENT = """SELECT
    (SELECT min(id) FROM readings WHERE id BETWEEN :low AND :high),
    (SELECT max(id) FROM readings WHERE id BETWEEN :low AND :high),
    (SELECT max(id) FROM rejected_seqs WHERE id BETWEEN :low AND :high), (SELECT max(last) FROM gaps WHERE run_id = :run_id)"""


def _stored_run(
    conn: Connection, run_id: int, boot: int, board_id: str, wire_boot: int | None, last_ms: int | None, last_us: int
) -> StoredRun:
    low, high = run_id << SEQ_BITS, run_id << SEQ_BITS | SEQ_MASK
    lowest, *last = conn.execute(_EXTENT, {"low": low, "high": high, "run_id": run_id}).fetchone()
    lost = conn.execute(_GAPS_LOST, (run_id, GAPS_BACK)).fetchall()
    found = sorted([*conn.execute(_GAPS_OPEN, (run_id,)), *lost], key=lambda row: int(row[2]))
    return StoredRun(
        boot,
        Identity(board_id, wire_boot, last_ms),
        max((seq & SEQ_MASK for seq in last if seq is not None), default=-1),
        last_us,
        None if lowest is None else lowest & SEQ_MASK,
        tuple(map(_gap, found)),
    )
