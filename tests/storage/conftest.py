"""A storage on a real file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.clock import Clock
from services.storage import database
from services.storage.storage import Storage
from tests.storage.failing import Failing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "powermon.db"


class Patient(Storage):
    """Waits for the disk of a busy machine; what a program's end may take is tested where it ends."""

    def stop(self, timeout_s: float = 60.0) -> None:
        super().stop(timeout_s)


@pytest.fixture
def make(path: Path) -> Iterator[Callable[..., Storage]]:
    """Makes started storages on the same file; all are stopped at the end."""
    made: list[Patient] = []

    def build(**options: Any) -> Storage:
        storage = Patient(
            options.pop("path", path), options.pop("clock", Clock()), **{"synchronous": "OFF", "commit_s": 0.05} | options
        )
        storage.start()
        made.append(storage)
        return storage

    yield build
    for storage in made:
        storage.stop()


@pytest.fixture
def storage(make: Callable[..., Storage]) -> Storage:
    return make()


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Failing]]:
    monkeypatch.setattr(database.sqlite3, "connect", partial(sqlite3.connect, factory=Failing))
    yield Failing
    Failing.failing, Failing.on, Failing.code = 0, "COMMIT", sqlite3.SQLITE_IOERR


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.storage.writer.RETRY_S", 0.02)
