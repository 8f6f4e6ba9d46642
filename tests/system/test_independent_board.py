"""A board that knows nothing but the page of the wire, on a wire that spoils much of what it carries, and the real program."""

from __future__ import annotations

from pathlib import Path

from tests.system.independent_board import hostile


def test_on_a_hostile_wire_lost_is_what_the_board_overwrote_and_nothing_acknowledged_is_missing(tmp_path: Path) -> None:
    account = hostile(tmp_path, seed=2, seconds=12.0, ring=48)
    assert account["stored"] > 100
    assert account["acknowledged"] > 50
