"""Once a second: is the host's clock still where ours is? A thread of its own, so that no commit and no board decides it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from services.clock import Clock, Step

log = logging.getLogger(__name__)
EVERY_S = 1.0


class ClockWatch:
    """`followed` is told of each step of the clock, in this thread, whoever followed it."""

    def __init__(self, clock: Clock, followed: Callable[[Step], None], every_s: float = EVERY_S) -> None:
        self._clock, self._followed, self._every_s = clock, followed, every_s
        self._segment = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def look(self) -> None:
        """What the thread does each time."""
        self._clock.discipline()
        for step in self._clock.steps_since(self._segment):
            self._segment = step.segment
            self._followed(step)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self.look()
            except Exception:  # top of the thread: without it nobody looks at the clock any more
                log.exception("looking at the clock failed")
