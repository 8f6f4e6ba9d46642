"""The benchmark's parts do what they say; how fast is not asked here."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.load import bench
from tests.load.generate import generate


def test_generated_history_is_complete_and_rolled_up(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    assert generate(file, 10.0, 1.0) == 36_000
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*), min(seq), max(seq) FROM power_log").fetchone() == (36_000, 0, 35_999)
        assert connection.execute("SELECT sum(count) FROM power_minutes").fetchone() == (36_000,)


def test_the_benched_chain_stores_every_reading(tmp_path: Path) -> None:
    bench.ingest(bench.lines(2_000, True), tmp_path, bench.HELLO)
    (file,) = tmp_path.glob("chain-*.db")
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM power_log").fetchone() == (2_000,)


def test_a_ratio_names_its_spread() -> None:
    row = bench.ratio("twice", "≤ 3", lambda: 2.0, lambda: 1.0, 3)
    assert (row["ratio"], row["least"], row["most"]) == (2.0, 2.0, 2.0)
    assert "twice" in bench.table([row])
