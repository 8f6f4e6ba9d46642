"""A reader's choices: kept, named by an address, changed by gestures; never outside the record."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from components.view import LEAST_RANGE_US, MAX_TRAIL, SPANS_S, View

T0, NOW = 1_790_000_000_000_000, 1_790_100_000_000_000
RECORD = (T0, NOW)
TIMES = st.integers(T0 - 10**12, NOW + 10**12)


@st.composite
def views(draw: st.DrawFn) -> View:
    first, last = sorted((draw(TIMES), draw(TIMES)))
    return View(
        device=draw(st.sampled_from(["bench-1", "board.2", "demo"])),
        span_s=draw(st.sampled_from(sorted(SPANS_S.values()))),
        range_us=draw(st.sampled_from([None, (first, last + 1)])),
        hidden=tuple(draw(st.sets(st.sampled_from("vaw"), max_size=2))),
        overlaid=draw(st.booleans()),
        locked=draw(st.sampled_from([{}, {"v": (0.0, 6.0)}])),
        language=draw(st.sampled_from(["en", "ko"])),
    )


@given(views())
def test_choices_survive_the_store(view: View) -> None:
    assert View.from_store(view.to_store()) == view


@given(
    st.one_of(st.none(), st.text(), st.lists(st.integers()), st.dictionaries(st.text(), st.integers()), st.just({"span_s": []}))
)
def test_a_store_of_another_version_gives_the_usual_view(data: Any) -> None:
    assert View.from_store(data).live


@given(views())
def test_an_address_names_board_and_range(view: View) -> None:
    found = View().at_address(view.address())
    assert (found.device, found.range_us) == (view.device, view.range_us)
    assert found.live is False or found.span_s == view.span_s


@given(views(), st.text())
def test_no_address_breaks_a_view(view: View, address: str) -> None:
    view.at_address("?" + address)


@given(views(), TIMES, TIMES)
def test_nobody_leaves_the_record(view: View, one: int, other: int) -> None:
    first, last = sorted((one, other))
    found = view.at_range(first, last, RECORD, NOW).range_us
    assert found is not None
    assert found[0] >= T0 and found[1] <= NOW + LEAST_RANGE_US
    assert LEAST_RANGE_US <= found[1] - found[0] <= NOW - T0


@given(st.lists(st.tuples(TIMES, TIMES), max_size=50))
def test_back_goes_through_every_range_to_live(ranges: list[tuple[int, int]]) -> None:
    view = View()
    seen = []
    for one, other in ranges:
        before, view = view, view.at_range(*sorted((one, other)), RECORD, NOW)
        seen += [before.range_us] if view != before else []
    assert len(view.trail) <= MAX_TRAIL
    for expected in reversed(seen[-MAX_TRAIL:]):
        view = view.back()
        assert view.range_us == expected
    assert view.back().live or len(seen) > MAX_TRAIL


def test_another_board_starts_afresh() -> None:
    view = View(device="a", range_us=(T0, NOW), selection_us=(T0, NOW), locked={"v": (0, 1)}).of_board("b")
    assert (view.device, view.live, view.selection_us, view.locked, view.trail) == ("b", True, None, {}, ())


def test_the_last_curve_cannot_be_hidden() -> None:
    view = View().toggled("v").toggled("a")
    assert view.hidden == ("v", "a")
    assert view.toggled("w") == view
    assert view.toggled("v").hidden == ("a",)
