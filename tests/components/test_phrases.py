"""English sentences of the program are said in the page's language; what is not known is shown as it came."""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from components.words.phrases import KOREAN, phrase
from services.alert_model import AlertAction, AlertChannel, AlertRule, Level
from services.analysis.alert_rules import problem
from services.clock import Clock
from services.device import boards
from services.errors import BadRequest
from services.link import ports
from services.link.addresses import checked_address
from services.live_settings import LiveSettings
from services.settings import Settings
from services.storage import health
from services.storage.storage import Storage
from services.wire.decoders import BadLine, BadReading, HostDecoder

HANGUL = re.compile("[가-힣]")
PORT = "/dev/ttyACM9"


def disk_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    return error


def port_troubles(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield ports.explain(FileNotFoundError(errno.ENOENT, "No such file or directory"), PORT)
    yield ports.explain(OSError(errno.EIO, "Input/output error"), PORT)
    yield ports.explain(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "socket://bench:5000")
    yield ports.explain(OSError(f"{PORT} says nothing"), PORT)
    yield ports.explain(OSError(f"{PORT} was closed at the other end"), PORT)
    yield ports.explain(OSError(errno.ENOTTY, "Inappropriate ioctl for device"), PORT)
    for signs in ((), ("/",)):
        monkeypatch.setattr(ports, "CONTAINER_SIGNS", signs)
        yield ports.explain(FileNotFoundError(errno.ENOENT, "No such file or directory"), PORT)
        for group in ("", "dialout", "mine"):
            monkeypatch.setattr(ports, "_group_of", lambda _device, group=group: group)
            monkeypatch.setattr(ports, "_groups_of_user", lambda: ["mine"])
            yield ports.explain(PermissionError(errno.EACCES, "Permission denied"), PORT)
    for holder in ("", "minicom (process 17)"):
        monkeypatch.setattr(ports, "holder", lambda _url, holder=holder: holder)
        yield ports.explain(OSError(errno.EBUSY, "busy"), PORT)
    joining = "no permission; run `sudo x`, then log out and in again"
    monkeypatch.setattr(ports, "_access_advice", lambda url, refused: f"{url}: {joining}")
    yield ports.explain(PermissionError(errno.EACCES, "Permission denied"), PORT)


def disk_troubles() -> Iterator[str]:
    for code in (*health.CAUSES, sqlite3.SQLITE_IOERR):
        yield health.explain(disk_error(code))
    for number in (*health.PASSING_CAUSES, errno.EIO):
        yield health.explain(OSError(number, "Input/output error"))
    yield f"{health.explain(disk_error(sqlite3.SQLITE_FULL))}; 12 readings did not fit into memory and are lost"


def test_every_trouble_of_a_port_is_known_in_korean(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in port_troubles(monkeypatch):
        assert HANGUL.search(phrase(text, "ko")), text
        assert phrase(text, "en") == text


def test_the_port_and_the_command_that_mends_it_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [phrase(text, "ko") for text in port_troubles(monkeypatch)]
    assert all(PORT in text or "socket://bench:5000" in text for text in said)
    assert "minicom (process 17)" in said[-2] and "`sudo x`" in said[-1]


def test_every_trouble_of_the_disk_is_known_in_korean() -> None:
    for text in disk_troubles():
        said = phrase(text, "ko")
        assert HANGUL.search(said) and "readings" not in said, text


@pytest.mark.parametrize(
    "line",
    [
        b"[1]",
        b"x" * 70_000,
        b'{"seq":1,"v":"x","a":1,"w":1,"ms":1}',
        b'{"seq":1,"v":true,"a":1,"ms":1}',
        b'{"seq":1,"a":1,"ms":1,"status":5}',
    ],
)
def test_why_a_line_was_not_accepted_is_known_in_korean(line: bytes) -> None:
    found = [event for event in HostDecoder().feed(b"\n" + line + b"\n") if isinstance(event, BadLine | BadReading)]
    assert found
    for event in found:
        assert not event.detail or HANGUL.search(phrase(event.detail, "ko")), event.detail


@pytest.mark.parametrize("url", ["", "/dev/nowhere", "socket://x", "loop://x", "hwgrep://uno", "spy:///tmp/x"])
def test_why_a_port_may_not_be_opened_is_known_in_korean(url: str) -> None:
    with pytest.raises(BadRequest) as refused:
        checked_address(url, [])
    assert HANGUL.search(phrase(str(refused.value), "ko")), str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "x" * 61}, {"on": 1e9}, {"off": float("nan")}, {"hold_s": -1}, {"off": 11}, {"above": False},
        {"channel": AlertChannel.COMPLETENESS}, {"channel": AlertChannel.AGE, "on": -1, "off": -1},
        {"channel": AlertChannel.AGE, "actions": (AlertAction.BUZZER,)},
    ],
)  # fmt: skip
def test_why_a_rule_was_refused_is_known_in_korean(change: dict[str, object]) -> None:
    rule = AlertRule("over", AlertChannel.W, Level.DANGER, 10, 9)
    said = problem(msgspec.structs.replace(rule, **change))
    assert said and HANGUL.search(phrase(said, "ko")), said


def test_why_a_board_was_not_connected_is_known_in_korean() -> None:
    """Every refusal that services/device/boards.py can say, from its source: a new one cannot be forgotten."""
    source = Path(boards.__file__).read_text(encoding="utf-8")
    found = re.findall(r'raise (?:BadRequest|Conflict)\(f?"([^"]+)"', source)
    assert len(found) >= 7
    for sentence in found:
        said = re.sub(r"\{[^}]*\}", "7", sentence)
        assert HANGUL.search(phrase(said, "ko")), said


@pytest.mark.parametrize("wanted", [{"interval_ms": 7}, {"retention_h": "soon"}, {"max_db_mb": 0}, {"retention_h": 100}])
def test_why_a_setting_was_refused_is_known_in_korean(wanted: dict[str, object], tmp_path: Path) -> None:
    settings = LiveSettings(Settings(compact_days=3.0), Storage(tmp_path / "x.db", Clock()))
    with pytest.raises(BadRequest) as refused:
        settings.change(wanted)
    assert HANGUL.search(phrase(str(refused.value), "ko")), str(refused.value)


@pytest.mark.parametrize("text", ["", "the sensor is hot", "{cause}", "v", "x\ny", "보드"])
def test_what_is_not_known_is_shown_as_it_came(text: str) -> None:
    assert phrase(text, "ko") == phrase(text, "en") == text


def test_braces_in_a_value_are_only_text() -> None:
    assert phrase("{0}{x} was closed", "ko") == "{0}{x} 연결이 닫혔습니다."


@pytest.mark.parametrize("english", sorted(KOREAN))
def test_both_languages_show_the_same_values(english: str) -> None:
    names = re.findall(r"\{(\w+)\}", english)
    translated = re.findall(r"\{(\w+)\}", KOREAN[english])
    assert set(translated) <= set(names) and HANGUL.search(KOREAN[english])
    assert set(names) - set(translated) <= {"url"}  # named by what stands around it
