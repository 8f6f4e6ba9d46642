"""`python app.py`: what it says and how it ends when it is told something that makes no sense, or one thing to do."""

from __future__ import annotations

from pathlib import Path

import pytest

import app
from services.clock import Clock
from services.storage.storage import Storage


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from or written to the repository."""
    monkeypatch.chdir(tmp_path)


def test_unknown_options_end_with_2_and_every_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--prot", "COM3", "--baud", "fast"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[0] == "powermon: --prot: unknown option; did you mean --port?"
    assert err[1].startswith("powermon: --baud 'fast'") and "--help" in err[2]


@pytest.mark.parametrize("words", [["backup"], ["backup", "--database", "x.db"], ["bakup", "x"], ["rebuild", "x"]])
def test_an_action_that_is_not_understood_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(words) == 2
    assert "powermon: " in capsys.readouterr().err


def test_a_backup_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    storage = Storage(tmp_path / "x.db", Clock())
    storage.start()
    storage.stop()
    assert app.main(["backup", "copy.db", "--database", "x.db"]) == 0
    assert (tmp_path / "copy.db").exists() and "copy.db" in capsys.readouterr().out
    assert app.main(["rebuild", "--database", "x.db"]) == 0


def test_without_a_database_a_backup_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["backup", "copy.db"]) == 1
    assert "nothing" in capsys.readouterr().err and not (tmp_path / "copy.db").exists()


def test_a_log_file_that_cannot_be_written_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert app.main(["--log-file", "file/log"]) == 2
    assert "--log-file" in capsys.readouterr().err
