"""What powermon writes is nobody else's to read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.private_files import keep_private
from services.settings import Settings
from tests.system.running import program


@pytest.fixture(autouse=True)
def own_umask() -> Iterator[None]:
    """As it was, afterwards."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_file_of_a_run_and_its_backup_is_its_owners_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with program(folder, "--mock", "--mock-args", "--interval-ms 20") as running:
        running.ready()
        files = list(folder.iterdir())
        assert {path.name for path in files} >= {"powermon.db", "powermon.log"}
        assert [path for path in files if mode(path) & 0o077] == [] and mode(folder) & 0o077 == 0
        assert running.stop() == 0


@pytest.mark.parametrize(("shared", "allowed"), [(False, 0o600), (True, 0o640)])
def test_files_from_before_are_closed_too(tmp_path: Path, shared: bool, allowed: int) -> None:
    names = ("powermon.db", "powermon.db-wal", "powermon.log", "powermon.log.1")
    for name in names:
        (tmp_path / name).touch(0o666)
        (tmp_path / name).chmod(0o664)
    settings = Settings(database=tmp_path / "powermon.db", log_file=tmp_path / "powermon.log", group_readable=shared)
    keep_private(settings)
    (tmp_path / "new").touch()
    assert [mode(tmp_path / name) for name in (*names, "new")] == [allowed] * 5


def test_a_link_to_elsewhere_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    elsewhere.chmod(0o644)
    (tmp_path / "powermon.db").symlink_to(elsewhere)
    keep_private(Settings(database=tmp_path / "powermon.db", log_file=None))
    assert mode(elsewhere) == 0o644
