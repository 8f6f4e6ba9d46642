"""What a rule would have done to the record: to the last bit what it does to the same readings as they come.

Buckets of the rollups stand for their readings where their extremes prove that nothing can turn in them; the readings
of the others are read. What came after newer readings (recovered, late) is left out, as it is live.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from services.alert_model import AlertChannel, AlertRule, BackTest, Episode
from services.analysis.alert_rules import BY_READING, MICRO, SECOND_US
from services.analysis.alerts import Turn, Watch, believed, complaints, doubted
from services.model import F64, I64, U16, Flag
from services.storage.database import Connection
from services.storage.history import Scope
from services.storage.rows import Run, id_range, runs_between
from services.storage.schema import BUCKET_BITS, BUCKET_MASK, MARKED_TIERS, MINUTE_TIER, MINUTE_US, TIERS, WIDTHS

BEHIND = int(Flag.RECOVERED | Flag.LATE)
AT_ONCE = 300_000  # readings read together
HELPING_US = 10 * MINUTE_US  # read at once: at 1 000 readings a second some 12 MB of text
COARSE = 3_000  # a bucket of so many is looked at in finer buckets before its readings are read
COARSE_BOUNDS = 1_000  # the same where extremes are only bounds: narrow buckets have narrow ones
COLUMNS = {
    AlertChannel.V: "v_uv",
    AlertChannel.A: "a_ua",
    AlertChannel.W: "w_uw",
    AlertChannel.RESIDUAL: "CAST(abs(CAST(v_uv AS REAL) * a_ua / 1e6 - w_uw) + 0.5 AS INTEGER)",  # as residual_uw
    AlertChannel.SENSOR: "0",
}
ALL_EXTREMES = "v_min, v_max, a_min, a_max, w_min, w_max"


class Bucket(NamedTuple):
    """[t0, t1) with `n` readings from `low` to `high` in millionths.

    `plain`: all of them are judged, and none is marked. `sure`: and the extremes are theirs; else they are bounds.
    """

    t0_us: int
    t1_us: int
    n: int
    low: float
    high: float
    plain: bool
    sure: bool
    finest: int


def back_test(conn: Connection, where: Scope, device: str, rule: AlertRule, t0_us: int, t1_us: int) -> BackTest:
    """Episodes of [t0, t1), as if the rule had begun to watch at t0 (or where the readings that are kept begin)."""
    t0_us = min(max(t0_us, where.horizon_us), t1_us)
    test = _Test(conn, where.device_id, rule)
    if rule.channel in BY_READING:
        test.judge(t0_us, t1_us)
    else:
        test.ages(t0_us, t1_us)
    return test.result(device, t0_us, t1_us)


class _Test:
    """One rule going through the record of one board."""

    def __init__(self, conn: Connection, device_id: int, rule: AlertRule) -> None:
        self._conn, self._device_id, self._rule = conn, device_id, rule
        self._watch = Watch(rule)
        self._turns: list[Turn] = []
        self._last_us = 0
        self._read = self._passed = 0

    def result(self, device: str, t0_us: int, t1_us: int) -> BackTest:
        by_reading = self._rule.channel in BY_READING
        ended = [turn for turn in self._turns if turn.end_us is not None]
        episodes = [_episode(device, self._rule, turn, turn.end_us or 0, by_reading) for turn in ended]
        if self._watch.active:
            begun = self._turns[-1]
            now = Turn(begun.start_us, begun.fired_us, self._last_us, 0.0, self._watch.peak, self._watch.readings)
            episodes.append(_episode(device, self._rule, now, self._last_us, by_reading))
        return BackTest(device, self._rule, t0_us, t1_us, tuple(episodes), self._passed + self._read, self._read)

    # --- rules that look at readings

    def judge(self, t0_us: int, t1_us: int) -> None:
        """Whole minutes by their extremes, the rest by its readings."""
        first, last = -(-t0_us // MINUTE_US) * MINUTE_US, t1_us // MINUTE_US * MINUTE_US
        if first >= last:
            self._rows(t0_us, t1_us)
            return
        self._rows(t0_us, first)
        self._buckets(self._of_tier(MINUTE_TIER, first, last), MINUTE_TIER)
        self._rows(last, t1_us)
        if self._watch.active:
            self._last_us = self._newest(t0_us, t1_us)

    def _buckets(self, buckets: list[Bucket], tier: int) -> None:
        """Pass by what proves itself; look closer at the others, neighbours together."""
        at = 0
        while at < len(buckets):
            bucket = buckets[at]
            if self._proves_itself(bucket):
                at += 1
                continue
            end = self._together(buckets, at)
            self._closer(buckets[at:end], tier)
            at = end

    def _together(self, buckets: list[Bucket], first: int) -> int:
        """How far the readings are needed whatever they do."""
        n = 0
        for at in range(first, len(buckets)):
            n += buckets[at].n
            if at > first and (n > AT_ONCE or not self._mixed(buckets[at]) or buckets[at].finest != buckets[first].finest):
                return at
        return len(buckets)

    def _proves_itself(self, bucket: Bucket) -> bool:
        if self._watch.at_work and not bucket.sure:
            return False
        passed = self._watch.passes(bucket.n, bucket.low, bucket.high, bucket.t1_us - 1)
        self._passed += bucket.n if passed else 0
        return passed

    def _mixed(self, bucket: Bucket) -> bool:
        """Whatever went before, its readings are needed: it has values on both sides of a limit."""
        on, off = (round(limit * MICRO) for limit in (self._rule.on, self._rule.off))
        low, high = (bucket.low, bucket.high) if self._rule.above else (-bucket.high, -bucket.low)
        on, off = (on, off) if self._rule.above else (-on, -off)
        return low <= on < high or low <= off < high

    def _closer(self, buckets: list[Bucket], tier: int) -> None:
        n = sum(bucket.n for bucket in buckets)
        t0_us, t1_us = buckets[0].t0_us, buckets[-1].t1_us
        finest = buckets[0].finest
        finer = max(finest, tier - 2)
        coarse = COARSE if self._rule.channel is not AlertChannel.RESIDUAL else COARSE_BOUNDS
        if finer < tier and n > coarse * len(buckets):
            self._buckets([one._replace(finest=finest) for one in self._of_tier(finer, t0_us, t1_us)], finer)
        else:
            self._rows(t0_us, t1_us, all(bucket.plain for bucket in buckets))

    def _rows(self, t0_us: int, t1_us: int, plain: bool = False) -> None:
        """Judge the readings themselves; `plain`: all of them are judged and none is marked."""
        column = COLUMNS[self._rule.channel]
        for from_us, to_us in _helpings(t0_us, t1_us):
            table = self._table(("time_us", column) if plain else ("time_us", column, "flags"), from_us, to_us, plain)
            if not table.shape[1]:
                continue
            time_us, values = table[0], table[1].astype(np.float64)
            self._read += len(time_us)
            self._last_us = int(time_us[-1])
            if not plain:
                time_us, values = self._marked(time_us, values, table[2].astype(np.uint16))
            self._turns += self._watch.take(time_us, values)

    def _marked(self, time_us: I64, values: F64, flags: U16) -> tuple[I64, F64]:
        if self._rule.channel is AlertChannel.SENSOR:
            return time_us, complaints(flags) * np.float64(MICRO)
        doubts = doubted(flags)
        return (time_us, values) if doubts is None else believed(self._watch, time_us, values, doubts)

    # --- reading

    def _table(self, columns: tuple[str, ...], t0_us: int, t1_us: int, plain: bool = False) -> I64:
        """Columns of the readings that are judged, ascending in time; the first is `time_us`."""
        runs = runs_between(self._conn, self._device_id, t0_us, t1_us)
        parts = [self._run_table(run, columns, t0_us, t1_us, plain) for run in runs]
        if not parts:
            return np.empty((len(columns), 0), np.int64)
        table = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        if (table[0][1:] < table[0][:-1]).any():
            table = table[:, np.argsort(table[0], kind="stable")]
        return table

    def _run_table(self, run: Run, columns: tuple[str, ...], t0_us: int, t1_us: int, plain: bool) -> I64:
        low, high = id_range(self._conn, run, t0_us, t1_us)
        judged = "" if plain else f"AND flags & {BEHIND} = 0"
        # One text a column: a row at a time through Python would cost twice as much.
        asked = ", ".join(f"group_concat({column})" for column in columns)
        where = "FROM readings WHERE id >= ? AND id < ? AND time_us >= ? AND time_us < ?"
        span = (low, high, t0_us - run.t0_us, t1_us - run.t0_us)
        texts = self._conn.execute(" ".join(("SELECT", asked, where, judged)), span).fetchone()
        table = np.stack([np.fromstring(text or "", np.int64, sep=",") for text in texts])
        table[0] += run.t0_us
        return table

    def _of_tier(self, tier: int, t0_us: int, t1_us: int) -> list[Bucket]:
        """Buckets that begin in [t0, t1) and have readings, ascending."""
        channel, width_us = self._rule.channel, WIDTHS[tier]
        base = self._device_id << BUCKET_BITS
        ids = (base | t0_us // width_us, base | t1_us // width_us)
        finest = "finest" if tier == MINUTE_TIER else "0"
        buckets: dict[int, Bucket] = {}
        for id_, n, behind, finest_, *extremes in self._conn.execute(_sql(TIERS[tier][0], channel, finest), ids):
            start_us = (id_ & BUCKET_MASK) * width_us
            # A row without a reading that counts is there for its marked ones: their extremes come with them.
            low, high = _between(channel, extremes) if n else (np.inf, -np.inf)
            sure = not behind and channel is not AlertChannel.RESIDUAL
            buckets[start_us] = Bucket(start_us, start_us + width_us, n, low, high, not behind, sure, finest_)
        for id_, n, _, _, *extremes in self._conn.execute(_sql(MARKED_TIERS[tier], channel, "0"), ids).fetchall():
            start_us = (id_ & BUCKET_MASK) * width_us
            known = buckets.get(start_us, Bucket(start_us, start_us + width_us, 0, np.inf, -np.inf, False, False, 0))
            low, high = (0.0, MICRO) if channel is AlertChannel.SENSOR else _between(channel, extremes)
            low, high = min(known.low, low), max(known.high, high)
            buckets[start_us] = known._replace(n=known.n + n, low=low, high=high, plain=False, sure=False)
        return [buckets[start_us] for start_us in sorted(buckets)]

    def _newest(self, t0_us: int, t1_us: int) -> int:
        """When the last reading before t1 was measured."""
        at_us = t1_us
        while at_us > t0_us:
            from_us = max(t0_us, at_us - 60 * MINUTE_US)
            table = self._table(("time_us",), from_us, at_us)
            if table.shape[1]:
                return int(table[0][-1])
            at_us = from_us
        return t0_us

    # --- silence

    def ages(self, t0_us: int, t1_us: int) -> None:
        """By the times between readings. Live it is judged by when lines come; the record does not know that."""
        on_us, hold_us, clear_us = (
            round(span_s * SECOND_US) for span_s in (self._rule.on, self._rule.hold_s, self._rule.clear_s)
        )
        before_us: int | None = None
        for from_us, to_us in _helpings(t0_us, t1_us):
            times = self._table(("time_us",), from_us, to_us)[0]
            self._read += len(times)
            if before_us is not None:
                times = np.concatenate(([before_us], times))
            if len(times):
                for place in np.flatnonzero(np.diff(times) > on_us).tolist():
                    self._silence(int(times[place]), int(times[place + 1]), on_us, hold_us, clear_us)
                before_us = int(times[-1])
        if before_us is not None:
            if t1_us - before_us > on_us:
                self._silence(before_us, t1_us, on_us, hold_us, clear_us, over=False)
            else:
                self._sample(t1_us, 0)
            self._last_us = t1_us

    def _silence(self, from_us: int, to_us: int, on_us: int, hold_us: int, clear_us: int, *, over: bool = True) -> None:
        """The age rises to the next reading, or to where nobody looked on; between two silences it is next to nothing."""
        if self._last_us and from_us > self._last_us:
            self._sample(min(from_us, self._last_us + clear_us), 0)
            self._sample(from_us, 0)
        for at_us in sorted({from_us + on_us + 1, min(from_us + on_us + 1 + hold_us, to_us), to_us}):
            self._sample(at_us, at_us - from_us)
        if over:
            self._sample(to_us, 0)
        self._last_us = to_us

    def _sample(self, at_us: int, age_us: int) -> None:
        self._turns += self._watch.take(np.array([at_us], np.int64), np.array([float(age_us)]))


def _sql(table: str, channel: AlertChannel, finest: str) -> str:
    extremes = {AlertChannel.SENSOR: "0, 0", AlertChannel.RESIDUAL: ALL_EXTREMES}.get(channel, f"{channel}_min, {channel}_max")
    return " ".join(("SELECT id, n, recovered + late,", f"{finest}, {extremes} FROM", table, "WHERE id >= ? AND id < ?"))


def _between(channel: AlertChannel, extremes: list[int]) -> tuple[float, float]:
    """What the values of a bucket lie between. Of a residual it is a bound: no rollup knows v, a and w of one moment."""
    if channel is not AlertChannel.RESIDUAL:
        return float(extremes[0]), float(extremes[1])
    v_low, v_high, a_low, a_high, w_low, w_high = extremes
    corners = [v * a / MICRO for v in (v_low, v_high) for a in (a_low, a_high)]
    least, most = min(corners) - w_high, max(corners) - w_low
    return max(0.0, least, -most) - 1.0, max(abs(least), abs(most)) + 1.0  # a millionth for rounding


def _helpings(t0_us: int, t1_us: int) -> Iterator[tuple[int, int]]:
    """Parts of a span, so that not too many readings are in memory."""
    for from_us in range(t0_us, t1_us, HELPING_US):
        yield from_us, min(from_us + HELPING_US, t1_us)


def _episode(device: str, rule: AlertRule, turn: Turn, seen_us: int, by_reading: bool) -> Episode:
    return Episode(
        id="",
        device=device,
        rule=rule,
        start_us=turn.start_us,
        fired_us=turn.fired_us,
        seen_us=seen_us,
        peak=turn.peak,
        readings=turn.readings if by_reading else 0,
        end_us=turn.end_us,
        cleared_us=turn.at_us if turn.end_us is not None else None,
        ended_by="value" if turn.end_us is not None else "",
    )
