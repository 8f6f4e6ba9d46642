"""Zoom, pan, selection, Back and keys in a real browser: what the reader did stays, and can be undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Response

from tests.components.conftest import Open
from tests.components.fakes import FakeMonitor
from tests.components.looking import choose, curve, drag, number, on_chart, shown, text, ticks, until, view


def span_ms(page: Page) -> float:
    first, last = shown(page)
    return last - first


def zoomed(page: Page, begin: float = 0.4, end: float = 0.6) -> tuple[float, float]:
    """Drags a zoom; the range that is shown then."""
    before = page.url
    drag(page, begin, end)
    until(page, lambda: page.url != before and view(page)["range_us"])
    return shown(page)


def test_a_gesture_is_drawn_by_its_own_answer(page: Page) -> None:
    answers: list[Response] = []
    note: Callable[[Response], None] = lambda answer: answers.append(answer)  # noqa: E731
    page.on("response", note)
    drag(page, 0.3, 0.6)
    until(page, lambda: view(page)["range_us"])
    ticks(page, 2)
    page.remove_listener("response", note)
    drawing = []  # of every answer with a figure: is it the live callback's, and the range it was asked with
    for answer in answers:
        asked = answer.request.post_data_json if "_dash-update-component" in answer.url else None
        if asked and "figure" in answer.json().get("response", {}).get("chart", {}):
            given = {each["id"]: each.get("value") for each in (*asked["inputs"], *asked["state"])}
            drawing.append(("tick" in given, given["view"]["range_us"]))
    assert [live for live, _ in drawing].count(False) == 1
    assert [range_us for live, range_us in drawing if live and range_us] == []
    first_us, last_us = view(page)["range_us"]
    first_ms, last_ms = shown(page)
    assert last_ms - first_ms == pytest.approx((last_us - first_us) / 1000, abs=2)


def test_a_zoom_survives_twenty_ticks_and_a_reload(page: Page) -> None:
    range_ms = zoomed(page)
    assert range_ms[1] - range_ms[0] == pytest.approx(12_000, rel=0.02)
    ticks(page, 20)
    assert shown(page) == pytest.approx(range_ms, abs=1)
    page.reload()
    page.wait_for_selector("#chart .trace path.js-line", state="attached")
    until(page, lambda: shown(page) == pytest.approx(range_ms, abs=1))
    until(page, lambda: not page.is_checked("#live-switch"))


def test_double_click_goes_back_through_the_zooms_to_live(page: Page) -> None:
    first = zoomed(page)
    zoomed(page)
    ticks(page, 1)
    page.mouse.dblclick(*on_chart(page, 0.5))
    until(page, lambda: shown(page) == pytest.approx(first, abs=1))
    ticks(page, 1)
    page.mouse.dblclick(*on_chart(page, 0.5))
    until(page, lambda: view(page)["range_us"] is None)
    until(page, lambda: span_ms(page) == pytest.approx(60_000, abs=2))


NOISE = """() => {
    const gd = document.querySelector('#chart .js-plotly-plot');
    gd.on('plotly_relayout', (given) => given.autosize || gd.emit('plotly_relayout', {autosize: true}));
}"""


def test_a_word_of_the_charts_size_takes_no_zoom_away(page: Page) -> None:
    page.evaluate(NOISE)
    first = zoomed(page)
    assert first[1] - first[0] == pytest.approx(12_000, rel=0.02)
    page.mouse.wheel(0, -120)
    until(page, lambda: span_ms(page) < 0.95 * 12_000)
    until(page, lambda: view(page)["range_us"][1] - view(page)["range_us"][0] == pytest.approx(1000 * span_ms(page), abs=2000))


def test_two_curves_hidden_at_one_moment_are_both_hidden(page: Page) -> None:
    page.mouse.click(*on_chart(page, 0.5))
    page.evaluate("""() => {
        const gd = document.querySelector('#chart .js-plotly-plot');
        window.Plotly.restyle(gd, {visible: 'legendonly'}, [3]);
        window.Plotly.restyle(gd, {visible: 'legendonly'}, [4]);
    }""")
    until(page, lambda: view(page)["hidden"] == ["v", "a"])


def test_back_undoes_a_zoom_and_never_leaves_the_page(page: Page) -> None:
    zoomed(page)
    page.go_back()
    until(page, lambda: view(page)["range_us"] is None)
    assert "span=60" in page.url


def test_a_link_shows_the_same(open_page: Open) -> None:
    page = open_page()
    range_ms = zoomed(page)
    other = open_page("?" + page.url.partition("?")[2])
    until(other, lambda: shown(other) == pytest.approx(range_ms, abs=1))


def test_returning_to_live_returns_to_the_span_of_before(page: Page) -> None:
    choose(page, "span", "10")
    until(page, lambda: span_ms(page) == pytest.approx(10_000, abs=2))
    zoomed(page)
    page.locator("#live-switch").click()
    until(page, lambda: view(page)["range_us"] is None)
    until(page, lambda: span_ms(page) == pytest.approx(10_000, abs=2))


def test_a_selection_has_its_figures_on_the_chart_and_beside_the_panes(page: Page) -> None:
    choose(page, "tool", "select")
    until(page, lambda: view(page)["tool"] == "select")
    ticks(page, 1)
    drag(page, 0.5, 0.7)
    until(page, lambda: view(page)["selection_us"])
    until(page, lambda: "Δt" in (page.text_content("#chart .infolayer") or ""))
    assert "Selection" in text(page, "side-v")
    assert "mAh" in text(page, "line-selection")
    before = view(page)["selection_us"]
    ticks(page, 20)
    assert view(page)["selection_us"] == before
    page.click("#zoom-to")
    until(page, lambda: view(page)["range_us"] == before)


def test_a_hidden_curve_stays_hidden_and_its_pane_makes_room(page: Page) -> None:
    page.locator("#chart .legendtoggle").first.click()
    until(page, lambda: view(page)["hidden"] == ["v"])
    until(page, lambda: curve(page, "v")["visible"] == "legendonly")
    ticks(page, 20)
    assert curve(page, "v")["visible"] == "legendonly"
    assert page.locator("#side .side-channel").count() == 2
    page.reload()
    page.wait_for_selector("#chart .trace path.js-line", state="attached")
    until(page, lambda: curve(page, "v")["visible"] == "legendonly")


def test_overlaid_curves_share_one_pane_with_an_axis_each(page: Page) -> None:
    choose(page, "options", "overlaid")
    until(page, lambda: view(page)["overlaid"])
    axes = (
        "() => ['yaxis', 'yaxis2', 'yaxis3'].map((n) => document.querySelector('#chart .js-plotly-plot')._fullLayout[n].domain)"
    )
    until(page, lambda: len({tuple(domain) for domain in page.evaluate(axes)}) == 1)


def test_nobody_zooms_out_beyond_the_record(page: Page, monitor: FakeMonitor) -> None:
    zoomed(page)
    for _ in range(16):
        page.keyboard.press("-")
    until(page, lambda: (view(page)["range_us"] or [0])[0] == monitor.extent("")[0])  # type: ignore[index]
    first_us, last_us = view(page)["range_us"]
    assert last_us - first_us <= monitor.now_us() - monitor.extent("")[0]  # type: ignore[index]


def test_typed_times_choose_a_range(page: Page, monitor: FakeMonitor) -> None:
    begin = page.evaluate("() => new Date(Date.now() - 3600e3).toLocaleTimeString('en-GB', {timeZone: 'Asia/Seoul'})")
    page.fill("#typed-from", begin)
    page.keyboard.press("Enter")
    until(page, lambda: view(page)["range_us"])
    assert (monitor.now_us() - view(page)["range_us"][0]) / 3.6e9 == pytest.approx(1, abs=0.02)
    assert page.input_value("#typed-from").endswith(begin + ".000")


def test_the_wheel_zooms_only_after_the_chart_was_clicked(page: Page) -> None:
    page.mouse.move(*on_chart(page, 0.5))
    page.mouse.wheel(0, -300)
    ticks(page, 2)
    assert view(page)["range_us"] is None
    page.mouse.click(*on_chart(page, 0.5))
    page.mouse.wheel(0, -300)
    until(page, lambda: view(page)["range_us"])


def test_a_pan_under_live_ticks_is_not_cut_short(page: Page) -> None:
    choose(page, "tool", "pan")
    until(page, lambda: view(page)["tool"] == "pan")
    ticks(page, 1)
    before = shown(page)
    page.mouse.move(*on_chart(page, 0.3))
    page.mouse.down()
    for step in range(12):
        page.mouse.move(*on_chart(page, 0.3 + step / 40))
        page.wait_for_timeout(120)  # longer than two ticks in all
    page.mouse.up()
    until(page, lambda: view(page)["range_us"])
    until(page, lambda: 0.2 * 60_000 < before[0] - shown(page)[0] < 0.35 * 60_000)


def test_the_overview_chooses_the_range(page: Page) -> None:
    overview = page.locator("#overview .nsewdrag").first
    until(page, lambda: (overview.bounding_box() or {"height": 0})["height"] > 20)
    box: Any = overview.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, y, steps=4)
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    page.mouse.up()
    until(page, lambda: span_ms(page) == pytest.approx(12 * 3_600_000, rel=0.02))


def test_by_keyboard_from_the_strip_to_a_measured_selection(page: Page) -> None:
    page.keyboard.press("Tab")
    page.locator("#chart-frame").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#chart .hoverlayer text").count() > 0
    page.keyboard.press("s")
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("s")
    until(page, lambda: view(page)["selection_us"])
    first_us, last_us = view(page)["selection_us"]
    assert last_us - first_us == pytest.approx(2_000_000, abs=1_100_000)  # ticks move the points under the cursor
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    until(page, lambda: view(page)["selection_us"] is None and view(page)["range_us"])  # both, however quick
    page.keyboard.press("Escape")
    until(page, lambda: view(page)["range_us"] is None)
    assert view(page)["span_s"] == 60  # Esc never changes the span


def test_the_theme_changes_page_and_chart_and_is_remembered(page: Page) -> None:
    page.click("#theme-button")
    until(page, lambda: page.evaluate("document.documentElement.dataset.bsTheme") == "dark")
    paper = "() => document.querySelector('#chart .js-plotly-plot')._fullLayout.paper_bgcolor"
    until(page, lambda: page.evaluate(paper).lower() == "#11151a")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def test_the_language_changes_everything_and_is_remembered(open_page: Open) -> None:
    page = open_page(locale="en-US")
    zoomed(page)
    range_us = view(page)["range_us"]
    page.click("#language-button")
    until(page, lambda: page.get_attribute("#page", "lang") == "ko")
    until(page, lambda: "전압" in text(page, "card-v"))
    until(page, lambda: view(page).get("range_us") == range_us)
    until(page, lambda: page.evaluate("document.documentElement.lang") == "ko")


def test_events_open_in_the_drawer_beside_the_chart(page: Page) -> None:
    page.click("#open-events")
    until(page, lambda: page.locator("#event-list").count() == 1)
    assert page.is_visible("#chart")
    page.click("#open-events")
    until(page, lambda: page.locator("#event-list").count() == 0)


def test_on_a_phone_the_chart_is_on_the_first_screen(open_page: Open) -> None:
    page = open_page(width=360, height=740)
    box = page.locator("#chart .nsewdrag").first.bounding_box()
    assert box is not None and box["y"] < 500
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in page.locator(".strip button:visible, .toolbar label:visible, .drawer-bar button:visible").all():
        assert (button.bounding_box() or {"height": 0})["height"] >= 39.5, button.inner_text()


def test_everything_watched_is_on_one_screen(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollHeight") <= 900
    for id_ in ("value-v", "chart", "overview", "line"):
        box = page.locator(f"#{id_}").bounding_box()
        assert box is not None and box["y"] + box["height"] <= 900, id_
    cards = page.locator("#cards").bounding_box()
    assert cards is not None and cards["y"] + cards["height"] <= 225  # a quarter of the height
    assert number(page, "value-v")
