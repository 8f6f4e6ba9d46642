"""A limit line that was dragged on the chart → the rule and its new limit. Pure."""

from __future__ import annotations

import math
from typing import Any

from components.look.scales import scale_of
from components.panels.chart import Drawn
from components.view import MovedLimit, View

MOST_DIGITS = 6  # readings have no more


def moved_limit(view: View, relayout: dict[str, Any], drawn: Drawn) -> MovedLimit | None:
    """What Plotly reports of a drag, as exactly as a hand can: to a 200th of the axis or better. None: no line was dragged."""
    for at, (rule, channel) in enumerate(drawn.limits):
        y = relayout.get(f"shapes[{at}].y0")
        if isinstance(y, int | float) and channel in drawn.ranges:
            factor = scale_of(channel, drawn.exponents.get(channel, 0)).factor
            on = round(y / factor, _digits(*drawn.ranges[channel]))
            return MovedLimit(rule, on, view.moved.n + 1 if view.moved is not None else 1)
    return None


def _digits(low: float, high: float) -> int:
    return min(max(0, 2 - math.floor(math.log10(high - low))), MOST_DIGITS) if high > low else MOST_DIGITS
