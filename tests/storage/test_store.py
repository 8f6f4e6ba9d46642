"""What every store promises, whichever keeps the record: services/storage/store.py, method by method.

Nothing here knows how a record is kept: what is committed is seen by asking. Views of it: test_store_views.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.alert_model import AlertChannel, AlertRule, AlertRules, Episode, Level
from services.analysis.marks import StatusWords, status_of
from services.clock import Clock
from services.errors import DatabaseError, DatabaseLocked, DatabaseUnreadable
from services.model import CHANNELS, Event, EventKind, Flag, Gap, GapState, Identity, Reason, Rejected, Restored, StoredRun, Tally
from services.storage.store import Durable, Store
from tests.storage.places import ALWAYS, MINUTE, PLACES, START, Place, seqs, settle, stored
from tests.storage.storing import SECOND, T0, readings, until, write


@pytest.fixture(params=PLACES, ids=lambda kind: kind.name)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made: Place = request.param(tmp_path)
    yield made
    made.close()


@pytest.fixture
def store(place: Place) -> Store:
    return place.open()


# --- recording


def test_a_reading_comes_back_as_it_was_in_whole_millionths(store: Store) -> None:
    rows = readings([T0, T0 + 1, T0 + 2], [7, 8, 2**32 + 9], v=[5.0000004, -1e-6, 26], a=[0.1, 0.2, -3.2], w=[0.0, 1 / 3, 83.2],
                    hold_us=[1, 250_000, 3], flags=[int(Flag.RECOVERED), int(Flag.LATE), int(Flag.DERIVED)], boot=3)  # fmt: skip
    assert store.append(write(rows))
    settle(store)
    found = stored(store)
    for name in ("boot", "seq", "time_us", "hold_us", "flags"):
        assert getattr(found, name).tolist() == getattr(rows, name).tolist()
    for channel in CHANNELS:
        assert getattr(found, channel).tolist() == (np.rint(getattr(rows, channel) * 1e6) / 1e6).tolist()


def test_what_is_acknowledged_can_be_read_at_that_moment(place: Place) -> None:
    told: list[tuple[Durable, list[int]]] = []
    opened: list[Store] = []

    def committed(durable: list[Durable]) -> None:
        told.extend((done, seqs(opened[0])) for done in durable)

    opened.append(place.open(on_commit=committed))
    for n in range(0, 50, 10):
        opened[0].append(write(readings(T0 + np.arange(n, n + 10) * 1000, np.arange(n, n + 10)), boot=1, ack=n + 9))
    opened[0].nudge()
    until(lambda: told and told[-1][0].ack == 49)
    for done, there in told:
        assert (done.device, done.boot) == ("bench", 1)
        assert there[: done.ack + 1] == list(range(done.ack + 1))


def test_a_commit_tells_the_highest_number_of_each_boot_of_each_device(place: Place) -> None:
    told: list[Durable] = []
    store = place.open(on_commit=told.extend, commit_s=60.0)
    for device, boot, ack in (("bench", 1, 5), ("bench", 1, 9), ("bench", 2, 0), ("other", 1, 3)):
        store.append(write(device=device, boot=boot, ack=ack))
    settle(store)
    until(lambda: told)
    assert told == [Durable("bench", 1, 9), Durable("bench", 2, 0), Durable("other", 1, 3)]


def test_a_number_that_comes_twice_is_stored_once_as_it_came_first(store: Store) -> None:
    store.append(write(readings([T0, T0 + SECOND], [1, 2], v=[1.0, 2.0])))
    store.append(write(readings([T0 + SECOND, T0 + 2 * SECOND], [2, 3], v=[9.0, 3.0])))
    settle(store)
    store.append(write(readings([T0, T0 + 3 * SECOND, T0 + 3 * SECOND], [1, 4, 4], v=[9.0, 4.0, 9.0])))
    settle(store)
    assert (stored(store).seq.tolist(), stored(store).v.tolist()) == ([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0])
    stats = store.span_stats("bench", *ALWAYS)
    assert (stats.count, stats.v.max, stats.counts and stats.counts.received) == (4, 4.0, 4)


def test_the_same_number_of_another_boot_is_another_reading(store: Store) -> None:
    store.append(write(readings([T0], [1], boot=1)))
    store.append(write(readings([T0 + 1], [1], boot=2)))
    settle(store)
    assert stored(store).boot.tolist() == [1, 2]


@pytest.mark.parametrize("odd", [{"v": np.nan}, {"a": np.inf}, {"seq": [-1]}, {"time_us": [-5]}, {"hold_us": -1}])
def test_a_row_that_cannot_be_stored_costs_no_other(store: Store, odd: dict[str, Any]) -> None:
    bad = {"time_us": [T0 + 1], "seq": [2]} | odd
    store.append(write(readings([T0], [1])))
    store.append(write(readings(bad.pop("time_us"), bad.pop("seq"), **bad), boot=1, ack=2))
    store.append(write(readings([T0 + 2], [3]), events=(Event("bench", T0, EventKind.LINK, "beside"),)))
    settle(store)
    assert seqs(store) == [1, 3]
    assert store.health().ok and "beside" in [event.text for event in store.events("bench")]


def test_words_of_boards_keep_their_meaning_whatever_number_each_board_gave_them(store: Store) -> None:
    one, other = StatusWords(), StatusWords()
    flags = [one.mark_flags("hot"), one.mark_flags("wet")], [other.mark_flags("wet"), other.mark_flags("lost a leg")]
    for device, bits, words in (("bench", flags[0], one.known), ("other", flags[1], other.known)):
        store.append(write(readings([T0, T0 + 1], [1, 2], flags=bits), device, words=words))
    settle(store)
    known = store.status_words()
    told = {device: [status_of(bits, known) for bits in stored(store, device).flags.tolist()] for device in ("bench", "other")}
    assert told == {"bench": ["hot", "wet"], "other": ["wet", "lost a leg"]}


def test_settings_are_kept_over_a_restart(place: Place) -> None:
    store = place.open()
    assert store.setting("a") is None
    assert store.keep_setting("a", "1") and store.keep_setting("a", "2")
    assert store.setting("a") == "2"
    store.stop()
    assert place.open().setting("a") == "2"


# --- restart


def test_stop_commits_everything_and_a_restart_finds_it(place: Place) -> None:
    store = place.open(commit_s=60.0)
    lost, missing = gap(2, 2, T0, T0 + 2, GapState.LOST), gap(4, 5, T0 + 2, T0 + 6)
    refused = Rejected("bench", T0 + 4, Reason.VOLTAGE_RANGE, '{"v":99}', "99 V", 1, 7)
    who = Identity("bench-1", 17, 600)
    store.append(write(readings([T0, T0 + 1], [0, 1])))
    store.append(write(readings([T0 + 6], [6]), gaps=(missing, lost), rejected=(refused,), boot=1, identity=who))
    store.stop(60.0)
    store.stop(60.0)
    again = place.open()
    assert (seqs(again), again.devices()) == ([0, 1, 6], ["bench"])
    assert again.restored("bench") == Restored((StoredRun(1, who, 7, T0 + 6, 0, (lost, missing)),), 1)


def test_a_restart_begins_with_the_newest_boots(place: Place) -> None:
    store = place.open()
    for boot in range(1, 30):
        store.append(write(readings([T0 + boot], [boot], boot=boot)))
        if boot % 10 == 0:
            settle(store)
    store.stop(60.0)
    restored = place.open().restored("bench")
    boots = [run.boot for run in restored.runs]
    assert boots == list(range(29, 29 - len(boots), -1)) and len(boots) > 3
    assert restored.highest_boot == 29


def test_nothing_is_stored_after_the_end(place: Place) -> None:
    store = place.open()
    store.append(write(readings([T0], [1])))
    store.stop(60.0)
    store.append(write(readings([T0 + 1], [2])))
    store.nudge()
    assert seqs(place.open()) == [1]


# --- gaps


def gap(first: int, last: int, t0_us: int, t1_us: int, state: GapState = GapState.OPEN, boot: int = 1) -> Gap:
    return Gap("bench", boot, first, last, t0_us, t1_us, state)


def test_a_gap_opens_is_filled_in_part_and_the_rest_is_lost(store: Store) -> None:
    span = (T0, T0 + 10 * SECOND)
    store.append(write(readings([span[0], span[1]], [0, 10]), gaps=(gap(1, 9, *span),)))
    settle(store)
    assert store.gaps("bench", *span) == [gap(1, 9, *span)]
    assert account(store, span) == (2, 9, 0, 0)
    store.append(write(readings([T0 + 3 * SECOND], [3], flags=int(Flag.RECOVERED)), gaps=(gap(3, 3, *span, GapState.RECOVERED),)))
    settle(store)
    assert account(store, span) == (3, 8, 0, 1)
    store.append(write(gaps=(gap(1, 2, *span, GapState.LOST), gap(4, 9, *span, GapState.LOST))))
    settle(store)
    assert [(g.first, g.last, g.state) for g in store.gaps("bench", *span)] == [
        (1, 2, GapState.LOST), (3, 3, GapState.RECOVERED), (4, 9, GapState.LOST),
    ]  # fmt: skip
    assert account(store, span) == (3, 0, 8, 1)
    store.append(write(gaps=(gap(1, 4, *span, GapState.BEFORE),)))
    settle(store)
    assert [(g.first, g.last) for g in store.gaps("bench", *span)] == [(5, 9)]


def account(store: Store, span: tuple[int, int]) -> tuple[int, int, int, int]:
    """(received, missing, lost, recovered), the end of the span included."""
    counts = store.counts("bench", span[0], span[1] + 1)
    return counts.received, counts.missing, counts.lost, counts.recovered


States = st.sampled_from([GapState.OPEN, GapState.RECOVERED, GapState.LOST, GapState.BEFORE])
_boots = count(1)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12), States), max_size=20), cuts=st.sets(st.integers(0, 20)))
def test_gaps_are_what_their_changes_add_up_to(store: Store, changes: list[tuple[int, int, GapState]], cuts: set[int]) -> None:
    boot, truth = next(_boots), dict[int, GapState]()
    for at, (first, more, state) in enumerate(changes):
        store.append(write(gaps=(gap(first, first + more, T0, T0 + SECOND, state, boot),)))
        truth |= dict.fromkeys(range(first, first + more + 1), state)
        if at in cuts:
            settle(store)
    settle(store)
    mine = [g for g in store.gaps("bench", 0, T0 + SECOND) if g.boot == boot]
    told = [(seq, g.state) for g in mine for seq in range(g.first, g.last + 1)]
    assert sorted(told) == sorted((seq, state) for seq, state in truth.items() if state is not GapState.BEFORE)


def test_gaps_that_touch_a_span_come_in_order_the_newest_when_there_are_too_many(store: Store) -> None:
    long, short, later = (
        gap(1, 900, T0, T0 + 900 * SECOND),
        gap(901, 901, T0 + 10, T0 + 20, boot=2),
        gap(950, 951, T0 + MINUTE, T0 + 2 * MINUTE),
    )
    store.append(write(gaps=(later, long, short)))
    settle(store)
    assert store.gaps("bench", T0, T0 + 900 * SECOND) == [long, short, later]
    assert store.gaps("bench", T0, T0 + 900 * SECOND, 2) == [short, later]
    assert store.gaps("bench", T0 + 3 * MINUTE, T0 + 4 * MINUTE) == [long]
    assert store.gaps("bench", T0 + 900 * SECOND + 1, T0 + 1000 * SECOND) == []


# --- events, refused lines, tallies


def test_events_come_newest_first_by_device_span_and_number(store: Store) -> None:
    for n, device in enumerate(("bench", "", "other", "bench")):
        store.append(write(device=device, events=(Event(device, T0 + n, EventKind.LINK, str(n), {"n": n}),)))
    store.append(write(events=(Event("bench", T0 - 5, EventKind.CLOCK, "late told"),)))
    settle(store)
    mine = store.events("bench", T0 - 9, T0 + 9)
    assert [event.text for event in mine] == ["3", "1", "0", "late told"]
    assert (mine[0].data, mine[0].time_us, mine[0].device) == ({"n": 3}, T0 + 3, "bench")
    assert len({event.id for event in mine}) == 4
    assert [event.text for event in store.events("other", T0 + 1, T0 + 3)] == ["2", "1"]
    assert [event.text for event in store.events(None, T0 + 1, T0 + 9, 2)] == ["3", "2"]


def test_refused_lines_and_tallies_are_in_the_account(store: Store) -> None:
    line = Rejected("bench", T0, Reason.BAD_TYPE, '{"v":"\\u0000é"}', "v is text", 3, 4)
    other = Rejected("bench", T0 + 1, Reason.CORRUPT, "x")
    second = T0 // SECOND * SECOND
    counted = (Tally(second, "rejected", 1), Tally(second, "bad_lines", 2), Tally(second, str(Reason.BAD_TYPE), 1))
    store.append(write(rejected=(line, other), tallies=(*counted, Tally(second, "bad_lines", 3))))
    settle(store)
    store.append(write(tallies=(Tally(second + SECOND, "bad_lines", 4),)))
    settle(store)
    assert (store.rejected("bench"), store.rejected("bench", 1), store.rejected("nobody")) == ([other, line], [other], [])
    counts = store.counts("bench", second, second + SECOND)
    assert (counts.rejected, counts.bad_lines, counts.reasons) == (1, 5, {"bad_type": 1})
    assert store.counts("bench", second, second + 2 * SECOND).bad_lines == 9


# --- alerts

RULE = AlertRule("power", AlertChannel.W, Level.DANGER, 10.0, 9.0)
FIRED = Episode("e1", "bench", RULE, T0, T0 + SECOND, T0 + SECOND, 11.0, 3)
ENDED = msgspec.structs.replace(FIRED, seen_us=T0 + 9, peak=12.5, readings=7, end_us=T0 + 9, cleared_us=T0 + 9, ended_by="value")


def test_rules_are_one_list_that_is_replaced_and_stays_over_a_restart(place: Place) -> None:
    store = place.open()
    assert store.alert_rules() == AlertRules()
    other = msgspec.structs.replace(RULE, id="volts", channel=AlertChannel.V)
    store.append(write(device="", rules=AlertRules((RULE, other), {"power": T0}, (RULE,))))
    store.append(write(device="", rules=AlertRules((other, RULE), {"volts": T0}, (other,))))
    store.stop(60.0)
    assert place.open().alert_rules() == AlertRules((other, RULE), {"volts": T0}, (other,))


def test_what_is_known_of_an_episode_only_grows(store: Store) -> None:
    store.append(write(device="", rules=AlertRules((RULE,))))
    late_word = msgspec.structs.replace(FIRED, evidence={"webhook": {"status": 200}})
    first = msgspec.structs.replace(FIRED, seen_us=T0)
    for word in (first, ENDED, late_word, first):
        store.append(write(episodes=(word,)))
        settle(store)
    assert store.episode("e1") == msgspec.structs.replace(
        ENDED, seen_us=T0 + SECOND, peak=11.0, evidence={"webhook": {"status": 200}}
    )


def test_episodes_are_found_by_span_device_and_whether_they_go_on(store: Store) -> None:
    going_on = msgspec.structs.replace(FIRED, id="e2", start_us=T0 + MINUTE, device="other")
    store.append(write(device="", rules=AlertRules((RULE,))))
    store.append(write(episodes=(ENDED, going_on)))
    settle(store)
    found: Callable[..., list[str]] = lambda *asked: [one.id for one in store.episodes(*asked)]  # noqa: E731
    assert found(None, T0, T0 + 2 * MINUTE, 9) == ["e2", "e1"]
    assert found(None, T0, T0 + 2 * MINUTE, 1) == ["e2"]
    assert found("bench", T0, T0 + 2 * MINUTE, 9) == ["e1"]
    assert found(None, T0 + 10 * MINUTE, T0 + 11 * MINUTE, 9) == ["e2"]
    assert (store.open_episodes("other"), store.open_episodes("bench")) == ([going_on], [])
    store.append(write(device="", rules=AlertRules()))
    settle(store)
    ended = store.episode("e2")
    assert ended is not None and (ended.ended_by, ended.end_us) == ("rule", going_on.seen_us)


def test_a_rule_is_tried_on_the_record(store: Store) -> None:
    w = np.where((np.arange(600) >= 100) & (np.arange(600) < 150), 11.0, 1.0)
    store.append(write(readings(T0 + np.arange(600) * 100_000, w=w)))
    settle(store)
    found = store.back_test("bench", RULE, 0, T0 + MINUTE)
    assert [(one.start_us, one.end_us, one.peak, one.readings) for one in found.episodes] == [
        (T0 + 10 * SECOND, T0 + 15 * SECOND, 11.0, 50)
    ]
    assert (found.t0_us, found.t1_us, found.judged) == (T0, T0 + MINUTE, 600)


# --- care


def test_what_is_older_than_the_retention_goes_and_nothing_else(place: Place) -> None:
    minutes, end = 100, START + 100 * MINUTE
    clock = Clock(wall_ns=lambda: end * 1000)
    store = place.open(clock=clock, retention_h=48.0, purge_after_s=0.0, purge_every_s=0.01)
    rows = readings(START + np.arange(minutes * 60) * SECOND, np.arange(minutes * 60), hold_us=SECOND)
    store.append(write(rows, boot=1, ack=len(rows) - 1))
    settle(store)
    assert store.extent("bench") == (START, end - SECOND)
    store.keep(1.0, None)
    oldest = (end - SECOND - 60 * MINUTE) // MINUTE * MINUTE
    until(lambda: (store.extent("bench") or (0, 0))[0] >= oldest)
    assert store.extent("bench") == (oldest, end - SECOND)
    assert stored(store).time_us.tolist() == rows.time_us[rows.time_us >= oldest].tolist()
    assert store.span_stats("bench", *ALWAYS).count == len(stored(store))
    assert store.restored("bench").runs[0].last_seq == len(rows) - 1
    assert store.append(write(readings([START], [3])))  # it comes when its time is gone already
    settle(store)
    assert store.extent("bench") == (oldest, end - SECOND)


def test_health_counts_what_is_on_disk(store: Store) -> None:
    assert (store.health().ok, store.health().committed) == (True, 0)
    store.append(write(readings([T0, T0 + 1], [1, 2])))
    settle(store)
    until(lambda: store.health().committed)  # noted when the commit is over, just after it is seen
    health = store.health()
    assert (health.ok, health.problem, health.committed, health.queued, health.dropped) == (True, "", 2, 0, 0)
    assert health.last_commit_us is not None and health.file_bytes > 0
    assert store.devices() == ["bench"]


def test_a_second_writer_is_refused_and_harms_nothing(place: Place) -> None:
    store = place.open()
    store.append(write(readings([T0], [1])))
    settle(store)
    second = place.make()
    with pytest.raises(DatabaseLocked):
        second.start()
    second.stop()
    store.append(write(readings([T0 + 1], [2])))
    settle(store)
    assert seqs(store) == [1, 2]
    store.stop(60.0)
    assert seqs(place.open()) == [1, 2]


def test_what_is_no_record_is_refused_and_left_as_it_is(place: Place) -> None:
    place.spoil()
    before = place.content()
    store = place.make()
    with pytest.raises(DatabaseUnreadable):
        store.start()
    with pytest.raises(DatabaseError):
        store.extent("bench")
    store.stop()
    assert place.content() == before


def test_after_the_end_every_question_is_refused_with_a_sentence(place: Place) -> None:
    store = place.open()
    store.stop(60.0)
    questions: list[Callable[[], object]] = [
        lambda: store.restored("bench"), lambda: store.extent("bench"), lambda: store.curve("bench", *ALWAYS, 10),
        lambda: store.span_stats("bench", *ALWAYS), lambda: store.counts("bench", *ALWAYS), lambda: store.gaps("bench", *ALWAYS),
        store.events, store.rejected, store.status_words, lambda: list(store.pages("bench", *ALWAYS)), store.alert_rules,
        lambda: store.episodes(None, *ALWAYS, 9), lambda: store.open_episodes("bench"), lambda: store.episode("e"),
        lambda: store.back_test("bench", RULE, *ALWAYS),
    ]  # fmt: skip
    for question in questions:
        with pytest.raises(DatabaseError, match="cannot be read now"):
            question()
    assert store.setting("a") is None
    assert not store.keep_setting("a", "1")
