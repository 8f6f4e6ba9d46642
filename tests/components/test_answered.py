"""No gesture is lost, whichever answers Dash drops."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from components import ids
from components.answered import NUMBERED, latest, marks, unanswered
from components.explore import ANSWERED, INPUTS, OUTPUTS, READER, Asked, _changed, looked_at, names
from components.gestures import Now
from components.panels.chart import Drawn
from components.view import View

NOW_US = 1_795_548_500_000_000
NOW = Now(NOW_US, (NOW_US - 48 * 3_600_000_000, NOW_US), Drawn())
GESTURES: dict[str, Any] = {
    f"{ids.SPAN}.value": st.sampled_from(["10", "60", "300"]),
    f"{ids.TOOL}.value": st.sampled_from(["zoom", "select", "pan"]),
    f"{ids.OPTIONS}.value": st.sampled_from([[], ["overlaid"], ["zero"], ["overlaid", "zero"]]),
    f"{ids.THEME}.n_clicks": st.none(),
    f"{ids.LANGUAGE}.n_clicks": st.none(),
    f"{ids.KEY}.data": st.sampled_from([{"key": key} for key in "123"]),
    f"{ids.ON_CHART}.data": st.sampled_from(
        [
            {"relayout": {"xaxis.range[0]": "2026-11-24 19:28:00", "xaxis.range[1]": "2026-11-24 19:28:10"}},
            {"relayout": {"xaxis.range[0]": "2026-11-24 19:00:00", "xaxis.range[1]": "2026-11-24 19:20:00"}},
            {"relayout": {"xaxis.autorange": True}},
            {"restyle": [{"visible": ["legendonly"]}, [3]]},
            {"restyle": [{"visible": [True]}, [3]]},
        ]
    ),
}
ANY = f"{ids.CHOICE}.data"  # whatever causes a call: nothing was chosen
STEPS = st.lists(
    st.sampled_from(sorted(GESTURES)).flatmap(lambda prop: st.tuples(st.just(prop), GESTURES[prop], st.booleans())), max_size=12
)


class Browser:
    """What Dash keeps of the page: its properties, and the view and the marks in their Stores."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = dict.fromkeys(names(INPUTS)) | {READER: {"zone": "UTC", "language": "en", "width": 1440}}
        self.view = View()
        self.answered: dict[str, int] | None = None

    def set(self, prop: str, value: Any) -> None:
        """A gesture."""
        before = self.values[prop]
        if prop.endswith(".n_clicks"):
            value = (before or 0) + 1
        elif prop in NUMBERED:
            value = [*(before or []), value | {"n": len(before or []) + 1}]
        self.values[prop] = value

    def call(self, prop: str, *, dropped: bool) -> None:
        """A call of the callback that `prop` causes. What Dash drops changes nothing."""
        view = looked_at(self.view, Asked(self.values, [prop], self.answered), NOW)
        answer = _changed(None if self.answered is None else self.view, view, self.values, NOW_US)
        if dropped:
            return
        for name, value in zip((*names(OUTPUTS[1:]), *names(ANSWERED)), answer[1:-1], strict=True):
            if type(value).__name__ != "NoUpdate":
                self.values[name] = value
        self.view, self.answered = view, answer[-1]


@given(STEPS, st.booleans())
def test_the_page_ends_where_every_gesture_leads_whichever_answers_were_dropped(
    steps: list[tuple[str, Any, bool]], opening_dropped: bool
) -> None:
    hurried, patient = Browser(), Browser()
    patient.call(READER, dropped=False)
    hurried.call(READER, dropped=opening_dropped)
    if opening_dropped:
        hurried.call(ANY, dropped=False)
    for prop, value, dropped in steps:
        for browser, lost in ((hurried, dropped), (patient, False)):
            browser.set(prop, value)
            browser.call(prop, dropped=lost)
    hurried.call(ANY, dropped=False)
    assert hurried.view == patient.view
    assert {name: hurried.values[name] for name in names(OUTPUTS[1:])} == {
        name: patient.values[name] for name in names(OUTPUTS[1:])
    }


def test_a_page_whose_first_answer_was_dropped_is_opened_by_the_next_call() -> None:
    browser = Browser()
    browser.values[f"{ids.ADDRESS}.search"] = "?device=bench-1&span=10"
    browser.call(READER, dropped=True)
    browser.call(ANY, dropped=False)
    assert (browser.view.device, browser.view.span_s) == ("bench-1", 10)


def test_what_was_answered_is_not_answered_again() -> None:
    asked = {f"{ids.THEME}.n_clicks": 2, f"{ids.TOOL}.value": "pan", f"{ids.KEY}.data": [{"key": "1", "n": 7}]}
    assert unanswered(asked, [], marks(asked)) == []
    assert unanswered(asked, [], {}) == [f"{ids.THEME}.n_clicks"] * 2 + [f"{ids.TOOL}.value", f"{ids.KEY}.data"]


def test_of_the_keys_pressed_lately_only_those_without_an_answer_count() -> None:
    pressed = [{"key": "1", "n": 7}, {"key": "2", "n": 8}]
    assert latest(f"{ids.KEY}.data", pressed, {f"{ids.KEY}.data": 7}) == pressed[1:]
    assert latest(f"{ids.KEY}.data", None, {}) == []
    assert latest(f"{ids.TOOL}.value", "pan", {}) == ["pan"]


def test_a_button_that_nobody_clicked_is_no_gesture() -> None:
    prop = f"{ids.CLEAR}.n_clicks"
    assert unanswered({prop: 0}, [prop], {}) == [] == unanswered({prop: None}, [prop], {prop: 0})
