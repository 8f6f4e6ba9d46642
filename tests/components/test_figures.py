"""Figures are functions of frames: what is drawn is what was measured, whatever the frame."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.feed import Picture
from components.figures import chart, curves, marks
from components.figures.axes import value_range
from components.figures.chart import BAND, LANE, LOST, MEAN, OPEN, Canvas
from components.figures.layout import FOOT, domains, figure_key, layout, pane_channels
from components.figures.packed import packed, unpacked
from components.figures.time_axis import TimeAxis
from components.look.scales import scale_of
from components.look.theme import THEMES
from components.view import View
from components.words.text import words
from services.alert_model import Level
from services.analysis.alert_rules import Limit, rule_of
from services.analysis.frame import frame_of_curve
from services.analysis.window import Window
from services.model import CHANNELS, Event, EventKind, Gap, GapState
from tests.analysis.making import T0, Row, columns
from tests.components.fakes import span_stats

UTC = TimeAxis(0, "UTC")
STEP = 100_000
VALUES = st.lists(st.tuples(st.floats(-24, 24), st.floats(-3, 3), st.integers(1, 3)), min_size=1, max_size=300)


def picture(rows: list[Row], points: int = 600, **changes: Any) -> Picture:
    window = Window(span_s=1e6)
    readings = columns(rows)
    window.append(readings)
    t1_us = (rows[-1].time_us if rows else T0) + 1
    frame = frame_of_curve(window.curve(T0, t1_us, points))
    made = Picture("1", True, T0, t1_us, frame, span_stats(readings, T0, t1_us), (), (), (T0, t1_us))
    return msgspec.structs.replace(made, **changes)


def canvas(view: View | None = None, **changes: Any) -> Canvas:
    view = view or View(device="b")
    scales = {channel: scale_of(channel, 0) for channel in CHANNELS}
    ranges = {"v": (0.0, 6.0), "a": (0.0, 1.0), "w": (0.0, 5.0)}
    made = Canvas(view, words(view.language), THEMES[view.theme], scales, ranges, UTC, (), "", None, STEP)
    return made._replace(**changes)


def rows_of(values: list[tuple[float, float, int]]) -> list[Row]:
    """Readings with a pause of one, two or thirty intervals before each."""
    time_us, rows = T0, []
    for v, a, pause in values:
        time_us += STEP * (30 if pause == 3 else pause)
        rows.append(Row(time_us, STEP, v, a, v * a))
    return rows


def y_of(part: dict[str, Any]) -> np.ndarray[Any, Any]:
    return unpacked(part["y"]) if isinstance(part["y"], dict) else np.array([])


@settings(deadline=None)
@given(VALUES, st.integers(2, 100))
def test_the_drawn_extremes_are_the_extremes_of_the_readings(values: list[tuple[float, float, int]], points: int) -> None:
    rows = rows_of(values)
    shown = picture(rows, points)
    parts = chart.parts(shown, canvas())
    for channel in CHANNELS:
        drawn = np.concatenate([y_of(parts[BAND[channel]]), y_of(parts[MEAN[channel]])])
        measured = [getattr(row, channel) for row in rows]
        assert np.nanmin(drawn) == pytest.approx(min(measured), abs=1e-6)
        assert np.nanmax(drawn) == pytest.approx(max(measured), abs=1e-6)


@settings(deadline=None)
@given(VALUES)
def test_nothing_is_joined_over_a_pause(values: list[tuple[float, float, int]]) -> None:
    rows = rows_of(values)
    line = curves.mean_line(picture(rows).frame, "v", UTC, 1.0)
    pauses = sum(pause == 3 for *_, pause in values[1:])
    assert int(np.isnan(unpacked(line["y"])).sum()) == pauses
    assert len(marks.holes(picture(rows).frame)) == pauses


@given(st.lists(st.floats(-1e4, 1e4), min_size=1))
def test_packing_loses_no_digit_that_is_stored(values: list[float]) -> None:
    column = np.round(np.array(values), 6)
    assert np.abs(unpacked(packed(column)) - column).max() <= 5e-7


@given(st.floats(-100, 100), st.floats(0, 50), st.floats(-100, 100), st.floats(0, 50), st.booleans())
def test_a_value_axis_holds_its_data(low: float, more: float, low_2: float, more_2: float, zero: bool) -> None:
    before = value_range("v", (low_2, low_2 + more_2), None, zero=zero)
    bottom, top = value_range("v", (low, low + more), before, zero=zero)
    assert bottom <= low and low + more <= top
    assert not zero or bottom <= 0 <= top


def test_an_axis_rests_while_its_data_moves_within_it() -> None:
    first = value_range("v", (4.9, 5.1), None, zero=False)
    assert value_range("v", (4.92, 5.08), first, zero=False) == first
    assert value_range("v", (4.999, 5.001), first, zero=False) != first


def test_a_gap_is_drawn_from_the_moment_it_opens() -> None:
    rows = [Row(T0 + at * STEP, STEP, 5.0, 0.1, 0.5) for at in range(10)]
    last_us = rows[-1].time_us
    frame = picture(rows).frame
    assert marks.areas(frame, (), T0, last_us + 1_000_000, last_us, STEP) == []
    (found,) = marks.areas(frame, (), T0, last_us + 2_000_000, last_us, STEP)
    assert found == marks.Area(marks.OPEN, last_us, last_us + 2_000_000)


@settings(deadline=None)
@given(VALUES, st.integers(2, 100))
def test_the_hover_of_a_mean_says_the_exact_extremes_it_stands_for(values: list[tuple[float, float, int]], points: int) -> None:
    shown = picture(rows_of(values), points)
    bucketed = bool(shown.frame.attrs["bucket_us"])
    for part, style in zip(chart.parts(shown, canvas(bucketed=bucketed)), chart.styles(canvas(bucketed=bucketed)), strict=True):
        assert ("customdata" in part) == ("customdata" in style.get("hovertemplate", ""))
    if not bucketed:
        return
    part = chart.parts(shown, canvas(bucketed=True))[MEAN["v"]]
    ends, means = unpacked(part["customdata"]).reshape(-1, 2), y_of(part)
    assert part["customdata"]["shape"] == f"{len(means)}, 2"
    drawn = ~np.isnan(means)
    frame = shown.frame[~np.isnan(shown.frame["v_mean"].to_numpy())]
    assert np.allclose(ends[drawn], frame[["v_min", "v_max"]].to_numpy(), atol=1e-6)
    assert (ends[drawn][:, 0] <= means[drawn] + 1e-5).all() and (means[drawn] <= ends[drawn][:, 1] + 1e-5).all()


def test_open_lost_and_recovered_gaps_are_told_apart() -> None:
    rows = [Row(T0 + at * STEP, STEP, 5.0, 0.1, 0.5) for at in range(100)]
    states = (GapState.OPEN, GapState.LOST, GapState.RECOVERED)
    gaps = tuple(
        Gap("b", 1, at, at + 2, T0 + at * STEP, T0 + (at + 3) * STEP, state)
        for at, state in zip((10, 40, 70), states, strict=True)
    )
    shown = picture(rows, gaps=gaps)
    parts = chart.parts(shown, canvas())
    assert [parts[OPEN["v"]]["visible"], parts[LOST["v"]]["visible"]] == [True, True]
    figure = chart.build(shown, canvas())
    assert len(figure["layout"]["shapes"]) == 1  # the recovered part


def test_marks_that_would_touch_are_one_with_the_words_of_all() -> None:
    events = [
        Event("b", T0 + at, EventKind.REBOOT, "", {"boot": boot}, boot) for boot, at in ((1, 0), (2, 1000), (3, 50_000_000))
    ]
    found = marks.marks(events, T0, T0 + 60_000_000)
    assert [len(mark.events) for mark in found] == [2, 1]
    rows = [Row(T0 + at * STEP, STEP, 5.0, 0.1, 0.5) for at in range(600)]
    lane = chart.parts(picture(rows, events=tuple(events)), canvas())[LANE]
    assert "boot 1" in lane["hovertext"][0] and "boot 2" in lane["hovertext"][0]


@pytest.mark.parametrize("view", [View(), View(overlaid=True), View(hidden=("v",)), View(theme="dark", language="ko", width=360)])
@pytest.mark.parametrize("points", [600, 20])
def test_plotly_takes_every_figure(view: View, points: int) -> None:
    rows = [Row(T0 + at * STEP, STEP, 5.0 + at % 3, 0.1, 0.5) for at in range(100)]
    figure = go.Figure(chart.build(picture(rows, points), canvas(view)))  # validates
    assert len(figure.data) == LANE + 1
    assert figure.layout.hoversubplots == "axis"


def test_marked_readings_are_open_markers_at_their_value_or_arrows_at_the_edge() -> None:
    frame = picture([Row(T0 + at * STEP, STEP, 5.0, 0.1, 0.5) for at in range(3)]).frame.copy()
    frame.attrs["bucket_us"] = 0
    frame["marked"] = [0, 1, 1]
    frame["v_marked_min"] = frame["v_marked_max"] = [np.nan, 5.5, 99.0]
    found = curves.marked(frame, "v", UTC, 1.0, (0.0, 6.0))
    assert found["marker.symbol"] == ["circle-open", "triangle-up-open"]
    assert unpacked(found["y"]).tolist() == [5.5, 6.0]
    assert found["text"] == ["5.5", "99"]


def test_limits_come_first_and_their_names_stand_in_the_margin() -> None:
    limits = (rule_of(Limit("v", Level.DANGER, 5.5, 5.4)), rule_of(Limit("a", Level.WARNING, 99.0, 98.0)))
    shown = picture([Row(T0, STEP, 5.0, 0.1, 0.5)])
    laid = layout(shown, canvas(View(selection_us=(T0, T0 + 10)), limits=limits))
    assert [shape["type"] for shape in laid["shapes"]] == ["line", "line", "rect"]
    names = [label for label in laid["annotations"] if label["x"] == 1]
    assert [label["text"] for label in names] == ["▲ 5.5 V"]  # the other one is outside its axis
    assert all(label["xref"] == "paper" and label["xanchor"] == "left" for label in names)


def test_panes_do_not_touch_each_other_nor_the_foot() -> None:
    for count in (1, 2, 3):
        places = domains(count)
        assert all(low > high_below for (low, _), (_, high_below) in pairwise(places))
        assert places[-1][0] == pytest.approx(FOOT) and places[0][1] == pytest.approx(1)
    assert pane_channels(View(overlaid=True)) == ("v",)


def test_only_what_changes_the_figure_changes_its_key() -> None:
    one = figure_key(canvas())
    assert figure_key(canvas(View(device="b", selection_us=(1, 2)))) == one
    assert figure_key(canvas(View(device="b", zero=True))) != one
    assert figure_key(canvas(View(device="c"))) != one
