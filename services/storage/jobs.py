"""Longer work on the database, done step by step between the commits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Event

from services.storage.database import Connection

Job = Callable[[Connection], bool]  # one bounded step; True: done


class Jobs:
    """The oldest first. Any thread adds; the writer's takes the steps."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Job, Event]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, job: Job) -> Event:
        """The event is set when the last step is done, or the job was given up."""
        finished = Event()
        self._waiting.append((job, finished))
        return finished

    def step(self, conn: Connection) -> None:
        """One step of the oldest job; one that fails is given up."""
        job, finished = self._waiting[0]
        done = True
        try:
            done = job(conn)
        finally:
            if done:
                self._waiting.popleft()
                finished.set()

    def give_up(self) -> None:
        """All of them."""
        while self._waiting:
            self._waiting.popleft()[1].set()
