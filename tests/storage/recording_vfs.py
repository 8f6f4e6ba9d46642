"""A SQLite file system that remembers every write, and what a disk may have of it after the power went."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apsw

SECTOR = 512  # what a disk writes as a whole


class Step(NamedTuple):
    """Something that was done to a file: a write or a new length; a flush; a deletion."""

    kind: str  # write | truncate | sync | delete
    name: str
    offset: int = 0
    data: bytes = b""


class _File(apsw.VFSFile):
    def __init__(self, log: list[Step], name: Any, flags: list[int]) -> None:
        self._log = log
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else str(name or "")
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's names
        self._log.append(Step("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._log.append(Step("truncate", self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._log.append(Step("sync", self._name))
        super().xSync(flags)


class Recorder(apsw.VFS):
    """Registered under `name`; `steps` is what was done to the files so far."""

    def __init__(self, name: str) -> None:
        self.steps: list[Step] = []
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> _File:  # noqa: N802
        return _File(self.steps, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.steps.append(Step("delete", filename))
        super().xDelete(filename, syncdir)


class Disk:
    """Files as a disk has them: what was flushed for certain, and what was written since, which it may have or not."""

    def __init__(self) -> None:
        self.flushed: dict[str, bytearray] = {}
        self.loose: dict[str, list[Step]] = {}

    def do(self, step: Step) -> None:
        if step.kind == "sync":
            for waiting in self.loose.pop(step.name, []):
                _apply(self.flushed, waiting)
        elif step.kind == "delete":  # the directory is written at once: what SQLite deletes it does not need any more
            self.loose.pop(step.name, None)
            self.flushed.pop(step.name, None)
        else:
            self.loose.setdefault(step.name, []).append(step)

    def after_power_cut(self, chance: random.Random) -> dict[str, bytes]:
        """What is read afterwards: of what was not flushed any part in any order, the last of it perhaps torn."""
        files = {name: bytearray(data) for name, data in self.flushed.items()}
        for name, steps in self.loose.items():
            files.setdefault(name, bytearray())
            for step in _survivors(steps, chance):
                _apply(files, step)
        return {name: bytes(data) for name, data in files.items()}


def _survivors(steps: list[Step], chance: random.Random) -> Iterator[Step]:
    share = chance.choice((0.0, 0.5, 0.9, 1.0))
    prefix = steps[: chance.randint(0, len(steps))] if chance.random() < 0.5 else steps
    for step in prefix:
        if chance.random() > share:
            continue
        if step.kind == "write" and chance.random() < 0.1:
            yield step._replace(data=step.data[: chance.randrange(0, len(step.data) + 1, SECTOR)])
        else:
            yield step


def _apply(files: dict[str, bytearray], step: Step) -> None:
    file = files.setdefault(step.name, bytearray())
    if step.kind == "truncate":
        del file[step.offset :]
        return
    if len(file) < step.offset:
        file.extend(bytes(step.offset - len(file)))
    file[step.offset : step.offset + len(step.data)] = step.data


def write_out(files: dict[str, bytes], folder: Path, path: Path) -> Path:
    """The database and what belongs to it as files in another folder."""
    for name, data in files.items():
        if name.startswith(str(path)):
            (folder / Path(name).name).write_bytes(data)
    return folder / path.name
