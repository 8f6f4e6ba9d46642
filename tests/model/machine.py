"""The model test: moves in any order, promises after each. `World` makes the moves, `promises` says what must hold."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.model.board import WIRE, Kind
from tests.model.program import by_hand
from tests.model.promises import Broken
from tests.model.replay import FINDINGS, Story, folder
from tests.model.world import World

RINGS = (0, 1, 48, 96, 4096)
CLAIMS = (None, None, None, 0, 10, 48, 10**7)
SPANS = (0.1, 0.3, 1.0, 2.5, 7.0)
OUTAGES = (0.2, 1.0, 4.0, 12.0, 40.0)
TO_HOST = ("reading", "reading", "again", "hello", "gone", "reply")
TO_BOARD = ("ack", "nack", "cmd")
FAULTS = ("lost", "lost", "damaged", "doubled", "halved")
RUBBISH = (b"\x00}{garbage\n", b"[]\n", b'{"v":1}\n', b"x" * 300 + b"\n", b'{"gone":"x"}\n')


def kinds() -> st.SearchStrategy[Kind]:
    """Boards of any sort; most of them at level 1."""
    good = st.builds(
        Kind,
        ring=st.sampled_from(RINGS),
        claims=st.sampled_from(CLAIMS),
        says_oldest=st.sampled_from((True, True, False)),
        interval_ms=st.sampled_from((100, 50, 500)),
        first_seq=st.sampled_from((0, 0, 1_000, WIRE - 60)),
        first_ms=st.sampled_from((0, 0, WIRE - 3_000)),
        boot=st.sampled_from((1, 0, 7, 300)),
        offers_per_s=st.sampled_from((400.0, 100.0)),
    )
    plain = st.builds(Kind, level=st.just(0), numbers=st.booleans(), interval_ms=st.sampled_from((100, 50, 500)))
    return st.sampled_from((good, good, good, plain)).flatmap(lambda kind: kind)


def level_1(machine: PowermonMachine) -> bool:
    return machine.story is not None and machine.story.kind.level == 1


class PowermonMachine(RuleBasedStateMachine):
    """A bench, and all that goes wrong on one."""

    skip: ClassVar[Iterable[str]] = ()
    found: ClassVar[Callable[[Story, str], None] | None] = None  # takes what is broken; else it is raised

    def __init__(self) -> None:
        super().__init__()
        self.story: Story | None = None
        self._world: World | None = None
        self._stack = ExitStack()
        self._folder = folder()
        self._stack.callback(shutil.rmtree, self._folder)
        self._stack.enter_context(by_hand())

    def _watched(self, work: Callable[[World], None]) -> None:
        if self._world is None or self.story is None:
            return
        try:
            work(self._world)
        except FINDINGS as error:
            ended, self._world = self._world, None
            ended.kill()
            if type(self).found is None:
                raise Broken(f"{type(error).__name__}: {error}\n{self.story}") from error
            type(self).found(self.story, f"{type(error).__name__}: {error}")

    def _play(self, name: str, *args: Any) -> None:
        def work(world: World) -> None:
            getattr(world, name)(*args)
            world.check()

        if self.story is not None and self._world is not None:
            self.story.moves.append((name, args))
        self._watched(work)

    @initialize(
        kind=kinds(),
        seed=st.integers(0, 2**16),
        streamed_s=st.sampled_from((0.0, 0.0, 3.0, 25.0)),
        retention_h=st.sampled_from((48.0, 48.0, 48.0, 0.01)),
        started=st.booleans(),
    )
    def bench(self, kind: Kind, seed: int, streamed_s: float, retention_h: float, started: bool) -> None:
        options = {"seed": seed, "streamed_s": streamed_s, "retention_h": retention_h}
        self.story = Story(kind, options, [])
        self._world = World(self._folder, kind, skip=self.skip, **options)
        if started:
            self._play("start")

    # --- time and cable

    @rule(seconds=st.sampled_from(SPANS))
    def wait(self, seconds: float) -> None:
        self._play("wait", seconds)

    @rule(seconds=st.sampled_from(OUTAGES))
    def cable_out(self, seconds: float) -> None:
        self._play("cable_out", seconds)

    @rule(what=st.sampled_from(FAULTS), kind=st.sampled_from(TO_HOST), count=st.sampled_from((1, 2, 5, 40)))
    def fault_to_host(self, what: str, kind: str, count: int) -> None:
        self._play("fault", "host", what, kind, count)

    @rule(what=st.sampled_from(FAULTS), kind=st.sampled_from(TO_BOARD), count=st.sampled_from((1, 3, 10)))
    def fault_to_board(self, what: str, kind: str, count: int) -> None:
        self._play("fault", "board", what, kind, count)

    @rule(count=st.sampled_from((1, 3)), ms=st.sampled_from((60, 150, 300)))
    def overtaken(self, count: int, ms: int) -> None:
        self._play("overtaken", count, ms)

    @rule(seconds=st.sampled_from((0.3, 1.0, 2.0)))
    def hold(self, seconds: float) -> None:
        self._play("hold", seconds)

    @rule(ms=st.sampled_from((0, 150, 600)))
    def bursts(self, ms: int) -> None:
        self._play("bursts", ms)

    @rule(share=st.sampled_from((0.1, 0.4)), seconds=st.sampled_from((1.0, 5.0)))
    def noise(self, share: float, seconds: float) -> None:
        self._play("noise", share, seconds)

    @rule(data=st.sampled_from(RUBBISH))
    def rubbish(self, data: bytes) -> None:
        self._play("rubbish", data)

    # --- board

    @rule(kind=st.sampled_from(("range", "overflow", "null")))
    def strange_reading(self, kind: str) -> None:
        self._play("strange_reading", kind)

    @rule()
    def board_restarts(self) -> None:
        self._play("restart_board")

    @precondition(level_1)
    @rule(boot=st.sampled_from((0, 1, 2)))
    def eeprom_erased(self, boot: int) -> None:
        self._play("restart_board", boot)

    @precondition(level_1)
    @rule()
    def board_restarts_without_eeprom(self) -> None:
        if self._world is not None:
            self._play("restart_board", self._world.board.boot)
            self._play("wait", 1.0)

    @precondition(level_1)
    @rule(boot=st.sampled_from((1, 3, 7)), first_seq=st.sampled_from((0, 40, 2_000)))
    def board_swapped(self, boot: int, first_seq: int) -> None:
        self._play("swap_board", boot, first_seq)

    @precondition(level_1)
    @rule()
    def new_boot_keeps_memory(self) -> None:
        self._play("new_boot_keeps_memory")

    @rule(ahead=st.sampled_from((20_000, 3_000_000, WIRE // 2 + 5, -30_000)))
    def wild_number(self, ahead: int) -> None:
        self._play("wild_number", ahead)

    @precondition(level_1)
    @rule(ms=st.sampled_from((5_000, 3_600_000, -1_500)))
    def uptime_jumps(self, ms: int) -> None:
        self._play("jump_uptime", ms)

    # --- program and disk

    @rule()
    def start(self) -> None:
        self._play("start")

    @rule(seconds=st.sampled_from((0.0, 1.0, 12.0)))
    def stopped(self, seconds: float) -> None:
        self._play("stop_for", seconds)

    @rule(seconds=st.sampled_from((0.0, 1.0, 12.0)))
    def killed(self, seconds: float) -> None:
        self._play("kill_for", seconds)

    @rule(commits=st.sampled_from((1, 3)))
    def disk_refuses(self, commits: int) -> None:
        self._play("refuse", commits)

    @rule(full=st.booleans())
    def disk_full(self, full: bool) -> None:
        self._play("fill_disk", full)

    @rule(paused=st.booleans())
    def commits_hang(self, paused: bool) -> None:
        self._play("pause_commits", paused)

    @rule(late=st.booleans())
    def commit_told_late(self, late: bool) -> None:
        self._play("tell_durable_late", late)

    @rule(bound=st.sampled_from((None, 10, 60)))
    def little_memory(self, bound: int | None) -> None:
        self._play("bound_backlog", bound)

    # --- machine

    @rule(seconds=st.sampled_from((0.3, 5.0, 3_600.0, -0.3, -40.0)))
    def clock_set(self, seconds: float) -> None:
        self._play("step_clock", seconds)

    @rule(seconds=st.sampled_from((2.0, 30.0, 600.0)))
    def sleep(self, seconds: float) -> None:
        self._play("suspend", seconds)

    def teardown(self) -> None:
        try:
            self._watched(lambda world: world.settle())
        finally:
            if self._world is not None:
                self._world.kill()
            self._stack.close()
