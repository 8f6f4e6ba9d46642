"""One boot of a board: its lines become columns with a number and a time. Pure: arrival times are arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.analysis.ranges import Ranges, part_of
from services.clock import Step
from services.device.board_time import FLOOR_AHEAD_US, Timebase
from services.device.columns import Columns, Line, columns
from services.device.holds import CLOCKED_INTERVALS, holds, holds_by_number, stale_us, steps
from services.device.missing_numbers import Fate, Stretch
from services.device.sequence import Offered, SequenceTracker, Verdict
from services.device.steady_pace import SteadyPace
from services.device.wall_time import WallTime
from services.model import I64, U8, Flag, Gap, Identity, Readings, no_readings
from services.wire.decoders import Hello, ReadingLine

Mask = NDArray[np.bool_]
SILENT_INTERVALS = 5
SILENT_PAUSES = 2  # of the longest that a board without a stated interval has made
MAX_EARLY = 20_000
INTERVAL_US = 100_000  # until the board's own is known
LEAP_MS = 1_000  # a step ahead may not take the board's clock further than time has passed, and this
REPETITIONS = 2  # of a number with the same content; a line that comes more often is no repetition
RECENT = 64  # lines that are remembered, to tell a repetition from another line with the same number
_FLAGS = {Verdict.LATE: Flag.LATE, Verdict.RECOVERED: Flag.RECOVERED}


class Taken(msgspec.Struct):
    """Lines that count once, in the order they came. `doubtful`: places that are no reading, or say so of themselves."""

    lines: list[Line]
    readings: Readings
    doubtful: list[int] = []
    duplicates: int = 0
    wild: int = 0  # numbers far off that were not confirmed
    unaccounted: int = 0  # lines whose number says nothing: another has it, or none can
    late: int = 0
    recovered: int = 0
    strays: list[Line] = []  # lines without a number among those that have one
    restarted: bool = False  # level 1 seems to count anew: its hello will tell
    reboot: list[Line] | None = None  # level 0 counts anew: these lines belong to the next boot

    @property
    def contradicting(self) -> int:
        """Those of `duplicates` that say something else under a number that is taken."""
        return self.unaccounted - self.wild


class Boot:
    """What is known of one boot: `number` in the database, `board_id` and `wire` as the board says them (level 1)."""

    def __init__(
        self, number: int, tracker: SequenceTracker, *, wire: int | None, last_us: int | None = None, board_id: str = ""
    ) -> None:
        self.number = number
        self.board_id = board_id
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
        self.stored_ms: int | None = None  # that of an earlier session
        self.heard_s = 0.0  # when the last live line came; 0: in an earlier session
        self.unsure_s = 0.0  # so much more may have passed since then: our clock was set ahead, or our machine slept
        self.mute = False  # level 1 by its lines, but it never said who it is
        self.tracked = True
        self.durable: int | None = None
        self.acked: int | None = None
        self._linked = last_us is None  # since the newest live reading
        self._held: list[Line] = []
        self._recent: list[Line] = []
        self._repeated = 0
        self._before: int | None = None
        self._again: tuple[int, int] | None = None  # number and time of the last retransmission
        self._early: list[Line] = []
        self._spoken_ms: int | None = None  # the board's clock as its first live line told it

    def greet(self, hello: Hello, now_s: float) -> None:
        """It says who it is: also one that had another name before, or none."""
        if self.clock_ms is None:
            self.heard_s, self.unsure_s = now_s, 0.0
        self.board_id, self.wire, self.mute = hello.id, hello.boot, False
        self.interval_us, self.interval_known = hello.interval_ms * 1e3, True
        self.tracker.retransmits, self.tracker.buffer = True, hello.buffer
        self.tracker.asking.most_s = hello.buffer * hello.interval_ms / 4e3

    def take(self, lines: list[Line], now_us: int, now_s: float) -> Taken:
        """Sort out what came: numbers, duplicates, times."""
        lines = self._with_a_clock(lines)
        if not lines:
            return Taken([], no_readings())
        batch = columns(lines)
        strays: list[Line] = []
        if not batch.tracked:
            lines, strays = self._without_strays(lines)
            if not lines:
                return Taken([], no_readings(), strays=strays)
            batch = columns(lines)
        self.tracked = batch.tracked
        wire = cast("Sequence[int]", batch.seq) if self.tracked else self._numbers(len(lines))
        offered = self.tracker.offer(wire, batch.again, now_s, lambda place: self._leaps(batch, place, now_s))
        before_ms = self.last_ms
        if offered.fates or offered.anew is not None or offered.verdict.any():
            taken = self._sort(lines, offered, now_us)
        else:
            taken = self._finish(lines, batch, offered.seq, None, now_us)
        taken.duplicates += offered.repeated + offered.too_soon
        taken.wild += offered.discarded
        taken.unaccounted += offered.repeated + offered.discarded
        taken.strays = strays
        taken.restarted = self.tracker.retransmits and (offered.restarted or taken.unaccounted > taken.wild)
        if taken.lines:
            self._recent, self._repeated = [*self._recent, *taken.lines[-RECENT:]][-RECENT:], 0
        if self.last_ms != before_ms:
            self.heard_s, self.unsure_s = now_s, 0.0
        return taken

    def stamp_gaps(self, now_us: int, taken: Taken | None = None) -> None:
        """Give gaps found in the last batch their place in time."""
        for stretch in self.tracker.new:
            stretch.t0_us, stretch.t1_us = self._span(stretch, now_us, taken)
        self.tracker.new = []

    def gaps_of(self, changed: Ranges[Fate], device: str) -> tuple[Gap, ...]:
        """What became of which numbers, as it is stored: each with its share of the time of the gap it was found in."""
        return tuple(
            part_of(Gap(device, self.number, s.first, s.last, s.t0_us, s.t1_us, state), first, last)
            for first, last, (state, s) in changed
        )

    @property
    def clock_ms(self) -> int | None:
        """The board's uptime at its last live line."""
        return self.last_ms if self.last_ms is not None else self.stored_ms

    @property
    def waiting(self) -> int:
        """Lines that the next ones decide about: far ahead, or sent again before anything live tells the board's clock."""
        return len(self._held) + len(self._early)

    @property
    def identity(self) -> Identity:
        """Who this is, as the board says it."""
        return Identity(self.board_id, self.wire, self.clock_ms)

    # --- inside

    def _with_a_clock(self, lines: list[Line]) -> list[Line]:
        """Retransmissions say nothing about the board's clock: until the first live reading they wait."""
        if self.last_ms is not None:
            return lines
        spoken = [line for line in lines if not (line.re and line.ms is not None)]
        if spoken:
            self._spoken_ms = spoken[-1].ms
            lines, self._early = lines + self._early, []
            return lines
        self._early = (self._early + lines)[-MAX_EARLY:]
        return []

    def _without_strays(self, lines: list[Line]) -> tuple[list[Line], list[Line]]:
        """Not every line has a number: those that have one, else those that are readings at least; and the others."""
        numbered = self.wire is not None or any(line.seq is not None for line in self._recent)
        if numbered or any(line.seq is not None for line in lines):
            good = [line for line in lines if line.seq is not None]
        else:
            good = [line for line in lines if isinstance(line, ReadingLine)]
        return good, [line for line in lines if line not in good]

    def _numbers(self, count: int) -> list[int]:
        first = self.tracker.expected or 0
        return [(first + place) % 2**32 for place in range(count)]

    def _sort(self, lines: list[Line], offered: Offered, now_us: int) -> Taken:
        keep: list[Line] = []
        numbers: list[int] = []
        kinds: list[int] = []
        duplicates = unaccounted = 0
        anew = None
        verdicts = zip(lines, offered.seq.tolist(), offered.verdict.tolist(), strict=True)
        for place, (line, number, kind) in enumerate(verdicts):
            if place == offered.anew:
                anew, self._held = self._held + lines[place:], []
                break
            if place in offered.fates:
                if offered.fates[place]:
                    keep += self._held
                    numbers += range(number - len(self._held), number)
                    kinds += [int(Verdict.ACCEPTED)] * len(self._held)
                self._held = []
            if kind == Verdict.HELD:
                self._held.append(line)
            elif kind == Verdict.DUPLICATE:
                duplicates += 1
                unaccounted += self._is_another(line, keep)
            else:
                keep.append(line)
                numbers.append(number)
                kinds.append(kind)
        taken = Taken([], no_readings())
        if keep:
            taken = self._finish(keep, columns(keep), np.array(numbers, np.int64), np.array(kinds, np.uint8), now_us)
        taken.duplicates, taken.unaccounted, taken.reboot = duplicates, unaccounted, anew
        return taken

    def _is_another(self, line: Line, kept: list[Line]) -> bool:
        """Whether a line with a known number is no repetition: it counts anew or not at all, or two boards speak."""
        known = next((other for other in reversed([*self._recent, *kept]) if other.seq == line.seq), None)
        if known is None or line.re:
            return False
        same = _content(line) == _content(known)
        self._repeated += same
        return not same or self._repeated > REPETITIONS

    def _leaps(self, batch: Columns, place: int, now_s: float) -> bool:
        """Whether a step ahead takes the board's clock where it cannot be: another boot's line, or a wrong number."""
        ms = batch.ms[place]
        if ms is None or not self.tracker.retransmits:
            return False
        before = next((batch.ms[at] for at in range(place - 1, -1, -1) if not batch.again[at]), self.last_ms)
        return before is None or not 0 <= step_ms(before, ms) <= (now_s - self.heard_s + self.unsure_s) * 1e3 + LEAP_MS

    def _finish(self, lines: list[Line], batch: Columns, seq: I64, verdict: U8 | None, now_us: int) -> Taken:
        if self.first_us is None and self.last_us is not None and self.last_us > now_us + FLOOR_AHEAD_US:
            self.walltime, self.last_us = WallTime(), None  # stored by a clock that has been set back since
        live = None if verdict is None or not verdict.any() else verdict == Verdict.ACCEPTED
        readings = self._readings(batch, seq, self._times(lines, batch, seq, live, now_us), mixed=live is not None)
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
        _, gap = self.tracker.changed.at(seq) or (None, None)
        if gap is not None and gap.t1_us:
            return gap.t0_us + (gap.t1_us - gap.t0_us) * (seq - gap.first + 1) // (gap.last - gap.first + 2)
        return self.last_us if self.last_us is not None else now_us

    def _readings(self, batch: Columns, seq: I64, time_us: I64, *, mixed: bool) -> Readings:
        count = len(seq)
        flags = np.zeros(count, np.uint16)
        if batch.derived:
            flags[batch.derived] |= np.uint16(Flag.DERIVED)
        if not self.tracked:
            flags |= np.uint16(Flag.UNTRACKED)
        boot = np.full(count, self.number, np.int64)
        hold_us = self._holds_by_number(seq, time_us) if mixed and self.wire is not None else self._holds(seq, time_us)
        return Readings(boot, seq, time_us, hold_us, batch.v, batch.a, batch.w, flags)

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

    def _holds_by_number(self, seq: I64, time_us: I64) -> I64:
        """The same for retransmissions among live readings: each stream goes on where it was."""
        newest = None if self.last_seq is None or self.last_us is None else (self.last_seq, self.last_us)
        broken = None if self._linked or newest is None else newest[0] + 1
        return holds_by_number(seq, time_us, [one for one in (newest, self._again) if one], broken, self.interval_us)

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
        if len(rows) < len(readings):
            last = np.flatnonzero(~cast("Mask", live))[-1]
            self._again = int(readings.seq[last]), int(readings.time_us[last])
        if len(rows):
            self.last_us = max(int(rows.time_us[-1]), self.last_us or 0)
            self.last_seq = int(rows.seq[-1])
            self._linked = True
            if self.first_us is None:
                self.first_us = int(rows.time_us[0])

    def _span(self, gap: Stretch, now_us: int, taken: Taken | None) -> tuple[int, int]:
        """Times of the readings before and after the gap, as far as they are known."""
        if gap.early:
            t1_us = self.first_us or now_us
            return t1_us - round((gap.last - gap.first + 2) * self.interval_us), t1_us
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
        self._again = None
        self.pace.reset()
        self.heard_s -= step.slept_us / 1e6 if self.heard_s else 0.0  # the board's clock went on meanwhile
        self.unsure_s += max(0, step.set_us) / 1e6  # and maybe through a sleep that the system does not tell from a set clock
        if step.slept_us:
            self.link_lost()

    def link_lost(self) -> None:
        """What passes until the next line was seen by nobody."""
        self._linked = False
        self.pace.reset()

    def mark(self) -> None:
        """Remember where the last batch ended, for the gap that the next may begin with."""
        self._before = self.last_us


def step_ms(before: int, after: int) -> int:
    """How far the board's clock went, which rolls over; negative when it went back."""
    return (after - before + 2**31) % 2**32 - 2**31


def _content(line: Line) -> tuple[object, ...]:
    """What a line says, whether for the first time or again."""
    return (line.v, line.a, line.w, line.ts, line.ms) if isinstance(line, ReadingLine) else (line.reason, line.ms)
