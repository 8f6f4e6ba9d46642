"""The one table that everything is drawn from: a pandas DataFrame, the same for the window and for the history. Pure.

Index: UTC times, ascending. Per channel `v a w` the columns `_min _mean _max` (float64; NaN where a point holds nothing but
marked readings); `n` readings that are not marked; `recovered` and `break` (bool; `break`: do not join this point with the
one before); `marked` (int: out of range, saturated, sensor error) with `v_marked_min v_marked_max …` (NaN without any).
`frame.attrs["bucket_us"]` is the span a point stands for, 0 when each row is one reading.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from services.model import CHANNELS, I64, Curve

VALUE_COLUMNS = tuple(f"{channel}_{kind}" for channel in CHANNELS for kind in ("min", "mean", "max"))
MARKED_COLUMNS = tuple(f"{channel}_marked_{kind}" for channel in CHANNELS for kind in ("min", "max"))


def frame_of_curve(curve: Curve) -> pd.DataFrame:
    """The points of a curve as a frame."""
    columns = {name: getattr(curve, name) for name in VALUE_COLUMNS}
    columns |= {"n": curve.count, "recovered": curve.recovered.astype(bool), "break": curve.break_before.astype(bool)}
    columns |= {"marked": curve.marked, **{name: getattr(curve, name) for name in MARKED_COLUMNS}}
    index = pd.DatetimeIndex(curve.time_us.view("datetime64[us]"), tz="UTC", name="time")
    frame = pd.DataFrame(columns, index=index, copy=False)
    frame.attrs["bucket_us"] = curve.bucket_us
    return frame


def rows_between(frame: pd.DataFrame, t0_us: int, t1_us: int) -> pd.DataFrame:
    """The rows of a frame with time in [t0, t1)."""
    lo, hi = np.searchsorted(times_us(frame), (t0_us, t1_us))
    return frame.iloc[lo:hi]


def times_us(frame: pd.DataFrame) -> I64:
    """The index as microseconds."""
    index = frame.index
    assert isinstance(index, pd.DatetimeIndex)
    return index.as_unit("us").asi8
