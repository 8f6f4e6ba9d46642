"""Which boot of the board is this: one that the database knows, the one that is running, or a new one? Pure."""

from __future__ import annotations

from collections.abc import Sequence

from services.device.boot import Boot
from services.device.columns import Line
from services.device.sequence import MAX_JUMP, GapTrack, SequenceTracker
from services.model import WIRE_NUMBERS, Restored
from services.wire.decoders import Hello, ReadingLine

BACK_MS = 2_000  # a board's clock that is this far behind has begun anew


def boot_of(hello: Hello, before: Restored | None, current: Boot | None, now_s: float) -> Boot:
    """A boot that the database knows goes on where it stood, unless its numbers say that it is another one.

    `before`: the newest boot in the database; `current`: the boot that ran until now.
    """
    tracker = SequenceTracker(retransmits=True, buffer=hello.buffer)
    goes_on = before is not None and before.boot == hello.boot and hello.seq > before.last_seq % WIRE_NUMBERS
    if before is not None and goes_on and current is None:
        boot = _resumed(before, tracker, hello.boot, now_s)
        boot.durable = tracker.ack
        return boot
    highest = max(before.highest_boot if before else -1, current.number if current is not None else -1)
    return Boot(hello.boot if hello.boot > highest else highest + 1, tracker, wire=hello.boot)


def boot_of_level_0(first: int | None, before: Restored | None, current: Boot | None, now_s: float) -> Boot:
    """No boot number on the wire: ours. A count that goes on from the stored one is the same boot."""
    tracker = SequenceTracker(retransmits=False)
    ahead = first - before.last_seq % WIRE_NUMBERS if before is not None and first is not None else 0
    if before is not None and 0 < ahead <= MAX_JUMP and current is None:
        return _resumed(before, tracker, None, now_s)
    highest = max(before.highest_boot if before else 0, current.number if current is not None else 0)
    return Boot(highest + 1, tracker, wire=None)


def next_of_level_0(boot: Boot) -> Boot:
    """A board without boot numbers has begun to count anew."""
    return Boot(boot.number + 1, SequenceTracker(retransmits=False), wire=None, last_us=boot.last_us)


def ran_backwards(boot: Boot, lines: Sequence[Line]) -> bool:
    """The board's clock and count are behind what they were: it restarted, and its hello was lost on the way."""
    line, expected = lines[-1], boot.tracker.expected
    if boot.last_ms is None or line.ms is None or expected is None or (isinstance(line, ReadingLine) and line.re):
        return False
    back_ms = (boot.last_ms - line.ms + 2**31) % 2**32 - 2**31
    return back_ms >= BACK_MS and (line.seq or 0) < expected % WIRE_NUMBERS


def _resumed(before: Restored, tracker: SequenceTracker, wire: int | None, now_s: float) -> Boot:
    gaps = [GapTrack(g.first, g.last, g.missing, g.recovered, g.lost, g.t0_us, g.t1_us) for g in before.gaps]
    tracker.restore(before.last_seq, before.present, gaps, now_s)
    boot = Boot(before.boot, tracker, wire=wire, last_us=before.last_time_us)
    boot.last_seq = before.last_seq
    return boot
