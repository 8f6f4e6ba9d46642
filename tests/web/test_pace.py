"""Who takes more than a fair share waits; nobody else does, and the wait is never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.web.pace import HOLD_S, LIMIT_S, MOST_ASKERS, MOST_AT_ONCE, Pace, Paces, Shares, Turn, Turns

FLOODS = 50


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def in_loop(test: Callable[[Turns, Clock], Coroutine[Any, Any, None]]) -> None:
    clock = Clock()

    async def run() -> None:
        await asyncio.wait_for(test(Turns(clock), clock), 60)

    # In a thread of its own: where a browser's tests run in this process, its main thread has a loop already.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


async def at_once(turns: Turns, asker: str, source: str) -> bool:
    """Whether it is its turn without a wait; it then ends."""
    task = asyncio.create_task(turns.begin(asker, source))
    await asyncio.sleep(0)
    if task.done():
        task.result().end()
        return True
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return False


def test_a_page_never_waits() -> None:
    async def test(turns: Turns, clock: Clock) -> None:
        loading = [await turns.begin(f"connection {n}", "here") for n in range(6)]
        for turn in loading:
            turn.end()
        for _ in range(1_000):
            turn = await turns.begin("connection 1", "here")
            assert turn.place is None
            clock.now_s += 0.05
            turn.end()
            clock.now_s += 0.45

    in_loop(test)


@pytest.mark.parametrize(
    ("apart_s", "answer_s"), [(0.0, 0.005), (0.001, 0.005), (0.025, 0.005), (0.0, 0.01), (0.025, 0.01), (0.025, 0.02)]
)
def test_twenty_tabs_of_one_address_never_wait_for_each_other(apart_s: float, answer_s: float) -> None:
    """Each asks twice a second; those under way together are answered in turn, as one process does it."""

    async def test(turns: Turns, clock: Clock) -> None:
        tabs = [f"tab {n}" for n in range(20)]
        for tab in tabs:  # each page was loaded at its time
            (await turns.begin(tab, "here")).end()
            clock.now_s += 0.3
        for tick in range(240):
            due = sorted((20 + tick / 2 + at * apart_s, tab) for at, tab in enumerate(tabs))
            under_way: list[Turn] = []
            while due or under_way:
                while due and due[0][0] <= clock.now_s:
                    asked = asyncio.create_task(turns.begin(due.pop(0)[1], "here"))
                    await asyncio.sleep(0)
                    assert asked.done() and (asked.result().place is None or answer_s > 0.01)  # lined up, and next at once
                    under_way.append(asked.result())
                if under_way:
                    clock.now_s += answer_s
                    under_way.pop(0).end()
                else:
                    clock.now_s = due[0][0]

    in_loop(test)


def test_a_flood_is_lined_up_within_seconds_and_stays_so() -> None:
    async def test(turns: Turns, clock: Clock) -> None:
        for _ in range(60):  # one connection that asks as soon as it was answered
            turn = await turns.begin("flood", "here")
            clock.now_s += 0.05
            turn.end()
        for _ in range(200):
            turn = await turns.begin("flood", "here")
            assert turn.place is not None
            clock.now_s += 0.05
            turn.end()
            clock.now_s += 0.05  # it is held up as long again where others wait

    in_loop(test)


def test_beside_fifty_floods_of_its_address_who_rests_goes_first() -> None:
    async def test(turns: Turns, clock: Clock) -> None:
        (await turns.begin("tab", "here")).end()
        held = [await turns.begin(f"flood {n}", "here") for n in range(MOST_AT_ONCE)]
        floods = [asyncio.create_task(turns.begin(f"flood {n}", "here")) for n in range(MOST_AT_ONCE, FLOODS)]
        await asyncio.sleep(0)
        assert sum(task.done() for task in floods) <= 2
        for turn in held:
            turn.end()
        clock.now_s += 0.5
        for task in floods:
            if task.done():
                task.result().end()  # those new connections used up the place of the rested
        assert await at_once(turns, "tab", "here")
        for task in floods:
            task.cancel()
        await asyncio.gather(*floods, return_exceptions=True)

    in_loop(test)


def test_every_flood_gets_its_turn_in_the_end() -> None:
    async def test(turns: Turns, clock: Clock) -> None:
        served: set[str] = set()

        async def ask(name: str) -> None:
            turn = await turns.begin(name, "here")
            served.add(name)
            clock.now_s += 0.01
            await asyncio.sleep(0)
            turn.end()

        await asyncio.gather(*(ask(f"flood {n}") for n in range(FLOODS)))
        assert len(served) == FLOODS

    in_loop(test)


def test_another_address_and_somebody_known_do_not_wait_for_a_flood() -> None:
    async def test(turns: Turns, _clock: Clock) -> None:
        floods = [asyncio.create_task(turns.begin(f"flood {n}", "there")) for n in range(FLOODS)]
        await asyncio.sleep(0)
        assert await at_once(turns, "tab", "here") and await at_once(turns, "session", "")
        for task in floods:
            task.cancel()
        await asyncio.gather(*floods, return_exceptions=True)

    in_loop(test)


def test_who_gives_up_waiting_blocks_nobody() -> None:
    async def test(turns: Turns, _clock: Clock) -> None:
        held = [await turns.begin("a", "here") for _ in range(MOST_AT_ONCE)]
        waiting = [asyncio.create_task(turns.begin(f"b{n}", "here")) for n in range(6)]
        await asyncio.sleep(0)
        for task in waiting[:5]:
            task.cancel()
        for turn in held:
            turn.end()
        for task in waiting[:5]:
            if task.done() and not task.cancelled():
                task.result().end()
        (await waiting[5]).end()
        assert await at_once(turns, "c", "here")

    in_loop(test)


def test_an_answer_that_takes_long_does_not_hold_its_place() -> None:
    async def test(turns: Turns, _clock: Clock) -> None:
        for _ in range(MOST_AT_ONCE):
            await turns.begin("a", "here")
        never_ended = [await turns.begin("b", "here") for _ in range(3)]  # two places, and one after HOLD_S
        never_ended[0].end()
        never_ended[0].end()  # twice is once

    in_loop(test)
    assert HOLD_S < 60


def test_what_was_taken_is_forgotten() -> None:
    clock = Clock()
    shares = Shares(clock)
    shares.add("a", 10.0)
    assert shares.of("a") > LIMIT_S
    clock.now_s += 60.0
    assert shares.of("a") < 0.001 and shares.of("b") == 0.0


def test_any_number_of_askers_takes_bounded_memory() -> None:
    clock = Clock()
    shares, paces = Shares(clock), Paces(clock, 1.0, 1.0)
    for n in range(MOST_ASKERS + 500):
        shares.add(f"asker-{n}", 0.1)
        paces.exceeded(f"asker-{n}")
    assert len(shares._taken) == len(paces._of) == MOST_ASKERS


@given(st.lists(st.floats(0, 3), max_size=400))
def test_no_more_than_the_pace_goes_by(pauses: list[float]) -> None:
    clock = Clock()
    pace, passed = Pace(clock, rate=2.0, burst=10.0), 0
    for pause in pauses:
        clock.now_s += pause
        passed += not pace.exceeded()
    assert passed <= 10 + 2 * clock.now_s + 1e-6
