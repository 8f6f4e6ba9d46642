"""Where the tests of the stores keep their records: a second store is one more class of `Place`, in PLACES."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from services.clock import Clock
from services.model import Event, EventKind, Readings
from services.storage.storage import Storage
from services.storage.store import Store
from tests.storage.storing import SECOND, T0, until, write

MINUTE = 60 * SECOND
START = T0 // MINUTE * MINUTE
ALWAYS = (0, 1 << 60)


class Place(ABC):
    """Where one record is kept; it can be opened again and again, as by one program after another."""

    name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: list[Store] = []

    @abstractmethod
    def make(self, **options: Any) -> Store:
        """A store that was not started. Options: clock, on_commit, commit_s, retention_h, purge_after_s, purge_every_s."""

    @abstractmethod
    def spoil(self) -> None:
        """Put something there that is no record of ours."""

    @abstractmethod
    def content(self) -> bytes:
        """All that is there, as it lies there."""

    def open(self, **options: Any) -> Store:
        """One that runs, until the test's end at most."""
        store = self.make(**options)
        store.start()
        self._opened.append(store)
        return store

    def close(self) -> None:
        for store in self._opened:
            store.stop(60.0)


class SqlitePlace(Place):
    """A real file."""

    name = "sqlite"

    def make(self, **options: Any) -> Store:
        clock = options.pop("clock", None) or Clock()
        return Storage(self._path, clock, **{"synchronous": "OFF", "commit_s": 0.05} | options)

    def spoil(self) -> None:
        self._path.write_bytes(b"time,volts\n1,2\n" * 100)

    def content(self) -> bytes:
        return self._path.read_bytes()

    @property
    def _path(self) -> Path:
        return self._folder / "powermon.db"


PLACES: list[type[Place]] = [SqlitePlace]


_numbers = count(1)


def settle(store: Store) -> None:
    """Everything appended before is committed: an event that was appended after it is seen."""
    at_us = START + 99 * MINUTE + next(_numbers)  # beside everything that the tests look at
    assert store.append(write(device="", events=(Event("", at_us, EventKind.DATABASE, "settled"),)))
    store.nudge()
    until(lambda: store.events("", at_us, at_us + 1))


def stored(store: Store, device: str = "bench") -> Readings:
    """Every reading, in one."""
    pages = list(store.pages(device, *ALWAYS))
    return Readings(*(np.concatenate([getattr(page, name) for page in pages]) for name in Readings.__struct_fields__))


def seqs(store: Store) -> list[int]:
    return [seq for page in store.pages("bench", *ALWAYS) for seq in page.seq.tolist()]


def same(one: Any, other: Any) -> bool:
    """Every column, to the last bit."""
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=np.asarray(getattr(one, name)).dtype.kind == "f")
        for name in one.__struct_fields__
    )
