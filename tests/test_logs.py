"""The log: a rotating file, a console, and a clear word when the file cannot be written."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import logs
from services.errors import SettingsError
from services.settings import Settings


@pytest.fixture(autouse=True)
def own_root() -> Iterator[None]:
    """The root logger as it was, afterwards."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    levels = {name: logging.getLogger(name).level for name in logs.CHATTY}
    root.handlers[:] = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def test_lines_go_to_the_file_and_the_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "powermon.log"
    logs.configure(Settings(log_file=path))
    logging.getLogger("services.x").info("µ is fine")
    logging.getLogger("services.x").debug("not shown")
    text = path.read_text(encoding="utf-8")
    assert "INFO    services.x: µ is fine" in text and "not shown" not in text


def test_the_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 2000)
    logs.configure(Settings(log_file=tmp_path / "powermon.log"))
    for n in range(500):
        logging.getLogger("services.x").info("line %d", n)
    files = list(tmp_path.iterdir())
    assert len(files) == logs.FILES and sum(path.stat().st_size for path in files) <= 2000 * logs.FILES


def test_configuring_twice_writes_lines_once(tmp_path: Path) -> None:
    for _ in range(2):
        logs.configure(Settings(log_file=tmp_path / "powermon.log"))
    logging.getLogger("services.x").warning("once")
    assert (tmp_path / "powermon.log").read_text().count("once") == 1


def test_a_file_that_cannot_be_written_is_a_problem_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="--log-file"):
        logs.configure(Settings(log_file=tmp_path / "file" / "powermon.log"))


def test_without_the_file_beside_the_database_we_go_on(tmp_path: Path) -> None:
    """The disk may be read-only: then readings are recorded in memory, and the console says what is wrong."""
    (tmp_path / "file").touch()
    folder = tmp_path / "file"
    logs.configure(Settings(database=folder / "powermon.db", log_file=folder / "powermon.log"))
    assert len(logging.getLogger().handlers) == 1


# --- what a line may hold -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["a\n2026-01-01 00:00:00 ERROR x: forged", "a\r\nb", "\x1b[2Jcleared", "a\u2028b", "\x00", "\u202eturned", "a\x85b"]
)
def test_whatever_is_logged_is_one_printable_line(tmp_path: Path, text: str) -> None:
    logs.configure(Settings(log_file=tmp_path / "powermon.log"))
    logging.getLogger("services.x").warning("%s: opened", text)
    (line,) = (tmp_path / "powermon.log").read_text(encoding="utf-8").splitlines()
    assert line.isprintable() and line.endswith(": opened")


def test_an_exception_forges_no_line_either(tmp_path: Path) -> None:
    logs.configure(Settings(log_file=tmp_path / "powermon.log"))
    try:
        raise ValueError("a\n2026-01-01 00:00:00,000 ERROR   x: forged")
    except ValueError:
        logging.getLogger("services.x").exception("it failed")
    first, *others = (tmp_path / "powermon.log").read_text(encoding="utf-8").splitlines()
    assert first.endswith("it failed") and all(line.startswith("    ") for line in others)


@pytest.mark.parametrize(
    "text",
    [
        "< Authorization: Bearer some-secret-value", "headers {'authorization': 'Bearer some-secret-value'}",
        "Cookie: powermon_8050=some-secret-value", "< set-cookie: powermon_8050=some-secret-value; Path=/",
        "[(b'cookie', b'some-secret-value')]", "bearer some-secret-value", "it said my-own-token-1 to us",
    ],
)  # fmt: skip
def test_no_secret_is_logged(tmp_path: Path, text: str) -> None:
    logs.configure(Settings(log_file=tmp_path / "powermon.log", token="my-own-token-1", log_level="debug"))
    logging.getLogger("anything").debug("%s", text)
    written = (tmp_path / "powermon.log").read_text(encoding="utf-8")
    assert logs.HIDDEN in written and "some-secret-value" not in written and "my-own-token-1" not in written


# --- what comes again and again -------------------------------------------------------------------------------------


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.now_s = 0.0
        self.addFilter(logs.Sparing(self, lambda: self.now_s))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def say(self, text: str, *values: object, name: str = "uvicorn.error", exc: bool = False) -> None:
        error = (ValueError, ValueError("x"), None) if exc else None
        self.handle(logging.LogRecord(name, logging.WARNING, "", 0, text, values, error))


def test_of_bad_requests_there_is_one_line_a_kind_and_minute_with_a_count() -> None:
    kept = Kept()
    for second in range(300):
        kept.now_s = second
        for n in range(10):
            kept.say("Invalid HTTP request received.")
            kept.say("request failed: %s", n, name="services.web.errors")
    assert kept.lines[:2] == ["Invalid HTTP request received.", "request failed: 0"]
    for kind in ("Invalid HTTP request received.", "request failed: %s"):
        counts = [line.split(" ")[0] for line in kept.lines[2:] if line.endswith(f"more like: {kind}")]
        assert counts == ["599", "600", "600", "600"]
    assert len(kept.lines) == 10


def test_what_was_left_out_is_told_with_the_next_line_of_anybody_and_then_forgotten() -> None:
    kept = Kept()
    for _ in range(3):
        kept.say("Invalid HTTP request received.")
    kept.now_s = 61
    kept.say("the board is back", name="services.device")
    assert kept.lines == ["Invalid HTTP request received.", "2 more like: Invalid HTTP request received.", "the board is back"]
    kept.now_s = 122
    kept.say("Invalid HTTP request received.")  # after a quiet minute it is news again
    assert kept.lines[-1] == "Invalid HTTP request received."


def test_boards_and_tracebacks_are_never_left_out_and_memory_is_bounded() -> None:
    kept = Kept()
    for n in range(1000):
        kept.say("%s: lost", "bench", name="services.device.device")
        kept.say("it failed", exc=True)
        kept.say(f"kind {n}")
    assert len(kept.lines) == 3000 and len(kept.filters[0]._kinds) == logs.MOST_KINDS  # type: ignore[union-attr]
