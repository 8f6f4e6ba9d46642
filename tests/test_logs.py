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
