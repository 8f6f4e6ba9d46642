"""What happened is said in the page's language."""

from __future__ import annotations

from typing import Any

import pytest

from components.words.sentences import sentence
from services.model import Event, EventKind

COMMAND = {"seq": 7, "name": "set_interval", "result": "ok", "detail": "", "tries": 2, "took_ms": 41.3, "args": {"value_ms": 500}}
OUTLIER = {"channel": "w", "count": 1, "value": 9.0, "z": 80.0, "median": 1.0}
HAPPENED: list[tuple[EventKind, dict[str, Any], str]] = [
    (EventKind.LINK, {"state": "open", "url": "/dev/ttyACM0"}, "Connected to /dev/ttyACM0."),
    (EventKind.LINK, {"state": "lost"}, "Connection lost: as stored"),
    (EventKind.HELLO, {"boot": 3, "wire_boot": 3}, "The board is there (boot 3)."),
    (EventKind.REBOOT, {"boot": 4, "wire_boot": 4}, "The board restarted (boot 4)."),
    (EventKind.GAP, {"count": 1}, "1 reading is missing."),
    (EventKind.RECOVERED, {"count": 1234}, "1\u202f234 readings were recovered."),
    (EventKind.LOST, {"count": 2}, "2 readings are lost."),
    (EventKind.SENSOR, {"status": "ok"}, "The sensor measures again."),
    (EventKind.SENSOR, {"status": "sensor_error"}, "The board says: sensor_error"),
    (EventKind.ALERT, {"channel": "w", "level": "warning", "value": 10.5}, "Power is beyond its warning limit at 10.500 W."),
    (EventKind.ALERT, {"channel": "a", "level": "normal", "value": -0.2}, "Current is back to normal at \u22120.200 A."),
    (
        EventKind.ALERT,
        {"channel": "residual", "level": "danger", "value": 0.5},
        "Residual v·a − w is beyond its danger limit at 0.500 W.",
    ),
    (EventKind.ALERT, {"channel": "age", "level": "normal", "value": 0.0}, "Silence is back to normal at 0.000 s."),
    (
        EventKind.ALERT,
        {"channel": "completeness", "level": "warning", "value": 0.985},
        "Completeness is beyond its warning limit at 98.50 %.",
    ),
    (EventKind.ALERT, {"channel": "sensor", "level": "warning", "value": 1.0}, "Sensor is beyond its warning limit at 1."),
    (EventKind.OUTLIER, OUTLIER, "Power: 1 reading stood alone at 9.000 W (z 80.0, median 1.000 W)"),
    (
        EventKind.OUTLIER,
        OUTLIER | {"count": 3},
        "Power: 3 readings stood alone, the farthest at 9.000 W (z 80.0, median 1.000 W)",
    ),
    (
        EventKind.CLOCK,
        {"step_us": 3_600_000_000},
        "This computer's clock was set by 3\u202f600.0 s; readings from here on have the new time.",
    ),
    (
        EventKind.CLOCK,
        {"step_us": 60_000_000, "slept_us": 60_000_000},
        "This computer slept for 60 s: nothing was recorded meanwhile.",
    ),
    (
        EventKind.CLOCK,
        {"step_us": 50_000_000, "slept_us": 60_000_000},
        "This computer slept for 60 s and its clock was set by \u221210.0 s; readings have the new time from here on.",
    ),
    (
        EventKind.CLOCK,
        {"overlap_us": 5_500_000},
        "The clock was set back: readings from here on overlap in time with earlier ones for 5.5 s.",
    ),
    (EventKind.COMMAND, COMMAND, "set_interval → done (41 ms, tries: 2)"),
    (
        EventKind.COMMAND,
        COMMAND | {"result": "error", "detail": "too short"},
        "set_interval → refused: too short (41 ms, tries: 2)",
    ),
    (EventKind.DATABASE, {"moved_to": "x.db"}, "The database was damaged: it was moved aside to x.db and a new one was started."),
]


@pytest.mark.parametrize(("kind", "data", "said"), HAPPENED)
def test_every_event_is_said_in_both_languages(kind: EventKind, data: dict[str, Any], said: str) -> None:
    event = Event("bench", 0, kind, "as stored", data)
    assert sentence(event, "en") == said
    korean = sentence(event, "ko")
    assert korean not in (said, "as stored")
    assert any("가" <= letter <= "힣" for letter in korean)


def test_every_kind_has_a_sentence() -> None:
    assert {kind for kind, _, _ in HAPPENED} == set(EventKind)


def test_why_the_link_was_lost_is_said_in_the_page_s_language_too() -> None:
    event = Event("bench", 0, EventKind.LINK, "/dev/ttyACM0 was closed", {"state": "lost"})
    assert sentence(event, "en") == "Connection lost: /dev/ttyACM0 was closed"
    assert sentence(event, "ko") == "연결이 끊어졌습니다: /dev/ttyACM0 연결이 닫혔습니다."


@pytest.mark.parametrize("data", [{}, {"count": "x"}, {"state": "nowhere"}, {"boot": 1, "channel": "x"}])
@pytest.mark.parametrize("kind", list(EventKind))
def test_a_record_without_the_data_is_shown_as_it_was_stored(kind: EventKind, data: dict[str, Any]) -> None:
    if kind in (EventKind.HELLO, EventKind.REBOOT) and "boot" in data:
        return  # these need no more
    assert sentence(Event("bench", 0, kind, "as <stored>", data), "ko") == "as <stored>"


def test_braces_from_a_board_are_only_text() -> None:
    event = Event("bench", 0, EventKind.SENSOR, "", {"status": "{boot} {0} {text}"})
    assert sentence(event, "en") == "The board says: {boot} {0} {text}"
