"""What a board is told to be on disk, and when a commit is asked for. Not locked: its device's lock is held."""

from __future__ import annotations

from collections.abc import Callable

from services.device.boot import Boot
from services.model import WIRE_NUMBERS
from services.wire.decoders import encode_ack


class Acknowledging:
    """One line a commit, and one more when the board asks by sending again what is stored."""

    def __init__(self, nudge: Callable[[], None]) -> None:
        self.again = False
        self._nudge = nudge
        self._nudged = -1  # the number for whose sake a commit was asked for

    def begin(self) -> None:
        """Another boot speaks."""
        self._nudged = -1

    def line(self, boot: Boot) -> bytes:
        """What is to be sent now. Half of the board's memory waiting is reason for a commit before its time."""
        ack, durable = boot.tracker.ack, boot.durable
        if boot.wire is None or durable is None:
            return b""
        if ack is not None and ack - max(durable, self._nudged) > (boot.tracker.buffer or 0) // 2:
            self._nudged = ack
            self._nudge()
        if durable == boot.acked and not self.again:
            return b""
        boot.acked, self.again = durable, False
        return encode_ack(durable % WIRE_NUMBERS, boot.wire)
