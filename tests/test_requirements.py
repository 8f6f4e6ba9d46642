"""What is installed is known to the last file: each pin, everything that they need, and their hashes."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

from tests import newer_pins
from tests.newer_pins import newer, normal, pins

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_lock_has_every_requirement_in_its_version() -> None:
    wanted = pins((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert wanted.items() <= pins(LOCK).items()


def test_the_lock_has_what_they_need_themselves() -> None:
    locked, seen = pins(LOCK), set(pins((ROOT / "requirements.txt").read_text(encoding="utf-8")))
    waiting = list(seen)
    while waiting:
        for needed in needs(waiting.pop()) - seen:
            seen.add(needed)
            waiting.append(needed)
    assert seen <= set(locked)


def needs(name: str) -> set[str]:
    """What an installed package needs in any case, here."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return set()
    plain = [line for line in lines if ";" not in line]
    return {normal(re.split(r"[\s<>=!~\[(]", line, maxsplit=1)[0]) for line in plain}


def test_every_locked_package_has_hashes_and_no_place_is_named() -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCK)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)
    assert "://" not in LOCK and "--index" not in LOCK and "--find-links" not in LOCK


def test_a_newer_version_is_said_for_what_is_pinned_only() -> None:
    outdated = '[{"name": "Orjson", "version": "1", "latest_version": "99.0"}, {"name": "other", "latest_version": "2"}]'
    assert newer(outdated, {"orjson": "1"}) == ["orjson 1 is pinned, 99.0 is there"]


@pytest.mark.parametrize("command", [("false",), ("true",), ("no-such-program",), ("sleep", "30")])
def test_offline_nothing_is_said(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(newer_pins, "ASK", command)
    monkeypatch.setattr(newer_pins, "LIMIT_S", 0.2)
    monkeypatch.setattr("sys.argv", ["newer_pins", str(tmp_path / "stamp")])
    assert newer_pins.main() == 0 and capsys.readouterr().out == "" and not (tmp_path / "stamp").exists()
