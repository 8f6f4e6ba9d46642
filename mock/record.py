"""The truth, for tests: one JSON line for everything that was measured and for every harm done on purpose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

FLUSH_US = 100_000


class Record:
    """Without a path it only counts."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("wb") if path else None
        self._lines: list[bytes] = []
        self._flushed_us = 0
        self.faults: dict[str, int] = {}

    def reading(self, boot: int, seq: int, ms: int, v: float, a: float, w: float, status: str, t_us: int) -> None:
        if self._file:
            self._lines.append(
                f'{{"kind":"reading","boot":{boot},"seq":{seq},"ms":{ms},"v":{v!r},"a":{a!r},"w":{w!r},'
                f'"status":{json.dumps(status)},"t_us":{t_us}}}\n'.encode()
            )

    def fault(self, fault: str, boot: int, seq: int | None, t_us: int, **more: Any) -> None:
        """`seq` None: a line that is no reading, or no line at all."""
        self.faults[fault] = self.faults.get(fault, 0) + 1
        self.note("fault", fault=fault, boot=boot, seq=seq, t_us=t_us, **more)

    def note(self, kind: str, **members: Any) -> None:
        if self._file:
            self._lines.append(msgspec.json.encode({"kind": kind, **members}) + b"\n")

    def flush(self, now_us: int | None = None) -> None:
        """Writes what has gathered; with a time, at most every 100 ms."""
        if not self._file or (now_us is not None and now_us - self._flushed_us < FLUSH_US):
            return
        self._flushed_us = now_us or self._flushed_us
        self._file.write(b"".join(self._lines))
        self._file.flush()
        self._lines.clear()

    def close(self) -> None:
        self.flush()
        if self._file:
            self._file.close()
