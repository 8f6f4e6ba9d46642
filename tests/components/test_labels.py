"""What the page calls things: where numbers come from, spans of time, flags; in the reader's language."""

from __future__ import annotations

import msgspec
import pytest

from services.model import Event, EventKind, LinkState
from tests.components.conftest import Open
from tests.components.fakes import FakeMonitor
from tests.components.looking import number, state, text, until


@pytest.mark.parametrize("demo", [False, True])
def test_a_replay_is_called_so_in_header_chart_and_export(open_page: Open, monitor: FakeMonitor, demo: bool) -> None:
    monitor.info = msgspec.structs.replace(monitor.info, demo=demo, replay=True)
    page = open_page()
    until(page, lambda: state(page) == "replay")
    assert text(page, "state-word") == "REPLAY" and text(page, "source-mark") == "REPLAY"
    assert "recording" in text(page, "demo-banner")
    page.click("#export-button")
    until(page, lambda: "replayed" in text(page, "export-note"))


def test_the_demo_is_called_so(open_page: Open, monitor: FakeMonitor) -> None:
    monitor.info = msgspec.structs.replace(monitor.info, demo=True)
    page = open_page()
    until(page, lambda: state(page) == "demo")
    assert text(page, "source-mark") == "DEMO" and "Simulated" in text(page, "demo-banner")


def test_spans_of_time_are_korean_on_a_korean_page(open_page: Open) -> None:
    page = open_page(locale="ko-KR")
    until(page, lambda: number(page, "window-coverage"))
    assert text(page, "window-span") == "1분"
    assert "초" in text(page, "coverage-v") and " s" not in text(page, "coverage-v")
    page.click("#range-1h")
    until(page, lambda: text(page, "window-span") == "1시간")
    assert "48시간에" in until(page, lambda: text(page, "storage-facts"))


def test_why_the_link_failed_is_korean_on_a_korean_page(open_page: Open, monitor: FakeMonitor) -> None:
    problem = (
        "/dev/ttyACM0 is in use by minicom (process 17): close that program (or its serial monitor); it is tried again by itself"
    )
    monitor.info = msgspec.structs.replace(monitor.info, state=LinkState.LOST, problem=problem, next_try_s=3.0)
    page = open_page(locale="ko-KR")
    until(page, lambda: "사용 중" in text(page, "link-banner-text"))
    assert "minicom (process 17)" in text(page, "link-banner-text")


FLAGS = [
    (EventKind.REBOOT, {"boot": 4}, "보드가 다시 시작되었습니다 (부팅 4)."),
    (EventKind.SENSOR, {"status": "ok"}, "센서가 다시 측정합니다."),
    (EventKind.ALERT, {"channel": "w", "level": "danger", "value": 9.5}, "전력 위험 한계를 벗어남: 9.500 W"),
    (EventKind.CLOCK, {"step_us": -2_000_000}, "시계가 \u22122.0초 바뀌었습니다"),
    (EventKind.REBOOT, {}, "as it was stored"),
]


@pytest.mark.parametrize(("kind", "data", "said"), FLAGS)
def test_a_flag_on_the_chart_speaks_the_page_s_language(
    open_page: Open, monitor: FakeMonitor, kind: EventKind, data: dict[str, object], said: str
) -> None:
    monitor.event_list = [Event("bench-1", monitor.now_us() - 5_000_000, kind, "as it was stored", data, 1)]
    page = open_page(locale="ko-KR")
    flag = page.locator(f'.flag[data-kind="{kind.value}"]')
    until(page, lambda: said in (flag.get_attribute("title") or "") if flag.count() else False)
