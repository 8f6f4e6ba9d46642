"""Colours: those of the design, the same in Python and CSS, and readable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from components import page
from components.figures import overlay
from components.look.theme import DARK, DASHED, LIGHT, THEMES, Theme, contrast, rgba

CSS = (Path(page.__file__).parent / "assets" / "powermon.css").read_text(encoding="utf-8")
NAMES = ("background", "surface", "text", "muted", "border", "accent", "warning", "danger", "ok")


def css_variables(name: str) -> dict[str, str]:
    block = next(body for head, body in re.findall(r"([^{}]*)\{([^}]*)\}", CSS) if f'data-bs-theme="{name}"' in head)
    return dict(re.findall(r"--([\w-]+): (#[0-9A-F]{6});", block))


@pytest.mark.parametrize("name", THEMES)
def test_css_and_python_have_the_same_colours(name: str) -> None:
    theme, css = THEMES[name], css_variables(name)
    assert {key: css[key] for key in NAMES} == {key: getattr(theme, key) for key in NAMES}
    for channel, line in theme.lines.items():
        assert (css[channel], css[f"{channel}-text"]) == (line.color, line.text)


def test_curves_have_the_colours_and_dashes_of_the_design() -> None:
    assert [(line.color, line.dash) for line in LIGHT.lines.values()] == [
        ("#0072B2", "solid"),
        ("#D55E00", "solid"),
        ("#009E73", DASHED),
    ]
    assert [(line.color, line.dash) for line in DARK.lines.values()] == [
        ("#56B4E9", "solid"),
        ("#E69F00", "solid"),
        ("#2FC8A0", DASHED),
    ]
    assert all(theme.lines["a"].width > theme.lines["v"].width for theme in THEMES.values())


@pytest.mark.parametrize("theme", THEMES.values())
def test_no_gap_of_a_dashed_curve_can_hide_the_tip_of_a_peak(theme: Theme) -> None:
    dashes = {line.dash for line in theme.lines.values()} | set(overlay.DASHES)
    assert len(dashes - {"solid"}) > 1
    for dash in dashes - {"solid"}:
        gaps = [float(part.removesuffix("px")) for part in dash.split(",")[1::2]]  # dash, gap, dash, gap; no named pattern
        assert gaps and max(gaps) <= 2, dash


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_contrast_is_at_least_4_5(theme: Theme) -> None:
    texts = [
        theme.text,
        theme.muted,
        theme.accent,
        theme.warning,
        theme.danger,
        theme.ok,
        *(line.text for line in theme.lines.values()),
    ]
    for text in texts:
        assert contrast(text, theme.surface) >= 4.5, text
        assert contrast(text, theme.background) >= 4.5, text


@pytest.mark.parametrize("name", THEMES)
def test_words_on_soft_backgrounds_are_readable(name: str) -> None:
    css = css_variables(name)
    for text, ground in (("warning", "warning-soft"), ("danger", "danger-soft"), ("text", "info-soft"), ("on-accent", "accent")):
        assert contrast(css[text], css[ground]) >= 4.5, (text, ground)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_curves_stand_out_from_their_ground(theme: Theme) -> None:
    assert all(contrast(line.color, theme.surface) >= 3 for line in theme.lines.values())


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#777777") == 1


def test_rgba_keeps_the_colour() -> None:
    assert rgba("#0072B2", 0.25) == "rgba(0,114,178,0.25)"
