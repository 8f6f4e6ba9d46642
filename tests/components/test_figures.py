"""The chart's parts, without a browser."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.figures import AXES, LAYOUT_AXES, chart_parts, empty_figure, layout, panes, traces
from components.theme import DARK, LIGHT, THEMES


@pytest.mark.parametrize("name", THEMES)
def test_a_channel_is_a_band_under_a_line_in_svg(name: str) -> None:
    drawn = traces(THEMES[name])
    assert [trace["name"] for trace in drawn] == ["v-band", "v", "a-band", "a", "w-band", "w"]
    assert {trace["type"] for trace in drawn} == {"scatter"}  # never scattergl: three to ten times slower without a GPU
    assert [trace["yaxis"] for trace in drawn] == ["y", "y", "y2", "y2", "y3", "y3"]


@pytest.mark.parametrize("name", THEMES)
def test_lines_never_join_over_a_gap(name: str) -> None:
    assert all(trace["connectgaps"] is False for trace in traces(THEMES[name]) if not trace["name"].endswith("band"))


def test_a_channel_has_the_same_colour_on_curve_and_axis() -> None:
    for theme in (LIGHT, DARK):
        axes = layout(theme, overlaid=True)
        for channel, axis in LAYOUT_AXES.items():
            assert axes[axis]["tickfont"]["color"] == theme.lines[channel].text


def test_stacked_panes_share_time_and_do_not_touch() -> None:
    axes = layout(LIGHT, overlaid=False)
    domains = [axes[axis]["domain"] for axis in LAYOUT_AXES.values()]
    assert domains == panes(3)
    assert all(lower[1] < upper[0] for upper, lower in pairwise(domains))


def test_overlaid_axes_share_one_pane_and_one_grid() -> None:
    axes = layout(LIGHT, overlaid=True)
    assert all(axes[axis]["domain"] == [0, 1] for axis in LAYOUT_AXES.values())
    assert [axes[axis].get("showgrid", True) for axis in LAYOUT_AXES.values()] == [True, False, False]
    assert axes["yaxis3"]["shift"] > 0


@settings(max_examples=10)
@given(st.integers(1, 6))
def test_panes_are_equal_and_fill_the_height(count: int) -> None:
    found = panes(count)
    heights = [top - bottom for bottom, top in found]
    assert max(heights) - min(heights) < 1e-3
    assert found[0][1] == pytest.approx(1) and found[-1][0] == pytest.approx(0, abs=1e-3)


def test_the_page_is_never_empty() -> None:
    figure = empty_figure("light")
    assert all(trace["x"] == [] for trace in figure["data"])
    assert all(figure["layout"][axis]["range"][1] > 0 for axis in LAYOUT_AXES.values())


def test_the_browser_gets_every_theme_and_arrangement() -> None:
    parts = chart_parts()
    assert set(parts["traces"]) == set(parts["stacked"]) == set(parts["overlaid"]) == set(THEMES)
    assert set(parts["panes"]) == {"0", "1", "2", "3"}
    assert set(parts["axes"]) == set(AXES)
