"""What the drawers show, without a browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import dash_bootstrap_components as dbc
import msgspec
import numpy as np
import pandas as pd
import pytest
from dash import html
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from components import ids
from components.access import for_viewer
from components.feed import Look
from components.figures import overlay
from components.figures.overlay import BoardCurve
from components.look.parts import only_changed, with_commands
from components.page import CHANGING, DRAWERS
from components.panels import (
    alerts,
    board,
    boards,
    commands,
    connect,
    demo,
    export,
    found,
    lamps,
    notices,
    recording,
    rejected,
    settings,
    strip,
    table,
)
from components.view import View
from components.words.text import EN, KO
from services.alert_model import AlertChannel, AlertRule, AlertState, AlertStatus, Lamp, Level
from services.analysis.frame import frame_of_curve
from services.live_model import ClockHealth, CommandOutcome, DemoState, DeviceInfo, Health, PortInfo, StorageHealth
from services.model import Curve, Event, EventKind, LinkState, Reason, Rejected
from services.options import OPTIONS
from services.settings import Settings
from tests.components.fakes import FakeMonitor

NOW_US = 1_780_000_000_000_000
VIEW = View(device="bench-1", zone="Asia/Seoul", local_zone="Asia/Seoul")
INFO = DeviceInfo(
    "bench-1", "/dev/ttyACM0", LinkState.LIVE, NOW_US, "", None, False, False, 1, True, "1.0", "b1", 3, 100.0, 10.0, NOW_US, "ok",
    ClockHealth(), 48,
)  # fmt: skip
STORAGE = StorageHealth(True, "", 3, 0, 100, NOW_US, 4_000_000, 33.2, 57_000_000, 10**9, 48.0)


def text_of(parts: Any) -> str:
    """Every word, as a reader meets it."""
    if parts is None:
        return ""
    if isinstance(parts, list | tuple):
        return "\n".join(text_of(part) for part in parts)
    return text_of(getattr(parts, "children", None)) if hasattr(parts, "to_plotly_json") else str(parts)


def curve(v: list[float], bucket_us: int = 0) -> Curve:
    n = len(v)
    value, zeros, none = np.array(v), np.zeros(n, np.uint8), np.full(n, np.nan)
    times = NOW_US + np.arange(n, dtype=np.int64) * 100_000
    half = 0.5 if bucket_us else 0.0
    columns = [value - half, value, value + half] * 3
    return Curve(bucket_us, times, np.ones(n, np.int64), *columns, zeros, zeros, np.zeros(n, np.int64), *[none] * 6)


def frame(v: list[float], bucket_us: int = 0) -> pd.DataFrame:
    return frame_of_curve(curve(v, bucket_us))


# --- every drawer


@pytest.mark.parametrize("name", DRAWERS)
@pytest.mark.parametrize("text", [EN, KO], ids=["en", "ko"])
def test_every_drawer_has_a_layout_of_few_components(name: str, text: dict[str, str]) -> None:
    made = html.Div(DRAWERS[name].panel.layout(text))
    assert f"drawer.{name}" in text and len(list(made._traverse())) < 90


def test_what_changes_something_is_disabled_for_a_viewer_with_the_reason() -> None:
    for name in ("board", "boards", "demo", "settings"):
        shown = html.Div(for_viewer(DRAWERS[name].panel.layout(EN), EN))
        fieldsets = [part for part in shown._traverse() if isinstance(part, html.Fieldset)]
        assert fieldsets and all(part.disabled for part in fieldsets) and EN["role.viewer"] in text_of(shown)
    assert for_viewer(html.P("only looks"), EN).children == "only looks"


TOLD = {"title": "Danger", "body": "too much", "link": "?", "severity": "danger", "episodes": ["over.bench.1"]}


def test_each_outcome_on_the_guards_list_stands_beside_controls_that_a_viewer_cannot_press() -> None:
    offer = found.render([PortInfo("/dev/ttyACM0", "Uno", "2341:0043", True)], EN, demo=True, operator=False)
    whole = html.Div([*(each.panel.layout(EN) for each in DRAWERS.values()), *offer])
    outcomes = {part.id for part in whole._traverse() if getattr(part, "className", "") == "outcome"}
    assert set(CHANGING) - {ids.SEEN_RESULT} <= outcomes  # trying a rule has an outcome and changes nothing
    for operator in (False, True):  # what stands in a notice is not there for a viewer
        notice = html.Div(notices.render([TOLD], View(), operator=operator))
        assert any(isinstance(part, dbc.Button) for part in notice._traverse()) is operator
    inside = {
        part.id for fieldset in whole._traverse() if isinstance(fieldset, html.Fieldset) for part in fieldset._traverse()
        if getattr(part, "id", "")
    }  # fmt: skip
    buttons = ("command-ping", "connect", "remove-board", "fault-unplug", "demo-scenario", "setting-save", "found-use")
    assert set(buttons) <= inside


def test_the_same_is_not_sent_again() -> None:
    shown, mark = only_changed([html.P("one")], None)
    assert shown and mark
    assert only_changed([html.P("one")], mark)[0] is not shown
    assert "NoUpdate" in type(only_changed([html.P("one")], mark)[0]).__name__
    assert only_changed([html.P("two")], mark)[1] != mark


def test_a_command_stands_by_itself_to_be_copied() -> None:
    parts = with_commands("no permission; run `sudo usermod -aG dialout $USER`, then log in again")
    assert [type(part).__name__ for part in parts] == ["str", "Code", "str"]
    assert parts[1].children == "sudo usermod -aG dialout $USER"  # type: ignore[union-attr]


# --- lamps


LAMPS = (
    Lamp("residual", 0.0125, "W", Level.NORMAL, 0.05, 0.2),
    Lamp("saturation", 0.02, "share", Level.WARNING, 0.0, 0.1),
    Lamp("drift", 30_000.0, "ppm", Level.DANGER, 5_000.0, 20_000.0),
    Lamp("jitter", None, "ms", Level.NORMAL, 50.0, 250.0),
    Lamp("completeness", 0.985, "share", Level.DANGER, 0.999, 0.99),
)


def test_each_lamp_has_a_sign_a_word_a_figure_and_where_it_changes() -> None:
    rows = lamps.render(LAMPS, "en").children  # type: ignore[attr-defined]
    told = [text_of(row).replace("\u202f", " ").strip().split("\n") for row in rows]
    assert [row[0] for row in told] == ["in order", "warning", "danger", "not known", "danger"]
    assert told[0][1:] == ["v·a against w", "12.5 mW", "warning above 50.0 mW, danger above 200.0 mW"]
    assert told[2][2:] == ["30 000 ppm", "warning above 5 000 ppm, danger above 20 000 ppm"]
    assert told[4][2:] == ["98.50 %", "warning below 99.90 %, danger below 99.00 %"]
    signs = [row.children[0].children[0].className for row in rows]
    assert signs == ["icon icon-done", "icon icon-warning", "icon icon-warning", "icon icon-info", "icon icon-warning"]
    korean = text_of(lamps.render(LAMPS, "ko"))
    assert "정상" in korean and "시계 편차" in korean and "위험" in korean and "99.90 % 미만 경고" in korean


def test_the_strip_names_the_worst_lamp_and_nothing_while_all_is_in_order() -> None:
    assert lamps.worst((LAMPS[0], LAMPS[3], LAMPS[4]), "en") == []  # its completeness the strip has anyway
    assert text_of(lamps.worst(LAMPS, "en")).strip() == "Clock drift: danger"
    assert text_of(lamps.worst(LAMPS[:2], "ko")).strip() == "포화된 측정값: 경고"


# --- board, boards, ports


def test_a_problem_of_the_link_comes_first_with_its_command() -> None:
    trouble = msgspec.structs.replace(INFO, problem="/dev/ttyACM0: no permission; run `sudo x`, then log out and in again")
    first = board.render(board.Known(trouble), VIEW, NOW_US)[0]
    assert "sudo x" in text_of(first) and any(isinstance(part, html.Code) for part in first._traverse())


def test_a_board_that_only_the_record_knows_is_said_to_be_so() -> None:
    told = text_of(
        board.render(board.Known(msgspec.structs.replace(INFO, url=""), None, (NOW_US, NOW_US + 3_600_000_000)), VIEW, NOW_US)
    )
    assert "not connected" in told and "1 h" in told
    assert "No board has been seen yet" in text_of(board.render(board.Known(None), VIEW, NOW_US))


def test_sixty_four_boards_are_one_component_and_can_be_found() -> None:
    many = [msgspec.structs.replace(INFO, device=f"bench-{n}", url=f"socket://10.0.0.{n}:5000") for n in range(64)]
    assert len(boards.render(many, "", EN)) == 64
    assert [option["value"] for option in boards.render(many, "bench-7", EN)] == ["bench-7"]
    assert [option["value"] for option in boards.render(many, "LIVE 10.0.0.63:", EN)] == ["bench-63"]
    assert boards.render(many, "nothing", EN) == []


def test_likely_ports_come_first_and_the_doctor_speaks_of_the_chosen_one() -> None:
    ports = [
        PortInfo("/dev/ttyS0", "Serial", "", False),
        PortInfo("/dev/ttyUSB1", "CH340", "1A86:7523", True, "run `sudo y`", "refused"),
    ]
    assert [option["value"] for option in connect.render(ports, EN)] == ["/dev/ttyUSB1", "/dev/ttyS0"]
    assert "cannot be opened" in connect.render(ports, EN)[0]["label"] and "1A86:7523" in connect.render(ports, EN)[0]["label"]
    assert "sudo y" in text_of(connect.render_advice(ports, "/dev/ttyUSB1", VIEW))
    assert connect.render_advice(ports, "/dev/ttyS0", VIEW) == []
    assert "Plug the board in" in text_of(connect.render_advice([], None, VIEW))


@pytest.mark.parametrize(
    ("url", "baud", "fine"),
    [
        ("/dev/x", None, True),
        ("/dev/x", 9600, True),
        ("/dev/x", 7, False),
        ("/dev/x", 9600.5, False),
        ("", None, False),
        (None, 9600, False),
    ],
)
def test_a_form_is_checked_before_a_port_is_touched(url: Any, baud: Any, fine: bool) -> None:
    assert (connect.checked(url, baud, EN) == "") is fine


@effort(deadline=None)  # the first figure takes as long as Plotly takes to load
@given(st.lists(st.lists(st.floats(0, 24), min_size=1, max_size=30), min_size=1, max_size=6), st.sampled_from([0, 100_000]))
def test_no_peak_of_any_board_is_lower_in_the_common_chart(columns: list[list[float]], bucket_us: int) -> None:
    frames = [frame(column, bucket_us) for column in columns]
    drawn = overlay.build([BoardCurve(f"b{n}", each) for n, each in enumerate(frames)], "v", VIEW)
    assert len(drawn.data) == len(frames)
    scale = {"V": 1.0, "mV": 1e3, "µV": 1e6}[drawn.layout.yaxis.title.text]
    for trace, each in zip(drawn.data, frames, strict=True):
        y = np.array([value for value in trace.y if value is not None], float)
        assert np.nanmax(y) == pytest.approx(each["v_max"].max() * scale) and np.nanmin(y) == pytest.approx(
            each["v_min"].min() * scale
        )


# --- commands, demo


def test_a_command_says_what_became_of_it() -> None:
    done = CommandOutcome("b", 7, "ping", {}, "ok", "", 1, 41.3)
    assert text_of(commands.render_outcome(done, VIEW)).strip() == "Ping: done in 41 ms"
    failed = msgspec.structs.replace(done, result="failed", detail="no answer after 3 tries", tries=3)
    assert "no answer after 3 tries" in text_of(commands.render_outcome(failed, VIEW))
    refused = msgspec.structs.replace(done, result="error", detail="too short")
    assert "the board refused (too short)" in text_of(commands.render_outcome(refused, VIEW))


@pytest.mark.parametrize(
    ("value", "sent"), [(100, 100), (1, 1), (60_000, 60_000), (0, None), (60_001, None), (1.5, None), ("", None), (True, None)]
)
def test_an_interval_is_whole_milliseconds_within_its_limits(value: Any, sent: int | None) -> None:
    assert commands.arguments("set_interval", value, 0) == (None if sent is None else {"value_ms": sent})


def test_the_log_holds_commands_only_newest_first() -> None:
    data = {"name": "ping", "result": "ok", "detail": "", "tries": 1, "took_ms": 4.0}
    happened = [
        Event("b", NOW_US, EventKind.GAP, "", {"count": 1}),
        *[Event("b", NOW_US - n, EventKind.COMMAND, "", data) for n in range(30)],
    ]
    lines = commands.render(happened, VIEW, NOW_US)
    assert len(lines) == commands.LOGGED and "ping → done" in text_of(lines[0])


def test_only_what_is_not_so_already_is_switched() -> None:
    assert demo.switched(["drop"], {"corrupt": 0.05}) == {"drop": 0.05, "corrupt": 0.0}
    assert demo.switched(["drop"], {"drop": 0.2}) == {}
    assert demo.render(DemoState("demo", "spike", 20.0, {"drop": 0.05, "garbage": 1.0})) == ("spike", "20", ["drop"])
    assert demo.render(DemoState("demo", None, 33.0, {})) == (None, None, [])


# --- recording, refused lines, table


def test_recording_tells_problems_first_and_measures() -> None:
    well = Health("ok", (), "1", 1.0, STORAGE, (), {"p50": 0.4, "p95": 0.6})
    told = text_of(recording.render(well, (NOW_US - 10_000_000, NOW_US), VIEW, NOW_US + 2_000_000))
    assert "Everything is written" in told and "57.0 MB" in told and "2 s ago" in told and "half 0.4 ms" in told
    ill = msgspec.structs.replace(well, storage=msgspec.structs.replace(STORAGE, problem="the disk is full", dropped=12))
    shown = recording.render(ill, None, View(language="ko"), NOW_US)
    assert "디스크가 가득" in text_of(shown[0]) and "12" in text_of(shown[1]) and "모두 저장" not in text_of(shown)


def test_recording_warns_before_the_disk_is_full() -> None:
    tight = Health("ok", (), "1", 1.0, msgspec.structs.replace(STORAGE, free_bytes=1_000_000), (), {"p50": None, "p95": None})
    told = text_of(recording.render(tight, None, VIEW, NOW_US))
    assert "Only 1.00 MB are free" in told and "nothing yet" in told


def test_a_refused_line_shows_why_and_what_came_as_text() -> None:
    line = Rejected("b", NOW_US, Reason.NOT_JSON, '<script>\\x00{"v":', "no end")
    (shown,) = rejected.render([line], VIEW, NOW_US)
    first, rest = str(shown.children).split("\n")
    assert "not JSON: no end" in first and rest == '<script>\\x00{"v":'
    assert text_of(rejected.render([], VIEW, NOW_US)) == EN["rejected.none"]


def test_the_table_has_heads_for_rows_and_columns_and_exact_extremes() -> None:
    shown = html.Div(table.render(frame([5.0, 5.5], 100_000), (NOW_US, NOW_US + 200_000), VIEW, NOW_US))
    heads = [part for part in shown._traverse() if isinstance(part, html.Th)]
    assert [head.scope for head in heads] == ["col"] * 5 + ["row"] * 2
    assert "5.000\n4.500…5.500" in text_of(shown) and text_of(shown).count("5.500\n5.000…6.000") == 2  # A has more digits
    assert text_of(table.render(frame([]), (0, 1), VIEW, NOW_US)) == EN["chart.empty"]


# --- settings


def test_every_option_is_in_the_drawer_and_no_secret() -> None:
    given_ = Settings(token="abcdefgh-secret", viewer_token="ijklmnop-secret")
    told = text_of(settings.render_rest(given_, EN))
    assert all(option.flag in told for option in OPTIONS if option.name not in settings.HERE)
    assert "secret" not in told.replace("--token", "") and "set" in told


@pytest.mark.parametrize(
    ("wanted", "deletes"),
    [
        ({"retention_h": 24, "max_db_mb": None}, True),
        ({"retention_h": 72, "max_db_mb": None}, False),
        ({"retention_h": 48, "max_db_mb": 100}, True),
        ({"max_db_mb": None}, False),
    ],
)
def test_what_would_delete_readings_is_known(wanted: dict[str, Any], deletes: bool) -> None:
    assert settings.deletes(wanted, {"retention_h": 48.0, "max_db_mb": None}) is deletes


def test_an_empty_size_is_no_limit_and_another_empty_field_stays() -> None:
    assert settings.asked({"interval_ms": None, "retention_h": 24, "max_db_mb": "", "log_level": "info"}) == {
        "retention_h": 24,
        "max_db_mb": None,
        "log_level": "info",
    }


# --- export


def test_all_begins_with_the_first_stored_reading() -> None:
    record = (NOW_US - 7_000_000, NOW_US - 1)
    assert export.span_of(export.Wanted("all"), VIEW, record, NOW_US) == (NOW_US - 7_000_000, NOW_US)
    assert export.span_of(export.Wanted("window"), VIEW, record, NOW_US) == (NOW_US - 7_000_000, NOW_US)
    chosen = VIEW.but(selection_us=(NOW_US - 5, NOW_US - 2))
    assert export.span_of(export.Wanted("selection"), chosen, record, NOW_US) == (NOW_US - 5, NOW_US - 2)
    assert export.span_of(export.Wanted("all"), VIEW, None, NOW_US) is None


def test_the_link_says_every_choice() -> None:
    wanted = export.Wanted("all", "csv", "tab", "comma", "local", "plain")
    asked = parse_qs(urlsplit(export.address(wanted, "b 1", (1_500_000, 2_000_001), "Asia/Seoul")).query)
    assert asked == {
        "device": ["b 1"], "from": ["1.500000"], "to": ["2.000001"], "format": ["csv"],
        "delimiter": ["tab"], "decimal": ["comma"], "header_units": ["false"], "zone": ["Asia/Seoul"],
    }  # fmt: skip
    parquet = msgspec.structs.replace(wanted, format="parquet")
    assert "delimiter" not in export.address(parquet, "b", (0, 1), "UTC")


def test_a_comma_does_not_part_columns_and_decimals_at_once() -> None:
    assert export.agreed(export.Wanted(decimal="comma")).delimiter == "semicolon"
    assert export.agreed(export.Wanted(decimal="comma", delimiter="tab")).delimiter == "tab"


@pytest.mark.parametrize(("source", "said"), [("demo", "simulated board"), ("replay", "replayed recording"), ("", "")])
def test_what_was_not_measured_is_said_to_be_so(source: str, said: str) -> None:
    told = text_of(export.render(export.Offer((NOW_US - 60_000_000, NOW_US), 600, 46_800, 0.001, source), VIEW, NOW_US))
    assert "600 readings, about 46.8 kB, about 1 s" in told and said in told
    assert bool(said) == ("simulated" in told or "replayed" in told)


def test_only_a_selection_can_be_chosen_when_there_is_one() -> None:
    def scopes(view: View) -> list[str]:
        (select,) = [part for part in html.Div(export.content(view))._traverse() if getattr(part, "id", "") == "export-scope"]
        return [option["value"] for option in select.options]

    assert scopes(VIEW) == ["all", "window"] and "selection" in scopes(VIEW.but(selection_us=(1, 2)))


def test_a_rule_about_something_else_than_a_value_is_said_above_the_cards_and_counted_in_the_strip() -> None:
    monitor = FakeMonitor()
    tick = monitor.tick("bench-1", 60, 100)
    rules = [
        AlertRule("silent", AlertChannel.AGE, Level.DANGER, 5, 5, hold_s=1),
        AlertRule("sensor", AlertChannel.SENSOR, Level.WARNING, 0.5, 0.5),
    ]
    status = tuple(
        AlertStatus(rule, AlertState.FIRING if fires else AlertState.PENDING, NOW_US, 7.0, 0, "an episode" if fires else "")
        for rule, fires in zip(rules, (True, False), strict=True)
    )
    state = msgspec.structs.replace(tick.state, alerts=status, levels=dict.fromkeys("vaw", Level.NORMAL), health=LAMPS)
    look = Look(NOW_US, "bench-1", msgspec.structs.replace(tick, state=state), None)
    said = text_of(alerts.render(look, VIEW, STORAGE, {}))
    assert "Danger: Silence > 5.000 s for 1 s." in said and "Sensor" not in said
    assert "위험: 무응답 시간 > 5.000 s" in text_of(alerts.render(look, VIEW.but(language="ko"), STORAGE, {}))
    strip_said = text_of(strip.render(look, VIEW))
    assert "1 active" in strip_said and "Clock drift: danger" in strip_said
