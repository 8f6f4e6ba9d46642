"""Gaps, counts, events, refused lines, and where a boot stood."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.model import Event, EventKind, Gap, GapState, Reason, Rejected, Tally
from services.storage import ingest
from services.storage.counts import _inside
from services.storage.database import open_reader
from services.storage.storage import Durable, Storage
from tests.storage.storing import T0, commit, readings, until, write

SECOND = 1_000_000


def gap(first: int, last: int, t0_us: int, t1_us: int, state: GapState = GapState.OPEN, **numbers: int) -> Gap:
    counts = {"missing": last - first + 1, "recovered": 0, "lost": 0} | numbers
    return Gap("bench", 1, first, last, t0_us, t1_us, state, **counts)


def test_a_boot_is_restored_with_what_came_and_what_is_missing(make: Callable[..., Storage]) -> None:
    storage = make()
    refused = Rejected("bench", T0 + 500_000, Reason.VOLTAGE_RANGE, '{"v":99}', "99 V", 1, 5)
    storage.append(write(readings(T0 + np.arange(3) * 100_000, [0, 1, 2])))
    storage.append(write(readings([T0 + 600_000], [6]), rejected=(refused,), gaps=(gap(3, 4, T0 + 200_000, T0 + 500_000),)))
    storage.stop()
    restored = make().restored("bench")
    assert restored is not None
    assert (restored.boot, restored.last_seq, restored.last_time_us, restored.highest_boot) == (1, 6, T0 + 600_000, 1)
    assert restored.present == ((0, 2), (5, 6))
    assert restored.gaps == (gap(3, 4, T0 + 200_000, T0 + 500_000),)


def test_the_newest_boot_is_restored_even_when_its_number_is_lower(storage: Storage) -> None:
    storage.append(write(readings([T0], [10], boot=7)))
    storage.append(write(readings([T0 + 1], [0], boot=3)))
    commit(storage)
    restored = storage.restored("bench")
    assert restored is not None and (restored.boot, restored.highest_boot, restored.present) == (3, 7, ((0, 0),))


def test_at_least_the_newest_100_000_numbers_are_restored(storage: Storage) -> None:
    storage.append(write(readings(T0 + np.arange(150_000), np.arange(150_000) * 2, hold_us=1)))
    commit(storage)
    restored = storage.restored("bench")
    assert restored is not None and len(restored.present) >= 100_000 and restored.present[-1] == (299_998, 299_998)


def test_a_gap_is_kept_as_it_was_last_told(storage: Storage) -> None:
    storage.append(write(gaps=(gap(1, 4, T0, T0 + SECOND), gap(1, 4, T0, T0 + SECOND, missing=2, recovered=2))))
    commit(storage)
    mended = gap(1, 4, T0, T0 + SECOND, GapState.RECOVERED, missing=0, recovered=4)
    storage.append(write(gaps=(mended,)))
    commit(storage)
    assert storage.gaps("bench", T0, T0 + SECOND) == [mended]


def test_gaps_that_touch_a_span_are_found_in_order_whatever_their_length(storage: Storage) -> None:
    long, short, later = (
        gap(1, 900, T0, T0 + 900 * SECOND),
        gap(950, 951, T0 + 950 * SECOND, T0 + 951 * SECOND),
        gap(999, 999, T0 + 999 * SECOND, T0 + 1000 * SECOND),
    )
    storage.append(write(gaps=(later, long, short)))
    commit(storage)
    assert storage.gaps("bench", T0 + 899 * SECOND, T0 + 960 * SECOND) == [long, short]
    assert storage.gaps("bench", T0 + 901 * SECOND, T0 + 902 * SECOND) == []
    assert storage.gaps("bench", T0, T0 + 10**10, limit=1) == [later]


def test_the_account_of_a_span_names_every_cause(storage: Storage) -> None:
    refused = Rejected("bench", T0, Reason.OVERFLOW, "{}", boot=1, seq=11)
    second = T0 // SECOND * SECOND
    tallies = tuple(
        Tally(second, kind, n)
        for kind, n in (("rejected", 1), ("overflow", 1), ("duplicates", 4), ("bad_lines", 3), ("corrupt", 2))
    )
    storage.append(write(readings(T0 + np.arange(10) * 1000, flags=[0] * 8 + [1, 5]), tallies=tallies, rejected=(refused,)))
    storage.append(
        write(
            tallies=(Tally(second, "corrupt", 5),),
            gaps=(gap(20, 24, T0 + 20_000, T0 + 30_000, GapState.LOST, missing=2, lost=3),),
        )
    )
    commit(storage)
    counts = storage.counts("bench", second, second + SECOND)
    assert (counts.received, counts.recovered, counts.late) == (10, 2, 1)
    assert (counts.rejected, counts.duplicates, counts.bad_lines, counts.corrupt) == (1, 4, 3, 7)
    assert (counts.missing, counts.lost, counts.expected) == (2, 3, 16)
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


def test_refused_lines_come_back_as_they_were(storage: Storage) -> None:
    line = Rejected("bench", T0, Reason.BAD_TYPE, '{"v":"\\u0000é"}', "v is text", 3, 4)
    storage.append(write(rejected=(line, Rejected("bench", T0, Reason.CORRUPT, "x"))))
    commit(storage)
    assert storage.rejected("bench") == [Rejected("bench", T0, Reason.CORRUPT, "x"), line]
    assert storage.rejected("other") == []


def test_a_commit_reports_the_highest_acknowledgement_of_each_boot(make: Callable[..., Storage]) -> None:
    told: list[Durable] = []
    storage = make(on_commit=told.extend, commit_s=60.0)
    for boot, ack in ((1, 5), (1, 9), (2, 0)):
        storage.append(write(boot=boot, ack=ack))
    storage.append(write(device="other", boot=1, ack=3))
    commit(storage)
    until(lambda: told)
    assert told == [Durable("bench", 1, 9), Durable("bench", 2, 0), Durable("other", 1, 3)]


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
