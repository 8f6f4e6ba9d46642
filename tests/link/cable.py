"""A port for the tests: a pty whose far end is ours."""

from __future__ import annotations

import os
import tty
from pathlib import Path


class Cable:
    """A pty whose far end is ours, under a stable name."""

    def __init__(self, folder: Path) -> None:
        self.link = folder / "board"
        self.master = -1
        self.plug()

    def plug(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        name = os.ttyname(slave)
        os.close(slave)
        fresh = self.link.with_suffix(".new")
        fresh.symlink_to(name)
        fresh.replace(self.link)

    def unplug(self) -> None:
        os.close(self.master)
        self.link.unlink()

    def say(self, data: bytes) -> None:
        os.write(self.master, data)
