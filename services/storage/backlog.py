"""What waits for the disk: bounded, and nothing that waits is forgotten by a commit that fails.

A long outage at ten readings a second makes hundreds of thousands of writes of one reading each, which take fifteen
times the memory of the readings in them: while the disk refuses them they are therefore joined.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from threading import Lock

import msgspec
import numpy as np

from services.model import Readings, Write

MAX_READINGS = 2_000_000  # about 65 bytes each once they are joined: 130 MB
HELPING = 50_000  # readings in one commit: catching up after an outage neither stalls nor needs much memory
RECENT_WEIGHT, RECENT_WRITES = 20_000, 2_000  # what was committed lately and is still remembered: about 3 MB
JOINED = 4096  # writes up to this many readings are joined


class Backlog:
    """Writes in the order they came. Any thread appends; one thread takes, and gives back what it could not commit."""

    def __init__(self, bound: int = MAX_READINGS) -> None:
        self._bound = bound
        self._lock = Lock()
        self._waiting: deque[Write] = deque()
        self._taken: list[Write] = []
        self._recent: deque[Write] = deque()  # committed lately: needed once more if the file vanishes
        self._recent_weight = 0
        self._weight = 0  # of all that is not committed, taken or not
        self._loose = 0  # writes at the end that were not joined yet
        self.cut = False  # the last helping was not all
        self.accepted = 0  # readings so far
        self.readings = 0  # of them not committed
        self.dropped = 0  # readings that found no place

    def append(self, write: Write) -> bool:
        """Take it in, unless the bound is reached: then it is dropped and counted, and whoever sent it is told by False."""
        rows = 0 if write.readings is None else len(write.readings)
        weight = _weight(write)
        with self._lock:
            if self._weight + weight > self._bound:
                self.dropped += rows
                return False
            self._waiting.append(write)
            self._weight += weight
            self._loose += 1
            self.accepted += rows
            self.readings += rows
        return True

    def take(self, helping: int = HELPING) -> list[Write]:
        """What waits longest, about `helping` readings of it. Say `done` or `give_back` before the next take."""
        with self._lock:
            weight = 0
            while self._waiting and weight < helping:
                weight += _weight(self._waiting[0])
                self._taken.append(self._waiting.popleft())
            self._loose = min(self._loose, len(self._waiting))
            self.cut = bool(self._waiting)
            return self._taken

    def done(self) -> None:
        """What was taken is committed."""
        with self._lock:
            weight = sum(map(_weight, self._taken))
            self._weight -= weight
            self.readings -= _rows(self._taken)
            self._recent += self._taken
            self._recent_weight += weight
            self._taken = []
            while self._recent_weight > RECENT_WEIGHT or len(self._recent) > RECENT_WRITES:
                self._recent_weight -= _weight(self._recent.popleft())

    def recall(self, *, readings_only: bool = False) -> int:
        """The file is gone: what was taken, and before it what was committed lately, is to be written again.

        `readings_only`: into a file that may hold some of it already; readings and gaps change nothing there, but what
        is counted would count twice. Returns the readings that were committed already.
        """
        self.give_back()
        with self._lock:
            again = [_once(write) for write in self._recent] if readings_only else list(self._recent)
            self._recent.clear()
            self._recent_weight = 0
            self._waiting.extendleft(reversed(again))
            self._loose = len(self._waiting)
            self._weight += sum(map(_weight, again))
            self.readings += _rows(again)
            self.accepted += _rows(again)
            return _rows(again)

    def give_back(self) -> None:
        """What was taken is not committed: it comes first next time."""
        with self._lock:
            self._waiting.extendleft(reversed(self._taken))
            self._loose += len(self._taken)
            self._taken = []

    def tidy(self) -> None:
        """Join what came since the last time, with the last one of those joined before if that is still small."""
        with self._lock:
            loose = [self._waiting.pop() for _ in range(min(self._loose + 1, len(self._waiting)))][::-1]
            joined = list(join(loose))
            self._weight += sum(map(_weight, joined)) - sum(map(_weight, loose))
            self._waiting.extend(joined)
            self._loose = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._taken)


def join(writes: Iterable[Write]) -> Iterator[Write]:
    """The same in fewer: those of one boot of a device together, up to JOINED readings each, each device's order kept."""
    groups: dict[str, list[Write]] = {}
    weights: dict[str, int] = {}
    for write in writes:
        group, weight = groups.setdefault(write.device, []), weights.get(write.device, 0) + _weight(write)
        other = write.boot not in (None, _boot(group)) or not _one_vocabulary(_words(group), write.words)
        if group and (weight > JOINED or other):
            yield _joined(group)
            group[:], weight = [], _weight(write)
        group.append(write)
        weights[write.device] = weight
    yield from (_joined(group) for group in groups.values())


def _boot(writes: list[Write]) -> int | None:
    return next((write.boot for write in writes if write.boot is not None), None)


def _words(writes: list[Write]) -> tuple[str, ...]:
    """The longest list of them: a device's words only grow, so it names what the flags of all of them mean."""
    return max((write.words for write in writes), key=len, default=())


def _one_vocabulary(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """A device that was removed and added again begins a new list: the same number is another word there."""
    return all(one == other for one, other in zip(some, others, strict=False))


def _joined(writes: list[Write]) -> Write:
    if len(writes) == 1:
        return writes[0]
    parts = [write.readings for write in writes if write.readings is not None]
    names = Readings.__struct_fields__
    readings = Readings(*(np.concatenate([getattr(part, name) for part in parts]) for name in names)) if parts else None
    beside = {
        name: tuple(chain.from_iterable(getattr(write, name) for write in writes))
        for name in ("rejected", "gaps", "events", "tallies", "episodes")
    }
    ack = max((write.ack for write in writes if write.ack is not None), default=None)
    rules = next((write.rules for write in reversed(writes) if write.rules is not None), None)
    identity = next((write.identity for write in reversed(writes) if write.identity is not None), None)
    beside["words"] = _words(writes)
    return Write(writes[0].device, readings, boot=_boot(writes), ack=ack, rules=rules, identity=identity, **beside)


def _once(write: Write) -> Write:
    """What may be written twice."""
    return msgspec.structs.replace(write, rejected=(), events=(), tallies=())


def _rows(writes: Iterable[Write]) -> int:
    return sum(len(write.readings) for write in writes if write.readings is not None)


def _weight(write: Write) -> int:
    """Its share of the bound; an event or a line weighs as much as a reading."""
    rows = 0 if write.readings is None else len(write.readings)
    return 1 + rows + sum(map(len, (write.rejected, write.gaps, write.events, write.tallies, write.episodes)))
