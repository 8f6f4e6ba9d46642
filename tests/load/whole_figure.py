"""The baseline of the live page: `python -m tests.load.whole_figure PORT POINTS RATE INTERVAL_MS`, a Dash page whose
callback returns the whole figure at each tick, as most dashboards do."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

from dash import Dash, Input, Output, dcc

CURVES = (("y", 5.0), ("y2", 0.3), ("y3", 1.5))


def figure(points: int, rate: float, now_s: float) -> dict[str, Any]:
    """Volts, amperes and watts of the last `points` readings on three axes."""
    times = [(now_s - (points - at) / rate) * 1e3 for at in range(points)]
    traces = [
        {
            "x": times,
            "y": [scale * (1 + 0.2 * math.sin(x / 3e3)) for x in times],
            "type": "scatter",
            "mode": "lines",
            "yaxis": axis,
        }
        for axis, scale in CURVES
    ]
    axes = {axis: {"overlaying": "y", "side": "right"} for axis in ("yaxis2", "yaxis3")}
    return {"data": traces, "layout": {"xaxis": {"type": "date"}, "uirevision": "same", **axes}}


def main() -> None:
    port, points, rate, interval_ms = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    began_s = time.time()
    app = Dash("whole_figure")
    app.layout = [dcc.Interval(id="tick", interval=interval_ms), dcc.Graph(id="chart", style={"height": "60vh"})]

    @app.callback(Output("chart", "figure"), Input("tick", "n_intervals"))
    def redraw(_: int | None) -> dict[str, Any]:
        now_s = time.time()
        return figure(max(2, min(points, int((now_s - began_s) * rate))), rate, now_s)

    app.run(port=port, debug=False)


if __name__ == "__main__":
    main()
