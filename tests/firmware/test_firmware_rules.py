"""The firmware's headers and its sketch, compiled for the host under the sanitizers: each RULE is one test."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.firmware.uno import ROOT

SOURCES = Path(__file__).parent / "host"
PROGRAMS = ("parts", "board", "sketch")
RULES = [
    (program, rule)
    for program in PROGRAMS
    for rule in re.findall(r"^RULE\((\w+)\)", (SOURCES / f"{program}.cpp").read_text(encoding="utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize(("program", "rule"), RULES, ids=[rule for _, rule in RULES])
def test_rule(program: str, rule: str) -> None:
    command = [str(ROOT / "build/firmware-tests" / program), rule]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_list_of_rules_is_the_programs_own(program: str) -> None:
    command = [str(ROOT / "build/firmware-tests" / program), "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.split()
    assert listed == [rule for owner, rule in RULES if owner == program]
