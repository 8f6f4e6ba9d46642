"""Which boot of which board the lines belong to, by what the board says of itself.

The board says who it is (its id and boot number); count and clock say whether that can be.

Pure: hellos, lines and times go in, steps for the board's chain come out. A stored run of numbers and a board's boot are
two things: an erased EEPROM, another board under the same name, or a restart of the program must neither hide a loss nor
store a reading twice.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from services.clock import Step as ClockStep
from services.device.boot import Boot, step_ms
from services.device.columns import Line
from services.device.count_and_clock import STALE_S, can_precede, clock_fits, is_live, is_same, lags
from services.device.last_words import AWAITED_S, LastWords, goes_on, said_by
from services.device.sequence import MAX_JUMP, SequenceTracker
from services.model import WIRE_NUMBERS, Gap, GapState, Restored, StoredRun
from services.wire.decoders import Hello, ReadingLine

MAX_PENDING = 20_000  # lines kept while a board has not said which boot they belong to
NEVER_S = 10.0  # a board that does not say who it is by then is read as it is
DOUBT_S = 3.0  # how long a live line is waited for that shows whether count and clock go on
OVERTAKEN_US = 3_000_000  # what a board measures while its hello is on its way
KEPT = 8  # boots of this session that may speak again


class Begin(NamedTuple):
    """Another boot speaks from here on."""

    boot: Boot


class Welcome(NamedTuple):
    """The boot that speaks says what it holds. `offers`: it was asked to, and sends it by itself."""

    hello: Hello
    offers: bool


class Take(NamedTuple):
    """Lines of the boot that speaks, or the last words of one that is over."""

    lines: list[Line]
    over: Boot | None = None


class Drop(NamedTuple):
    """Lines that are nobody's."""

    lines: list[Line]


Step = Begin | Welcome | Take | Drop


class Boots:
    """The boots of one board's port: those of this session, and those that the database knows."""

    def __init__(self) -> None:
        self._here: dict[int, Boot] = {}
        self._stored: list[StoredRun] = []
        self._highest = 0

    def recall(self, stored: Restored) -> None:
        """What the database knows."""
        self._stored = list(stored.runs)
        self._highest = max(self._highest, stored.highest_boot)

    def find(self, hello: Hello, now_s: float) -> Boot | None:
        """The boot that calls itself so."""
        for boot in reversed(self._here.values()):
            if (boot.board_id, boot.wire) == (hello.id, hello.boot):
                return boot
        for run in self._stored:
            if run.identity.wire_boot == hello.boot and run.identity.board_id in ("", hello.id):
                return self._resumed(run, level=1, now_s=now_s)
        return None

    def newest_of(self, board_id: str, now_s: float) -> Boot | None:
        """The last boot that the database knows, if that was this board's, or that of one that never said who it is."""
        if not self._stored:
            return None
        identity = self._stored[0].identity
        mute = identity.wire_boot is None and identity.last_ms is not None
        if not mute and (identity.wire_boot is None or identity.board_id != board_id):
            return None
        boot = self._resumed(self._stored[0], level=1, now_s=now_s)
        boot.mute = mute
        return boot

    def new(self, hello: Hello | None, last_us: int | None = None) -> Boot:
        """Its number is the board's own where that was never used."""
        number = hello.boot if hello is not None and hello.boot > self._highest else self._highest + 1
        tracker = SequenceTracker(retransmits=hello is not None, buffer=hello.buffer if hello is not None else None)
        boot = Boot(number, tracker, wire=None if hello is None else hello.boot, last_us=last_us)
        boot.board_id = hello.id if hello is not None else ""
        return self._note(boot)

    def mute(self) -> Boot:
        """Level 1 by its lines, but it never said who it is."""
        boot = self.new(None)
        boot.mute = boot.tracker.clocked = True
        return boot

    def of_level_0(self, first: int | None, now_s: float) -> Boot:
        """No boot number on the wire. A count that goes on from the stored one is the same boot."""
        run = self._stored[0] if self._stored else None
        if run is None or first is None or not (run.identity.wire_boot is None or run.identity.board_id == ""):
            return self.new(None)
        goes_on = 0 < first - run.last_seq % WIRE_NUMBERS <= MAX_JUMP
        return self._resumed(run, level=0, now_s=now_s) if goes_on else self.new(None)

    def end_stored(self, hello: Hello | None) -> list[Gap]:
        """Another boot speaks: what others still had on their way is lost. `hello`: the last one. Of a board that does not say
        what it holds, what is below all that came of it was never known to be there: before the account, and no loss."""
        ended: list[Gap] = []
        for place, run in enumerate(self._stored):
            doubted = hello is not None and hello.oldest is None and hello.id == run.identity.board_id
            lowest = 0 if not doubted else run.last_seq + 1 if run.lowest_seq is None else run.lowest_seq
            still = [gap for gap in run.gaps if gap.state is GapState.OPEN]
            ended += [
                msgspec.structs.replace(gap, state=GapState.BEFORE if gap.last < lowest else GapState.LOST) for gap in still
            ]
            gaps = tuple(msgspec.structs.replace(gap, state=GapState.LOST) for gap in run.gaps if gap.last >= lowest)
            self._stored[place] = msgspec.structs.replace(run, gaps=gaps)
        return ended

    def _resumed(self, run: StoredRun, *, level: int, now_s: float) -> Boot:
        tracker = SequenceTracker(retransmits=level == 1)
        tracker.restore(run.last_seq, run.lowest_seq, run.gaps, now_s)
        identity = run.identity
        wire = identity.wire_boot if level else None
        boot = Boot(run.boot, tracker, wire=wire, last_us=run.last_time_us, board_id=identity.board_id)
        boot.last_seq, boot.stored_ms, boot.durable = run.last_seq, identity.last_ms, tracker.ack
        return boot

    def speaks(self, boot: Boot) -> None:
        """This one is it: from now on it is here, not stored."""
        self._note(boot)
        self._stored = [run for run in self._stored if run.boot != boot.number]

    def _note(self, boot: Boot) -> Boot:
        self._highest = max(self._highest, boot.number)
        self._here.pop(boot.number, None)
        self._here[boot.number] = boot
        while len(self._here) > KEPT:
            del self._here[next(iter(self._here))]
        return boot


class BoardIdentity:
    """Which boot speaks now. Lines wait here while that is not known."""

    def __init__(self) -> None:
        self.boots = Boots()
        self.boot: Boot | None = None
        self.hello: Hello | None = None  # the last one
        self.known = False  # on this connection
        self.asked_s = -1e9  # when the board was last asked who it is
        self._pending: list[Line] = []
        self._pending_s = 0.0  # since when
        self._slept_s = 0.0  # so long our machine may have slept since a board said who it is
        self._before = 0  # of the pending, those that came before the hello in doubt
        self._earlier = 0  # and those of an earlier connection
        self._waits_anew = False  # a new connection began
        self._met = False  # on this connection a board has said who it is
        self._doubt: tuple[Hello, Boot] | None = None  # is this one that one?
        self._doubt_s = 0.0
        self._offers = False  # the last hello was asked for: what the board holds follows
        self._last_words = LastWords()

    def waiting(self) -> int:
        """Lines of which nobody can say yet what they are."""
        return len(self._pending) + (self.boot.waiting if self.boot is not None else 0)

    @property
    def wanted(self) -> bool:
        """Whether the board is to be asked who it is."""
        return not self.known and self._doubt is None

    def connected(self) -> None:
        """A new connection: it may be another board, or the same after its power was lost."""
        self.known, self._met, self._doubt = False, False, None
        self._earlier, self._waits_anew = len(self._pending), True
        self._last_words.forget()

    def clock_followed(self, step: ClockStep) -> None:
        """Boards measured on while we slept; the system may tell a sleep as a clock that was set."""
        self._slept_s += (step.slept_us + max(0, step.set_us)) / 1e6
        if self.boot is not None:
            self.boot.clock_followed(step)

    def suspect(self) -> None:
        """It seems to count anew."""
        self.known = False

    def anew(self, lines: list[Line], now_s: float) -> Boot:
        """Level 0 counts anew. A boot of one number was none, but a wrong number: the count before it may go on."""
        boot = self.boot
        if boot is not None and boot.tracker.one_number:
            return self.boots.of_level_0(lines[0].seq, now_s)
        return self.boots.new(None, boot.last_us if boot is not None else None)

    def forget(self) -> None:
        """Begin again from what the database holds."""
        self.boot, self.boots = None, Boots()
        self.connected()

    # --- the board speaks

    def on_lines(self, lines: list[Line], sealed: bool, now_us: int, now_s: float) -> list[Step]:
        """`sealed`: the lines of this connection carry checksums."""
        boot = self.boot
        if boot is None or boot.wire is None:
            if not sealed:
                first = next((line.seq for line in lines if line.seq is not None), None)
                if boot is not None and (boot.tracked or first is None):
                    return [Take(lines)]
                return [Begin(self.boots.of_level_0(first, now_s) if boot is None else self.boots.new(None)), Take(lines)]
            if boot is not None and boot.mute and self._doubt is None and clock_fits(boot, lines, now_s):
                return [Take(lines)]
        elif self.known:
            old, late, lines = self._last_words.split(lines, now_s)
            before: list[Step] = [Take(late, old)] if late else []
            if not lines or clock_fits(boot, lines, now_s):
                return [*before, Take(lines)] if lines else before
            return [*before, *self._wait(lines, now_us, now_s)]
        return self._wait(lines, now_us, now_s)

    def _wait(self, lines: list[Line], now_us: int, now_s: float) -> list[Step]:
        self.known = False
        self._pending_s = self._pending_s if self._pending else now_s
        self._pending += lines
        return self.on_tick(now_us, now_s)

    def on_hello(self, hello: Hello, now_us: int, now_s: float) -> list[Step]:
        """The board says who it is."""
        was_known, self.known, self._doubt = self.known, False, None
        self.hello, self._before = hello, len(self._pending)
        self._offers = now_s - self.asked_s < STALE_S
        found, boot = self.boots.find(hello, now_s), self.boot
        if found is None or (found is not boot and not found.tracker.follows(hello.seq)):
            found = boot or self.boots.newest_of(hello.id, now_s)
            if found is None or not (found.mute or (found.wire is not None and found.board_id == hello.id)):
                return self._another(hello, now_s)
        elif found is boot and was_known and boot.tracker.follows(hello.seq):
            return self._same(hello, found)
        behind_us = step_ms(hello.seq, found.tracker.expected or 0) * found.interval_us
        overtaken = found is boot and self._offers and behind_us <= OVERTAKEN_US
        if not found.tracker.follows(hello.seq) and not overtaken:
            return self._another(hello, now_s)
        self._doubt, self._doubt_s = (hello, found), now_s
        return self.on_tick(now_us, now_s)

    def on_tick(self, now_us: int, now_s: float) -> list[Step]:
        """What was waited for has come, or will not."""
        if self._waits_anew:
            self._pending_s, self._waits_anew = now_s, False
        if self._doubt is None and not self._pending:
            return []
        live = next((line for line in reversed(self._pending[self._earlier :]) if is_live(line)), None)
        full = len(self._pending) > MAX_PENDING
        if self._doubt is not None:
            hello, boot = self._doubt
            if live is not None:
                return self._same(hello, boot) if is_same(boot, hello, live, now_us, now_s) else self._another(hello, now_s)
            if full or now_s - self._doubt_s > max(DOUBT_S, 1.5 * boot.interval_us / 1e6):
                same = (boot.board_id, boot.wire) == (hello.id, hello.boot)
                return self._same(hello, boot) if same else self._another(hello, now_s)
        elif self._pending and (full or now_s - self._pending_s > NEVER_S):
            return self._without_hello(live, now_s)
        return []

    # --- the steps

    def _same(self, hello: Hello, boot: Boot) -> list[Step]:
        begin: list[Step] = [] if boot is self.boot else [Begin(boot)]
        return [*begin, *self._welcome(hello, self._pending)]

    def _another(self, hello: Hello, now_s: float) -> list[Step]:
        """Lines that came before its hello and that it cannot have measured by then are those of the boot before it, or
        nobody's: of a board that measured on while our machine slept."""
        old, before, after = self.boot, self._pending[: self._before], self._pending[self._before :]
        level_1 = old is not None and (old.wire is not None or old.mute)  # a board of level 0 sends no checksums
        mine: list[Line] = []
        others: list[Line] = []
        passed_ms = (now_s - self._pending_s + self._slept_s + AWAITED_S) * 1e3
        for place, line in enumerate(before):
            olds = level_1 and old is not None and (self._met or place < self._earlier) and said_by(old, line, now_s)
            can_be = place >= self._earlier and can_precede(line, hello, passed_ms)
            (mine if can_be and not olds else others).append(line)
        theirs = [line for line in others if level_1 and old is not None and goes_on(old, line)]
        nobodys = [line for line in others if line not in theirs] if len(theirs) < len(others) else []
        first: list[Step] = [*([Take(theirs)] if theirs else []), *([Drop(nobodys)] if nobodys else [])]
        self._last_words.over(old if self._met else None, hello, now_s)  # of an earlier connection nothing comes any more
        late_of, late, after = self._last_words.split(after, now_s)
        first += [Take(late, late_of)] if late else []
        return [*first, Begin(self.boots.new(hello)), *self._welcome(hello, mine + after)]

    def _welcome(self, hello: Hello, lines: list[Line]) -> list[Step]:
        self.known, self._met, self._doubt, self._pending, self._earlier = True, True, None, [], 0
        self._slept_s = 0.0
        bare: list[Line] = [line for line in lines if isinstance(line, ReadingLine) and line.crc is None]
        good = [line for line in lines if line not in bare] if bare else lines  # at level 1 all have checksums
        steps: list[Step] = [Welcome(hello, self._offers)]
        return steps + ([Take(good)] if good else []) + ([Drop(bare)] if bare else [])

    def _without_hello(self, live: Line | None, now_s: float) -> list[Step]:
        """The board does not answer: its lines are taken as they are."""
        lines, self._pending, self._earlier = self._pending, [], 0
        if all(line.crc is None for line in lines if isinstance(line, ReadingLine)):
            return [Begin(self.boots.of_level_0(lines[0].seq, now_s)), Take(lines)]
        boot = self.boot
        if boot is not None and boot.wire is not None and (live is None or not lags(boot, live, now_s)):
            self.known = True
            return [Take(lines)]
        return [Begin(self.boots.mute()), Take(lines)]
