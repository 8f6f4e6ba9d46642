"""Drawers and dialogs as a person uses them: a real browser, the real program, its simulated board."""

from __future__ import annotations

import csv
import io
import socket
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

from components.page import DRAWERS
from services.alert_model import AlertChannel, AlertRule, Level
from tests.components.panels.conftest import Open, drawer, until
from tests.mock.serving import mock
from tests.web.program import Program

FROM_BROWSER = "(ids) => Array.from(document.querySelectorAll(ids), (element) => element.innerText)"


SMALL = """() => Array.from(document.querySelectorAll("#drawer :is(button, select, input:not([type=checkbox], [type=radio]))"))
    .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 39.5).map((e) => e.id || e.className)"""


CONTROLS = ", ".join(f"{where} :is(button, select, input, a)" for where in ("#drawer", ".modal"))
NAMELESS = """(controls) => Array.from(document.querySelectorAll(controls)).filter((e) => {
    const label = e.labels && e.labels.length ? e.labels[0].innerText : "";
    return !(e.innerText || e.title || e.getAttribute("aria-label") || label);
}).map((e) => e.outerHTML.slice(0, 120))"""


def right_of(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box["x"] + box["width"]


def test_every_drawer_opens_beside_the_chart_and_is_gone_when_it_is_closed(page: Page) -> None:
    for name in DRAWERS:
        drawer(page, name)
        assert page.locator("#drawer .drawer-body").count() == 1  # one at a time
        until(lambda: right_of(page, "#chart") <= (page.locator("#drawer").bounding_box() or {"x": 0})["x"] + 1)
    page.keyboard.press("Escape")
    page.wait_for_selector(".drawer-body", state="detached")
    page.click("#open-board")
    page.wait_for_selector(".of-board")
    page.click("#open-board")
    page.wait_for_selector(".drawer-body", state="detached")


def test_every_control_in_drawers_and_dialogs_has_a_name(page: Page) -> None:
    for name in DRAWERS:
        drawer(page, name)
        assert page.evaluate(NAMELESS, CONTROLS) == [], name
    for button in ("#export-button", "#open-help"):
        page.click(button)
        page.wait_for_selector(".modal-body")
        assert page.evaluate(NAMELESS, CONTROLS) == [], button
        page.keyboard.press("Escape")
        page.wait_for_selector(".modal-body", state="detached")


def test_the_chart_can_be_used_while_a_drawer_is_open(page: Page) -> None:
    drawer(page, "board")
    page.fill("#typed-from", "00:00:01")
    assert page.evaluate("document.activeElement.id") == "typed-from"  # the drawer does not take the focus back


def test_a_command_says_its_acknowledgement_and_stays_in_the_log(page: Page, running: Program) -> None:
    drawer(page, "board")
    page.click("#command-ping")
    until(lambda: "Ping: done in" in page.inner_text("#command-result"))
    until(lambda: "ping → done" in page.inner_text("#command-log"))
    page.fill("#interval-ms", "50")
    page.click("#command-set_interval")
    until(lambda: "Set interval: done" in page.inner_text("#command-result"))
    until(lambda: running.monitor.snapshot("demo").info.interval_ms == 50)
    until(lambda: "50 ms" in page.inner_text("#board-facts"))
    page.fill("#interval-ms", "0")
    page.click("#command-set_interval")
    until(lambda: "from 1 to 60" in page.inner_text("#command-result"))
    assert running.monitor.snapshot("demo").info.interval_ms == 50
    running.monitor.command("demo", "set_interval", {"value_ms": 100})


def test_a_board_is_added_only_when_its_port_opened_and_can_be_removed(page: Page, running: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = free.getsockname()[1]
    drawer(page, "boards")
    page.click("#connect")
    until(lambda: "Enter a port or a URL" in page.inner_text("#connect-result"))
    page.fill("#connect-url", f"socket://127.0.0.1:{nobody}")
    page.fill("#connect-name", "second")
    page.click("#connect")
    until(lambda: "is the other end running" in page.inner_text("#connect-result"))
    assert [info.device for info in running.monitor.devices()] == ["demo"]
    with mock("--out", "tcp", "--interval-ms", "100", "--id", "second") as board:
        page.fill("#connect-url", board.url)
        page.click("#connect")
        until(lambda: "second was added" in page.inner_text("#connect-result"))
        until(lambda: page.input_value("#board-select") == "second")
        until(lambda: page.locator("#board-list input").count() == 2)
        until(lambda: page.evaluate("document.querySelectorAll('#overlay .trace').length") == 2)
        page.fill("#board-filter", "dem")
        until(lambda: page.locator("#board-list input").count() == 1)
        page.fill("#board-filter", "")
        drawer(page, "board")
        until(lambda: "second" in page.inner_text("#board-facts h3 >> nth=0"))
        page.click("#remove-board")
        until(lambda: "is read no more" in page.inner_text("#remove-result"))
        until(lambda: not next(info for info in running.monitor.devices() if info.device == "second").url)
    page.click("#open-boards")
    page.wait_for_selector(".of-boards")
    page.click("#board-list label >> text=demo")
    until(lambda: page.input_value("#board-select") == "demo")


def test_the_demo_is_broken_and_mended_beside_its_chart(page: Page, running: Program) -> None:
    drawer(page, "demo")
    page.click("text=Noise")
    until(lambda: running.monitor.demo().scenario == "noise")
    page.click("label:has-text('50 /s')")
    until(lambda: running.monitor.snapshot("demo").info.interval_ms == 20)
    page.click("label:has-text('5 % twice')")
    until(lambda: running.monitor.demo().faults == {"duplicate": 0.05})
    until(lambda: "5 % twice: on" in page.inner_text("#fault-result"))
    page.click("label:has-text('5 % twice')")
    until(lambda: running.monitor.demo().faults == {})
    page.click("#fault-silence")
    until(lambda: page.get_attribute("#state", "data-state") == "stale")
    until(lambda: page.get_attribute("#state", "data-state") == "demo")
    page.click("text=Operating states")
    page.click("label:has-text('10 /s') >> nth=0")
    until(lambda: running.monitor.snapshot("demo").info.interval_ms == 100)


def test_what_another_did_to_the_demo_is_shown(page: Page, running: Program) -> None:
    running.monitor.fault("demo", "reorder", 0.05)
    drawer(page, "demo")
    until(lambda: page.is_checked("label:has-text('5 % swapped') >> xpath=../input"))
    running.monitor.fault("demo", "reorder", 0)
    until(lambda: not page.is_checked("label:has-text('5 % swapped') >> xpath=../input"))
    assert running.monitor.demo().faults == {}  # showing it did not do it again


def test_a_setting_has_its_effect_at_once_and_none_deletes_unasked(page: Page, running: Program) -> None:
    drawer(page, "settings")
    until(lambda: page.input_value("#setting-retention_h") == "48")
    page.fill("#setting-retention_h", "24")
    page.click("#setting-save")
    until(lambda: "Tick the box" in page.inner_text("#settings-result"))
    assert running.monitor.settings.retention_h == 48 and page.input_value("#setting-retention_h") == "24"
    page.fill("#setting-retention_h", "72")
    page.fill("#setting-interval_ms", "250")
    page.click("#setting-save")
    until(lambda: "Changed: Page pulls every (ms), Keep readings for (h)" in page.inner_text("#settings-result"))
    assert running.monitor.settings.interval_ms == 250
    assert running.monitor.health().storage.retention_h == 72
    page.fill("#setting-interval_ms", "7")
    page.click("#setting-save")
    until(lambda: "must be a whole number from 100" in page.inner_text("#settings-result"))
    running.monitor.change_settings({"interval_ms": 500, "retention_h": 48})


def test_secrets_and_paths_are_not_among_the_settings(page: Page) -> None:
    drawer(page, "settings")
    until(lambda: "--viewer-token" in page.inner_text("#settings"))
    told = page.inner_text("#settings")
    assert "operator-token" not in told and "viewer-token-22" not in told and "/tmp" not in told


def test_recording_and_refused_lines_are_told(page: Page, running: Program) -> None:
    drawer(page, "recording")
    until(lambda: "Oldest reading" in page.inner_text("#recording"))
    running.monitor.fault("demo", "garbage", 1.0)
    until(lambda: running.monitor.rejected("demo"))
    running.monitor.fault("demo", "garbage", 0)
    drawer(page, "rejected")
    line = running.monitor.rejected("demo")[-1].line
    until(lambda: any(line.strip()[:20] in text for text in page.evaluate(FROM_BROWSER, "#rejected li")))


def test_the_table_holds_the_window_with_its_extremes(page: Page) -> None:
    drawer(page, "table")
    page.wait_for_selector("#table tbody tr")
    heads = page.evaluate(FROM_BROWSER, "#table thead th")
    assert heads[0] == "Time" and heads[1] == "Voltage (V)" and heads[-1] == "Count"
    assert page.locator("#table tbody th[scope=row]").count() == page.locator("#table tbody tr").count() <= 30
    page.focus("#table")
    assert page.evaluate("document.activeElement.id") == "table"


def test_what_is_exported_is_what_was_offered(page: Page, running: Program) -> None:
    page.click("#export-button")
    page.select_option("#export-scope", "all")
    until(lambda: "readings, about" in page.inner_text("#export-estimate"))
    assert "simulated board" in page.inner_text("#export-estimate")
    page.select_option("#export-decimal", "comma")
    until(lambda: page.input_value("#export-delimiter") == "semicolon")
    page.select_option("#export-zone", "local")
    asked = until(
        lambda: (
            (found := parse_qs(urlsplit(page.get_attribute("#export-link", "href") or "").query)).get("zone") == ["Asia/Seoul"]
            and found
        )
    )
    assert asked["decimal"] == ["comma"] and asked["device"] == ["demo"]
    with page.expect_download() as download:
        page.click("#export-link")
    name = download.value.suggested_filename
    assert name.startswith("powermon_demo_20") and name.endswith(".csv")
    rows = list(csv.reader(io.StringIO(download.value.path().read_text()), delimiter=";"))
    assert rows[0][4:7] == ["voltage_v", "current_a", "power_w"] and "," in rows[1][4] and rows[1][1] == "demo"
    extent = running.monitor.extent("demo")
    assert extent is not None and len(rows) > 10
    page.select_option("#export-format", "parquet")
    until(lambda: page.is_hidden("#export-delimiter"))
    page.click("#export-close")
    page.wait_for_selector("#export-dialog", state="detached")


def test_the_sheet_of_keys_comes_on_the_question_mark(page: Page) -> None:
    page.click("h1")
    page.keyboard.press("?")
    page.wait_for_selector(".help-sheet")
    assert "back to the view before the zoom" in page.inner_text(".help-sheet")
    page.keyboard.press("Escape")
    page.wait_for_selector(".help-sheet", state="detached")


@pytest.mark.parametrize(
    ("name", "control"),
    [
        ("board", "#command-ping"),
        ("board", "#remove-board"),
        ("boards", "#connect"),
        ("demo", "#fault-unplug"),
        ("settings", "#setting-save"),
    ],
)
def test_a_viewer_sees_what_changes_something_disabled_with_the_reason(open_page: Open, name: str, control: str) -> None:
    page = open_page(viewer=True)
    drawer(page, name)
    assert page.is_disabled(control)
    assert "operator's token" in page.inner_text(".drawer-body")


LIMIT = AlertRule("middle", AlertChannel.W, Level.WARNING, 1.0, 0.9)
LINES = """() => Array.from(document.querySelectorAll("#chart .layer-above .shapelayer path[data-index]"), (path) => {
    const box = path.getBoundingClientRect();
    return [box.x + box.width / 2, box.y, Boolean(document.querySelector("#chart [drag-helper]"))];
})"""


def on_line(page: Page) -> tuple[float, float] | None:
    """Where the limit's line can be taken hold of, if nothing else lies there."""
    ((x, y, _),) = page.evaluate(LINES)
    under = "([x, y]) => document.elementFromPoint(x, y)?.closest('.shapelayer') !== null"
    return (x, y) if page.evaluate(under, [x, y]) else None


def test_a_limit_line_is_dragged_by_an_operator_and_never_by_a_viewer(open_page: Open, running: Program) -> None:
    running.monitor.alerts.set_rules([LIMIT])
    try:
        for viewer in (True, False):
            page = open_page(viewer=viewer)
            ((x, y, can_be_dragged),) = until(lambda page=page: page.evaluate(LINES))
            assert can_be_dragged is not viewer
            if not viewer:  # the axis may have got another range meanwhile, and the line another place
                x, y = until(lambda page=page: on_line(page))
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x, y + 8, steps=4)
            page.mouse.up()
            if viewer:
                page.wait_for_selector("#open-alerts")
                assert page.evaluate("document.querySelectorAll('.drawer-body').length") == 0
            else:
                until(lambda page=page: "ould" in page.inner_text("#rule-trial"))  # tried on the real record
                page.keyboard.press("Escape")
                page.wait_for_selector(".drawer-body", state="detached")
    finally:
        running.monitor.alerts.set_rules([])


def test_a_viewer_looks_at_everything_else(open_page: Open) -> None:
    page = open_page(viewer=True)
    for name in DRAWERS:
        drawer(page, name)
    drawer(page, "boards")
    assert page.is_enabled("#board-filter") and page.is_enabled("#port-look")
    page.click("#export-button")
    until(lambda: "readings, about" in page.inner_text("#export-estimate"))


def test_a_viewer_sees_no_line_of_a_port_that_never_spoke_as_a_board(open_page: Open, running: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as console:
        device = running.monitor.connect(f"socket://127.0.0.1:{console.getsockname()[1]}", "console")
        line, _ = console.accept()
        with line:
            line.sendall(b"root password: hunter2\n" * 3)
            until(lambda: running.monitor.rejected(device))
            operator, viewer = open_page(), open_page(viewer=True)
            for page in (operator, viewer):
                until(lambda page=page: page.locator("#board-select option", has_text="console").count())  # type: ignore[misc]
                page.select_option("#board-select", device)
                drawer(page, "rejected")
            until(lambda: "hunter2" in operator.inner_text("#rejected"))
            with viewer.expect_response(lambda answer: "rejected.children" in (answer.request.post_data or "")) as asked:
                pass  # it asks every few seconds
            assert "hunter2" not in asked.value.text() and "hunter2" not in viewer.inner_text("#rejected")
            running.monitor.remove(device)


def test_drawers_speak_korean(open_page: Open) -> None:
    page = open_page(locale="ko-KR")
    drawer(page, "board")
    page.click("#command-ping")
    until(lambda: "핑" in page.inner_text("#command-result") and "완료" in page.inner_text("#command-result"))


def test_on_a_phone_a_drawer_takes_the_width_and_its_targets_are_large(open_page: Open) -> None:
    page = open_page(width=360, height=740, has_touch=True, is_mobile=True)
    for name in ("board", "demo", "settings"):
        drawer(page, name)
        page.wait_for_timeout(500)  # the drawer slides in
        box = page.locator("#drawer").bounding_box()
        assert box is not None and box["x"] <= 0.5 and box["width"] >= 359
        assert page.evaluate(SMALL) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
