"""Exploring 48 hours in a real browser: zoom, selection, markers, strip, export, keys."""

from __future__ import annotations

import csv
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, Request, Route

from tests.components.conftest import Open
from tests.components.fakes import SPIKE_EVERY, STEP_US, FakeMonitor, span_stats, values
from tests.components.looking import curve, drag, drawn, number, on_chart, text, until, window


def inspecting(page: Page) -> bool:
    return page.get_attribute("#live-switch", "aria-checked") == "false"


def loaded(page: Page) -> bool:
    return page.get_attribute("#chart-frame", "data-loading") == "false"


def span(page: Page) -> float:
    t0, t1 = window(page)
    return t1 - t0


def zoomed_in(page: Page, times: int = 3) -> None:
    page.mouse.move(*on_chart(page, 0.5))
    for _ in range(times):
        page.mouse.wheel(0, -400)
    until(page, lambda: inspecting(page) and loaded(page))


def test_48_hours_keep_the_exact_height_of_every_peak(open_page: Open) -> None:
    page = open_page("?range=48h")
    until(page, lambda: len(curve(page, "a-band")["y"]) > 100)
    _, a, _ = values(np.array([0, SPIKE_EVERY, 7 * SPIKE_EVERY]))
    band = [y for y in curve(page, "a-band")["y"] if y is not None]
    t0, t1 = (round(time * 1000) for time in window(page))
    first, last = -(-t0 // STEP_US) + 3000, t1 // STEP_US - 3000
    k = np.arange(first, last)
    true = values(k)[1]
    scale = 1000 if text(page, "unit-a") == "mA" else 1
    assert max(band) / scale == pytest.approx(true.max(), abs=0.005)
    assert a.max() > 1.1
    assert len(page.evaluate("document.querySelector('#chart .js-plotly-plot').data[1].x")) <= 1300


def test_the_wheel_zooms_at_the_pointer_and_leaves_live(page: Page) -> None:
    page.mouse.move(*on_chart(page, 0.25))
    page.mouse.wheel(0, -400)
    until(page, lambda: inspecting(page))
    t0, t1 = window(page)
    fixed = t0 + 0.25 * (t1 - t0)
    page.mouse.wheel(0, -400)
    until(page, lambda: span(page) < (t1 - t0) * 0.7)
    t0, t1 = window(page)
    assert t0 + 0.25 * (t1 - t0) == pytest.approx(fixed, abs=200)


def test_a_view_asks_for_the_resolution_it_needs(page: Page) -> None:
    zoomed_in(page)
    until(page, lambda: number(page, "chart-frame", "data-bucket-ms") == 0)
    page.keyboard.press("Alt+a")
    until(page, lambda: (number(page, "chart-frame", "data-bucket-ms") or 0) > 60_000)
    assert span(page) > 47 * 3_600_000


def test_all_of_the_record_is_shown_before_the_strip_knows_its_age(open_page: Open) -> None:
    page = open_page("?range=60s")
    page.route("**/api/curve*points=600", lambda route: None)  # the strip's question hangs
    page.reload()
    page.wait_for_selector("#chart-frame[data-t1]", state="attached")
    page.keyboard.press("Alt+a")
    until(page, lambda: inspecting(page) and loaded(page))
    assert span(page) == pytest.approx(48 * 3_600_000, rel=0.01)


def test_the_old_picture_stays_until_the_new_one_is_there(page: Page) -> None:
    zoomed_in(page)
    until(page, lambda: len(curve(page, "v")["x"]) > 10)
    held: list[Route] = []
    page.route("**/api/curve*", lambda route: held.append(route))
    page.mouse.wheel(0, 300)
    until(page, lambda: held)
    assert len(curve(page, "v")["x"]) > 10
    for route in held:
        route.continue_()
    page.unroute("**/api/curve*")
    until(page, lambda: loaded(page))


def test_the_newest_question_wins(page: Page) -> None:
    zoomed_in(page)
    held: list[Route] = []
    given_up: list[Request] = []
    page.on("requestfailed", lambda request: given_up.append(request) if "/api/curve" in request.url else None)
    page.route("**/api/curve*", lambda route: route.continue_() if held else held.append(route))
    page.mouse.wheel(0, 300)
    until(page, lambda: held)
    page.mouse.wheel(0, 3000)
    until(page, lambda: loaded(page) and span(page) > 60_000)
    assert [request.url for request in given_up] == [held[0].request.url]


def test_pause_freezes_the_picture_and_not_the_numbers(page: Page) -> None:
    page.click("#live-switch")
    until(page, lambda: inspecting(page))
    frozen, seq = window(page), number(page, "value-v", "data-seq") or 0
    until(page, lambda: (number(page, "value-v", "data-seq") or 0) > seq + 10)
    assert window(page) == frozen
    page.click("#live-switch")
    until(page, lambda: window(page)[1] > frozen[1] + 1000)


def test_dragging_selects_and_the_box_says_what_the_server_says(page: Page, monitor: FakeMonitor) -> None:
    assert "Drag on the chart" in text(page, "selection-box")
    drag(page, 0.3, 0.7)
    until(page, lambda: number(page, "selection-v-avg") is not None)
    asked = number(page, "selection-span") or 0
    assert asked == pytest.approx(24, abs=1.5) and inspecting(page)
    t0, t1 = window(page)
    begin = round((t0 + 0.3 * (t1 - t0)) * 1000)
    true = span_stats(monitor.readings(begin, begin + round(asked * 1e6)), begin, begin + round(asked * 1e6))
    assert number(page, "selection-v-max") == pytest.approx(true.v.max, abs=0.02)
    assert number(page, "selection-wh") == pytest.approx(true.energy_wh, rel=0.05)
    assert number(page, "selection-mah") == pytest.approx(true.charge_mah, rel=0.05)
    assert number(page, "selection-completeness") == 1


def test_escape_clears_the_selection_then_returns_to_live(page: Page) -> None:
    drag(page, 0.3, 0.6)
    until(page, lambda: page.is_visible(".selection"))
    page.keyboard.press("Escape")
    until(page, lambda: not page.is_visible(".selection"))
    assert inspecting(page)
    page.keyboard.press("Escape")
    until(page, lambda: not inspecting(page))


def test_a_selection_survives_updates_and_is_zoomed_to(page: Page) -> None:
    drag(page, 0.4, 0.6)
    until(page, lambda: number(page, "selection-span"))
    page.keyboard.press("l")
    before = window(page)[1]
    until(page, lambda: window(page)[1] > before + 1000)
    assert page.is_visible(".selection")
    length = number(page, "selection-span") or 0
    page.keyboard.press("Alt+z")
    until(page, lambda: abs(span(page) - length * 1000) < 5)


def test_two_markers_measure_between_them(page: Page) -> None:
    page.keyboard.press("d")
    until(page, lambda: number(page, "markers-a-max") is not None)
    assert number(page, "markers-span") == pytest.approx(30, abs=0.5)
    head = page.locator('[data-marker="a"]').bounding_box()
    assert head is not None
    page.mouse.move(head["x"] + 11, head["y"] + 10)
    page.mouse.down()
    page.mouse.move(*on_chart(page, 0.5, 0.02), steps=4)
    page.mouse.up()
    until(page, lambda: (number(page, "markers-span") or 99) < 20)
    page.keyboard.press("d")
    until(page, lambda: not page.is_visible(".marker"))


def test_shift_and_drag_moves_the_view(page: Page) -> None:
    before = window(page)
    page.keyboard.down("Shift")
    drag(page, 0.3, 0.8)
    page.keyboard.up("Shift")
    until(page, lambda: inspecting(page))
    t0, t1 = window(page)
    assert t0 == pytest.approx(before[0] - 0.5 * 60_000, abs=4000) and t1 - t0 == pytest.approx(60_000, abs=5)


def test_the_cursor_tells_the_reading_under_it(page: Page) -> None:
    page.click("#live-switch")
    page.mouse.move(*on_chart(page, 0.5))
    page.mouse.move(*on_chart(page, 0.52))
    until(page, lambda: page.is_visible("#readout"))
    k = round((number(page, "readout", "data-t") or 0) / 100)
    v, a, w = (float(column[0]) for column in values(np.array([k])))
    assert [number(page, f"readout-{channel}") for channel in "vaw"] == [v, a, w]


def test_the_chart_is_read_by_keys(page: Page) -> None:
    page.focus("#chart-overlay")
    page.keyboard.press("ArrowRight")
    until(page, lambda: page.is_visible("#readout"))
    first = number(page, "readout", "data-t") or 0
    page.keyboard.press("Shift+ArrowLeft")
    assert (number(page, "readout", "data-t") or 0) == pytest.approx(first - 1000, abs=1)
    page.keyboard.press("s")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("s")
    until(page, lambda: number(page, "selection-span") == pytest.approx(1, abs=0.01))
    length = span(page)
    page.keyboard.press("+")
    until(page, lambda: span(page) == pytest.approx(length / 2, abs=5))
    page.keyboard.press("?")
    assert page.is_visible("#help-dialog")
    page.keyboard.press("Escape")
    until(page, lambda: not page.is_visible("#help-dialog"))


def test_letters_typed_into_a_field_do_nothing_to_the_chart(page: Page) -> None:
    page.focus("#connect-url")
    page.keyboard.type("socket://ld?")
    assert not inspecting(page) and not page.is_visible("#help-dialog")


def test_a_view_is_sent_by_its_address(page: Page, open_page: Open) -> None:
    zoomed_in(page)
    until(page, lambda: "from=" in page.url)
    page.wait_for_timeout(400)
    other = open_page("?" + page.url.partition("?")[2])
    assert window(other) == pytest.approx(window(page), abs=2)
    until(other, lambda: len(curve(other, "v")["x"]) > 5)


def test_the_strip_of_the_whole_record_moves_the_window(page: Page) -> None:
    until(page, lambda: page.evaluate("document.getElementById('overview-ticks').children.length") > 3)
    box = page.locator("#overview-frame").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    until(page, lambda: inspecting(page) and loaded(page))
    t1 = window(page)[1]
    hours_ago = (number(page, "fact-last", "x") or page.evaluate("Date.now()") - t1) / 3_600_000
    assert hours_ago == pytest.approx(24, abs=0.5)
    until(page, lambda: len(curve(page, "v")["x"]) > 100)


def test_range_buttons_while_inspecting_keep_the_middle(page: Page) -> None:
    zoomed_in(page)
    t0, t1 = window(page)
    page.click("#range-10s")
    until(page, lambda: abs(span(page) - 10_000) < 2)
    assert sum(window(page)) / 2 == pytest.approx((t0 + t1) / 2, abs=600)


def test_the_table_holds_the_window(page: Page) -> None:
    page.click("#table-button")
    until(page, lambda: page.locator("#chart-table tbody tr").count() > 5)
    assert page.locator("#chart-table thead th").count() == 4


def test_export_tells_rows_size_and_time_then_gives_exactly_these(page: Page, tmp_path: Path) -> None:
    drag(page, 0.3, 0.7)
    until(page, lambda: number(page, "selection-span"))
    page.click("#export-button")
    until(page, lambda: number(page, "export-estimate"))
    assert page.input_value("#export-scope") == "selection"
    rows = number(page, "export-estimate") or 0
    assert rows == pytest.approx(240, abs=15) and "kB" in text(page, "export-estimate")
    with page.expect_download() as waiting:
        page.click("#export-start")
    path = tmp_path / "export.csv"
    waiting.value.save_as(path)
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert abs(len(found) - rows) <= 1 and "voltage_v" in found[0]
    until(page, lambda: "Done" in text(page, "export-note"))


def test_export_knows_what_cannot_be(page: Page) -> None:
    page.click("#export-button")
    page.select_option("#export-decimal", "comma")
    until(page, lambda: page.input_value("#export-delimiter") == "semicolon")
    assert page.evaluate("document.querySelector('#export-scope [value=selection]').disabled")
    page.select_option("#export-format", "parquet")
    until(page, lambda: not page.is_visible("#export-delimiter"))


def test_export_asks_for_what_was_chosen(page: Page) -> None:
    chosen = {"scope": "window", "delimiter": "tab", "decimal": "comma", "zone": "local", "header": "plain"}
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/api/history" in request.url else None)
    page.click("#export-button")
    for name, value in chosen.items():
        page.select_option(f"#export-{name}", value)
    until(page, lambda: number(page, "export-estimate"))
    with page.expect_download():
        page.click("#export-start")
    query = parse_qs(urlsplit(asked[0].url).query)
    wanted = {"format": "csv", "delimiter": "tab", "decimal": "comma", "zone": "Asia/Seoul", "header_units": "false"}
    assert {name: query[name][0] for name in wanted} == wanted


def test_a_running_export_is_cancelled(page: Page) -> None:
    held: list[Route] = []
    page.route("**/api/history*", lambda route: held.append(route))
    page.click("#export-button")
    until(page, lambda: number(page, "export-estimate"))
    page.click("#export-start")
    until(page, lambda: held and page.is_visible("#export-progress"))
    page.click("#export-cancel")
    until(page, lambda: "Cancelled" in text(page, "export-note"))
    assert page.is_visible("#export-dialog") and not page.is_visible("#export-progress")


def test_csv_links_name_what_is_seen(page: Page) -> None:
    page.click("#live-switch")
    page.hover("#csv-visible")
    t0, t1 = window(page)
    href = page.get_attribute("#csv-visible", "href") or ""
    asked = dict(part.split("=") for part in href.partition("?")[2].split("&"))
    assert asked["format"] == "csv" and asked["device"] == "bench-1"
    assert [float(asked[name]) * 1000 for name in ("from", "to")] == pytest.approx([t0, t1], abs=2)


def test_one_finger_moves_and_two_zoom(open_page: Open) -> None:
    page = open_page(width=360, height=780, has_touch=True)
    page.wait_for_selector('#value-v:not([data-value=""])')
    page.locator("#chart-overlay").scroll_into_view_if_needed()
    length = span(page)
    client = page.context.new_cdp_session(page)
    x, y = on_chart(page, 0.3)
    x2, _ = on_chart(page, 0.6)

    def touch(kind: str, *places: float) -> None:
        points = [{"x": place, "y": y, "id": i} for i, place in enumerate(places)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", x, x2)
    touch("touchMove", x - 20, x2 + 20)
    touch("touchMove", x - 40, x2 + 60)
    touch("touchEnd")
    until(page, lambda: inspecting(page) and span(page) < length * 0.75)


def test_nothing_drawn_is_ever_webgl(page: Page) -> None:
    assert page.locator("#chart canvas").count() == 0 and len(drawn(page)) == 6


def test_time_is_local_utc_or_ago(page: Page) -> None:
    ticks = "() => document.querySelector('#chart .js-plotly-plot').layout.xaxis.ticktext"
    assert "GMT+9" in text(page, "clock")
    page.click("#zone-button")
    until(page, lambda: "UTC" in text(page, "clock"))
    page.click("#zone-button")
    until(page, lambda: "−10.0 s" in page.evaluate(ticks) or "−10 s" in page.evaluate(ticks))
