"""What the program asks of a store, whichever keeps the record; SQLite's answers are in storage.py.

tests/storage/test_store.py holds every store to what is written here. Times are UTC microseconds, spans half-open
[t0, t1), devices by their name. A query sees what is committed; of a device that the store does not know it finds nothing
and raises nothing. Every query raises DatabaseError when the record cannot be read just now; those that take `cancelled`
raise ExportCancelled once it turned true (see also `ending_when`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import msgspec

from services.alert_model import AlertRule, AlertRules, BackTest, Episode
from services.live_model import StorageHealth
from services.model import Counts, Curve, Event, Gap, Readings, Rejected, Restored, SpanStats, Write

END_US = 1 << 62  # later than every reading
MOST_GAPS = 10_000  # of one answer; the newest

Cancelled = Callable[[], bool]
_ends: ContextVar[Cancelled | None] = ContextVar("ends", default=None)


class Durable(msgspec.Struct, frozen=True):
    """After a commit: every number of this boot's account up to the extended one `ack` is settled on disk."""

    device: str
    boot: int
    ack: int


class Store(Protocol):
    """A record that one program writes and any number of threads read.

    Whoever makes one hands over `on_commit`, which is called in the store's own thread after each commit with what
    became durable by it: per device and boot the highest `ack` of its writes, and nothing that is not on disk.
    """

    # --- recording

    def start(self) -> None:
        """Open it for writing. Raises DatabaseUnreadable, DatabaseTooNew or, while another program writes it,
        DatabaseLocked, and has changed nothing then. A disk that fails does not keep it from recording in memory."""

    def stop(self, timeout_s: float = 3.0) -> None:
        """Commit everything that was appended, and close. Twice does no harm."""

    def append(self, write: Write) -> bool:
        """Hand over for the next commit; any thread, never waits for a disk. False when there is no room for it: then
        nothing of it is kept and `health().dropped` counts its readings.

        A number that its boot has already is stored once, as it came first. Gaps replace what is stored of their
        numbers. Of an episode only what is newer changes anything. One row that cannot be stored costs no other.
        """

    def nudge(self) -> None:
        """Commit soon, without waiting for the interval to end."""

    # --- what is known

    def restored(self, device: str) -> Restored:
        """Where the device's newest boots stood when they were last committed, to go on from after a restart."""

    def devices(self) -> list[str]:
        """Every device of which there are readings, ascending. Waits for no query: the event loop asks too."""

    def extent(self, device: str) -> tuple[int, int] | None:
        """Times of the oldest reading (or one-minute rollup, where the readings are gone) and of the newest."""

    def curve(self, device: str, t0_us: int, t1_us: int, points: int, cancelled: Cancelled | None = None) -> Curve:
        """What to draw of the span with at most `points` points; minima and maxima are those of the readings, exactly."""

    def span_stats(self, device: str, t0_us: int, t1_us: int, cancelled: Cancelled | None = None) -> SpanStats:
        """Exact min, mean, max and standard deviation, with energy, charge, coverage and the account.

        Where only one-minute rollups are left, a minute belongs to the span when it begins in it.
        """

    def counts(self, device: str, t0_us: int, t1_us: int) -> Counts:
        """The account of the span; those of neighbouring spans add up to that of both."""

    def gaps(self, device: str, t0_us: int, t1_us: int, limit: int = MOST_GAPS) -> list[Gap]:
        """Gaps that touch the span, ascending; the newest `limit`."""

    def events(self, device: str | None = None, t0_us: int = 0, t1_us: int = END_US, limit: int = 200) -> list[Event]:
        """Events of the span, newest first; with a device also those that concern the whole program (device "")."""

    def rejected(self, device: str | None = None, limit: int = 100) -> list[Rejected]:
        """Lines that were not accepted, newest first."""

    def status_words(self) -> tuple[str, ...]:
        """The boards' own words that the flags of stored readings name (bits 8 to 15): the first is word 1."""

    def pages(
        self, device: str, t0_us: int, t1_us: int, page: int = 5000, cancelled: Cancelled | None = None
    ) -> Iterator[Readings]:
        """Every stored reading of the span, ascending in time, in helpings of about `page` (at most four times as many).

        Nothing is held open while the caller is busy: readings that come or go meanwhile may or may not be seen.
        """

    # --- alerts

    def alert_rules(self) -> AlertRules:
        """The rules as they were stored last; no rules at the first start."""

    def episodes(self, device: str | None, t0_us: int, t1_us: int, limit: int) -> list[Episode]:
        """Times that a rule fired and that touch the span, newest first."""

    def open_episodes(self, device: str) -> list[Episode]:
        """Those of a device that have not ended, oldest first."""

    def episode(self, episode_id: str) -> Episode | None:
        """The episode with this id; None when there is none, or when it was let go to make room."""

    def back_test(self, device: str, rule: AlertRule, t0_us: int, t1_us: int) -> BackTest:
        """What the rule would have done in as much of the span as there is a record of, to the last bit what it does to
        the same readings as they come. Nothing is silent that is yet to come."""

    # --- care

    def health(self) -> StorageHealth:
        """How the recording stands. Waits for no query."""

    def keep(self, retention_h: float, max_bytes: int | None) -> None:
        """How long and how much from now on. What is over goes little by little, a tenth of the readings at most a pass."""

    def setting(self, key: str) -> str | None:
        """What was kept under this name; None when nothing was, or it cannot be read now."""

    def keep_setting(self, key: str, value: str) -> bool:
        """Keep it, over a restart too; False when that is not possible now. Waits a few seconds at most."""


@contextmanager
def ending_when(cancelled: Cancelled) -> Iterator[None]:
    """Queries made inside end early once it turns true, also those in threads that get a copy of this context."""
    token = _ends.set(cancelled)
    try:
        yield
    finally:
        _ends.reset(token)


def ends_of(cancelled: Cancelled | None) -> tuple[Cancelled, ...]:
    """Everything that may end the query that is being made: what it was asked with, and what it is made inside of."""
    return tuple(asked for asked in (cancelled, _ends.get()) if asked is not None)


def is_cancelled(cancelled: Cancelled | None = None) -> bool:
    """Whether the query that is being made should end."""
    return any(asked() for asked in ends_of(cancelled))
