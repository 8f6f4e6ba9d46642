"""English, continued: strip, alerts, toolbar, chart."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "language.code": "en",
    "language.other": "한국어",
    "drawer.events": "Events",
    "cards.name": "Live values",
    "choice.theme": "Colours: as the system, light, dark",
    "banner.stale": "Readings have stopped. The port is open; the board sends nothing.",
    "banner.noboard": "No board has been seen yet.",
    "banner.level.warning": "Warning: {channel} is beyond its warning limit, at {value}.",
    "banner.level.danger": "Danger: {channel} is beyond its danger limit, at {value}.",
    "stat.of": "of {s} s",
    "stat.pp": "p-p",
    "stat.std": "σ",
    "chart.from": "from",
    "chart.to": "to",
    "chart.tool": "What dragging does",
    "chart.toolbar": "Chart tools",
    "tool.zoom": "Zoom",
    "tool.select": "Select",
    "tool.pan": "Pan",
    "option.overlaid": "Overlaid",
    "option.zero": "Zero",
    "option.locked": "Lock y",
    "chart.marks": "Events",
    "chart.marked": "not believed",
    "line.name": "Figures of the window and the selection",
    "overview.name": "The whole record; drag to choose a range",
    "overview.record": "Whole record",
}
