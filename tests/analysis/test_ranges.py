"""Numbers in stretches, against a plain dictionary of numbers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.analysis.ranges import Ranges, overlaid, part_of
from services.model import Gap, GapState

Change = tuple[int, int, str | None]
changes = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10), st.sampled_from(["a", "b", None])), max_size=30)


def gap(first: int, last: int, state: GapState, t0_us: int = 0, t1_us: int = 0) -> Gap:
    return Gap("bench", 1, first, last, t0_us, t1_us, state)


@given(changes)
def test_ranges_are_what_was_put_and_cut(changes: list[Change]) -> None:
    ranges: Ranges[str] = Ranges()
    truth: dict[int, str] = {}
    for first, more, value in changes:
        numbers = range(first, first + more + 1)
        if value is None:
            found = {seq: piece.value for piece in ranges.cut(first, first + more) for seq in range(piece.first, piece.last + 1)}
            assert found == {seq: truth.pop(seq) for seq in numbers if seq in truth}
        else:
            ranges.put(first, first + more, value)
            truth |= dict.fromkeys(numbers, value)
        pieces = list(ranges)
        assert {seq: piece.value for piece in pieces for seq in range(piece.first, piece.last + 1)} == truth
        assert ranges.total == len(truth)
        assert all(a.last + 1 < b.first or (a.last + 1 == b.first and a.value != b.value) for a, b in pairwise(pieces))
        assert [ranges.at(seq) for seq in range(-1, 45)] == [truth.get(seq) for seq in range(-1, 45)]
    if truth:
        assert (ranges.first, ranges.last) == (min(truth), max(truth))
    assert [piece.first for piece in ranges.beginning_after(12)] == [piece.first for piece in ranges if piece.last > 12]


def test_a_part_of_a_gap_has_its_share_of_the_time() -> None:
    whole = gap(10, 18, GapState.OPEN, 0, 1000)
    assert part_of(whole, 10, 18) == whole
    assert part_of(whole, 12, 13) == gap(12, 13, GapState.OPEN, 200, 500)


def test_newer_gaps_lie_over_older_ones_and_take_back_what_was_before_the_account() -> None:
    older = [gap(1, 9, GapState.OPEN, 0, 1000)]
    newer = [gap(4, 4, GapState.RECOVERED, 300, 500), gap(1, 2, GapState.BEFORE)]
    assert [(g.first, g.last, g.state) for g in overlaid(older, newer)] == [
        (3, 3, GapState.OPEN),
        (4, 4, GapState.RECOVERED),
        (5, 9, GapState.OPEN),
    ]
