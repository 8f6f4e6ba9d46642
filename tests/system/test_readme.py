"""Every command of the README is one that exists: make targets, options of the program and of the simulated board."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mock.options import parse
from services.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```\n(.*?)^```", (ROOT / "README.md").read_text(), re.S | re.M)
LINES = [line for block in BLOCKS for line in block.splitlines() if line.startswith(("make ", "python ", "curl "))]


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_readme_is_understood(line: str, tmp_path: Path) -> None:
    words = shlex.split(line)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M)
    elif words[:3] == ["python", "-m", "mock"]:
        parse(words[3:])
    elif words[:2] == ["python", "app.py"]:
        first = {"backup": 4, "rebuild": 3}.get(words[2], 2)
        load_settings(words[first:], {}, tmp_path)
    else:
        assert "/api/history?format=csv" in line


def test_the_readme_has_its_two_commands() -> None:
    assert {"make run", "make test"} <= set(LINES)
