"""A message that would come again and again comes once; the others are counted. Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import msgspec

MOST_KEYS = 1_000


class _Group(msgspec.Struct):
    said_us: int
    repeat_us: int
    more: int = 0


class Repeats:
    """Which messages of a kind are due. At most `MOST_KEYS` kinds are remembered, the oldest go first."""

    def __init__(self) -> None:
        self._groups: dict[Hashable, _Group] = {}

    def due(self, key: Hashable, now_us: int, repeat_us: int) -> int | None:
        """How many were held back since the last one that was said; None: this one is held back too."""
        group = self._groups.get(key)
        if group is not None and group.said_us <= now_us < group.said_us + repeat_us:
            group.more += 1
            group.repeat_us = repeat_us
            return None
        self._groups.pop(key, None)
        self._groups[key] = _Group(now_us, repeat_us)
        if len(self._groups) > MOST_KEYS:
            del self._groups[next(iter(self._groups))]
        return group.more if group is not None else 0

    def overdue(self, now_us: int) -> Iterator[tuple[Hashable, int]]:
        """Kinds of which some were held back and the time for that is over, with how many; each is told once."""
        for key, group in list(self._groups.items()):
            if group.more and now_us >= group.said_us + group.repeat_us:
                more, group.more, group.said_us = group.more, 0, now_us
                yield key, more

    def next_us(self) -> int | None:
        """When the next kind is overdue; None when nothing was held back."""
        return min((group.said_us + group.repeat_us for group in self._groups.values() if group.more), default=None)
