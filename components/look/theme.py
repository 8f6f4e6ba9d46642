"""Colours and line styles. Pure. The same values stand in assets/powermon.css; a test holds the two together."""

from __future__ import annotations

from typing import Any, NamedTuple

FONT = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans KR", "Noto Sans CJK KR", "Malgun Gothic", sans-serif'
)

# Gaps of 2 px: a single reading's spike is a line up and down again, and a longer gap could swallow its tip.
DASHED = "7px,2px"


class Line(NamedTuple):
    """How a channel is drawn; `text` is its colour where it is read as text (contrast ≥ 4.5:1)."""

    color: str
    text: str
    width: float
    dash: str


class Theme(NamedTuple):
    """One colour scheme."""

    background: str
    surface: str
    text: str
    muted: str
    border: str
    grid: str
    accent: str
    warning: str
    danger: str
    ok: str
    lines: dict[str, Line]

    def template(self) -> dict[str, Any]:
        """What every figure of this theme has in common."""
        colors = [line.color for line in self.lines.values()]
        return {"layout": {"paper_bgcolor": self.surface, "plot_bgcolor": self.surface, "colorway": colors}}


LIGHT = Theme(
    background="#F4F6F8",
    surface="#FFFFFF",
    text="#171C22",
    muted="#56616D",
    border="#DCE1E7",
    grid="#E8ECF0",
    accent="#1D4ED8",
    warning="#8A5300",
    danger="#B42318",
    ok="#0B6E4F",
    lines={
        "v": Line("#0072B2", "#00639B", 1.8, "solid"),
        "a": Line("#D55E00", "#AB4B00", 2.6, "solid"),
        "w": Line("#009E73", "#00704F", 1.8, DASHED),
    },
)

DARK = Theme(
    background="#0B0E12",
    surface="#11151A",
    text="#E7EBF0",
    muted="#9AA5B1",
    border="#262D36",
    grid="#1F262E",
    accent="#8AB4F8",
    warning="#F5B84A",
    danger="#FF8A7D",
    ok="#5FD3A6",
    lines={
        "v": Line("#56B4E9", "#56B4E9", 1.8, "solid"),
        "a": Line("#E69F00", "#E69F00", 2.6, "solid"),
        "w": Line("#2FC8A0", "#2FC8A0", 1.8, DASHED),
    },
)

THEMES = {"light": LIGHT, "dark": DARK}


def rgba(color: str, alpha: float) -> str:
    """`#RRGGBB` with an opacity, as CSS."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours after WCAG 2 (1…21)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
