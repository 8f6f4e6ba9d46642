"""Imports point one way, and the contracts that say so are alive."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_layers_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("services/wire/decoders.py", "import services.monitor"),
        ("services/analysis/window.py", "import services.storage.storage"),
        ("services/monitor.py", "import services.web.api"),
        ("services/device/device.py", "import components.page"),
        ("components/page.py", "import services.storage.storage"),
        ("services/device/device.py", "import services.storage.storage"),
        ("mock/board.py", "import services.monitor"),
        ("services/new_room.py", ""),
    ],
)
def test_a_planted_violation_is_caught(tmp_path: Path, file: str, line: str) -> None:
    for package in ("components", "services", "mock"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "assets"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert (tmp_path / file).exists() or not line, file
    with (tmp_path / file).open("a", encoding="utf-8") as planted:
        planted.write(f"\n{line}\n")
    assert lint(tmp_path).returncode != 0
