"""Everything that can happen, in any order: 200 benches. `python -m tests.model --examples 20000` plays more."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import PowermonMachine
from tests.model.replay import Story, play, shortest

EXAMPLES = 200
MOVES = 12


@pytest.fixture
def quiet() -> Iterator[None]:
    """The program says much of what is done to it here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(before)


def test_whatever_happens_the_promises_hold(quiet: None) -> None:
    broken: list[tuple[Story, str]] = []

    class Machine(PowermonMachine):
        pass

    Machine.found = staticmethod(lambda story, why: broken.append((story, why)))
    plain = settings(
        max_examples=EXAMPLES, stateful_step_count=MOVES, deadline=None, derandomize=True, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Machine, settings=plain)
    if broken:
        story, why = min(broken, key=lambda found: len(found[0].moves))
        least = shortest(story, why)
        pytest.fail(f"{len(broken)} of {EXAMPLES} broken; {play(least)}\n{least}")
