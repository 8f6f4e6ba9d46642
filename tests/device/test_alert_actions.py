"""What a board's alerts do: the record, the listener, and the buzzer with its round trip."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from services.alert_model import AlertAction, AlertChange, AlertChannel, AlertRule, AlertRules, AlertState, Level
from services.analysis.alert_rules import Limit
from services.device.device import Device
from services.model import EventKind, LinkState
from services.settings import Settings
from services.wire.decoders import ReadingLine, encode_reading
from tests.device.test_hostile_wires import Disk, HandClock

LOUD = AlertRule("loud", AlertChannel.W, Level.DANGER, 10, 9, actions=(AlertAction.BUZZER,), repeat_s=5)


class Bench:
    """A board of level 0 on a hand-driven clock."""

    def __init__(self, *rules: AlertRule, settings: Settings | None = None) -> None:
        self.clock, self.disk = HandClock(), Disk()
        self.device = Device("lab", "socket://nowhere", settings or Settings(), self.disk, self.clock)  # type: ignore[arg-type]
        self.told: list[AlertChange] = []
        self.seq = 0
        self.device.link.state = LinkState.WAITING
        self.device.opened()
        self.device.tick()
        self.reply(1)  # to our hello
        if rules:
            self.device.alerts.attach(self.told.append, AlertRules(rules), [])

    def reply(self, number: int, result: str = "ok") -> None:
        self.device.received(b'{"ack":%d,"result":"%s"}\n' % (number, result.encode()))

    def feed(self, *values: float, status: str = "ok") -> bytes:
        out = b""
        for w in values:
            self.clock.us += 100_000
            self.seq += 1
            self.device.received(encode_reading(ReadingLine(5.0, round(w / 5, 6), w, seq=self.seq, status=status), crc=False))
            out += self.device.tick()
        return out

    def kinds(self) -> list[str]:
        return [change.kind for change in self.told]

    def evidence(self) -> dict[str, object]:
        told: dict[str, object] = self.told[-1].episode.evidence["buzzer"]
        return told


@pytest.fixture
def bench() -> Iterator[Bench]:
    yield Bench(LOUD)


def test_limits_of_the_settings_watch_until_there_are_rules() -> None:
    bench = Bench(settings=Settings(thresholds=(Limit("w", Level.WARNING, 10, 9),)))
    bench.feed(5, 12)
    state = bench.device.snapshot()
    assert state.levels == {"v": Level.NORMAL, "a": Level.NORMAL, "w": Level.WARNING}
    assert [(status.state, status.readings) for status in state.alerts] == [(AlertState.FIRING, 1)]


def test_one_stored_episode_and_two_lines_in_the_log(bench: Bench) -> None:
    bench.feed(5, *[12] * 30, 5, 5)
    events = [event for write in bench.disk.writes for event in write.events if event.kind is EventKind.ALERT]
    assert [(event.text, event.data["level"]) for event in events] == [
        ("w: danger at 12", "danger"),
        ("w: normal at 5", "normal"),
    ]
    episodes = {episode.id: episode for write in bench.disk.writes for episode in write.episodes}
    (episode,) = episodes.values()
    assert (episode.readings, episode.peak, episode.ended_by) == (30, 12, "value")
    assert sum(len(write.episodes) for write in bench.disk.writes) < 10  # a word a second, not one a reading


def test_an_over_current_that_is_out_of_range_does_not_silence_its_own_alarm(bench: Bench) -> None:
    bench.feed(5, 500)
    assert bench.kinds()[0] == "fired" and bench.told[0].value == 500


def test_the_buzzer_sounds_and_its_round_trip_is_evidence(bench: Bench) -> None:
    out = bench.feed(5, 12)
    assert b'{"cmd":"buzzer","on_ms":200,"times":3,"seq":2}' in out
    bench.clock.us += 7_500
    bench.reply(2)
    assert bench.kinds() == ["fired", "evidence"]
    assert bench.evidence() == {
        "result": "ok", "detail": "", "tries": 1,
        "value_to_rule_ms": 0.0, "rule_to_command_ms": 0.0, "command_to_answer_ms": 7.5, "value_to_answer_ms": 7.5,
    }  # fmt: skip
    assert bench.disk.writes[-1].episodes[0].evidence or any(
        episode.evidence for write in bench.disk.writes for episode in write.episodes
    )


def test_a_board_that_refuses_or_does_not_answer_is_evidence_too(bench: Bench) -> None:
    bench.feed(12)
    bench.reply(2, "error")
    assert bench.evidence()["result"] == "error"
    bench.clock.us += 6_000_000
    bench.feed(5, 12)
    for _ in range(200):
        bench.feed(12)
    assert bench.evidence()["result"] == "failed" and bench.evidence()["tries"] == 3


def test_a_limit_that_flaps_sounds_the_buzzer_once(bench: Bench) -> None:
    out = bench.feed(12, 5)
    bench.reply(2)
    out += bench.feed(*[12, 5] * 19)
    assert out.count(b"buzzer") == 1 and bench.kinds().count("fired") == 20
    assert bench.evidence()["result"] == "grouped"


def test_a_snoozed_rule_is_judged_and_stored_and_does_not_sound(bench: Bench) -> None:
    bench.device.alerts.watch(AlertRules((LOUD,), {"loud": bench.clock.us + 1_000_000}))
    assert b"buzzer" not in bench.feed(12) and bench.evidence()["result"] == "snoozed"
    bench.feed(*[5] * 20)
    assert b"buzzer" in bench.feed(12)


def test_a_board_that_is_gone_is_not_told_to_buzz_when_it_comes_back() -> None:
    rule = AlertRule("gaps", AlertChannel.COMPLETENESS, Level.WARNING, 0.9, 0.95, above=False, actions=(AlertAction.BUZZER,))
    bench = Bench(rule)
    bench.feed(*[5] * 20)
    bench.device.link.state = LinkState.LOST
    bench.seq += 500
    bench.feed(5, 5, 5)
    for _ in range(50):
        bench.clock.us += 100_000
        assert b"buzzer" not in bench.device.tick()
    assert bench.evidence() == {"result": "not sent", "detail": "the board is not connected"}
    bench.device.opened()
    bench.device.link.state = LinkState.WAITING
    assert b"buzzer" not in bench.feed(5, 5)


def test_a_board_that_falls_silent_fires_by_the_clock() -> None:
    bench = Bench(AlertRule("silence", AlertChannel.AGE, Level.WARNING, 3, 3))
    bench.feed(5, 5)
    for _ in range(35):
        bench.clock.us += 100_000
        bench.device.tick()
    assert bench.kinds() == ["fired"]
    bench.feed(5)
    assert bench.kinds() == ["fired", "ended"]


def test_the_sensors_own_word_is_watched_in_each_line() -> None:
    bench = Bench(AlertRule("sensor", AlertChannel.SENSOR, Level.WARNING, 0.5, 0.5))
    bench.feed(5)
    lines = [ReadingLine(5.0, 1.0, 5.0, seq=at, status="sensor_error" if at == 3 else "ok") for at in (2, 3, 4)]
    bench.device.received(b"".join(encode_reading(line, crc=False) for line in lines))
    assert bench.kinds() == ["fired", "ended"] and bench.told[-1].episode.readings == 1


def test_acknowledging_is_told_and_stored_once(bench: Bench) -> None:
    bench.feed(12)
    bench.reply(2)
    name = bench.told[0].episode.id
    assert bench.device.alerts.acknowledge(name) and not bench.device.alerts.acknowledge(name)
    assert bench.told[-1].kind == "acknowledged" and bench.told[-1].episode.acknowledged_us == bench.clock.us
    assert not bench.device.alerts.acknowledge("loud.lab.1")


def test_changes_move_the_version_and_readings_of_an_episode_do_not(bench: Bench) -> None:
    bench.feed(12)
    bench.reply(2)
    before = bench.device.snapshot().version
    bench.feed(*[12] * 30)
    assert bench.device.snapshot().version == before
    bench.feed(5)
    assert bench.device.snapshot().version > before


def test_rules_that_change_while_they_fire_end_what_they_had_begun(bench: Bench) -> None:
    bench.feed(12)
    bench.device.alerts.watch(AlertRules((msgspec.structs.replace(LOUD, on=11.0),)))
    assert bench.told[-1].kind == "ended" and bench.told[-1].episode.ended_by == "rule"
