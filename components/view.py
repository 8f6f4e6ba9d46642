"""A reader's choices: one typed structure, kept in one dcc.Store, with board and range in the address too. Pure.

Every callback takes it as `View.from_store(data)`; every change is a function View → View that is tested without a browser.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

import msgspec

from components.look.times import EPOCH, SECOND_US, moment

SPANS_S = {"10s": 10, "60s": 60, "5min": 300, "1h": 3600, "6h": 21_600, "24h": 86_400, "48h": 172_800}
LEAST_RANGE_US = 20_000
MAX_TRAIL = 30
NARROW = 1000
Range = tuple[int, int]


class MovedLimit(msgspec.Struct, frozen=True):
    """A limit line that was dragged and is not saved yet: its rule, where to in V, A or W, and the how manyth drag that was."""

    rule: str
    on: float
    n: int = 1


class View(msgspec.Struct, frozen=True):
    """What a reader looks at, and how. `range_us` None: live, the last `span_s` seconds."""

    device: str = ""
    span_s: int = 60
    range_us: Range | None = None
    trail: tuple[Range | None, ...] = ()  # where double click goes back to, newest last; None is live
    selection_us: Range | None = None
    trial_us: tuple[Range, ...] = ()  # when the rule that was tried last would have fired
    moved: MovedLimit | None = None
    tool: str = "zoom"  # zoom select pan
    overlaid: bool = False
    hidden: tuple[str, ...] = ()
    zero: bool = False
    locked: dict[str, tuple[float, float]] = {}  # value axes that stay as they are, in V, A, W
    zone: str = "UTC"
    local_zone: str = "UTC"
    language: str = "en"
    theme: str = "light"  # as drawn
    theme_choice: str = "system"
    width: int = 1440  # of the window, in CSS pixels

    @property
    def points(self) -> int:
        """How many points a curve is drawn with at most."""
        return 600 if self.width >= NARROW else 300

    @property
    def narrow(self) -> bool:
        """A phone: names give way to curves."""
        return self.width < 760

    @property
    def live(self) -> bool:
        return self.range_us is None

    @classmethod
    def from_store(cls, data: Any) -> View:
        """The choices of a Store; the defaults for one that is empty or from another version."""
        try:
            return msgspec.convert(data or {}, cls, strict=False)
        except msgspec.ValidationError:
            return cls()

    def to_store(self) -> dict[str, Any]:
        """What the Store keeps."""
        stored: dict[str, Any] = msgspec.to_builtins(self)
        return stored

    def but(self, **changes: Any) -> View:
        """The same with some choices changed."""
        return msgspec.structs.replace(self, **changes)

    # --- the address

    def address(self) -> str:
        """`?device=bench-1&span=60` or `?device=bench-1&from=…&to=…`."""
        where: dict[str, str] = {"device": self.device} if self.device else {}
        if self.range_us is None:
            where["span"] = str(self.span_s)
        else:
            where["from"], where["to"] = map(_iso, self.range_us)
        return "?" + urlencode(where, safe=":")

    def at_address(self, address: str) -> View:
        """The view that an address names; what it does not name stays."""
        given = {name: values[-1] for name, values in parse_qs((address or "").lstrip("?")).items()}
        view = self
        if given.get("device", self.device) != self.device:
            view = view.of_board(given["device"])
        span = given.get("span", "")
        if span.isdigit() and int(span) in SPANS_S.values():
            view = view.but(span_s=int(span), range_us=None)
        t0_us, t1_us = _time_us(given.get("from", "")), _time_us(given.get("to", ""))
        if t0_us is not None and t1_us is not None and t0_us < t1_us:
            view = view.but(range_us=(t0_us, t1_us))
        return view

    # --- what a reader does

    def of_board(self, device: str) -> View:
        """Another board: nothing of the one before stays."""
        return self.but(device=device, range_us=None, trail=(), selection_us=None, trial_us=(), moved=None, locked={})

    def at_range(self, t0_us: int, t1_us: int, record: Range | None, now_us: int) -> View:
        """A range of the record, kept within it; the view before is remembered."""
        first, last = (record[0], max(record[1], now_us)) if record else (t0_us, now_us)
        if t1_us - t0_us < LEAST_RANGE_US:
            middle = (t0_us + t1_us) // 2
            t0_us, t1_us = middle - LEAST_RANGE_US // 2, middle + LEAST_RANGE_US // 2
        width = min(t1_us - t0_us, max(last - first, LEAST_RANGE_US))
        t0_us = max(first, min(t0_us, last - width))
        wanted = (t0_us, t0_us + width)
        if wanted == self.range_us:
            return self
        return self.but(range_us=wanted, trail=(*self.trail, self.range_us)[-MAX_TRAIL:])

    def back(self) -> View:
        """The view before the last zoom; live when there is none."""
        if not self.trail:
            return self.but(range_us=None)
        return self.but(range_us=self.trail[-1], trail=self.trail[:-1])

    def to_live(self, span_s: int | None = None) -> View:
        """The last seconds, as long as they were before unless said."""
        return self.but(range_us=None, trail=(), span_s=span_s or self.span_s)

    def toggled(self, channel: str) -> View:
        """A curve hidden or shown; the last one stays."""
        hidden = tuple(c for c in "vaw" if (c in self.hidden) != (c == channel))
        return self if len(hidden) == 3 else self.but(hidden=hidden)


def _iso(time_us: int) -> str:
    return moment(time_us, "UTC").strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def _time_us(text: str) -> int | None:
    """ISO 8601 or Unix seconds."""
    try:
        if text.replace(".", "", 1).isdigit():
            return round(float(text) * SECOND_US)
        when = datetime.fromisoformat(text)
        return round((when - EPOCH).total_seconds() * SECOND_US) if when.tzinfo else None
    except (ValueError, OverflowError):
        return None
