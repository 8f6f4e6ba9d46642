"""Everything that can happen to board, cable, program, disk, clock and machine, on a virtual clock.

The methods are the moves of the model test; `promises` says what must hold after each.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from random import Random

from tests.model import promises
from tests.model.board import Board, Kind, Life, Measured, Payload, Said, Truth
from tests.model.disk import Disk
from tests.model.program import HandClock, Program, Watched
from tests.model.wire import Wire

START_US = 1_712_345_678_000_000
STEP_US = 50_000
SECOND = 1_000_000
SLEPT_BYTES = 4_095  # what the system keeps of a port while the machine sleeps
MOST_SETTLE_S = 150
QUIET_S = 3.0
COMMIT_S = 1.2  # within it the writer comes round
KNOWN = 40  # numbers: a count that begins anew under the same boot is told by its being behind them


class World:
    """One board, one cable, one program, one file. `skip`: promises that are not looked at."""

    def __init__(
        self, folder: Path, kind: Kind | None = None, *, seed: int = 0, streamed_s: float = 0.0, retention_h: float = 48.0,
        skip: Iterable[str] = (),
    ) -> None:  # fmt: skip
        self.chance = Random(seed)
        self.skip = frozenset(skip)
        self.path = folder / "powermon.db"
        self.now_us = START_US
        self.wall_step_us = self.slept_us = 0
        self.clock = HandClock(lambda: self.now_us + self.wall_step_us, lambda: self.now_us - self.slept_us)
        self.truth = Truth()
        self.disk = Disk(self.path, self.truth)
        self.to_host, self.to_board = Wire(self.chance), Wire(self.chance)
        self.kind = kind or Kind()
        self.retention_h = retention_h
        self.backlog: int | None = None
        self.board = Board(self.kind, self.truth, self.now_us)
        self._boots = {(self.board.id, self.board.boot)}
        self.program: Program | None = None
        self.starts = 0
        self.plugged = True
        self.linked = False
        self.commits_paused = self.durable_late = False
        self.breaks = 0  # of the link, the program, the clock: each may cost the coverage some slack
        self.slack_s = 0.0
        self.leapt = False  # a clock leapt: times are not compared
        self.refused_by_us = False  # the program had no room: at level 0 that is a loss
        self.tricked = False  # the board did what nobody could see: only what is said of the disk must hold
        self.anew = False  # a board of level 0 counted anew: which numbers are whose nobody can say for certain
        self._half = False
        self._second_us = self.now_us
        self._healthy_us = 0
        self._health: list[tuple[int, int]] = [(self.now_us, 0)]
        self.wait(streamed_s)

    # --- time passes

    def wait(self, seconds: float) -> None:
        end_us = self.now_us + round(seconds * SECOND)
        while self.now_us < end_us:
            self._step(min(STEP_US if self.linked else 4 * STEP_US, end_us - self.now_us))

    def _step(self, span_us: int) -> None:
        self.now_us += span_us
        self.board.run(self.now_us)
        promises.overwritten(self, self.board.overwritten)
        self._send(self.board.take())
        if self.linked and self.program is not None:
            self._deliver(self.to_host.take(self.now_us))
            self._answer(self.program.device.tick())
            for line, _ in self.to_board.take(self.now_us):
                self.board.hear(line)
        self._threads()
        healthy = self.linked and self.to_host.healthy and self.to_board.healthy and self.now_us >= self.to_host.held_until_us
        if healthy:
            self._healthy_us += span_us
        self._health.append((self.now_us, self._healthy_us))

    def _send(self, lines: list[tuple[bytes, Payload]]) -> None:
        if self.plugged and self.linked:
            for line, payload in lines:
                self.to_host.put(line, payload, self.now_us)

    def _deliver(self, lines: list[tuple[bytes, Payload]]) -> None:
        data = []
        for line, payload in lines:
            if payload is not None and not self._half:
                self._heard(payload)
            data.append(line)
            self._half = not line.endswith(b"\n")
        for piece in self._cut(b"".join(data)):
            assert self.program is not None
            self.program.device.received(piece)

    def _cut(self, data: bytes) -> list[bytes]:
        if not data:
            return []
        at = self.chance.randrange(len(data)) if len(data) > 1 else 0
        return [piece for piece in (data[:at], data[at:]) if piece]

    def _heard(self, payload: Measured | Said) -> None:
        life = payload.life
        if isinstance(payload, Measured):
            payload.heard_by = self.starts
            life.heard = max(life.heard, payload.n)
            life.begin = payload.n if life.begin is None else min(life.begin, payload.n)
            return
        life.heard = max(life.heard, payload.end - 1)
        life.boot_heard, life.known_by = payload.boot == self.board.boot, self.starts
        if life.surely is None:
            life.surely = payload.surely
            life.begin = payload.begin if life.begin is None else min(life.begin, payload.begin)

    def _answer(self, data: bytes) -> None:
        for line in data.splitlines(keepends=True):
            said = json.loads(line)
            if "ack" in said:
                promises.acknowledged(self, said)
            self.to_board.put(line, None, self.now_us)

    def _threads(self) -> None:
        """The writer's thread comes round each second, or when it is called; the link looks for silence."""
        program = self.program
        if program is None:
            return
        due = self.now_us - self._second_us >= SECOND
        if (due or program.nudged) and not self.commits_paused:
            program.round()
        if not self.durable_late:
            program.tell_durable()
        if due:
            self._second_us = self.now_us
            self.clock.discipline()
            if self.linked and program.device.silent_too_long():
                self._unlink()
                self._link()

    # --- cable

    def _link(self) -> None:
        if self.program is not None and self.plugged and not self.linked:
            self.linked, self._half = True, False
            self.to_host.clear()
            self.to_board.clear()
            self.program.opened()

    def _unlink(self) -> None:
        if self.linked:
            self.breaks += 1
            self.linked = False
            self.to_host.clear()
            self.to_board.clear()
            if self.program is not None:
                self.program.closed()

    def pull(self) -> None:
        self.plugged = False
        self._unlink()

    def plug(self) -> None:
        self.plugged = True
        self._link()

    def hold(self, seconds: float) -> None:
        """Nothing arrives for so long, then all of it at once."""
        self.to_host.held_until_us = self.now_us + round(seconds * SECOND)
        self.slack_s += seconds

    def bursts(self, ms: int) -> None:
        """Lines arrive in the first third of each such span only, until the wire is healed."""
        self.to_host.burst_us = ms * 1000

    def cable_out(self, seconds: float) -> None:
        self.pull()
        self.wait(seconds)
        self.plug()

    def fault(self, to: str, what: str, kind: str, count: int) -> None:
        """The next `count` lines of a kind to the `host` or to the `board` are `lost`, `damaged`, `doubled` or `halved`."""
        if what != "doubled" or self.kind.numbers:  # without numbers nobody could tell
            getattr(self.to_host if to == "host" else self.to_board, what)[kind] += count

    def overtaken(self, count: int, ms: int) -> None:
        """The next readings arrive so much later, after those that follow them."""
        if self.kind.level or (self.kind.numbers and self.life.heard > 0):
            self.to_host.delay_us = ms * 1000
            self.to_host.delayed["reading"] += count

    def noise(self, share: float, seconds: float) -> None:
        """Of all lines, both ways, so many are lost, damaged, doubled, halved or overtaken, each alike, for so long."""
        if self.kind.level:
            self.to_host.noise = self.to_board.noise = share
            self.to_host.delay_us = 150_000
            self.wait(seconds)
            self.to_host.noise = self.to_board.noise = 0.0

    def rubbish(self, data: bytes = b"\x00}{garbage\n") -> None:
        if self.linked:
            self.to_host.rubbish(data, self.now_us)

    # --- board

    def restart_board(self, boot: int | None = None) -> None:
        """Its memory and count are gone. `boot`: what its EEPROM says now; by default one more. Under a number that it had before
        only while somebody listens who knows enough of it to tell the two apart."""
        if boot is not None and self.was_boot(boot) and not self._would_be_told_apart():
            return
        self._board_lost_power()
        self.board.restart(self.now_us, self.board.boot + 1 if boot is None else boot)
        self._boots.add((self.board.id, self.board.boot))

    def _would_be_told_apart(self) -> bool:
        known = self.linked and self.life.known_by == self.starts
        return known and self.life.heard >= KNOWN and not self.life.first_seq

    def was_boot(self, boot: int) -> bool:
        """Whether this board had that number before: then nobody who was away could tell the two apart."""
        return (self.board.id, boot) in self._boots

    def swap_board(self, boot: int, first_seq: int = 0) -> None:
        """Another board on the same cable: not while the program does not know yet which one is there."""
        if self.linked and self.life.known_by != self.starts:
            return
        self._board_lost_power()
        self.board.swap(self.now_us, f"other-{len(self.truth.lives)}", boot, first_seq)

    def strange_reading(self, kind: str) -> None:
        """The next reading is out of `range`, or the sensor says `overflow`, or it measures nothing (`null`)."""
        self.board.next_kind = kind

    def new_boot_keeps_memory(self) -> None:
        """What no board should do. The host knows the count again by its clock: not after one of the clocks leapt, nor when it
        was not there before."""
        if not self.leapt and self.life.known_by == self.starts:
            self.board.new_boot_keeps_memory()

    def wild_number(self, ahead: int) -> None:
        self.board.glitch(ahead)

    def _board_lost_power(self) -> None:
        self.breaks += 1
        self.to_board.clear()
        self.anew = self.anew or not self.kind.level

    # --- program

    def start(self) -> None:
        if self.program is not None:
            return
        if not self.life.boot_heard:  # a board that breaks the rule while nobody is there is taken for a new one
            self.tricked = True
        self.starts += 1
        self.program = Program(self.path, self.clock, retention_h=self.retention_h, backlog=self.backlog)
        begun = {reading.life for _, reading in self.on_disk().rows}
        for life in self.truth.lives:
            if life not in begun:
                life.surely = None  # the account may begin anew
        self._second_us = self.now_us
        self._link()

    def stop(self) -> None:
        if self.program is None:
            return
        self._unlink()
        self.program.stop()
        self._ended()

    def kill(self) -> None:
        if self.program is None:
            return
        self.linked = False
        self.to_host.clear()
        self.program.kill()
        self._ended()

    def stop_for(self, seconds: float) -> None:
        self.stop()
        self.check()
        self.wait(seconds)
        self.start()

    def kill_for(self, seconds: float) -> None:
        self.kill()
        self.check()
        self.wait(seconds)
        self.start()

    def _ended(self) -> None:
        self.program = None
        self.breaks += 1
        self.on_disk()

    # --- disk

    def refuse(self, commits: int) -> None:
        Watched.failing = commits

    def fill_disk(self, full: bool) -> None:
        if self.program is not None:
            self.program.fill_disk(full)

    def bound_backlog(self, bound: int | None) -> None:
        """How much the program may keep in memory."""
        self.backlog = bound
        if self.program is not None:
            self.program._writer.backlog._bound = 2_000_000 if bound is None else bound
            self.refused_by_us = self.refused_by_us or bound is not None

    def pause_commits(self, paused: bool) -> None:
        self.commits_paused = paused

    def tell_durable_late(self, late: bool) -> None:
        """The device hears of commits only once this ends."""
        self.durable_late = late

    # --- clocks

    def step_clock(self, seconds: float) -> None:
        """The host's clock is set."""
        self.wall_step_us += round(seconds * SECOND)
        self.leapt = True

    def jump_uptime(self, ms: int) -> None:
        """Not while the program has to tell by the clock who it is that has a new name."""
        if not self.life.boot_heard or (self.program is not None and self.linked and not self.program.knows_board):
            return
        self.board.jump_uptime(ms)
        self.leapt = True

    def suspend(self, seconds: float) -> None:
        """The machine sleeps: the board goes on, what the system's buffer cannot hold is lost."""
        self.leapt = True
        self.breaks += 1
        end_us, room = self.now_us + round(seconds * SECOND), SLEPT_BYTES
        while self.now_us < end_us:
            step_us = min(SECOND, end_us - self.now_us)
            self.now_us += step_us
            self.slept_us += step_us
            self.board.run(self.now_us)
            self.board.overwritten.clear()
            for line, payload in self.board.take():
                room -= len(line)
                if room > 0:
                    self._send([(line, payload)])

    # --- looking

    def healthy_us(self, since_us: int) -> int:
        """For how long since then the link was up and nothing went wrong on it."""
        at = bisect_right(self._health, (since_us, 1 << 62)) - 1
        return self._healthy_us - self._health[max(at, 0)][1]

    def on_disk(self) -> Disk:
        """What is committed now."""
        program = self.program
        return self.disk.read((self.starts, program.commits if program else -1))

    @property
    def life(self) -> Life:
        return self.board.life

    def check(self) -> None:
        promises.always(self)

    def heal(self) -> None:
        """From now on everything works."""
        self.to_host.heal()
        self.to_board.heal()
        self.commits_paused = self.durable_late = False
        Watched.failing = 0
        self.fill_disk(False)
        self.bound_backlog(None)

    def settle(self) -> None:
        """All is well from now on; in a bounded time everything is accounted for."""
        self.heal()
        self.start()
        self.fill_disk(False)
        self.plug()
        for _ in range(round(MOST_SETTLE_S / QUIET_S)):
            self.wait(QUIET_S)
            if promises.quiet(self):
                break
        self.wait(COMMIT_S)  # what was decided last is in no file yet
        promises.at_the_end(self)
