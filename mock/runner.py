"""The loop: measure what is due, send it, hear what comes back, wait. One thread, everything non-blocking."""

from __future__ import annotations

import select
import time
from collections.abc import Callable

from mock.board import Board
from mock.bridge import Bridge
from mock.control import Control
from mock.faults import WireFaults
from mock.frame import Frame
from mock.outputs import Output
from mock.panel import Panel
from mock.record import Record
from services.wire.decoders import BoardDecoder, HostDecoder
from services.wire.messages import ReadingLine

PENDING_MAX = 1_000_000  # bytes: about a second of 10 000 lines; beyond it the wire is overrun
PENDING_SOME = 65_536  # above it nothing is sent again, and a flood pauses
FLOOD_LINES = 256
MOST_AT_ONCE = 2_000
SHORTEST_WAIT_US = 2_000  # faster boards are served in clumps, as USB does
LONGEST_WAIT_US = 100_000  # to notice signals and to flush the record
UNHEARD_WAIT_US = 20_000  # to notice a listener: nothing tells us that a pty was opened
WRITE_AT_ONCE = 16_384
DRAIN_US = 500_000


class Runner:
    """`clock` gives UTC microseconds that never leap."""

    def __init__(
        self,
        board: Board,
        faults: WireFaults,
        output: Output,
        record: Record,
        clock: Callable[[], int],
        *,
        paced: bool = True,
        count: int | None = None,
        linger_s: float = 0.0,
        reboot_every_s: float | None = None,
        bridge: Bridge | None = None,
    ) -> None:
        self.board = board
        self.panel = Panel(board, faults, self)
        self.control: Control | None = None
        self.stopping = False
        self._faults = faults
        self._output = output
        self._record = record
        self._clock = clock
        self._paced = paced
        self._count = count
        self._linger_us = round(linger_s * 1e6)
        self.reboot_every(reboot_every_s)
        self._bridge = bridge
        self._decoder = BoardDecoder()
        self._pending = bytearray()
        self._listeners = output.listeners
        self._heard = False
        self._plug_us: int | None = None
        self._measured_us: int | None = None  # when the last reading of --count was measured

    def run(self) -> None:
        """Until the count is reached, the recording is over or `stopping` is set."""
        try:
            while not self.stopping and not self._done(self._clock()):
                self.step()
                self._wait()
            self._drain()
        finally:
            self._record.flush()

    def step(self) -> None:
        """Everything that can be done now."""
        now_us = self._clock()
        if self.control:
            self.control.poll()
        self._replug(now_us)
        self._listen(now_us)
        self._measure(now_us)
        self._transmit(now_us)
        self._flush()
        self._record.flush(now_us)

    def request(self, request: dict[str, object]) -> dict[str, object]:
        """For the control channel."""
        answer = self.panel.request(request, self._clock())
        if "get" in request:
            answer["connected"] = self._heard
        return answer

    def unplug_until(self, until_us: int) -> None:
        """The cable is pulled now and put back then."""
        self._output.unplug()
        self._heard = self._output.poll()
        self._forget_pending()
        self._plug_us = until_us

    def reboot_every(self, seconds: float | None) -> None:
        """The board restarts by itself, the first time after so many seconds; None: no more."""
        self._reboot_us = round(seconds * 1e6) if seconds else None
        self._reboot_due_us = self._clock() + (self._reboot_us or 0)

    def _replug(self, now_us: int) -> None:
        if self._plug_us is not None and now_us >= self._plug_us:
            self._plug_us = None
            self._output.plug()

    def _listen(self, now_us: int) -> None:
        self._heard = self._output.poll()
        if self._listeners != self._output.listeners:
            self._listeners = self._output.listeners
            self._forget_pending()
            self._decoder.reset()
            self.board.listener_changed()
        if not self._heard:
            self._forget_pending()
        for event in self._decoder.feed(self._output.receive()):
            self.board.hear(event, now_us)

    def _measure(self, now_us: int) -> None:
        board = self.board
        if self._reboot_us and now_us >= self._reboot_due_us:
            self._reboot_due_us = now_us + self._reboot_us
            board.reboot(now_us)
        room = len(self._pending) < PENDING_SOME
        if self._measured_us is not None:
            board.run(now_us, most=0, resend=room)
        elif self._paced and board.interval_us:
            board.run(now_us, most=self._most(MOST_AT_ONCE), resend=room)
        elif room and self._heard:
            self._flood(now_us)
        if self._measured_us is None and (board.finished or self._most(1) == 0):
            self._measured_us = now_us

    def _flood(self, now_us: int) -> None:
        """As fast as the wire takes it; by a made-up clock when the lines must be the same every time."""
        count = self._most(FLOOD_LINES)
        if self._paced:
            self.board.flood(now_us, count)
        else:
            self.board.run(self.board.next_due_us + (count - 1) * self.board.interval_us, most=count)

    def _most(self, most: int) -> int:
        return most if self._count is None else min(most, self._count - self.board.counts["measured"])

    def _transmit(self, now_us: int) -> None:
        for frame in self.board.take():
            if self._heard and len(self._pending) < PENDING_MAX:
                self._faults.send(frame)
            else:
                self._unheard(frame)
        if self._measured_us is not None:
            self._faults.release_all()
        elif self._paced:
            self._faults.release(now_us)
        data = self._faults.take()
        if self._bridge:
            self._bridge.send(data, now_us)
            data = self._bridge.take(now_us if self._measured_us is None else now_us + LONGEST_WAIT_US)
        if self._heard:
            self._pending += data

    def _unheard(self, frame: Frame) -> None:
        """Nobody listens, or the listener is too slow: at level 0 this reading is lost."""
        if frame.kind == "reading":
            self._record.fault("unheard", frame.boot, frame.seq, frame.t_us, re=frame.resent)

    def _forget_pending(self) -> None:
        """What was not sent to the listener who left is not for the next one, and the record says so."""
        if self._bridge:
            self._bridge.forget()
        if not self._pending:
            return
        for event in HostDecoder().feed(bytes(self._pending)):
            if isinstance(event, ReadingLine):
                self._record.fault("unheard", self.board.boot, event.seq, self._clock(), re=bool(event.re))
        self._pending.clear()

    def _flush(self) -> None:
        while self._pending:
            sent = self._output.send(bytes(self._pending[:WRITE_AT_ONCE]))
            if not sent:
                return
            del self._pending[:sent]

    def _drain(self) -> None:
        """Before the end: what is on its way is finished, if it is taken soon."""
        until_us = self._clock() + DRAIN_US
        while self._pending and self._heard and self._clock() < until_us:
            self._flush()
            self._sleep([], SHORTEST_WAIT_US / 1e6)

    def _done(self, now_us: int) -> bool:
        """The last reading is measured and sent, and acknowledged or waited for long enough."""
        if self._measured_us is None:
            return False
        if self._linger_us == 0:
            return not self._pending or not self._heard
        acknowledged = bool(self.board.config.level) and not self.board.unacknowledged and not self._pending
        return acknowledged or now_us - self._measured_us >= self._linger_us

    def _wait(self) -> None:
        now_us = self._clock()
        times = [now_us + LONGEST_WAIT_US, *self._next_times(now_us)]
        if not self._heard:
            times.append(now_us + UNHEARD_WAIT_US)
        readers = self._output.waitable() + (self.control.waitable() if self.control else [])
        self._sleep(readers, max(min(times) - now_us, 0) / 1e6)

    def _sleep(self, readers: list[int], timeout_s: float) -> None:
        writer = self._output.writable()
        writers = [writer] if writer is not None and self._pending else []
        if readers or writers:
            select.select(readers, writers, [], timeout_s)
        else:
            time.sleep(timeout_s)

    def _next_times(self, now_us: int) -> list[int]:
        """When something is due without anybody's doing."""
        times = [now_us + SHORTEST_WAIT_US] if self.board.resending else []
        release_us = self._faults.next_release_us()
        if release_us is not None:
            times.append(max(release_us, now_us + SHORTEST_WAIT_US))
        if self._plug_us is not None:
            times.append(self._plug_us)
        if self._bridge:
            times.append(self._bridge.next_us(now_us))
        if self._measured_us is not None:
            times.append(now_us + UNHEARD_WAIT_US)
        elif not (self._paced and self.board.interval_us):
            times.append(now_us if not self._pending else now_us + LONGEST_WAIT_US)
        else:
            times.append(max(self.board.next_due_us, now_us + SHORTEST_WAIT_US))
        return times
