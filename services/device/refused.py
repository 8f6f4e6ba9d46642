"""Readings that came and found no room: neither the disk nor our memory took them. Not locked: its device's lock is held."""

from __future__ import annotations

import numpy as np

from services.analysis.ranges import Ranges
from services.device.boot import Boot
from services.model import Readings


class Refused:
    """Of the boot that speaks. At level 1 the board still has them and sends them again; at level 0 they are lost by our act."""

    def __init__(self) -> None:
        self._shown: Ranges[bool] = Ranges()  # in the window already

    def put_back(self, boot: Boot, came: Readings, shown: Readings, now_s: float) -> None:
        """Their numbers are not settled after all. `came`: whatever had a number; `shown`: those that are in the window."""
        if not len(came):
            return
        for part in np.split(np.arange(len(came)), np.flatnonzero(np.diff(came.seq) != 1) + 1):
            begin, end = part[0], part[-1]
            times_us = int(came.time_us[begin]), int(came.time_us[end])
            boot.tracker.refuse(int(came.seq[begin]), int(came.seq[end]), *times_us, now_s)
        for seq in shown.seq.tolist():
            self._shown.put(seq, seq, True)

    def not_shown(self, rows: Readings) -> Readings:
        """Without those that are in the window already, now that they came again."""
        if not len(self._shown):
            return rows
        return rows.take(np.array([not self._shown.cut(seq, seq) for seq in rows.seq.tolist()], bool))
