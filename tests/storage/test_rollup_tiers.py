"""Every tier of every minute equals what its readings add up to, in whatever order and helpings they came."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.marks import CURRENT, flags_of
from services.clock import Clock
from services.model import Flag, Readings
from services.storage.database import Connection, open_reader, open_writer, transaction
from services.storage.ingest import Ingest
from services.storage.retention import Limits, Retention
from services.storage.rollups import wanted_tier
from services.storage.rows import rows_between
from services.storage.schema import BUCKET_BITS, BUCKET_MASK, MARKED_TIERS, MINUTE_TIER, MINUTE_US, TIERS
from services.storage.storage import Storage
from tests.storage.storing import T0, commit, readings, write

FIELDS = "n, hold_us, v_min, v_max, v_sum, v_sq, a_min, a_max, a_sum, a_sq, w_min, w_max, w_sum, w_sq, recovered, late"


MARKED_FIELDS = "n, v_min, v_max, a_min, a_max, w_min, w_max, recovered, late"
MARKED_PLACES = [0, 2, 3, 6, 7, 10, 11, 14, 15]  # of these among FIELDS


def naive(conn: Connection, device_id: int, width_us: int, marked: bool = False) -> dict[int, tuple[float, ...]]:
    """Buckets by a plain loop over the stored readings: those without a mark, or those with one."""
    rows = rows_between(conn, device_id, 0, 1 << 60)
    buckets: dict[int, list[tuple[int, ...]]] = {}
    rows = rows.take(np.flatnonzero((rows.flags & Flag.MARKED != 0) == marked))
    columns = (rows.time_us, rows.v_uv, rows.a_ua, rows.w_uw, rows.hold_us, rows.flags)
    for time_us, *values in zip(*(column.tolist() for column in columns), strict=True):
        buckets.setdefault(time_us // width_us, []).append(tuple(values))
    return {start: summed(group) for start, group in buckets.items()}


def summed(group: list[tuple[int, ...]]) -> tuple[float, ...]:
    hold = [row[3] for row in group]
    result: list[float] = [len(group), sum(hold)]
    for channel in range(3):
        values = [row[channel] for row in group]
        weighted = [x * h for x, h in zip(values, hold, strict=True)]
        squares = [x * x * h for x, h in zip(values, hold, strict=True)]
        result += [min(values), max(values), sum(weighted), sum(squares)]
    flags = [row[4] for row in group]
    return (*result, sum(bool(flag & Flag.RECOVERED) for flag in flags), sum(bool(flag & Flag.LATE) for flag in flags))


def assert_tiers_are_right(path: Path) -> None:
    conn = open_reader(path)
    try:
        for (device_id,) in conn.execute("SELECT device_id FROM devices").fetchall():
            low, high = device_id << BUCKET_BITS, device_id + 1 << BUCKET_BITS
            finest = dict(
                conn.execute("SELECT id & ?, finest FROM rollup_60s WHERE id >= ? AND id < ?", (BUCKET_MASK, low, high))
            )
            for tier, (name, width_us) in enumerate(TIERS):
                stored = {
                    row[0] & BUCKET_MASK: row[1:]
                    for row in conn.execute(f"SELECT id, {FIELDS} FROM {name} WHERE id >= ? AND id < ? AND n > 0", (low, high))
                }
                wanted = {
                    start: sums
                    for start, sums in naive(conn, device_id, width_us).items()
                    if finest[start * width_us // MINUTE_US] <= tier
                }
                assert stored.keys() == wanted.keys(), name
                for start, sums in wanted.items():
                    np.testing.assert_allclose(np.array(stored[start], float), np.array(sums, float), rtol=1e-12)
                others = naive(conn, device_id, width_us, marked=True).items()
                sparse = f"SELECT id, {MARKED_FIELDS} FROM {MARKED_TIERS[tier]} WHERE id >= ? AND id < ?"
                found = conn.execute(sparse, (low, high))
                assert {row[0] & BUCKET_MASK: row[1:] for row in found} == {
                    start: tuple(sums[place] for place in MARKED_PLACES)
                    for start, sums in others
                    if finest[start * width_us // MINUTE_US] <= tier
                }
            counted = conn.execute("SELECT id & ?, marked FROM rollup_60s WHERE id >= ? AND id < ?", (BUCKET_MASK, low, high))
            minutes = naive(conn, device_id, MINUTE_US, marked=True)
            assert {start: n for start, n in counted if n} == {start: sums[0] for start, sums in minutes.items()}
    finally:
        conn.close()


@st.composite
def helpings(draw: st.DrawFn) -> list[Readings]:
    """Readings of one or two boots in any order, cut anywhere, some of them twice."""
    n = draw(st.integers(1, 60))
    step = draw(st.sampled_from([500, 7_000, 100_000, 3_000_000, 40_000_000]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    times = T0 + np.cumsum(rng.integers(0, 2 * step, n)) + rng.integers(0, draw(st.sampled_from([1, 1000, 10**7])), n)
    v, a, w = (np.round(rng.normal(mean, spread, n), 6) for mean, spread in ((5, 3), (0, 1), (10, 5)))
    often = draw(st.sampled_from([0.0, 0.1, 1.0]))
    flags = rng.integers(0, 16, n) + np.where(rng.random(n) < often, flags_of(CURRENT), 0)
    seq, boot = np.sort(rng.choice(4 * n, n, replace=False)), np.sort(rng.integers(1, draw(st.integers(2, 3)), n))
    rows = readings(times, seq, v=v, a=a, w=w, hold_us=rng.integers(0, 2 * step, n), flags=flags, boot=boot)
    order = np.arange(n) if draw(st.booleans()) else rng.permutation(n)
    repeated = rng.choice(n, draw(st.integers(0, n)), replace=True)
    order = np.insert(order, rng.integers(0, n + 1, len(repeated)), repeated)
    cuts = np.sort(rng.integers(0, len(order) + 1, draw(st.integers(0, 5))))
    return [rows.take(part) for part in np.split(order, cuts) if len(part)]


@settings(max_examples=60, deadline=None)
@given(parts=helpings())
def test_tiers_equal_recomputation_for_any_order_and_any_helpings(parts: list[Readings]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.db"
        storage = Storage(path, Clock(), synchronous="OFF", commit_s=60.0)
        storage.start()
        for part in parts:
            storage.append(write(part))
            commit(storage)
        distinct = {(boot, seq) for part in parts for boot, seq in zip(part.boot.tolist(), part.seq.tolist(), strict=True)}
        assert storage.health().committed == len(distinct)
        assert sum(map(len, storage.pages("bench", 0, 1 << 60))) == len(distinct)
        assert_tiers_are_right(path)
        storage.rebuild_rollups()
        assert_tiers_are_right(path)
        storage.stop()


@settings(max_examples=60, deadline=None)
@given(parts=helpings(), kept_us=st.integers(0, 5 * MINUTE_US), steps=st.lists(st.integers(0, 12), min_size=6, max_size=6))
def test_tiers_equal_recomputation_while_readings_come_late_and_go(parts: list[Readings], kept_us: int, steps: list[int]) -> None:
    with TemporaryDirectory() as folder, closing(open_writer(Path(folder) / "x.db", "OFF")) as conn:
        ingest, now_s = Ingest(conn), 0.0
        retention = Retention(Limits(kept_us, first_pass_s=0.0), ingest.horizon_moved, ingest.forget_runs)

        def steps_of_purging(count: int) -> None:
            for _ in range(count):
                retention.step(conn, 1 << 60, lambda: now_s)

        for part, some in zip(parts, steps, strict=False):
            with transaction(conn):
                ingest.store([write(part)])
            steps_of_purging(some)  # a pass may be cut off anywhere by what comes next
            now_s += 4000
        while retention._tasks or retention._runs:
            steps_of_purging(1)
        assert_tiers_are_right(Path(folder) / "x.db")
        horizon_us = conn.execute("SELECT max(horizon_us) FROM devices").fetchone()[0]
        assert (rows_between(conn, 1, 0, 1 << 60).time_us >= horizon_us).all()


def test_a_reading_that_comes_again_is_counted_once(storage: Storage, path: Path) -> None:
    for _ in range(3):
        storage.append(write(readings(T0 + np.arange(50) * 100_000)))
        commit(storage)
    assert storage.span_stats("bench", T0, T0 + 10**7).count == 50
    assert_tiers_are_right(path)


def test_the_first_of_two_readings_with_one_number_stays(storage: Storage) -> None:
    storage.append(write(readings([T0, T0 + 1], [7, 7], v=[1.0, 2.0])))
    storage.append(write(readings([T0 + 2], [7], v=[3.0])))
    commit(storage)
    assert [page.v.tolist() for page in storage.pages("bench", 0, 1 << 60)] == [[1.0]]


def test_a_minute_gets_finer_tiers_when_the_board_gets_faster(storage: Storage, path: Path) -> None:
    start = T0 // MINUTE_US * MINUTE_US
    storage.append(write(readings(start + np.arange(10) * 1_000_000, hold_us=1_000_000)))
    commit(storage)
    storage.append(write(readings(start + 10_000_000 + np.arange(20_000) * 1000, 10 + np.arange(20_000), hold_us=1000)))
    commit(storage)
    conn = open_reader(path)
    assert conn.execute("SELECT finest FROM rollup_60s").fetchall() == [(wanted_tier(1000, 16),)]
    conn.close()
    assert_tiers_are_right(path)


def test_two_devices_do_not_mix(storage: Storage, path: Path) -> None:
    for device, volts in (("a", 1.0), ("b", 9.0)):
        storage.append(write(readings(T0 + np.arange(500) * 10_000, v=volts, hold_us=10_000), device))
    commit(storage)
    assert [storage.span_stats(name, T0, T0 + 10**8).v.mean for name in "ab"] == [1.0, 9.0]
    assert storage.devices() == ["a", "b"]
    assert_tiers_are_right(path)


def test_rollups_that_were_destroyed_are_made_anew(make: Callable[..., Storage], path: Path) -> None:
    storage = make()
    storage.append(write(readings(T0 + np.arange(5000) * 20_000, hold_us=20_000)))
    storage.stop()
    conn = open_writer(path, "OFF")
    conn.execute("UPDATE rollup_60s SET n = 3, v_max = 99")
    conn.execute("DELETE FROM rollup_1s")
    conn.execute("UPDATE rollup_5s SET id = id + 100000")
    conn.close()
    storage = make()
    storage.rebuild_rollups()
    assert_tiers_are_right(path)


def test_the_finest_tier_holds_several_readings_in_a_bucket() -> None:
    assert [TIERS[wanted_tier(1e6 / rate)][0] for rate in (10_000, 1000, 500, 100, 10, 2, 0.1)] == [
        "rollup_10ms", "rollup_10ms", "rollup_50ms", "rollup_250ms", "rollup_1s", "rollup_5s", "rollup_60s",
    ]  # fmt: skip
    assert wanted_tier(1e12) == MINUTE_TIER
