"""Gaps, counts, events, refused lines, and where a boot stood."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.model import Event, EventKind, Gap, GapState, Identity, Reason, Rejected, Tally
from services.storage import ingest
from services.storage.counts import _inside
from services.storage.database import open_reader
from services.storage.storage import Storage
from tests.storage.storing import T0, commit, readings, write

SECOND = 1_000_000


def gap(first: int, last: int, t0_us: int, t1_us: int, state: GapState = GapState.OPEN, boot: int = 1) -> Gap:
    return Gap("bench", boot, first, last, t0_us, t1_us, state)


def test_the_newest_boots_are_restored_first_whatever_their_numbers(storage: Storage) -> None:
    storage.append(write(readings([T0], [10], boot=7)))
    storage.append(write(readings([T0 + 1], [0], boot=3)))
    commit(storage)
    restored = storage.restored("bench")
    assert ([(run.boot, run.last_seq) for run in restored.runs], restored.highest_boot) == ([(3, 0), (7, 10)], 7)


def test_what_was_told_of_a_number_last_counts_whole_gaps_and_parts_of_them(storage: Storage) -> None:
    step = SECOND // 10
    storage.append(write(gaps=(gap(1, 9, T0, T0 + 10 * step), gap(4, 4, T0 + 3 * step, T0 + 5 * step, GapState.RECOVERED))))
    commit(storage)
    storage.append(write(gaps=(gap(5, 7, T0 + 4 * step, T0 + 8 * step, GapState.LOST),)))
    commit(storage)
    found = storage.gaps("bench", T0, T0 + SECOND)
    assert [(g.first, g.last, g.state, (g.t0_us - T0) // step, (g.t1_us - T0) // step) for g in found] == [
        (1, 3, GapState.OPEN, 0, 4),
        (4, 4, GapState.RECOVERED, 3, 5),
        (5, 7, GapState.LOST, 4, 8),
        (8, 9, GapState.OPEN, 7, 10),
    ]
    counts = storage.counts("bench", T0 // SECOND * SECOND, T0 + SECOND)
    assert (counts.missing, counts.lost, counts.recovered) == (5, 3, 0)  # recovered is what the readings' flags say


def test_what_was_before_the_account_is_taken_back(storage: Storage) -> None:
    storage.append(write(gaps=(gap(1, 9, T0, T0 + SECOND),)))
    commit(storage)
    storage.append(write(gaps=(gap(1, 6, T0, T0 + SECOND, GapState.BEFORE),)))
    commit(storage)
    assert [(g.first, g.last) for g in storage.gaps("bench", T0, T0 + SECOND)] == [(7, 9)]


def test_a_gap_that_was_partly_lost_migrates_to_the_numbers_that_did_not_come(make: Callable[..., Storage], path: Path) -> None:
    conn = sqlite3.connect(path)
    conn.executescript((Path(__file__).parent / "schemas" / "0004.sql").read_text())
    base = 1 << 40  # and the counts below are what a restart made of them: its losses counted twice
    conn.executemany("INSERT INTO readings VALUES (?, 1, 1, 1, 1, 1, 0)", [(base | seq,) for seq in (10, 13, 20)])
    conn.execute("INSERT INTO rejected_seqs VALUES (?)", (base | 17,))
    conn.execute("INSERT INTO gaps VALUES (1, 11, 19, 1, ?, ?, 'open', 4, 1, 48)", (T0, T0 + SECOND))
    conn.execute("INSERT INTO gaps VALUES (1, 30, 31, 1, ?, ?, 'lost', 0, 0, 2)", (T0, T0 + SECOND))
    conn.commit()
    conn.close()
    storage = make()
    assert [(g.first, g.last, g.state) for g in storage.gaps("bench", T0, T0 + SECOND)] == [
        (11, 12, GapState.OPEN),
        (30, 31, GapState.LOST),
        (14, 16, GapState.OPEN),
        (18, 19, GapState.OPEN),
    ]
    (run,) = storage.restored("bench").runs
    assert (run.identity, run.last_seq) == (Identity("", 1), 31)


def test_the_account_of_a_span_names_every_cause(storage: Storage) -> None:
    refused = Rejected("bench", T0, Reason.OVERFLOW, "{}", boot=1, seq=11)
    second = T0 // SECOND * SECOND
    tallies = tuple(
        Tally(second, kind, n)
        for kind, n in (("rejected", 1), ("overflow", 1), ("duplicates", 4), ("bad_lines", 3), ("corrupt", 2), ("unaccounted", 4))
    )
    storage.append(write(readings(T0 + np.arange(10) * 1000, flags=[0] * 8 + [1, 5]), tallies=tallies, rejected=(refused,)))
    storage.append(
        write(
            tallies=(Tally(second, "corrupt", 5),),
            gaps=(gap(20, 21, T0 + 20_000, T0 + 24_000), gap(22, 24, T0 + 24_000, T0 + 30_000, GapState.LOST)),
        )
    )
    commit(storage)
    counts = storage.counts("bench", second, second + SECOND)
    assert (counts.received, counts.recovered, counts.late) == (10, 2, 1)
    assert (counts.rejected, counts.duplicates, counts.bad_lines, counts.corrupt) == (1, 4, 3, 7)
    assert (counts.missing, counts.lost, counts.expected, counts.unaccounted) == (2, 3, 16, 4)
    assert counts.completeness == 10 / 20
    assert counts.reasons == {"overflow": 1, "corrupt": 7}
    assert storage.counts("bench", second + SECOND, second + 2 * SECOND).expected == 0


@given(
    begin=st.integers(0, 1000), length=st.integers(0, 1000), number=st.integers(0, 50),
    cuts=st.lists(st.integers(-10, 2100), max_size=5),
)  # fmt: skip
def test_shares_of_neighbouring_spans_add_up_to_the_whole_gap(begin: int, length: int, number: int, cuts: list[int]) -> None:
    edges = [-10, *sorted(cuts), 2100]
    columns: Any = (np.array([begin]), np.array([begin + length]), np.array([number]))
    assert sum(_inside(*columns, low, high) for low, high in pairwise(edges)) == number


def test_events_are_answered_newest_first_with_their_data(storage: Storage) -> None:
    events = tuple(Event("bench", T0 + n, EventKind.REBOOT, f"boot {n}", {"boot": n}) for n in range(5))
    storage.append(write(events=events))
    storage.append(write(device="other", events=(Event("other", T0 + 2, EventKind.LINK, "lost"),)))
    storage.append(write(device="", events=(Event("", T0 + 3, EventKind.DATABASE, "moved"),)))
    commit(storage)
    assert [(event.text, event.data) for event in storage.events("bench", limit=3)] == [
        ("boot 4", {"boot": 4}),
        ("moved", {}),
        ("boot 3", {"boot": 3}),
    ]
    assert [event.text for event in storage.events(None, T0 + 2, T0 + 4)] == ["moved", "boot 3", "lost", "boot 2"]
    assert all(event.id for event in storage.events())
    assert storage.devices() == []


def test_only_the_newest_events_and_lines_are_kept(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "EVENTS_KEPT", 50)
    monkeypatch.setattr(ingest, "REJECTED_KEPT", 20)
    for n in range(300):
        line = Rejected("bench", T0 + n, Reason.NOT_JSON, f"line {n}")
        storage.append(write(events=(Event("bench", T0 + n, EventKind.LINK, str(n)),), rejected=(line,)))
        if n % 7 == 0:
            commit(storage)
    commit(storage)
    events, lines = storage.events(limit=1000), storage.rejected("bench", 1000)
    assert 50 <= len(events) <= 60 and events[0].text == "299"
    assert 20 <= len(lines) <= 24 and lines[0].line == "line 299"


def test_power_log_shows_plain_units_to_anyone(storage: Storage, path: Path) -> None:
    storage.append(write(readings([T0], [2**32 + 7], v=5.02, a=-0.245, w=1.23, flags=3, boot=9)))
    commit(storage)
    conn = open_reader(path)
    row = conn.execute(
        "SELECT timestamp, voltage, current, power, seq, status, device, boot, recovered, derived, late FROM power_log"
    ).fetchone()
    minutes = conn.execute("SELECT device, count, voltage_mean, power_max FROM power_minutes").fetchall()
    conn.close()
    assert row == (T0, 5.02, -0.245, 1.23, 7, "ok", "bench", 9, 1, 1, 0)
    assert minutes == [("bench", 1, 5.02, 1.23)]


@pytest.mark.parametrize(
    "bad",
    [
        {"v": np.nan},
        {"a": np.inf},
        {"w": -1e9},
        {"seq": [-1]},
        {"seq": [2**62]},
        {"time_us": [2**62]},
        {"time_us": [-5]},
        {"hold_us": -1},
    ],
)
def test_a_reading_that_cannot_be_stored_costs_no_other(storage: Storage, bad: dict[str, Any]) -> None:
    storage.append(write(readings([T0, T0 + 1], [1, 2])))
    odd = {"time_us": [T0 + 2], "seq": [3]} | bad
    storage.append(write(readings(odd.pop("time_us"), odd.pop("seq"), **odd), boot=1, ack=3))
    storage.append(write(readings([T0 + 3], [4])))
    commit(storage)
    assert [seq for page in storage.pages("bench", 0, 1 << 60) for seq in page.seq.tolist()] == [1, 2, 4]


def test_a_row_that_a_table_refuses_costs_no_other(storage: Storage) -> None:
    odd = Rejected("bench", 2**70, Reason.NOT_JSON, "too late")
    surrogate = Event("bench", T0, EventKind.LINK, "\udc80")
    good = Event("bench", T0, EventKind.LINK, "good", {"set": {1}})
    storage.append(
        write(readings([T0], [1]), rejected=(odd, Rejected("bench", T0, Reason.NOT_JSON, "kept")), events=(surrogate, good))
    )
    commit(storage)
    assert [line.line for line in storage.rejected()] == ["kept"]
    assert [event.text for event in storage.events()] == ["good"]
    assert storage.health().committed == 1
    assert storage.health().ok
