"""Rollup tiers: what the readings of a fixed span of time add up to. Everything in a row is additive (or a min or max),
so readings may come in any order and any number of helpings, and late ones repair nothing.

A tier finer than a minute is written only where its buckets hold several readings (`finest`, chosen per minute and kept
in the minute's row); elsewhere the readings themselves are as quick to read.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np

from services.model import F64, I64, Flag
from services.storage.database import Connection
from services.storage.rows import Rows, rows_between
from services.storage.schema import BUCKET_BITS, MARKED_TIERS, MINUTE_TIER, MINUTE_US, NO_MAX, NO_MIN, TIERS, WIDTHS

WORTH = 8  # a bucket with fewer readings than this is not worth a row
REFINE = 16  # a minute gets a finer tier after it began only when that one's buckets hold this many
TRUSTED = 32  # readings whose mean hold tells the rate

_MARKED = int(Flag.MARKED)
LAST_US = MINUTE_US << 33  # no bucket begins so late: the year 18300

_ADDED = ("n", "hold_us", "v_sum", "v_sq", "a_sum", "a_sq", "w_sum", "w_sq", "recovered", "late")
_COLUMNS = ("id", *_ADDED, *(f"{channel}_{what}" for what in ("min", "max") for channel in "vaw"))
_MERGE = ", ".join(
    [f"{name} = {name} + excluded.{name}" for name in _ADDED]
    + [f"{c}_{what} = {what}({c}_{what}, excluded.{c}_{what})" for what in ("min", "max") for c in "vaw"]
)


def _upsert(name: str, columns: tuple[str, ...]) -> str:
    places = ", ".join("?" * len(columns))
    row = f"({', '.join(columns)}) VALUES ({places})"
    return " ".join(("INSERT INTO", name, row, "ON CONFLICT (id) DO UPDATE SET", _MERGE))


_UPSERTS = tuple(_upsert(name, _COLUMNS + (("finest",) if tier == MINUTE_TIER else ())) for tier, (name, _) in enumerate(TIERS))
_DELETES = tuple(" ".join(("DELETE FROM", name, "WHERE id >= ? AND id < ?")) for name, _ in TIERS)
_UNMARK = tuple(" ".join(("DELETE FROM", name, "WHERE id >= ? AND id < ?")) for name in MARKED_TIERS)
_MARK_COLUMNS = ("n", "recovered", "late", "v_min", "a_min", "w_min", "v_max", "a_max", "w_max")
_MARK_MERGE = ", ".join(
    f"{name} = {name} + excluded.{name}" if "_" not in name else f"{name} = {name[2:]}({name}, excluded.{name})"
    for name in _MARK_COLUMNS
)
_MARK = tuple(
    " ".join(("INSERT INTO", name, "VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET", _MARK_MERGE))
    for name in MARKED_TIERS
)
# A minute's row is there for all of its readings: it says where they are to be looked for.
_MARKED_MINUTE = f"""INSERT INTO rollup_60s (id, {", ".join(_ADDED)}, v_min, a_min, w_min, v_max, a_max, w_max, finest, marked)
    VALUES (?, {", ".join("0" * len(_ADDED))}, {NO_MIN}, {NO_MIN}, {NO_MIN}, {NO_MAX}, {NO_MAX}, {NO_MAX}, ?, ?)
    ON CONFLICT (id) DO UPDATE SET marked = marked + excluded.marked"""  # noqa: S608 - only names and numbers of ours
_FINEST = "SELECT finest FROM rollup_60s WHERE id = ?"


class MarkedSums(msgspec.Struct, frozen=True):
    """Buckets of marked readings, ascending in time: `counts` has rows n, recovered, late; the others one per channel."""

    start_us: I64
    counts: I64
    lows: I64
    highs: I64


class Sums(msgspec.Struct, frozen=True):
    """Buckets as columns, ascending in time: `added` has a row per name in _ADDED, `lows` and `highs` one per channel."""

    start_us: I64
    added: F64
    lows: I64
    highs: I64


def key(device_id: int, time_us: int, tier: int) -> int:
    """The row of a bucket in its tier."""
    return device_id << BUCKET_BITS | time_us // WIDTHS[tier]


def wanted_tier(hold_us: float, worth: int = WORTH) -> int:
    """The finest tier whose buckets hold `worth` readings that come `hold_us` apart."""
    return next((tier for tier, width in enumerate(WIDTHS) if width >= worth * hold_us), MINUTE_TIER)


def sums_of_rows(rows: Rows) -> Sums:
    """Each reading, ascending in time, as a bucket of its own."""
    values = np.stack((rows.v_uv, rows.a_ua, rows.w_uw))
    floats, hold = values.astype(np.float64), rows.hold_us.astype(np.float64)
    weighted = floats * hold
    squares = weighted * floats
    flags = rows.flags
    added = np.stack(
        (np.ones(len(hold)), hold, weighted[0], squares[0], weighted[1], squares[1], weighted[2], squares[2],
         (flags & int(Flag.RECOVERED) != 0).astype(np.float64), (flags & int(Flag.LATE) != 0).astype(np.float64))
    )  # fmt: skip
    return Sums(rows.time_us, added, values, values)


def marked_sums(rows: Rows) -> MarkedSums | None:
    """Each marked reading as a bucket of its own; None without any."""
    if not (rows.flags & _MARKED).any():
        return None
    rows = rows.take(np.flatnonzero(rows.flags & _MARKED))
    values = np.stack((rows.v_uv, rows.a_ua, rows.w_uw))
    kinds = [(rows.flags & int(flag) != 0).astype(np.int64) for flag in (Flag.RECOVERED, Flag.LATE)]
    return MarkedSums(rows.time_us, np.stack((np.ones(len(rows), np.int64), *kinds)), values, values)


def widen_marked(sums: MarkedSums, width_us: int) -> MarkedSums:
    """Merged into buckets of `width_us`, a multiple of the width they have; ascending in time like them."""
    number = sums.start_us // width_us
    starts = np.concatenate(([0], np.flatnonzero(np.diff(number)) + 1))
    return MarkedSums(
        number[starts] * width_us,
        np.add.reduceat(sums.counts, starts, axis=1),
        np.minimum.reduceat(sums.lows, starts, axis=1),
        np.maximum.reduceat(sums.highs, starts, axis=1),
    )


def counting(rows: Rows) -> Rows:
    """Those without a mark, of which sums are made."""
    if not (rows.flags & _MARKED).any():
        return rows
    return rows.take(np.flatnonzero(rows.flags & _MARKED == 0))


def widen(sums: Sums, width_us: int) -> Sums:
    """Merged into buckets of `width_us`, a multiple of the width they have; ascending in time like them."""
    if not len(sums.start_us):
        return sums
    number = sums.start_us // width_us
    starts = np.concatenate(([0], np.flatnonzero(np.diff(number)) + 1))
    return Sums(
        number[starts] * width_us,
        np.add.reduceat(sums.added, starts, axis=1),
        np.minimum.reduceat(sums.lows, starts, axis=1),
        np.maximum.reduceat(sums.highs, starts, axis=1),
    )


def add(conn: Connection, device_id: int, rows: Rows, hold_us: float) -> None:
    """Count readings that were just inserted. `hold_us`: how far apart this board's readings are, as known before."""
    rows = rows.by_time()
    minutes = rows.time_us // MINUTE_US
    borders = np.concatenate(([0], np.flatnonzero(np.diff(minutes)) + 1, [len(minutes)])).tolist()
    groups: list[list[int]] = []  # begin, end, finest: neighbouring minutes of one kind are written together
    for begin, end in pairwise(borders):
        mean_us = float(rows.hold_us[begin:end].mean()) if end - begin >= TRUSTED else hold_us
        finest = _finest(conn, device_id, int(minutes[begin]) * MINUTE_US, mean_us)
        if groups and groups[-1][2] == finest and groups[-1][1] == begin:
            groups[-1][1] = end
        elif finest is not None:
            groups.append([begin, end, finest])
    for begin, end, finest in groups:
        _write_rows(conn, device_id, rows.take(slice(begin, end)), finest)


def _finest(conn: Connection, device_id: int, minute_us: int, hold_us: float) -> int | None:
    """The minute's finest tier; None when the whole minute was made anew because readings come much faster now."""
    row = conn.execute(_FINEST, (key(device_id, minute_us, MINUTE_TIER),)).fetchone()
    if row is None:
        return wanted_tier(hold_us)
    known = int(row[0])
    finer = wanted_tier(hold_us, REFINE)
    if finer >= known:
        return known
    rebuild_minute(conn, device_id, minute_us, finer)
    return None


def _write_rows(conn: Connection, device_id: int, rows: Rows, finest: int) -> None:
    """Readings ascending in time into every tier from `finest` up, marked ones beside the others."""
    marked = marked_sums(rows)
    if marked is not None:
        rows = counting(rows)
    if len(rows):
        _write(conn, device_id, sums_of_rows(rows), finest)
    if marked is not None:
        _write_marked(conn, device_id, marked, finest)


def _write_marked(conn: Connection, device_id: int, sums: MarkedSums, finest: int) -> None:
    for tier in range(finest, MINUTE_TIER + 1):
        sums = widen_marked(sums, WIDTHS[tier])
        ids = (sums.start_us // WIDTHS[tier]) | device_id << BUCKET_BITS
        columns = [ids.tolist(), *(row.tolist() for block in (sums.counts, sums.lows, sums.highs) for row in block)]
        conn.executemany(_MARK[tier], list(zip(*columns, strict=True)))
    minutes = zip(ids.tolist(), [finest] * len(ids), sums.counts[0].tolist(), strict=True)
    conn.executemany(_MARKED_MINUTE, list(minutes))


def _write(conn: Connection, device_id: int, sums: Sums, finest: int) -> None:
    """Merge into every tier from `finest` up, each made of the one below it."""
    table: list[tuple[float, ...]] = []
    for tier in range(finest, MINUTE_TIER + 1):
        if len(table) == 1:  # as most often at low rates: one bucket is the same in all tiers above but for its key
            table = [(key(device_id, int(sums.start_us[0]), tier), *table[0][1:])]
        else:
            sums = widen(sums, WIDTHS[tier])
            table = _table(device_id, sums, tier)
        rows = [(*row, finest) for row in table] if tier == MINUTE_TIER else table
        conn.executemany(_UPSERTS[tier], rows)


def _table(device_id: int, sums: Sums, tier: int) -> list[tuple[float, ...]]:
    """Rows as they are stored."""
    ids = (sums.start_us // WIDTHS[tier]) | device_id << BUCKET_BITS
    counts, moments, marks = sums.added[:2].astype(np.int64), sums.added[2:8], sums.added[8:].astype(np.int64)
    blocks = (counts, moments, marks, sums.lows, sums.highs)
    return list(zip(ids.tolist(), *(part.tolist() for block in blocks for part in block), strict=True))


def rebuild_minute(conn: Connection, device_id: int, minute_us: int, finest: int | None = None) -> None:
    """Make all tiers of a minute anew from its readings; `finest` None: as it was, or as its readings suggest."""
    if finest is None:
        row = conn.execute(_FINEST, (key(device_id, minute_us, MINUTE_TIER),)).fetchone()
        finest = None if row is None else int(row[0])
    clear(conn, device_id, minute_us, minute_us + MINUTE_US)
    rows = rows_between(conn, device_id, minute_us, minute_us + MINUTE_US)
    if len(rows):
        _write_rows(conn, device_id, rows, wanted_tier(float(rows.hold_us.mean())) if finest is None else finest)


def clear(conn: Connection, device_id: int, t0_us: int, t1_us: int) -> None:
    """Delete all tiers between two minutes."""
    for tier, statement in (*enumerate(_DELETES), *enumerate(_UNMARK)):
        conn.execute(statement, (key(device_id, t0_us, tier), key(device_id, t1_us, tier)))
