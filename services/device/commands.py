"""Commands to a board, one at a time: numbered, acknowledged, tried again, and each with an outcome. Pure."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import msgspec

from services.errors import CommandError
from services.live_model import CommandOutcome
from services.wire.decoders import Reply, encode_command

MAX_TRIES = 3
MAX_QUEUED = 32
RTO_S, RTO_LEAST_S, RTO_MOST_S = 1.0, 0.3, 3.0
NAMES = ("set_interval", "set_time", "buzzer", "ping", "hello", "reset_energy")


class Pending(msgspec.Struct, eq=False):
    """A command on its way. `done` is set together with `outcome`; `internal`: asked by the program, not by a person."""

    seq: int
    name: str
    args: dict[str, Any]
    internal: bool
    done: threading.Event
    outcome: CommandOutcome | None = None
    tries: int = 0
    first_s: float = 0.0
    sent_s: float = 0.0


class CommandQueue:
    """The commands of one board. Time is `now_s`, monotonic."""

    def __init__(self, device: str, first: int = 1) -> None:
        self._device = device
        self._next = first
        self._queue: deque[Pending] = deque()
        self._rto_s = RTO_S

    def __bool__(self) -> bool:
        return bool(self._queue)

    def add(self, name: str, args: dict[str, Any], *, internal: bool = False) -> Pending:
        """Queue one; raises CommandError for a name or argument that cannot be sent, or when too many wait."""
        if name not in NAMES:
            raise CommandError(f"there is no command {name!r}; known: {', '.join(NAMES)}")
        if len(self._queue) >= MAX_QUEUED:
            raise CommandError(f"{MAX_QUEUED} commands are waiting already; the board does not answer")
        encode_command(name, self._next, args)  # raises what does not fit before anything is queued
        pending = Pending(self._next, name, args, internal, threading.Event())
        self._next = self._next % (2**32 - 1) + 1
        self._queue.append(pending)
        return pending

    def waiting(self, name: str) -> bool:
        return any(pending.name == name for pending in self._queue)

    def reply(self, reply: Reply, now_s: float) -> Pending | None:
        """The board's answer; None when it answers nothing that waits (an answer that came twice)."""
        if not self._queue or self._queue[0].seq != reply.ack or not self._queue[0].tries:
            return None
        pending = self._queue.popleft()
        if pending.tries == 1:
            self._rto_s = min(RTO_MOST_S, max(RTO_LEAST_S, self._rto_s * 7 / 8 + (now_s - pending.sent_s) / 2))
        return self._end(pending, "ok" if reply.result == "ok" else "error", reply.error, now_s)

    def poll(self, now_s: float, *, crc: bool) -> tuple[bytes, Pending | None]:
        """(bytes to send now, the command that failed just now)."""
        if not self._queue:
            return b"", None
        pending = self._queue[0]
        if pending.tries and now_s - pending.sent_s < self._rto_s:
            return b"", None
        if pending.tries >= MAX_TRIES:
            self._queue.popleft()
            return b"", self._end(pending, "failed", f"no answer after {MAX_TRIES} tries", now_s)
        if pending.tries:
            self._rto_s = min(RTO_MOST_S, self._rto_s * 2)
        else:
            pending.first_s = now_s
        pending.tries += 1
        pending.sent_s = now_s
        return encode_command(pending.name, pending.seq, pending.args, crc=crc), None

    def fail_all(self, why: str, now_s: float) -> list[Pending]:
        """The link is gone: commands are never replayed after a reconnect."""
        failed = [self._end(pending, "failed", why, now_s) for pending in self._queue]
        self._queue.clear()
        return failed

    def give_up(self, pending: Pending, why: str, now_s: float) -> bool:
        """Whoever waited for it is told that it failed: then it is not sent (again) either. False when it has its outcome."""
        if pending.outcome is not None:
            return False
        self._queue.remove(pending)
        self._end(pending, "failed", why, now_s)
        return True

    def _end(self, pending: Pending, result: str, detail: str, now_s: float) -> Pending:
        took_ms = (now_s - pending.first_s) * 1e3 if pending.tries else 0.0
        pending.outcome = CommandOutcome(
            self._device, pending.seq, pending.name, pending.args, result, detail, pending.tries, round(took_ms, 1)
        )
        pending.done.set()
        return pending
