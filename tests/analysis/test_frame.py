"""One table for window and history: readings as they are, or buckets with exact extremes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from services.analysis.frame import MARKED_COLUMNS, VALUE_COLUMNS, frame_of_curve, rows_between, times_us
from services.analysis.window import Window
from tests.analysis.making import T0, Row, columns, steady

CONTRACT = [*VALUE_COLUMNS, "n", "recovered", "break", "marked", *MARKED_COLUMNS]


def test_a_frame_has_utc_times_as_its_index_and_the_columns_of_the_contract() -> None:
    window = Window()
    window.append(steady(3))
    frame = frame_of_curve(window.curve(T0, T0 + 1_000_000, 100))
    assert isinstance(frame.index, pd.DatetimeIndex) and str(frame.index.tz) == "UTC"
    assert times_us(frame).tolist() == [T0, T0 + 100_000, T0 + 200_000]
    assert set(CONTRACT) <= set(frame.columns) and frame.attrs["bucket_us"] == 0
    assert frame["recovered"].dtype == frame["break"].dtype == np.bool_


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=400), st.integers(2, 50))
def test_the_extremes_of_any_frame_are_those_of_its_readings(values: list[float], points: int) -> None:
    window = Window()
    window.append(columns(Row(T0 + at * 100_000, 100_000, value, 0.0, 0.0) for at, value in enumerate(values)))
    frame = frame_of_curve(window.curve(T0, T0 + len(values) * 100_000, points))
    assert (frame["v_min"].min(), frame["v_max"].max()) == (min(values), max(values))
    assert int(frame["n"].sum()) == len(values)
    assert len(frame) <= max(points, 2)


def test_rows_between_are_half_open() -> None:
    window = Window()
    window.append(steady(5))
    frame = frame_of_curve(window.curve(T0, T0 + 1_000_000, 100))
    assert times_us(rows_between(frame, T0 + 100_000, T0 + 300_000)).tolist() == [T0 + 100_000, T0 + 200_000]


def test_an_empty_frame_has_every_column() -> None:
    assert set(CONTRACT) <= set(frame_of_curve(Window().curve(T0, T0 + 1, 10)).columns)
