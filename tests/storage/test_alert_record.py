"""Rules and episodes in the database: nothing that is heard twice or late makes a difference."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from services.alert_model import AlertChannel, AlertRule, AlertRules, Episode, Level
from services.model import Write
from services.storage import alert_record
from services.storage.alert_record import merged
from services.storage.storage import Storage
from tests.storage.storing import SECOND, T0, commit

RULE = AlertRule("power", AlertChannel.W, Level.DANGER, 10, 9, hold_s=1, name="Überlast")
FIRED = Episode(f"power.bench.{T0}", "bench", RULE, T0, T0 + SECOND, T0 + SECOND, 12.0, 11)
GROWN = msgspec.structs.replace(FIRED, seen_us=T0 + 2 * SECOND, peak=14.0, readings=21)
ENDED = msgspec.structs.replace(
    GROWN, seen_us=T0 + 3 * SECOND, readings=30, end_us=T0 + 3 * SECOND, cleared_us=T0 + 4 * SECOND, ended_by="value"
)
BUZZED = msgspec.structs.replace(FIRED, evidence={"buzzer": {"result": "ok"}})
SEEN = msgspec.structs.replace(FIRED, acknowledged_us=T0 + 9 * SECOND)
WHOLE = msgspec.structs.replace(ENDED, evidence=BUZZED.evidence, acknowledged_us=SEEN.acknowledged_us)


def write(storage: Storage, *episodes: Episode) -> None:
    storage.append(Write("bench", episodes=episodes))
    commit(storage)


def test_an_episode_is_one_row_however_often_it_is_told_of(storage: Storage) -> None:
    write(storage, FIRED)
    assert storage.open_episodes("bench") == [FIRED] and storage.open_episodes("other") == []
    write(storage, GROWN, BUZZED)
    write(storage, ENDED, SEEN, ENDED)
    assert storage.episodes(None, 0, 1 << 60, 10) == [WHOLE] == [storage.episode(FIRED.id)]
    assert storage.open_episodes("bench") == [] and storage.episode("other") is None


def test_words_about_an_episode_may_come_in_any_order(storage: Storage) -> None:
    words = [FIRED, GROWN, ENDED, BUZZED, SEEN]
    orders = list(itertools.permutations(words))
    for at, order in enumerate(orders):
        write_now = [msgspec.structs.replace(word, id=f"power.bench.{at}") for word in order]
        storage.append(Write("bench", episodes=tuple(write_now)))
    commit(storage)
    expected = {f"power.bench.{at}": msgspec.structs.replace(WHOLE, id=f"power.bench.{at}") for at in range(len(orders))}
    assert {episode.id: episode for episode in storage.episodes("bench", 0, 1 << 60, 1000)} == expected


def test_episodes_of_a_span_are_those_that_touch_it(storage: Storage) -> None:
    write(storage, ENDED, msgspec.structs.replace(FIRED, id="open", start_us=T0 + 10 * SECOND))
    asked = [
        (0, T0),
        (0, T0 + 1),
        (T0 + 3 * SECOND, T0 + 4 * SECOND),
        (T0 + 3 * SECOND + 1, T0 + 9 * SECOND),
        (T0 + 99 * SECOND, 1 << 60),
    ]
    found = [[one.id for one in storage.episodes("bench", *span, 10)] for span in asked]
    assert found == [[], [ENDED.id], [ENDED.id], [], ["open"]]
    assert storage.episodes("other", 0, 1 << 60, 10) == []


def test_the_oldest_that_are_over_go_when_there_are_too_many(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_record.trim, "__defaults__", (5,))
    going_on = msgspec.structs.replace(FIRED, id="open", start_us=T0 - SECOND)
    write(storage, going_on, *(msgspec.structs.replace(ENDED, id=str(at), start_us=T0 + at) for at in range(20)))
    assert [one.id for one in storage.episodes(None, 0, 1 << 60, 99)] == ["19", "18", "17", "16", "15", "open"]


def test_rules_are_kept_over_a_restart(make: Callable[..., Storage]) -> None:
    storage = make()
    assert storage.alert_rules() == AlertRules()
    other = msgspec.structs.replace(RULE, id="other")
    rules = AlertRules((other, RULE), {"power": T0}, (other,))
    storage.append(Write("", rules=AlertRules((RULE,))))
    storage.append(Write("", rules=rules))
    storage.stop()
    assert make().alert_rules() == rules


def test_an_open_episode_ends_with_its_rule(storage: Storage) -> None:
    write(storage, GROWN)
    storage.append(Write("", rules=AlertRules((RULE,))))
    commit(storage)
    assert len(storage.open_episodes("bench")) == 1
    storage.append(Write("", rules=AlertRules((msgspec.structs.replace(RULE, enabled=False),))))
    commit(storage)
    episode = storage.episode(GROWN.id)
    assert episode is not None and (episode.end_us, episode.ended_by) == (GROWN.seen_us, "rule")


def test_anyone_can_read_the_alerts_with_sqlite(storage: Storage) -> None:
    write(storage, ENDED)
    with storage._reading() as conn:
        rows = conn.execute("SELECT timestamp, device, rule, duration_s, going_on, peak, readings FROM alert_events").fetchall()
    assert rows == [(T0, "bench", "power", 3.0, 0, 14.0, 30)]


def test_limits_of_the_settings_are_taken_in_once() -> None:
    first, second = (msgspec.structs.replace(RULE, id=name) for name in ("set-1", "set-2"))
    start = merged(AlertRules(), [first])
    assert start.rules == (first,)
    mine = msgspec.structs.replace(RULE, id="mine")
    edited = msgspec.structs.replace(start, rules=(mine,))  # taken away on the page
    assert merged(edited, [first]).rules == (mine,)
    changed = msgspec.structs.replace(start, rules=(msgspec.structs.replace(first, on=50.0),))
    assert merged(changed, [second]).rules == (*changed.rules, second)  # changed on the page: stays
    assert merged(start, [second]).rules == (second,)  # the option says something else now
    assert merged(merged(start, []), [first]).rules == (first,)  # and back again


def test_the_first_schema_with_alerts_is_still_read(make: Callable[..., Storage], path: Path) -> None:
    conn = sqlite3.connect(path)
    conn.executescript((Path(__file__).parent / "schemas" / "0003.sql").read_text())
    conn.close()
    storage = make()
    (episode,) = storage.open_episodes("bench")
    assert (episode.rule.id, episode.peak, episode.readings) == ("mine", 12.5, 21)
    assert [rule.on for rule in storage.alert_rules().rules] == [10]
