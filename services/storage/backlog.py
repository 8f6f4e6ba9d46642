"""What waits for the disk: bounded, and nothing that waits is forgotten by a commit that fails."""

from __future__ import annotations

from collections import deque
from threading import Lock

import msgspec

from services.model import Write

MAX_READINGS = 2_000_000


class Backlog:
    """Writes in the order they came. Any thread appends; one thread takes, and gives back what it could not commit."""

    def __init__(self, bound: int = MAX_READINGS) -> None:
        self._bound = bound
        self._lock = Lock()
        self._waiting: deque[Write] = deque()
        self._taken: list[Write] = []
        self._weight = 0  # of all that is not committed, taken or not
        self._lowest_dropped: dict[tuple[str, int], int] = {}
        self.readings = 0  # accepted and not committed
        self.dropped = 0  # readings that found no place

    def append(self, write: Write) -> bool:
        """Take it in, unless the bound is reached: then it is dropped and counted, and never acknowledged."""
        rows = 0 if write.readings is None else len(write.readings)
        weight = _weight(write)
        with self._lock:
            if self._weight + weight > self._bound:
                self._drop(write, rows)
                return False
            self._waiting.append(self._honest(write))
            self._weight += weight
            self.readings += rows
        return True

    def take(self) -> list[Write]:
        """Everything that waits, what was given back first. Say `done` or `give_back` before the next take."""
        with self._lock:
            self._taken = [*self._waiting]
            self._waiting.clear()
            return self._taken

    def done(self) -> None:
        """What was taken is committed."""
        with self._lock:
            self._weight -= sum(map(_weight, self._taken))
            self.readings -= sum(len(write.readings) for write in self._taken if write.readings is not None)
            self._taken = []

    def give_back(self) -> None:
        """What was taken is not committed: it comes first next time."""
        with self._lock:
            self._waiting.extendleft(reversed(self._taken))
            self._taken = []

    def __len__(self) -> int:
        return len(self._waiting) + len(self._taken)

    def _drop(self, write: Write, rows: int) -> None:
        self.dropped += rows
        if write.readings is None or not rows:
            return
        for boot in set(write.readings.boot.tolist()):
            lowest = int(write.readings.seq[write.readings.boot == boot].min())
            at = (write.device, boot)
            self._lowest_dropped[at] = min(lowest, self._lowest_dropped.get(at, lowest))

    def _honest(self, write: Write) -> Write:
        """An acknowledgement never covers a reading that was dropped: the board may still have it."""
        if not self._lowest_dropped or write.ack is None or write.boot is None:
            return write
        lowest = self._lowest_dropped.get((write.device, write.boot))
        if lowest is None or write.ack < lowest:
            return write
        return msgspec.structs.replace(write, ack=lowest - 1 if lowest else None)


def _weight(write: Write) -> int:
    """Its share of the bound; an event or a line weighs as much as a reading."""
    rows = 0 if write.readings is None else len(write.readings)
    return 1 + rows + len(write.rejected) + len(write.gaps) + len(write.events) + len(write.tallies)
