"""Numbers that did not come in their turn: what is known of them while they are on their way or lost."""

from __future__ import annotations

import msgspec

from services.model import GapState

NEVER = 1 << 62  # a number that no board reaches


class Stretch(msgspec.Struct, eq=False):
    """Numbers that did not come in their turn, as they were found. The times are the device's to fill in."""

    first: int
    last: int
    due_s: float  # not asked for before (level 0: lost then) …
    after: int = NEVER  # … or until the board is this far
    offered: bool = False  # the board sends them by itself
    early: bool = False  # measured before we met the board
    earlier: bool = False  # found in an earlier session of the program
    t0_us: int = 0
    t1_us: int = 0


Fate = tuple[GapState, Stretch]
