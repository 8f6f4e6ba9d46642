"""Killed at any moment: what was acknowledged is on disk, nothing is there twice, the rest comes again."""

from __future__ import annotations

from pathlib import Path

from tests.system.kill_loop import killed


def test_no_acknowledged_reading_is_missing_after_kill_9(tmp_path: Path) -> None:
    assert killed(tmp_path, count=4, seed=7)["kills"] == 4
