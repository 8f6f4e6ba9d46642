"""Frames → lines and bands. Pure.

The mean of each point is a line, from minimum to maximum a band where points stand for several readings. Nothing is
joined over a break. What is drawn reaches exactly as high and as low as the readings did.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from components.figures.packed import packed, packed_times
from components.figures.time_axis import TimeAxis, points_us

F64 = NDArray[np.float64]


def mean_line(frame: pd.DataFrame, channel: str, axis: TimeAxis, factor: float) -> dict[str, Any]:
    """x and y of a channel's line, with a hole at every break."""
    return {"x": line_times(frame, axis), "y": mean_values(frame, channel, factor)}


def line_times(frame: pd.DataFrame, axis: TimeAxis) -> dict[str, str]:
    """Where the points of every line stand; the time of a break stands twice."""
    x, breaks = axis.numbers(points_us(frame)), _breaks(frame)
    return packed_times(np.insert(x, breaks, x[breaks]) if len(breaks) else x)


def mean_values(frame: pd.DataFrame, channel: str, factor: float) -> dict[str, str]:
    """The means, and nothing at every break."""
    y, breaks = frame[f"{channel}_mean"].to_numpy() * factor, _breaks(frame)
    return packed(np.insert(y, breaks, np.nan) if len(breaks) else y, factor)


def bucket_ends(frame: pd.DataFrame, channel: str, factor: float) -> dict[str, str]:
    """Lowest and highest reading of each point of a line, for its hover: two columns."""
    ends = frame[[f"{channel}_min", f"{channel}_max"]].to_numpy() * factor
    breaks = _breaks(frame)
    rows = np.insert(ends, breaks, np.nan, axis=0) if len(breaks) else ends
    return packed(rows, factor) | {"shape": f"{len(rows)}, 2"}


def _breaks(frame: pd.DataFrame) -> NDArray[np.intp]:
    breaks = np.flatnonzero(frame["break"].to_numpy())
    return breaks[breaks > 0]


def band(frame: pd.DataFrame, channel: str, axis: TimeAxis, factor: float) -> dict[str, Any]:
    """Outlines around minimum and maximum, one for each stretch without a break; nothing when each point is a reading."""
    if not frame.attrs.get("bucket_us", 0) or not len(frame):
        return {"x": [], "y": [], "visible": False}
    x = axis.numbers(points_us(frame))
    low, high = frame[f"{channel}_min"].to_numpy() * factor, frame[f"{channel}_max"].to_numpy() * factor
    parts_x: list[F64] = []
    parts_y: list[F64] = []
    for first, end in stretches(frame["break"].to_numpy() | np.isnan(low), np.isnan(low)):
        way_x, way_low, way_high = x[first:end], low[first:end], high[first:end]
        parts_x += [way_x, way_x[::-1], way_x[:1], np.array([np.nan])]
        parts_y += [way_high, way_low[::-1], way_high[:1], np.array([np.nan])]
    if not parts_x:
        return {"x": [], "y": [], "visible": False}
    return {"x": packed_times(np.concatenate(parts_x)), "y": packed(np.concatenate(parts_y), factor), "visible": True}


def stretches(starts: NDArray[np.bool_], empty: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[first, end) of the runs of rows that are joined, empty rows left out."""
    borders = np.flatnonzero(starts | np.r_[False, empty[:-1]])
    borders = np.unique(np.r_[0, borders, len(starts)])
    pairs = zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True)
    return [(first, end) for first, end in pairs if not empty[first]]


def marked(frame: pd.DataFrame, channel: str, axis: TimeAxis, factor: float, shown: tuple[float, float]) -> dict[str, Any]:
    """Readings that are kept but not believed: open markers at their value, arrows at the edge for those outside `shown`."""
    kept = frame["marked"].to_numpy() > 0
    if not kept.any():
        return {"x": [], "y": [], "visible": False}
    rows = frame[kept]
    x = axis.numbers(points_us(rows))
    low, high = (rows[f"{channel}_marked_{kind}"].to_numpy() * factor for kind in ("min", "max"))
    two = (low != high) & ~np.isnan(low)
    x, y = np.r_[x, x[two]], np.r_[high, low[two]]
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    bottom, top = shown[0] * factor, shown[1] * factor
    symbols = np.where(y > top, "triangle-up-open", np.where(y < bottom, "triangle-down-open", "circle-open"))
    texts = [f"{value:.4g}" for value in y.tolist()]
    return {
        "x": packed_times(x),
        "y": packed(np.clip(y, bottom, top), factor),
        "text": texts,
        "marker.symbol": symbols.tolist(),
        "visible": True,
    }


def extremes(frame: pd.DataFrame, channel: str) -> tuple[float, float] | None:
    """Lowest and highest of what is believed; None without any."""
    if not len(frame):
        return None
    low = float(np.fmin.reduce(frame[f"{channel}_min"].to_numpy()))  # NaN where a point has no such reading
    high = float(np.fmax.reduce(frame[f"{channel}_max"].to_numpy()))
    return None if np.isnan(low) or np.isnan(high) else (low, high)
