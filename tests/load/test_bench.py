"""The benchmark's parts do what they say; how fast is not asked here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.load import bench, history_cases, ingest_cases
from tests.load.bench import CASES, Bench, Plan
from tests.load.generate import generate
from tests.load.measuring import Row, of_pairs, percentile, ratio, spread, table

TINY = Plan(
    runs=1,
    readings=3_000,
    seconds=0.5,
    sustained_s=1.0,
    rate=2_000,
    memory=(4_000, 8_000),
    flood=(4_000, 8_000),
    hours=0.5,
    settle_s=0.2,
    warm=0,
)


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("history") / "hour.db"
    assert generate(file, 10.0, 1.0) == 36_000
    return file


def test_generated_history_is_complete_and_rolled_up(hour: Path) -> None:
    with closing(sqlite3.connect(hour)) as connection:
        assert connection.execute("SELECT count(*), min(seq), max(seq) FROM power_log").fetchone() == (36_000, 0, 35_999)
        assert connection.execute("SELECT sum(count) FROM power_minutes").fetchone() == (36_000,)


@pytest.mark.parametrize("rate", [2.0, 500.0])
def test_generated_rollups_are_those_that_the_storage_makes_of_the_readings(tmp_path: Path, rate: float) -> None:
    count = generate(tmp_path / "history.db", rate, 3.2 / rate)
    before = rollups(tmp_path / "history.db")
    with history_cases.opened(tmp_path / "history.db") as storage:
        storage.rebuild_rollups()
    assert rollups(tmp_path / "history.db") == before
    assert sum(row[1] for row in before["rollup_60s"]) == count


def rollups(database: Path) -> dict[str, list[tuple[float, ...]]]:
    """Every tier's rows: sums may differ in their last digits, for they were added in another order."""
    with closing(sqlite3.connect(database)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'rollup_%'").fetchall()
        rows = {name: connection.execute(f"SELECT * FROM {name} ORDER BY id").fetchall() for (name,) in names}
    return {
        name: [tuple(float(f"{value:.9g}") if isinstance(value, float) else value for value in row) for row in found]
        for name, found in rows.items()
    }


@pytest.mark.parametrize("level", [0, 1])
def test_the_benched_chain_stores_every_reading(tmp_path: Path, level: int) -> None:
    file = tmp_path / "lines"
    file.write_bytes(ingest_cases.lines(3_000, bool(level)))
    ingest_cases.whole_chain(file, tmp_path, 3_000, level=level)
    ingest_cases.bare_loop(file, tmp_path)
    (chain,), (bare,) = tmp_path.glob("chain-*.db"), tmp_path.glob("bare-*.db")
    for database, query in ((chain, "SELECT count(*) FROM power_log"), (bare, "SELECT count(*) FROM readings")):
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute(query).fetchone() == (3_000,)
    with closing(sqlite3.connect(chain)) as connection:  # 10 000/s: the stored times follow the board's clock
        first, last = connection.execute("SELECT min(timestamp), max(timestamp) FROM power_log").fetchone()
    assert abs(last - first - 300_000) < (20_000 if level else 400_000)


def test_views_lie_inside_the_record_at_every_zoom(hour: Path) -> None:
    with history_cases.opened(hour) as storage:
        t0_us, t1_us = history_cases.extent(storage)
        spans = history_cases.views(t0_us, t1_us)
        assert all(t0_us <= start < end <= t1_us + 1 for start, end in spans)
        assert len({end - start for start, end in spans}) == history_cases.ZOOMS
        assert len(history_cases.view_times_ms(storage)) == len(spans)


def test_an_export_is_timed_to_its_last_line(hour: Path, tmp_path: Path) -> None:
    rows = list(history_cases.export_cases(hour, tmp_path, 1))
    first_byte = next(row for row in rows if "first byte" in row.what)
    assert first_byte.note == "36001 lines"


# --- every case, at the smallest scale


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, browser: object) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    with ExitStack() as stack:
        made = Bench(folder, folder, TINY, stack)
        made._browser = browser  # type: ignore[assignment]  # a process can hold only one of Playwright's loops
        yield made


@pytest.mark.parametrize("case", CASES)
def test_a_case_gives_figures_with_their_aims(tiny: Bench, case: str) -> None:
    rows = list(CASES[case](tiny))
    assert rows
    for row in rows:
        assert row.case == case
        # A reading's time is known to a few ms: the newest may be a little ahead of the moment in which it is looked at.
        assert row.figure is not None and row.figure >= (-20 if row.unit == "ms" else 0), row
        assert row.aim and row.what
    if case in ("S2", "S11"):
        assert "lost: 0" in rows[-1].note or rows[0].figure == 0


def test_a_case_that_fails_costs_the_others_nothing(
    tiny: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(bench: Bench) -> Iterator[Row]:
        raise RuntimeError("the board has left")

    monkeypatch.setitem(bench.CASES, "S1", fails)
    monkeypatch.setitem(bench.CASES, "S2", lambda _: iter([Row("S2", "fine", "1", 1.0)]))
    failed, fine = bench.run(tiny, ["S1", "S2"])
    assert (failed.what, failed.figure, failed.note) == ("failed", None, "the board has left")
    assert fine.figure == 1.0
    assert "the board has left" in capsys.readouterr().err


def test_a_history_is_generated_once(tiny: Bench) -> None:
    first = tiny.history(2.0)
    written = first.stat().st_mtime_ns
    assert tiny.history(2.0) == first
    assert first.stat().st_mtime_ns == written


# --- the table


def test_a_ratio_names_its_spread_and_both_sides() -> None:
    times = iter([4.0, 2.0, 3.0, 1.0, 2.0, 1.0])
    row = ratio("S0", "twice", "≤ 3", lambda: next(times), lambda: next(times), 3)
    assert (row.figure, row.least, row.most, row.runs) == (2.0, 2.0, 3.0, 3)
    assert row.note == "3 s against 1 s"
    assert spread("S0", "x", "", [3.0, 1.0, 2.0], "ms").figure == 2.0
    assert of_pairs("S0", "x", "", [(1.0, 2.0)]).figure == 0.5
    assert percentile([3.0, 1.0, 2.0], 0.95) == 3.0


def test_the_table_says_what_was_not_run() -> None:
    assert "not run" in table([Row("S5", "CSV", "≤ 1.5", None)])


def test_the_figures_are_kept_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = bench.write([Row("S1", "chain", "≤ 2", 1.5, least=1.4, most=1.6)], "two processors")
    found = json.loads(file.read_text())
    assert found["machine"] == "two processors"
    assert found["rows"][0]["figure"] == 1.5


def test_cases_are_chosen_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.parse(["--only", "s4,S7"]).only == ["S4", "S7"]
    assert bench.parse([]).only == [f"S{number}" for number in range(1, 14)]
    with pytest.raises(SystemExit):
        bench.parse(["--only", "S1,S99"])
    assert "there is no S99" in capsys.readouterr().err
