"""What each gesture means, without a browser."""

from __future__ import annotations

from typing import Any

import pytest

from components import ids
from components.gestures import MEANING, Now, at_start
from components.panels.chart import Drawn
from components.view import View

NOW_US = 1_795_548_500_000_000
RECORD = (NOW_US - 48 * 3_600_000_000, NOW_US)
NOW = Now(NOW_US, RECORD, Drawn(ranges={"v": (4.0, 6.0)}))
ZOOM = {"xaxis.range[0]": "2026-11-24 19:28:00", "xaxis.range[1]": "2026-11-24 19:28:10"}
BEGIN_US = 1_795_548_480_000_000


def after(view: View, prop: str, value: Any, now: Now = NOW) -> View:
    return MEANING[prop](view, value, now)


def test_a_zoom_is_a_range_and_a_double_click_takes_it_back() -> None:
    zoomed = after(View(), f"{ids.ON_CHART}.data", {"relayout": ZOOM})
    assert zoomed.range_us == (BEGIN_US, BEGIN_US + 10_000_000)
    assert after(zoomed, f"{ids.ON_CHART}.data", {"relayout": {"xaxis.autorange": True}}) == View()


@pytest.mark.parametrize(
    "noise", [None, {}, {"autosize": True}, {"dragmode": "pan"}, {"xaxis.range[0]": "x"}, {"selections": []}]
)
def test_what_is_no_zoom_changes_nothing(noise: Any) -> None:
    assert after(View(), f"{ids.ON_CHART}.data", {"relayout": noise}) == View()


def test_a_zoom_in_the_readers_zone_is_moved_back() -> None:
    korea = NOW._replace(drawn=Drawn(offset_us=9 * 3_600_000_000))
    zoomed = after(View(zone="Asia/Seoul"), f"{ids.ON_CHART}.data", {"relayout": ZOOM}, korea)
    assert zoomed.range_us == (BEGIN_US - 9 * 3_600_000_000, BEGIN_US + 10_000_000 - 9 * 3_600_000_000)


def test_a_box_is_a_selection_and_no_box_is_none() -> None:
    box = {"range": {"x": ["2026-11-24 19:28:10", "2026-11-24 19:28:00"], "y": [4, 5]}}
    chosen = after(View(), f"{ids.CHART}.selectedData", box)
    assert chosen.selection_us == (BEGIN_US, BEGIN_US + 10_000_000)
    assert after(chosen, f"{ids.CHART}.selectedData", None).selection_us is None
    assert after(chosen, f"{ids.ZOOM_TO}.n_clicks", 1).range_us == chosen.selection_us


def test_curves_are_hidden_in_the_legend_but_never_all() -> None:
    view = after(View(), f"{ids.ON_CHART}.data", {"restyle": [{"visible": ["legendonly"]}, [3]]})
    assert view.hidden == ("v",)
    assert after(view, f"{ids.ON_CHART}.data", {"restyle": [{"visible": [True]}, [3]]}).hidden == ()
    assert after(view, f"{ids.ON_CHART}.data", {"restyle": [{"visible": ["legendonly", "legendonly"]}, [4, 5]]}) == view


def test_pausing_freezes_the_view_and_live_returns_to_its_span() -> None:
    paused = after(View(span_s=10), f"{ids.LIVE}.value", False)
    assert paused.range_us == (NOW_US - 10_000_000, NOW_US)
    assert after(paused, f"{ids.LIVE}.value", True) == View(span_s=10)
    assert after(paused, f"{ids.SPAN}.value", "300") == View(span_s=300)


def test_y_is_locked_where_it_stands() -> None:
    locked = after(View(), f"{ids.OPTIONS}.value", ["locked"])
    assert locked.locked == {"v": (4.0, 6.0)}
    other = NOW._replace(drawn=Drawn(ranges={"v": (0.0, 1.0)}))
    assert after(locked, f"{ids.OPTIONS}.value", ["locked", "zero"], other).locked == {"v": (4.0, 6.0)}
    assert after(locked, f"{ids.OPTIONS}.value", []).locked == {}


def test_a_typed_end_before_the_beginning_takes_it_along() -> None:
    view = View(range_us=(NOW_US - 20_000_000, NOW_US - 10_000_000))
    typed = after(view, f"{ids.TO}.value", "2026-11-24 19:00:00")
    assert typed.range_us is not None
    assert typed.range_us[1] - typed.range_us[0] == 10_000_000 and typed.range_us[1] < view.range_us[0]  # type: ignore[index]
    assert after(view, f"{ids.FROM}.value", "nonsense") == view


def test_escape_clears_the_selection_first_and_never_changes_the_span() -> None:
    view = View(span_s=60, range_us=RECORD, selection_us=RECORD)
    once = after(view, f"{ids.KEY}.data", {"key": "escape", "n": 1})
    assert once.selection_us is None and once.range_us == RECORD
    twice = after(once, f"{ids.KEY}.data", {"key": "escape", "n": 2})
    assert twice.live and twice.span_s == 60


def test_the_theme_goes_through_three_choices_and_the_first_click_shows() -> None:
    for dark, order in ((False, ("dark", "light", "system")), (True, ("light", "dark", "system"))):
        view, now = View(theme="dark" if dark else "light"), NOW._replace(dark=dark)
        for choice in order:
            view = after(view, f"{ids.THEME}.n_clicks", 1, now)
            assert view.theme_choice == choice
        assert view.theme == ("dark" if dark else "light")


def test_at_the_start_the_address_wins_and_zone_and_language_are_the_browsers() -> None:
    reader = {"zone": "Asia/Seoul", "language": "ko", "dark": True, "width": 360}
    view = at_start(View(range_us=RECORD, device="old"), reader, "?device=bench-1&span=300")
    assert (view.device, view.range_us, view.span_s) == ("bench-1", None, 300)
    assert (view.zone, view.language, view.theme, view.points) == ("Asia/Seoul", "ko", "dark", 300)
    assert at_start(view.but(zone="UTC"), reader, "").zone == "UTC"  # chosen, and remembered
