"""What one board's numbers say about themselves: outliers for the event log, lamps for the page. Its device's lock is held."""

from __future__ import annotations

import msgspec

from services.alert_model import Lamp, Outlier
from services.analysis.lamps import SPAN_US, lamps
from services.analysis.outliers import Judgement, OutlierWatch
from services.analysis.window import Window
from services.live_model import ClockHealth
from services.model import Event, EventKind

TOLD_EVERY_US = 60_000_000  # one line for each channel; what comes between is counted in the next
LAMPS_EVERY_US = 1_000_000


class SelfChecks:
    """Looks at the window, about once a second."""

    def __init__(self, device: str, judgement: Judgement) -> None:
        self._device = device
        self._judgement = judgement
        self._watch = OutlierWatch(judgement)
        self._held: dict[str, Outlier] = {}
        self._told_us: dict[str, int] = {}
        self._lamps: tuple[Lamp, ...] = ()
        self._lamps_us = 0

    def outliers(self, window: Window) -> list[Event]:
        """What stood alone since the last time."""
        due = self._watch.due(window.newest_us)
        if due is None:
            return []
        t0_us, from_us, t1_us = due
        for found in self._watch.judge(window.after(t0_us - 1, t1_us - 1), from_us):
            known = self._held.get(found.channel)
            self._held[found.channel] = found if known is None else _joined(known, found)
        ripe = [name for name in self._held if t1_us - self._told_us.get(name, 0) >= TOLD_EVERY_US]
        self._told_us |= dict.fromkeys(ripe, t1_us)
        return [self._event(self._held.pop(name)) for name in ripe]

    def lamps(self, now_us: int, window: Window, clock: ClockHealth, share: float | None) -> tuple[Lamp, ...]:
        """`share`: completeness of the last minute."""
        if now_us - self._lamps_us >= LAMPS_EVERY_US:
            self._lamps_us = now_us
            self._lamps = lamps(window.after(now_us - SPAN_US, now_us), clock, share)
        return self._lamps

    def _event(self, found: Outlier) -> Event:
        many = "1 reading stood" if found.count == 1 else f"{found.count} readings stood"
        text = f"{found.channel}: {many} alone, the farthest at {found.value:g} (z {found.z:.1f}, median {found.median:g})"
        data = msgspec.structs.asdict(found) | {"judged": msgspec.to_builtins(self._judgement)}
        return Event(self._device, found.time_us, EventKind.OUTLIER, text, data)


def _joined(one: Outlier, other: Outlier) -> Outlier:
    """The farther of two, with both counted."""
    return msgspec.structs.replace(max(one, other, key=lambda found: found.z), count=one.count + other.count)
