"""The program's clock: even within a segment, and it follows what happens to the host's."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.clock import STEP_US, Clock, Step
from services.link.clock_watch import ClockWatch

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000


class Host:
    """Wall, monotonic and sleeping time by hand."""

    def __init__(self) -> None:
        self.wall_us = 20_000 * DAY_US
        self.monotonic_us = self.slept_us = 0
        self.late_us = 0  # how long this thread is held up at each look at the wall
        self.clock = Clock(self._wall_ns, lambda: self.monotonic_us * 1000, lambda: self.slept_us * 1000)

    def _wall_ns(self) -> int:
        wall_us = self.wall_us
        self.passes(self.late_us)
        return wall_us * 1000

    def passes(self, us: int) -> None:
        self.wall_us += us
        self.monotonic_us += us

    def sleeps(self, us: int) -> None:
        self.wall_us += us
        self.slept_us += us


def test_a_step_is_followed_at_once_and_begins_a_segment() -> None:
    host = Host()
    assert host.clock.reading_us() == (host.wall_us, 0)
    host.passes(100)
    host.wall_us -= HOUR_US
    assert host.clock.reading_us() == (host.wall_us, 1)
    (step,) = host.clock.steps_since(0)
    assert (step.segment, step.set_us, step.slept_us) == (1, -HOUR_US, 0)
    assert step.after_us == host.clock.now_us() and "set by -3600.0 s" in step.said and "overlaps" in step.said
    assert host.clock.steps_since(1) == ()


def test_a_machine_that_slept_says_so_and_its_clock_was_not_set() -> None:
    host = Host()
    host.sleeps(8 * HOUR_US)
    assert host.clock.discipline() == Step(1, host.wall_us - 8 * HOUR_US, host.wall_us, 8 * HOUR_US)
    (step,) = host.clock.steps_since(0)
    assert step.set_us == 0
    assert step.said == "this computer slept for 28800 s: nothing was recorded meanwhile"


def test_a_thread_that_is_held_up_between_two_looks_is_no_step() -> None:
    host = Host()
    host.late_us = 2 * STEP_US
    assert host.clock.reading_us()[1] == 0
    assert host.clock.discipline() is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2_000_000), st.integers(-2 * STEP_US, 2 * STEP_US)), max_size=40))
def test_within_a_segment_time_never_runs_back_nor_differs_from_the_even_time_by_more_than_the_slew(
    happenings: list[tuple[int, int]],
) -> None:
    host = Host()
    before_us, segment = host.clock.reading_us()
    for passed_us, set_us in happenings:
        host.passes(passed_us)
        host.wall_us += set_us
        host.clock.discipline()
        now_us, now_segment = host.clock.reading_us()
        if now_segment == segment:
            assert abs(now_us - before_us - passed_us) <= 500 and now_us >= before_us - 500
        assert abs(now_us - host.wall_us) <= STEP_US
        before_us, segment = now_us, now_segment


def test_each_step_is_told_once_whoever_followed_it() -> None:
    host = Host()
    told: list[Step] = []
    watch = ClockWatch(host.clock, told.append)
    watch.look()
    host.wall_us += HOUR_US
    host.clock.reading_us()  # a board's thread was first
    host.wall_us -= HOUR_US
    watch.look()
    watch.look()
    assert [step.set_us for step in told] == [HOUR_US, -HOUR_US]


def test_a_clock_that_flaps_for_ever_fills_no_memory() -> None:
    host = Host()
    for _ in range(3_000):
        host.wall_us += HOUR_US
        host.clock.discipline()
    assert len(host.clock.steps_since(0)) <= 1_000
    assert host.clock.reading_us()[1] == 3_000
