"""Who asks too often waits in line; nobody else does."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.web.pace import MOST_ASKERS, Lane, Pace


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_page_is_never_too_fast() -> None:
    clock = Clock()
    pace = Pace(clock)
    loading = [pace.exceeded("page") for _ in range(60)]
    ticking = []
    for _ in range(10_000):
        clock.now_s += 0.1
        ticking.append(pace.exceeded("page"))
    assert not any(loading) and not any(ticking)


@given(st.lists(st.floats(0, 3), max_size=400))
def test_no_more_than_the_rate_goes_by(pauses: list[float]) -> None:
    clock = Clock()
    pace, passed = Pace(clock, rate=2.0, burst=10.0), 0
    for pause in pauses:
        clock.now_s += pause
        passed += not pace.exceeded("a")
    assert passed <= 10 + 2 * clock.now_s + 1e-6
    assert not pace.exceeded("b")


def test_any_number_of_askers_takes_bounded_memory() -> None:
    pace = Pace(Clock())
    for n in range(MOST_ASKERS + 500):
        pace.exceeded(f"asker-{n}")
    assert len(pace._buckets) == MOST_ASKERS


def test_the_lane_is_entered_by_one_at_a_time_in_order() -> None:
    async def run() -> list[str]:
        lane, told = Lane(), []

        async def send(_message: Any) -> None:
            await asyncio.sleep(0)

        async def one(name: str) -> None:
            sending, leave = await lane.enter(send)
            told.append(f"+{name}")
            await asyncio.sleep(0)
            told.append(f"-{name}")
            await sending({"type": "http.response.start"})
            await sending({"type": "http.response.body"})
            leave()

        await asyncio.gather(*(one(name) for name in "abc"))
        return told

    assert asyncio.run(run()) == ["+a", "-a", "+b", "-b", "+c", "-c"]


def test_an_answer_that_takes_long_does_not_hold_the_lane() -> None:
    async def run() -> None:
        lane, forever = Lane(), asyncio.Event()

        async def send(_message: Any) -> None:
            return

        await lane.enter(send)  # never answered, never left
        _, leave = await asyncio.wait_for(lane.enter(send), 20)
        leave()
        leave()  # twice is once
        assert not forever.is_set()
        await asyncio.wait_for(lane.enter(send), 20)

    asyncio.run(run())
