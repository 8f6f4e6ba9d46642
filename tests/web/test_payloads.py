"""A curve is written as JSON point by point: each number as it is, marked extremes only where there are marks."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from services.analysis.decimate import curve_of_rows, no_curve
from services.analysis.marks import CURRENT, flags_of
from services.model import Curve, Readings
from services.web.history import curve_csv
from services.web.payloads import curve_points, iso


def curve_with_marks() -> Curve:
    """Buckets with readings, one of them with a marked reading too, and one of marked readings only."""
    rng = np.random.default_rng(4)
    count = 400
    seq = np.arange(count)
    v, a, w = (rng.normal(5, 3, count) * 10.0 ** rng.integers(-6, 6, count) for _ in "vaw")
    flags = np.where((seq == 130) | (seq >= 390), flags_of(CURRENT), 0).astype(np.uint16)
    one, hold = np.ones(count, np.int64), np.full(count, 100_000)
    times = 1_700_000_000_000_000 + seq * 100_000 + (seq >= 390) * 60_000_000
    return curve_of_rows(Readings(one, seq, times, hold, v, a, w, flags), 1_000_000)


def expected(curve: Curve, channels: tuple[str, ...], at: int) -> dict[str, Any]:
    def number(name: str) -> float | None:
        value = round(float(getattr(curve, name)[at]), 6)
        return None if value != value else value

    fields = ("min", "mean", "max", "marked_min", "marked_max") if curve.marked[at] else ("min", "mean", "max")
    return {
        "time": iso(int(curve.time_us[at])),
        "ts": int(curve.time_us[at]) / 1e6,
        "count": int(curve.count[at]),
        "marked": int(curve.marked[at]),
        **{channel: {field: number(f"{channel}_{field}") for field in fields} for channel in channels},
    }


@pytest.mark.parametrize("channels", [("v", "a", "w"), ("w",), ()])
def test_each_point_says_what_the_curve_has(channels: tuple[str, ...]) -> None:
    curve = curve_with_marks()
    assert (curve.marked > 0).sum() >= 2 and (curve.count == 0).any()
    points = orjson.loads(orjson.dumps({"points": curve_points(curve, channels)}))["points"]
    assert points == [expected(curve, channels, at) for at in range(len(curve))]
    assert [list(point) for point in points[:1]] == [["time", "ts", "count", "marked", *channels]]


def test_a_curve_without_points_is_an_empty_list() -> None:
    assert orjson.dumps(curve_points(no_curve(), ("v",))) == b"[]"


def test_in_csv_what_is_not_there_is_an_empty_cell() -> None:
    curve = curve_with_marks()
    head, *lines = curve_csv("bench", curve, ("v",), ",").splitlines()
    assert head == b"time,device,count,marked," + b",".join(
        b"voltage_%s_v" % name for name in (b"min", b"mean", b"max", b"marked_min", b"marked_max")
    )
    cells = [line.decode().split(",") for line in lines]
    assert len(cells) == len(curve) and cells[0][-2:] == ["", ""] and float(cells[0][4]) == round(float(curve.v_min[0]), 6)
    only_marked = cells[int(np.flatnonzero(curve.count == 0)[0])]
    assert only_marked[4:7] == ["", "", ""] and "" not in only_marked[7:]
