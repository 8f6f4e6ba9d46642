"""Moves written down: played again, and made as few as still break the same promise."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from services.errors import PowermonError
from tests.model.board import Kind
from tests.model.program import by_hand
from tests.model.world import World

MEMORY = Path("/dev/shm")
LEAST_ROUNDS = 4
# Whatever the program lets out is a finding, a broken promise or not.
FINDINGS = (AssertionError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RuntimeError, OSError)
FINDINGS += (sqlite3.Error, PowermonError)  # type: ignore[assignment]
Move = tuple[str, tuple[Any, ...]]


class Story(msgspec.Struct):
    """A bench and what happened on it. `options`: World's own."""

    kind: Kind
    options: dict[str, Any]
    moves: list[Move]

    def __str__(self) -> str:
        default = Kind()
        values = {name: getattr(self.kind, name) for name in Kind.__dataclass_fields__}
        kind = ", ".join(f"{name}={value!r}" for name, value in values.items() if value != getattr(default, name))
        options = "".join(f", {name}={value!r}" for name, value in self.options.items() if value)
        moves = "\n".join(f"    world.{name}({', '.join(map(repr, args))})" for name, args in self.moves)
        return f"World(folder, Kind({kind}){options})\n{moves}\n    world.settle()"


def folder() -> Path:
    """A new one, in memory where there is such a thing."""
    return Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))


def play(story: Story, skip: Iterable[str] = ()) -> str:
    """What is broken by it; empty when nothing is. Defects of the program other than broken promises are named by their type."""
    place = folder()
    world = None
    try:
        with by_hand():
            world = World(place, story.kind, skip=skip, **story.options)
            for name, args in story.moves:
                getattr(world, name)(*args)
                world.check()
            world.settle()
    except FINDINGS as error:
        return f"{type(error).__name__}: {error}"
    finally:
        if world is not None:
            world.kill()
        shutil.rmtree(place)
    return ""


def promise_of(broken: str) -> str:
    """The name of the broken promise, or of what went wrong."""
    return ": ".join(broken.split(":")[:2]).replace("\n", " ")[:120]


def shortest(story: Story, broken: str, skip: Iterable[str] = ()) -> Story:
    """Moves and options left out one by one, as long as the same promise is broken."""

    def still(other: Story) -> bool:
        return promise_of(play(other, skip)) == promise_of(broken)

    for _ in range(LEAST_ROUNDS):
        before = len(story.moves)
        for at in reversed(range(len(story.moves))):
            fewer = Story(story.kind, story.options, story.moves[:at] + story.moves[at + 1 :])
            if still(fewer):
                story = fewer
        if len(story.moves) == before:
            break
    for name in list(story.options):
        plain = Story(story.kind, {key: value for key, value in story.options.items() if key != name}, story.moves)
        if still(plain):
            story = plain
    default = Kind()
    for name in Kind.__dataclass_fields__:
        values = {key: getattr(story.kind, key) for key in Kind.__dataclass_fields__} | {name: getattr(default, name)}
        plain = Story(Kind(**values), story.options, story.moves)
        if still(plain):
            story = plain
    return story
