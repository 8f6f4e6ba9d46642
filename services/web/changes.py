"""What of a tree of values has changed since when: a client that says what it has seen is sent the rest.

Leaves are named by paths. A leaf that is gone is forgotten without a word: clients let old things go by their time.
"""

from __future__ import annotations

import secrets
from typing import Any

import orjson

Path = tuple[str, ...]
Leaves = dict[Path, Any]


class Changes:
    """The leaves as they are now, each with the number of the change that made it so."""

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(4)  # a word from before a restart of the program is none of ours
        self._number = 0
        self._leaves: dict[Path, tuple[int, bytes]] = {}

    @property
    def word(self) -> str:
        """What a client has seen once it was told everything up to now."""
        return f"{self._epoch}-{self._number}"

    def update(self, leaves: Leaves) -> None:
        """Takes the values of now."""
        number = self._number + 1
        found: dict[Path, tuple[int, bytes]] = {}
        for path, value in leaves.items():
            text = orjson.dumps(value)
            before = self._leaves.get(path)
            if before is not None and before[1] == text:
                found[path] = before
            else:
                found[path] = (number, text)
                self._number = number
        self._leaves = found

    def since(self, word: str) -> tuple[bool, dict[str, Any]]:
        """(whether it is everything, the leaves that changed after `word` as a tree)."""
        seen = self._seen(word)
        tree: dict[str, Any] = {}
        for path, (number, text) in self._leaves.items():
            if seen is None or number > seen:
                branch = tree
                for name in path[:-1]:
                    branch = branch.setdefault(name, {})
                branch[path[-1]] = orjson.Fragment(text)
        return seen is None, tree

    def _seen(self, word: str) -> int | None:
        epoch, _, number = word.partition("-")
        known = epoch == self._epoch and number.isascii() and number.isdecimal() and int(number) <= self._number
        return int(number) if known else None
