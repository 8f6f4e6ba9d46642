"""One boot of a board: its lines become columns with a number and a time. Pure: arrival times are arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.clock import Step
from services.device.board_time import FLOOR_AHEAD_US, Timebase
from services.device.columns import Columns, Line, columns
from services.device.holds import CLOCKED_INTERVALS, holds, stale_us, steps
from services.device.sequence import GapTrack, SequenceTracker, Verdict
from services.device.steady_pace import SteadyPace
from services.device.wall_time import WallTime
from services.model import I64, U8, Flag, Gap, GapState, Readings, no_readings
from services.wire.decoders import ReadingLine

Mask = NDArray[np.bool_]
SILENT_INTERVALS = 5
SILENT_PAUSES = 2  # of the longest that a board without a stated interval has made
MAX_EARLY = 20_000
INTERVAL_US = 100_000  # until the board's own is known
_FLAGS = {Verdict.LATE: Flag.LATE, Verdict.RECOVERED: Flag.RECOVERED}


class Taken(msgspec.Struct):
    """Lines that count once, in the order they came. `doubtful`: places that are no reading, or say so of themselves."""

    lines: list[Line]
    readings: Readings
    doubtful: list[int] = []
    duplicates: int = 0
    wild: int = 0  # numbers far off that were not confirmed
    late: int = 0
    recovered: int = 0
    reboot: list[Line] | None = None  # level 0 counts anew: these lines belong to the next boot


class Boot:
    """What is known of one boot: `number` in the database, `wire` on the line (level 1)."""

    def __init__(self, number: int, tracker: SequenceTracker, *, wire: int | None, last_us: int | None = None) -> None:
        self.number = number
        self.wire = wire
        self.tracker = tracker
        self.timebase = Timebase(floor_us=last_us)
        self.walltime = WallTime(last_us)
        self.pace = SteadyPace()
        self.longest_us = 0  # pause between two numbers at level 0, while the link was up
        self.interval_us: float = INTERVAL_US
        self.interval_known = False
        self.last_us = last_us
        self.last_seq: int | None = None
        self.first_us: int | None = None
        self.last_ms: int | None = None
        self.tracked = True
        self.durable: int | None = None
        self.acked: int | None = None
        self._linked = last_us is None  # since the newest live reading
        self._held: list[Line] = []
        self._before: int | None = None
        self._early: list[Line] = []
        self._spoken_ms: int | None = None  # the board's clock as its first live line told it

    def take(self, lines: list[Line], now_us: int, now_s: float) -> Taken:
        """Sort out what came: numbers, duplicates, times."""
        lines = self._with_a_clock(lines)
        if not lines:
            return Taken([], no_readings())
        batch = columns(lines)
        self.tracked = batch.tracked
        wire = cast("Sequence[int]", batch.seq) if self.tracked else self._numbers(len(lines))
        offered = self.tracker.offer(wire, batch.again, now_s)
        duplicates, wild = offered.repeated, offered.discarded
        if duplicates or wild:
            self._held = []
        if offered.reboot:
            stop = int(np.argmax(offered.verdict == Verdict.HELD))
            rest, self._held = self._held + lines[stop:], []
            if stop == 0:
                return Taken([], no_readings(), [], duplicates, wild, reboot=rest)
            taken = self._finish(lines[:stop], columns(lines[:stop]), offered.seq[:stop], offered.verdict[:stop], now_us)
            taken.reboot = rest
            return taken
        if not offered.released and not offered.verdict.any():
            taken = self._finish(lines, batch, offered.seq, None, now_us)
        else:
            taken = self._sort(lines, offered.seq, offered.verdict, offered.released, now_us)
        taken.duplicates += duplicates
        taken.wild += wild
        return taken

    def stamp_gaps(self, now_us: int, taken: Taken | None = None) -> None:
        """Give gaps found in the last batch their place in time."""
        for gap, _ in self.tracker.new_gaps:
            gap.t0_us, gap.t1_us = self._span(gap, now_us, taken)
        self.tracker.new_gaps = []

    def changed_gaps(self, device: str) -> tuple[Gap, ...]:
        """Gaps to store: new ones and those of which something came or was given up."""
        return tuple(
            Gap(device, self.number, g.first, g.last, g.t0_us, g.t1_us, GapState(g.state), g.missing, g.recovered, g.lost)
            for g in self.tracker.take_changed()
        )

    # --- inside

    def _with_a_clock(self, lines: list[Line]) -> list[Line]:
        """Retransmissions say nothing about the board's clock: until the first live reading they wait."""
        if self.last_ms is not None:
            return lines
        spoken = [line for line in lines if not (isinstance(line, ReadingLine) and line.re and line.ms is not None)]
        if spoken:
            self._spoken_ms = spoken[-1].ms
            lines, self._early = lines + self._early, []
            return lines
        self._early = (self._early + lines)[-MAX_EARLY:]
        return []

    def _numbers(self, count: int) -> list[int]:
        first = self.tracker.expected or 0
        return [(first + place) % 2**32 for place in range(count)]

    def _sort(self, lines: list[Line], seq: I64, verdict: U8, released: int, now_us: int) -> Taken:
        keep: list[Line] = []
        numbers: list[int] = []
        kinds: list[int] = []
        duplicates = 0
        for line, number, kind in zip(lines, seq.tolist(), verdict.tolist(), strict=True):
            if kind == Verdict.HELD:
                self._held.append(line)
            elif kind == Verdict.DUPLICATE:
                duplicates += 1
            else:
                if self._held and kind == Verdict.ACCEPTED:
                    first = number - len(self._held)
                    believed = self._held[-released:] if released else []
                    keep += believed
                    numbers += range(first, first + len(believed))
                    kinds += [int(Verdict.ACCEPTED)] * len(believed)
                    self._held = []
                keep.append(line)
                numbers.append(number)
                kinds.append(kind)
        if not keep:
            return Taken([], no_readings(), [], duplicates)
        taken = self._finish(keep, columns(keep), np.array(numbers, np.int64), np.array(kinds, np.uint8), now_us)
        taken.duplicates = duplicates
        return taken

    def _finish(self, lines: list[Line], batch: Columns, seq: I64, verdict: U8 | None, now_us: int) -> Taken:
        if self.first_us is None and self.last_us is not None and self.last_us > now_us + FLOOR_AHEAD_US:
            self.walltime, self.last_us = WallTime(), None  # stored by a clock that has been set back since
        live = None if verdict is None or not verdict.any() else verdict == Verdict.ACCEPTED
        readings = self._readings(batch, seq, self._times(lines, batch, seq, live, now_us))
        taken = Taken(lines, readings, batch.doubtful)
        if verdict is not None and live is not None:
            for kind, flag in _FLAGS.items():
                readings.flags[verdict == kind] |= np.uint16(flag)
            taken.late = int((verdict == Verdict.LATE).sum())
            taken.recovered = int((verdict == Verdict.RECOVERED).sum())
        self._remember(readings, live)
        return taken

    def _times(self, lines: list[Line], batch: Columns, seq: I64, live: Mask | None, now_us: int) -> I64:
        """Board uptime through the timebase; else what can be said without."""
        ms = batch.ms
        if None not in ms or (self.last_ms is not None and any(value is not None for value in ms)):
            return self._uptimes(ms, live, now_us)
        if live is None:
            return self._arrivals(batch.ts, seq, now_us)
        times = np.empty(len(lines), np.int64)
        for place in np.flatnonzero(~live).tolist():
            times[place] = self._between(int(seq[place]), now_us)
        times[live] = self._arrivals([ts for ts, mine in zip(batch.ts, live, strict=True) if mine], seq[live], now_us)
        return times

    def _arrivals(self, ts: Sequence[float | None], seq: I64, now_us: int) -> I64:
        """The board's own stamps where they can be right, else its pace where it has one, else when the lines came."""
        if self.tracked and len(seq):
            self.pace.arrived(int(seq[-1]), len(seq), now_us)
        paced = self.pace.times(seq) if self.tracked else None
        return self.walltime.times_us(ts, np.full(len(seq), now_us, np.int64) if paced is None else paced)

    def _uptimes(self, ms: Sequence[int | None], live: Mask | None, now_us: int) -> I64:
        if None in ms:
            known = self.last_ms or 0
            ms = [known := value if value is not None else known for value in ms]
        extended = self.timebase.extend(np.array(ms, np.int64))
        fresh = extended if live is None else extended[live]
        if self.last_ms is None and not len(fresh):  # the live line that they waited for is not believed yet, but its clock is
            told = np.array((self._spoken_ms,), np.int64) if self._spoken_ms is not None else extended[-1:]
            fresh = self.timebase.extend(told)
        self.timebase.observe(fresh, now_us)
        if len(fresh):
            self.last_ms = int(fresh[-1]) % 2**32
        return self.timebase.to_host_us(extended)

    def _between(self, seq: int, now_us: int) -> int:
        """A late reading without a clock of its own: where its number belongs in its gap."""
        for gap in self.tracker.changed.values():
            if gap.first <= seq <= gap.last and gap.t1_us:
                return gap.t0_us + (gap.t1_us - gap.t0_us) * (seq - gap.first + 1) // (gap.last - gap.first + 2)
        return self.last_us if self.last_us is not None else now_us

    def _readings(self, batch: Columns, seq: I64, time_us: I64) -> Readings:
        count = len(seq)
        flags = np.zeros(count, np.uint16)
        if batch.derived:
            flags[batch.derived] |= np.uint16(Flag.DERIVED)
        if not self.tracked:
            flags |= np.uint16(Flag.UNTRACKED)
        boot = np.full(count, self.number, np.int64)
        return Readings(boot, seq, time_us, self._holds(seq, time_us), batch.v, batch.a, batch.w, flags)

    def _holds(self, seq: I64, time_us: I64) -> I64:
        """The span each reading stands for."""
        before_us = self.last_us if self.last_us is not None else int(time_us[0]) - round(self.interval_us)
        step_us, step = steps(time_us, before_us), steps(seq, self.last_seq if self.last_seq is not None else int(seq[0]) - 2)
        next_number = step == 1
        if not self._linked:
            next_number[0] = False
        contiguous = step_us[next_number & (step_us >= 0)]
        if not self.tracked:  # nothing proves that a pause was no loss
            stale = round(stale_us(self.interval_us))
            self._estimate(contiguous[contiguous <= stale])
            return holds(np.minimum(step_us, stale), next_number, self.interval_us, None)
        self._estimate(contiguous)
        if self.wire is not None:  # it states its interval
            return holds(step_us, next_number, self.interval_us, CLOCKED_INTERVALS * self.interval_us)
        if len(contiguous):
            self.longest_us = max(self.longest_us, int(contiguous.max()))
        return holds(step_us, next_number, self.interval_us, None)

    def _estimate(self, hold_us: I64) -> None:
        """Without a hello the interval is learned: quickly at first, then slowly."""
        if self.interval_known or not len(hold_us):
            return
        mean_us = float(hold_us.mean())
        weight = min(1.0, 0.1 * len(hold_us)) if self.first_us is not None and self.last_seq is not None else 1.0
        if mean_us > 0:
            self.interval_us += weight * (mean_us - self.interval_us)

    def _remember(self, readings: Readings, live: Mask | None) -> None:
        rows = readings if live is None else readings.take(live)
        if len(rows):
            self.last_us = max(int(rows.time_us[-1]), self.last_us or 0)
            self.last_seq = int(rows.seq[-1])
            self._linked = True
            if self.first_us is None:
                self.first_us = int(rows.time_us[0])

    def _span(self, gap: GapTrack, now_us: int, taken: Taken | None) -> tuple[int, int]:
        """Times of the readings before and after the gap, as far as they are known."""
        if taken is not None and len(taken.readings):
            seq, time_us = taken.readings.seq, taken.readings.time_us
            after, before = np.flatnonzero(seq == gap.last + 1), np.flatnonzero(seq == gap.first - 1)
            t1_us = int(time_us[after[0]]) if len(after) else self.first_us or now_us
            t0_us = int(time_us[before[-1]]) if len(before) else self._before or t1_us
            return min(t0_us, t1_us), t1_us
        return (self.last_us or now_us), max(now_us, self.last_us or now_us)

    @property
    def usual_silence_us(self) -> float:
        """How long this board may say nothing without being thought gone."""
        return max(SILENT_INTERVALS * self.interval_us, SILENT_PAUSES * self.longest_us)

    def clock_followed(self, step: Step) -> None:
        """A new time segment: spacing goes on in the new time, and nobody measured while the machine slept."""
        for clock in (self.timebase, self.walltime):
            clock.shift(step.set_us)
        self.last_us, self.first_us, self._before = (
            None if time_us is None else time_us + step.set_us for time_us in (self.last_us, self.first_us, self._before)
        )
        self.pace.reset()
        if step.slept_us:
            self.link_lost()

    def link_lost(self) -> None:
        """What passes until the next line was seen by nobody."""
        self._linked = False
        self.pace.reset()

    def mark(self) -> None:
        """Remember where the last batch ended, for the gap that the next may begin with."""
        self._before = self.last_us
