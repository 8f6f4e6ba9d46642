"""Gestures at random without a pause: the page agrees with itself afterwards, and nothing went wrong in it."""

from __future__ import annotations

import random

import pytest
from playwright.sync_api import Page

from tests.components.hurried_reader import PATIENCE_MS, at_rest, hurry
from tests.components.looking import choose, ticks, until, view


@pytest.mark.parametrize("seed", [3, 7])
def test_all_parts_of_the_page_say_the_same_after_many_quick_gestures(page: Page, seed: int) -> None:
    page.set_default_timeout(PATIENCE_MS)
    rng = random.Random(seed)
    for _ in range(3):
        made = hurry(page, rng, 10)
        assert at_rest(page) == [], made
    ticks(page, 2)


def test_a_cursor_beyond_the_end_of_a_shorter_span_is_at_its_end(page: Page) -> None:
    page.keyboard.press("ArrowLeft")
    choose(page, "span", "10")
    until(page, lambda: view(page)["span_s"] == 10)
    ticks(page, 2)
    page.focus("#chart-frame")
    page.keyboard.press("s")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("s")
    until(page, lambda: view(page)["selection_us"])
