"""What the server writes into panels: pure functions, compared by what they say."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from plotly.utils import PlotlyJSONEncoder

from components.events import event_list, rejected_list
from components.ports import port_list
from components.recording import latency_text, need_sentence, storage_facts
from components.text import EN, KO
from services.model import Event, EventKind, Health, PortInfo, Reason, Rejected, StorageHealth

STORAGE = StorageHealth(True, "", 3, 0, 1000, None, 4_100_000, 33.2, 1_150_000_000, 55_000_000_000, 48.0)


def as_text(component: Any) -> str:
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


def test_storage_need_is_a_measured_sentence() -> None:
    assert need_sentence(STORAGE, EN) == "48 h at this rate need 1.15 GB (33 bytes a reading, measured)."
    assert need_sentence(STORAGE, KO) == "현재 속도로 48시간에 1.15 GB 필요 (측정값당 33바이트, 실측)."


def test_storage_need_is_not_guessed_before_it_was_measured() -> None:
    unknown = msgspec.structs.replace(STORAGE, bytes_per_reading=None, predicted_bytes=None)
    assert need_sentence(unknown, EN) == "What 48 h need is known after the first minute of readings."


def test_storage_facts_carry_exact_values() -> None:
    health = Health("ok", (), "1", 1.0, STORAGE, (), {"p95": 3.4, "p50": 1.2})
    text = as_text(storage_facts(health, "en"))
    assert '"data-value": "4100000"' in text and "p50 1.2 ms · p95 3.4 ms" in text


def test_latency_that_was_not_measured_is_not_shown() -> None:
    assert latency_text({"p50": None, "p95": None}) == "–"


def test_events_are_listed_newest_first() -> None:
    events = [Event("b", 1_000_000, EventKind.HELLO, "first"), Event("b", 2_000_000, EventKind.REBOOT, "second")]
    text = as_text(event_list(events, "en"))
    assert text.index("second") < text.index("first")
    assert '"data-ms": "2000.0"' in text and "Reboot" in text


def test_no_events_teach_what_will_be_there() -> None:
    assert "events.none" in as_text(event_list([], "en"))


def test_a_rejected_line_keeps_its_text_and_gets_its_reason() -> None:
    line = '{"v":99}<script>'
    text = as_text(rejected_list([Rejected("b", 1, Reason.VOLTAGE_RANGE, line, "99 is above 24")], "en"))
    assert "voltage out of range: 99 is above 24" in text and json.dumps(line, ensure_ascii=False) in text


def test_likely_boards_come_first_with_the_advice_of_the_doctor() -> None:
    ports = [
        PortInfo("/dev/ttyS0", "", "", False, "nothing answers here"),
        PortInfo("/dev/ttyACM0", "Arduino Uno", "2341:0043", True),
    ]
    text = as_text(port_list(ports, "en"))
    assert text.index("/dev/ttyACM0") < text.index("/dev/ttyS0")
    assert "nothing answers here" in text and "Arduino Uno · 2341:0043" in text


def test_no_port_says_what_to_do() -> None:
    assert "Plug the board in" in as_text(port_list([], "en"))
