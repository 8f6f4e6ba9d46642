"""Curves and statistics of any span: exact, at a cost that does not grow with how many readings it holds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np

from services.analysis.decimate import (
    Buckets,
    MarkedBuckets,
    buckets_of_readings,
    curve_of_buckets,
    curve_of_rows,
    no_curve,
    rebucket,
    remark,
    width_for,
)
from services.model import CHANNELS, F64, I64, ChannelStats, Curve, Readings, SpanStats, no_readings
from services.storage.database import Connection
from services.storage.rollups import MarkedSums, Sums, counting, marked_sums, sums_of_rows, widen, widen_marked
from services.storage.rows import MICRO, most_rows, next_time, readings_between, rows_between
from services.storage.schema import BUCKET_BITS, BUCKET_MASK, MARKED_TIERS, MINUTE_TIER, MINUTE_US, TIERS, WIDTHS
from services.storage.tier_choice import RAW, Piece, cover, tier_for, widths_from

RAW_FACTOR = 5  # up to this many times the points asked for, readings are read rather than rollups
LEAST_ROWS = 5000  # reading so many is never worth avoiding
PIECE_ROWS = 200  # finding where a piece begins costs as much as reading this many rows
ALL = 1 << 62  # a group as wide as everything

_CHANNEL = "min({0}_min), max({0}_max), sum({0}_sum)"
_DRAWN = ", ".join(("sum(n), sum(hold_us)", *map(_CHANNEL.format, "vaw"), "max(recovered)"))
_TIER = tuple(
    " ".join((f"SELECT (id & {BUCKET_MASK}) / ?1 * ?1,", _DRAWN, "FROM", name, "WHERE id >= ?2 AND id < ?3 GROUP BY 1"))
    for name, _ in TIERS
)
# Where a bucket is one row: grouping sorts, which costs as much again.
_ROW = ", ".join(("n, hold_us", *map("{0}_min, {0}_max, {0}_sum".format, "vaw"), "recovered"))
_TIER_ROWS = tuple(
    " ".join((f"SELECT id & {BUCKET_MASK},", _ROW, "FROM", name, "WHERE id >= ?2 AND id < ?3 AND ?1 = 1")) for name, _ in TIERS
)
_TOTAL = tuple(
    " ".join(
        (
            "SELECT sum(n), sum(hold_us), sum(v_sum), sum(v_sq), sum(a_sum), sum(a_sq), sum(w_sum), sum(w_sq),",
            "sum(recovered), sum(late), min(v_min), min(a_min), min(w_min), max(v_max), max(a_max), max(w_max) FROM",
            name,
            "WHERE id >= ? AND id < ?",
        )
    )
    for name, _ in TIERS
)
_MARKED_COLUMNS = "sum(n), sum(recovered), sum(late), min(v_min), min(a_min), min(w_min), max(v_max), max(a_max), max(w_max)"
_MARKED_TIER = tuple(
    " ".join((f"SELECT (id & {BUCKET_MASK}) / ?1 * ?1,", _MARKED_COLUMNS, "FROM", name, "WHERE id >= ?2 AND id < ?3 GROUP BY 1"))
    for name in MARKED_TIERS
)
_ANY_MARKED = "SELECT 1 FROM marked_60s WHERE id >= ? AND id < ? LIMIT 1"
_MINUTES = "SELECT (id & 1099511627775) * 60000000, n + marked, finest FROM rollup_60s WHERE id >= ? AND id < ?"


_NAMES = Buckets.__struct_fields__
_NO_BUCKETS = buckets_of_readings(no_readings(), 1)


class Scope(NamedTuple):
    """A device in the database."""

    device_id: int
    horizon_us: int
    compact_us: int


class Total(msgspec.Struct, frozen=True):
    """What the readings of a span add up to, in µ-units and microseconds; means and squares are weighted by hold_us."""

    added: F64  # n, hold_us, then per channel sum and square, recovered, late
    lows: F64
    highs: F64
    marked: I64  # marked readings beside them: how many, recovered, late

    @property
    def count(self) -> int:
        return int(self.added[0])


NOTHING = Total(np.zeros(10), np.zeros(3), np.zeros(3), np.zeros(3, np.int64))


def scope(conn: Connection, device: str) -> Scope | None:
    """None when the database does not know the device."""
    row = conn.execute("SELECT device_id, horizon_us, compact_us FROM devices WHERE name = ?", (device,)).fetchone()
    return None if row is None else Scope(*row)


# --- curves


def curve(conn: Connection, where: Scope, t0_us: int, t1_us: int, points: int) -> Curve:
    """The readings of [t0, t1) as they are when they are at most `points`, else absolute buckets with exact extremes."""
    raw_us = max(t0_us, where.horizon_us)
    if t0_us >= t1_us:
        return no_curve()
    most = min(
        most_rows(conn, where.device_id, raw_us, t1_us, RAW_FACTOR * max(points, LEAST_ROWS)),
        _counted(conn, where, raw_us, t1_us),  # fewer where numbers were left out
    )
    if most <= points and raw_us == max(t0_us, where.compact_us):
        return curve_of_rows(readings_between(conn, where.device_id, raw_us, t1_us), 0)
    width_us = width_for(t0_us, t1_us, points)
    minutes = _minutes(conn, where, t0_us, t1_us, width_us)
    width_us = _affordable(minutes, width_us, most, points)
    finest = {minute: tier for minute, (_, tier) in minutes.items()}
    pieces = cover(max(t0_us, where.compact_us), t1_us, tier_for(width_us), finest, where.horizon_us)
    if all(piece.tier == RAW for piece in pieces):
        return curve_of_rows(readings_between(conn, where.device_id, raw_us, t1_us), width_us)
    parts = [part for piece in pieces for part in _buckets(conn, where, piece, width_us)]
    others = [part for part in _marked_parts(conn, where, pieces, width_us) if part is not None]
    if not parts and not others:
        return no_curve(width_us)
    joined = Buckets(*(np.concatenate([getattr(part, name) for part in parts or [_NO_BUCKETS]]) for name in _NAMES))
    return curve_of_buckets(rebucket(joined, width_us), width_us, _marked_buckets(others, width_us) if others else None)


def _minutes(conn: Connection, where: Scope, t0_us: int, t1_us: int, width_us: int) -> dict[int, tuple[int, int]]:
    """Count and finest tier of the minutes that matter: all of them, or with wide buckets the first and the last."""
    low, high = max(t0_us, where.horizon_us) // MINUTE_US, (t1_us - 1) // MINUTE_US
    base = where.device_id << BUCKET_BITS
    spans = [(low, high + 1)] if width_us < MINUTE_US or high - low < 2 else [(low, low + 1), (high, high + 1)]
    return {start: (n, finest) for a, b in spans for start, n, finest in conn.execute(_MINUTES, (base | a, base | b))}


def _counted(conn: Connection, where: Scope, t0_us: int, t1_us: int) -> int:
    """How many readings the minutes have that [t0, t1) touches."""
    base = where.device_id << BUCKET_BITS
    low, high = base | t0_us // MINUTE_US, base | -(-t1_us // MINUTE_US)
    return int(
        conn.execute("SELECT coalesce(sum(n + marked), 0) FROM rollup_60s WHERE id >= ? AND id < ?", (low, high)).fetchone()[0]
    )


def _affordable(minutes: dict[int, tuple[int, int]], width_us: int, raw: int, points: int) -> int:
    """The narrowest bucket width from `width_us` on that does not have far more rows read than points drawn."""
    if width_us >= MINUTE_US:
        return width_us
    budget = RAW_FACTOR * max(points, LEAST_ROWS // RAW_FACTOR)
    whole = sum(n for n, _ in minutes.values()) or 1
    share = min(1.0, raw / whole)  # of the minutes' readings that lie in the span
    return next((width for width in widths_from(width_us) if _cost(minutes, tier_for(width), share) <= budget), MINUTE_US)


def _cost(minutes: dict[int, tuple[int, int]], tier: int, share: float) -> float:
    """Rows to read when the tier is used where it exists, and readings elsewhere."""
    cost, before = 0.0, None
    for n, finest in minutes.values():
        kind = tier if tier >= finest else RAW
        cost += share * (n if kind == RAW else min(n, MINUTE_US // WIDTHS[tier]))
        if kind != before:
            cost += PIECE_ROWS
        before = kind
    return cost


def _buckets(conn: Connection, where: Scope, piece: Piece, width_us: int) -> Iterator[Buckets]:
    """A piece in buckets of `width_us`; nothing when it is empty."""
    if piece.tier == RAW:
        rows = counting(rows_between(conn, where.device_id, piece.t0_us, piece.t1_us))
        if len(rows):
            yield _of_sums(widen(sums_of_rows(rows), width_us))
        return
    tier_us = WIDTHS[piece.tier]
    low, high = (where.device_id << BUCKET_BITS | time_us // tier_us for time_us in (piece.t0_us, piece.t1_us))
    together = max(1, width_us // tier_us)
    found = conn.execute((_TIER_ROWS if together == 1 else _TIER)[piece.tier], (together, low, high))
    table = np.fromiter(chain.from_iterable(found), np.float64).reshape(-1, 13).T
    table = table[:, table[1] > 0]  # a minute's row is there for its marked readings too
    if table.shape[1]:
        start, n, hold = (column.astype(np.int64) for column in table[:3])
        yield _of_columns(start * tier_us, n, hold, table[3:12:3], table[4:12:3], table[5:12:3], table[12])


def _of_sums(sums: Sums) -> Buckets:
    n, hold = sums.added[:2].astype(np.int64)
    return _of_columns(sums.start_us, n, hold, sums.lows, sums.highs, sums.added[2:8:2], sums.added[8])


def _of_columns(start_us: I64, n: I64, hold_us: I64, lows: F64 | I64, highs: F64 | I64, sums: F64, recovered: F64) -> Buckets:
    columns: dict[str, Any] = {"time_us": start_us, "count": n, "hold_us": hold_us, "recovered": (recovered > 0).astype(np.uint8)}
    for name, low, high, total in zip(CHANNELS, lows, highs, sums, strict=True):
        mean = np.clip(total / hold_us, low, high)
        columns |= {f"{name}_min": low / MICRO, f"{name}_mean": mean / MICRO, f"{name}_max": high / MICRO}
    return Buckets(**columns)


def _marked_parts(conn: Connection, where: Scope, pieces: list[Piece], width_us: int) -> Iterator[MarkedSums | None]:
    """The marked readings of some pieces in buckets of `width_us`: at the price of one look where there are none."""
    if not pieces:
        return
    base = where.device_id << BUCKET_BITS
    low, high = base | pieces[0].t0_us // MINUTE_US, base | -(-pieces[-1].t1_us // MINUTE_US)
    if conn.execute(_ANY_MARKED, (low, high)).fetchone() is None:
        return
    for piece in pieces:
        if piece.tier == RAW:
            found = marked_sums(rows_between(conn, where.device_id, piece.t0_us, piece.t1_us))
            yield None if found is None else widen_marked(found, width_us)
            continue
        tier_us = WIDTHS[piece.tier]
        values = (max(1, width_us // tier_us), base | piece.t0_us // tier_us, base | piece.t1_us // tier_us)
        rows = conn.execute(_MARKED_TIER[piece.tier], values)
        table = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 10).T
        yield MarkedSums(table[0] * tier_us, table[1:4], table[4:7], table[7:10]) if table.shape[1] else None


def _marked_buckets(parts: list[MarkedSums], width_us: int) -> MarkedBuckets:
    start_us = np.concatenate([part.start_us for part in parts])
    counts, lows, highs = (
        np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ("counts", "lows", "highs")
    )
    recovered = (counts[1] > 0).astype(np.uint8)
    return remark(MarkedBuckets(start_us, counts[0], lows / MICRO, highs / MICRO, recovered), width_us)


# --- statistics


def total(conn: Connection, where: Scope, t0_us: int, t1_us: int) -> Total:
    """What [t0, t1) adds up to, from whole minutes and, at its ends, ever finer tiers."""
    t0_us = max(t0_us, where.compact_us)
    minutes = _minutes(conn, where, t0_us, t1_us, MINUTE_US) if t0_us < t1_us else {}
    finest = {minute: tier for minute, (_, tier) in minutes.items()}
    pieces = cover(t0_us, t1_us, MINUTE_TIER, finest, where.horizon_us)
    parts = [part for part in (_part(conn, where, piece) for piece in pieces) if part is not None]
    others = [part.counts.sum(axis=1) for part in _marked_parts(conn, where, pieces, ALL) if part is not None]
    marked: I64 = np.sum(others, axis=0) if others else NOTHING.marked
    if not parts:
        return msgspec.structs.replace(NOTHING, marked=marked)
    table = np.stack(parts)
    return Total(table[:, :10].sum(axis=0), table[:, 10:13].min(axis=0), table[:, 13:].max(axis=0), marked)


def _part(conn: Connection, where: Scope, piece: Piece) -> F64 | None:
    if piece.tier == RAW:
        rows = counting(rows_between(conn, where.device_id, piece.t0_us, piece.t1_us))
        if not len(rows):
            return None
        sums = widen(sums_of_rows(rows), ALL)
        return np.concatenate((sums.added[:, 0], sums.lows[:, 0], sums.highs[:, 0]))
    base, tier_us = where.device_id << BUCKET_BITS, WIDTHS[piece.tier]
    row = conn.execute(_TOTAL[piece.tier], (base | piece.t0_us // tier_us, base | piece.t1_us // tier_us)).fetchone()
    return None if not row[0] else np.array(row, np.float64)


def span_stats(found: Total, t0_us: int, t1_us: int) -> SpanStats:
    """A total in words of the model. The standard deviation is hold-weighted like the mean; it is exact to about 1e-7 of
    the channel's magnitude."""
    if not found.count:
        none = ChannelStats()
        return SpanStats(t0_us, t1_us, 0, 0.0, none, none, none, 0.0, 0.0, marked=int(found.marked[0]))
    hold_us = float(found.added[1])
    channels = []
    for at in range(len(CHANNELS)):
        sum_, square = found.added[2 + 2 * at : 4 + 2 * at]
        low, high = found.lows[at], found.highs[at]
        mean = min(max(sum_ / hold_us, low), high)
        std = max(0.0, square / hold_us - (sum_ / hold_us) ** 2) ** 0.5
        channels.append(ChannelStats(float(low) / MICRO, float(mean) / MICRO, float(high) / MICRO, float(std) / MICRO))
    ampere_s, watt_s = float(found.added[4]) / 1e12, float(found.added[6]) / 1e12
    v, a, w = channels
    energy_wh, charge_mah = watt_s / 3600, ampere_s / 3.6
    return SpanStats(
        t0_us, t1_us, found.count, hold_us / 1e6, v, a, w, energy_wh=energy_wh, charge_mah=charge_mah, marked=int(found.marked[0])
    )


# --- the readings themselves

FIRST_CHUNK_US = 1_000_000
LONGEST_CHUNK_US = 3600_000_000


class Chunks:
    """Walks a span in helpings of about `page` readings, each found anew: no cursor stays open between them."""

    def __init__(self, device: str, t0_us: int, t1_us: int, page: int) -> None:
        self.device, self._at_us, self._t1_us, self._page = device, t0_us, t1_us, page
        self._step_us = FIRST_CHUNK_US

    @property
    def finished(self) -> bool:
        return self._at_us >= self._t1_us

    def next(self, conn: Connection) -> Readings | None:
        """The next helping, or None when there was none in reach (try again unless `finished`)."""
        where = scope(conn, self.device)
        first = None if where is None else next_time(conn, where.device_id, max(self._at_us, where.horizon_us), self._t1_us)
        if where is None or first is None:
            self._at_us = self._t1_us
            return None
        self._at_us = first
        while True:
            end_us = min(self._at_us + self._step_us, self._t1_us)
            if self._step_us == 1 or most_rows(conn, where.device_id, self._at_us, end_us, 4 * self._page) < 4 * self._page:
                break
            self._step_us = max(1, self._step_us // 4)
        readings = readings_between(conn, where.device_id, self._at_us, end_us)
        self._at_us = end_us
        wish = self._step_us * self._page // max(1, len(readings))
        self._step_us = max(1, min(wish, self._step_us * 4, LONGEST_CHUNK_US))
        return readings if len(readings) else None
