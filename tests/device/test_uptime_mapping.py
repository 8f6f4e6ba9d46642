"""The line of straight pieces: one value at a time or many, it is the same line."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.device.fastest_arrivals import Envelope
from services.device.uptime_mapping import Mapping

STEPS = st.lists(st.tuples(st.integers(1, 5_000), st.integers(-200_000, 200_000)), min_size=1, max_size=12)


def bent(steps: list[tuple[int, int]]) -> tuple[Mapping, int]:
    """A mapping that was aimed at another line after each step, and the last board time."""
    mapping, x, offset = Mapping(), 1_000, 10**9
    mapping.begin(Envelope(x, offset), x)
    for step_ms, move_us in steps:
        mapping.at(np.array([x]))
        x, offset = x + step_ms, offset + move_us
        mapping.aim(Envelope(x, offset), x)
    return mapping, x


@given(STEPS, st.lists(st.integers(-2_000, 60_000), min_size=2, max_size=40))
def test_many_at_once_are_mapped_like_one_at_a_time(steps: list[tuple[int, int]], xs: list[int]) -> None:
    together, singly = bent(steps)[0], bent(steps)[0]
    assert together.at(np.array(xs, np.int64)).tolist() == [int(singly.at(np.array([x]))[0]) for x in xs]


@given(STEPS, st.lists(st.integers(0, 60_000), min_size=2, max_size=40))
def test_a_later_board_time_is_never_given_an_earlier_host_time(steps: list[tuple[int, int]], xs: list[int]) -> None:
    mapping, _ = bent(steps)
    mapped = mapping.at(np.array(sorted(xs), np.int64))
    assert (np.diff(mapped) >= 0).all()
