"""Rules and episodes as the façade tells them, over a real file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from services.actions.alert_book import UNTIL_ENDED_US, AlertBook
from services.alert_model import AlertAction, AlertChange, AlertChannel, AlertRule, AlertRules, Episode, Level
from services.analysis.alert_rules import Limit, rule_of
from services.clock import Clock
from services.errors import BadRequest
from services.model import Write
from services.settings import Settings
from services.storage.alert_record import merged
from services.storage.storage import Storage
from tests.storage.storing import SECOND, T0, commit

LIMIT = Limit("w", Level.DANGER, 10, 9)
RULE = AlertRule("mine", AlertChannel.V, Level.WARNING, 4.5, 4.7, above=False, actions=(AlertAction.WEBHOOK,))
OPEN = Episode(f"mine.bench.{T0}", "bench", RULE, T0, T0, T0, 4.0, 1)
ENDED = msgspec.structs.replace(
    OPEN, end_us=T0 + SECOND, seen_us=T0 + SECOND, cleared_us=T0 + SECOND, ended_by="value", readings=10
)


class Board:
    """Stands for a board's alerts."""

    def __init__(self) -> None:
        self.rules: list[AlertRules] = []
        self.going_on: list[Episode] = []
        self.acknowledged: list[str] = []
        self.tell: Callable[[AlertChange], None] = print

    def attach(self, tell: Callable[[AlertChange], None], rules: AlertRules, episodes: list[Episode]) -> None:
        self.tell, self.going_on = tell, list(episodes)
        self.rules.append(rules)

    def watch(self, rules: AlertRules) -> None:
        self.rules.append(rules)

    def acknowledge(self, episode_id: str) -> bool:
        self.acknowledged.append(episode_id)
        return False


class Shelf:
    """Books on one file, one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.storage: Storage | None = None
        self.sent: list[AlertChange] = []

    def open(self, *limits: Limit) -> AlertBook:
        self.close()
        self.storage = Storage(self.path, Clock(), synchronous="OFF", commit_s=0.05)
        self.storage.start()
        book = AlertBook(Settings(thresholds=limits), self.storage, Clock(), self.sent.append)
        book.start()
        return book

    def commit(self) -> None:
        assert self.storage is not None
        commit(self.storage)

    def close(self) -> None:
        if self.storage is not None:
            self.storage.stop(60)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "powermon.db")
    yield shelf
    shelf.close()


def test_the_limits_of_the_settings_are_the_first_rules_and_what_is_changed_stays(shelf: Shelf) -> None:
    book = shelf.open(LIMIT)
    assert book.rules.rules == (rule_of(LIMIT),)
    book.set_rules([RULE])
    assert shelf.open(LIMIT).rules.rules == (RULE,)


def test_a_danger_of_the_settings_notifies_also_where_it_was_stored_before_actions_meant_something(shelf: Shelf) -> None:
    given, mute = rule_of(LIMIT), msgspec.structs.replace(rule_of(LIMIT), actions=())
    assert given.actions == (AlertAction.NOTIFY,)
    assert rule_of(msgspec.structs.replace(LIMIT, level=Level.WARNING)).actions == ()
    assert merged(AlertRules((mute,), {}, (mute,)), [given]).rules == (given,)
    changed = msgspec.structs.replace(mute, on=11.0)
    assert merged(AlertRules((changed,), {}, (mute,)), [given]).rules == (changed,)


def test_a_rule_can_be_quiet_until_that_is_ended(shelf: Shelf) -> None:
    book = shelf.open(LIMIT)
    rule_id = rule_of(LIMIT).id
    assert book.snooze(rule_id, None).snoozed_until_us == {rule_id: UNTIL_ENDED_US} and book.snoozed("bench") == 1
    assert book.snooze(rule_id, 0).snoozed_until_us == {} and book.snoozed("bench") == 0


def test_new_rules_reach_every_board_at_once(shelf: Shelf) -> None:
    book, one, two = shelf.open(), Board(), Board()
    book.adopt("one", one)
    book.set_rules([RULE])
    book.adopt("two", two)
    assert one.rules[-1].rules == two.rules[-1].rules == (RULE,)


def test_rules_that_make_no_sense_change_nothing(shelf: Shelf) -> None:
    book = shelf.open(LIMIT)
    with pytest.raises(BadRequest, match="must not be below") as caught:
        book.set_rules([RULE, msgspec.structs.replace(RULE, id="other", off=4.0)])
    assert caught.value.field == "rules[1].off" and book.rules.rules == (rule_of(LIMIT),)


def test_a_snooze_is_kept_over_a_restart_and_goes_with_its_rule(shelf: Shelf) -> None:
    book = shelf.open()
    book.set_rules([RULE])
    until_us = book.snooze("mine", 3600).snoozed_until_us["mine"]
    book = shelf.open()
    assert book.rules.snoozed_until_us == {"mine": until_us}
    assert book.snooze("mine", 0).snoozed_until_us == {}
    book.snooze("mine", 1e12)
    assert book.set_rules([]).snoozed_until_us == {}
    with pytest.raises(BadRequest, match="no rule"):
        book.snooze("mine", 5)


def test_what_was_going_on_is_handed_to_its_board(shelf: Shelf) -> None:
    book, board = shelf.open(), Board()
    book.set_rules([RULE])
    book.adopt("bench", board)
    board.tell(AlertChange("fired", OPEN))
    assert shelf.storage is not None
    shelf.storage.append(Write("bench", episodes=(OPEN,)))
    book, board = shelf.open(), Board()
    book.adopt("bench", board)
    assert board.going_on == [OPEN]


def test_what_is_not_committed_yet_is_told_as_well(shelf: Shelf) -> None:
    book, board = shelf.open(), Board()
    book.adopt("bench", board)
    board.tell(AlertChange("fired", OPEN))
    assert book.episodes(None, 0, 1 << 60) == [OPEN] == book.episodes("bench", T0 + 5 * SECOND, 1 << 60)
    board.tell(AlertChange("ended", ENDED))
    assert book.episodes("bench", 0, 1 << 60) == [ENDED]
    assert book.episodes("bench", T0 + 5 * SECOND, 1 << 60) == [] == book.episodes("other", 0, 1 << 60)


def test_changes_are_told_to_each_listener_once(shelf: Shelf) -> None:
    book, board = shelf.open(), Board()
    book.adopt("bench", board)
    cursor, nothing = book.since(None)
    board.tell(AlertChange("fired", OPEN))
    board.tell(AlertChange("ended", ENDED))
    later, changes = book.since(cursor, "bench")
    assert nothing == [] and [change.kind for change in changes] == ["fired", "ended"]
    assert book.since(later, "bench") == (later, []) and book.since(cursor, "other") == (later, [])


def test_acknowledging_is_stored_told_and_done_once(shelf: Shelf) -> None:
    book = shelf.open()
    book.add_evidence(ENDED, {"webhook": {"result": "delivered"}})
    first = book.acknowledge(ENDED.id)
    assert first.acknowledged_us is not None and first.evidence
    shelf.commit()
    book = shelf.open()
    again = book.acknowledge(ENDED.id)
    assert again.acknowledged_us == first.acknowledged_us
    with pytest.raises(BadRequest, match="no alert"):
        book.acknowledge("mine.bench.7")


def test_only_what_asks_for_it_and_is_not_snoozed_is_sent_away(shelf: Shelf) -> None:
    book, board = shelf.open(), Board()
    quiet = msgspec.structs.replace(OPEN, rule=msgspec.structs.replace(RULE, actions=()))
    book.set_rules([RULE])
    book.adopt("bench", board)
    for change in (AlertChange("fired", OPEN), AlertChange("fired", quiet), AlertChange("evidence", OPEN)):
        board.tell(change)
    assert [change.episode for change in shelf.sent] == [OPEN]
    book.snooze("mine", 60)
    board.tell(AlertChange("ended", ENDED))
    assert len(shelf.sent) == 1
