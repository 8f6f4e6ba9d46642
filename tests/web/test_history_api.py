"""GET /api/history and its neighbours: exact, whole, and refusing what makes no sense."""

from __future__ import annotations

import csv

import httpx
import msgspec
import pytest

from services.web.parameters import parse_time
from tests.web.fake_monitor import DEVICE, FIRST_SEQ, STEP_US, STORED_ONLY, T0_US, FakeMonitor


def error_of(answer: httpx.Response) -> dict[str, str]:
    body = answer.json()
    assert set(body) == {"error"} and set(body["error"]) == {"code", "message", "field"}
    return body["error"]


def test_every_stored_reading_comes_once_and_exactly(client: httpx.Client, monitor: FakeMonitor) -> None:
    body = client.get("/api/history").json()
    rows = body["readings"]
    assert body["device"] == DEVICE
    assert [row["ts"] for row in rows] == [time / 1e6 for time in monitor.stored.time_us]
    for channel in ("v", "a", "w"):
        assert [row[channel] for row in rows] == getattr(monitor.stored, channel).tolist()
    assert [n for n, row in enumerate(rows) if row["recovered"]] == [49, 99, 149, 199]
    assert set(rows[0]) == {"time", "ts", "device", "boot", "seq", "v", "a", "w", "status", "recovered"}
    assert rows[0]["time"] == "2023-11-14T22:13:20.000000Z"


def test_numbers_shown_outside_are_those_of_the_wire(client: httpx.Client) -> None:
    rows = client.get("/api/history").json()["readings"]
    assert [row["seq"] for row in rows[:5]] == [2**32 - 3, 2**32 - 2, 2**32 - 1, 0, 1]


def test_history_is_made_page_by_page(client: httpx.Client, monitor: FakeMonitor) -> None:
    assert len(client.get("/api/history").json()["readings"]) == 200
    assert [call[1] for call in monitor.calls if call[0] == "page"] == [0, 60, 120, 180]


def test_pages_end_when_the_client_goes_away(client: httpx.Client, monitor: FakeMonitor) -> None:
    monitor.stored = type(monitor)(count=300_000).stored
    monitor.page_rows = 5000
    with client.stream("GET", "/api/history") as answer:
        next(answer.iter_raw())
    assert client.get("/api/health").status_code == 200
    assert len([call for call in monitor.calls if call[0] == "page"]) < 60


def test_spans_are_half_open(client: httpx.Client) -> None:
    t0, t1 = (T0_US + 10 * STEP_US) / 1e6, (T0_US + 20 * STEP_US) / 1e6
    rows = client.get("/api/history", params={"from": t0, "to": t1}).json()["readings"]
    assert len(rows) == 10 and rows[0]["ts"] == t0


def test_an_empty_span_is_an_empty_list(client: httpx.Client) -> None:
    assert client.get("/api/history", params={"from": 5, "to": 5}).json()["readings"] == []


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("1700000000", T0_US),
        ("1700000000.25", T0_US + 250_000),
        ("2023-11-14T22:13:20Z", T0_US),
        ("2023-11-14T22:13:20", T0_US),
        ("2023-11-15T07:13:20+09:00", T0_US),
        ("2023-11-15T07:13:20 09:00", T0_US),
        ("2023-11-14T22:13:20.000001Z", T0_US + 1),
        ("2023-11-14", 1_699_920_000_000_000),
        ("0", 0),
    ],
)
def test_times_are_iso_or_unix_seconds(text: str, time_us: int) -> None:
    assert parse_time(text, "from") == time_us


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"to": "nan"}, "to"),
        ({"from": "inf"}, "from"),
        ({"from": "-1"}, "from"),
        ({"from": "1900-01-01"}, "from"),
        ({"from": "1700000000000000"}, "from"),
        ({"from": "9", "to": "8"}, "from"),
        ({"device": "nobody"}, "device"),
        ({"points": "0"}, "points"),
        ({"points": "many"}, "points"),
        ({"points": "99999999"}, "points"),
        ({"format": "xml"}, "format"),
        ({"channels": "v,x"}, "channels"),
        ({"format": "csv", "delimiter": "z"}, "delimiter"),
        ({"format": "csv", "delimiter": "comma", "decimal": "comma"}, "delimiter"),
        ({"format": "parquet", "points": "5"}, "format"),
        ({"format": "csv", "zone": "Mars/Olympus"}, "zone"),
    ],
)
def test_what_makes_no_sense_is_400_and_names_the_field(client: httpx.Client, params: dict[str, str], field: str) -> None:
    answer = client.get("/api/history", params=params)
    assert answer.status_code == 400
    assert error_of(answer)["field"] == field and error_of(answer)["message"]


def test_a_board_known_from_the_database_has_a_history(client: httpx.Client) -> None:
    assert len(client.get("/api/history", params={"device": STORED_ONLY}).json()["readings"]) == 200


def test_without_any_board_the_question_is_refused_in_our_shape(client: httpx.Client, monitor: FakeMonitor) -> None:
    monitor.boards = []
    answer = client.get("/api/history")
    assert answer.status_code == 400 and error_of(answer)["code"] == "unknown_device"
    assert client.get("/api/events").status_code == 200


def test_points_give_buckets_with_extremes_and_counts(client: httpx.Client, monitor: FakeMonitor) -> None:
    body = client.get("/api/history", params={"points": 10}).json()
    points = body["points"]
    assert len(points) == 10 and body["bucket_s"] == 0.1
    assert sum(point["count"] for point in points) == 200
    assert max(point["v"]["max"] for point in points) == monitor.stored.v.max()
    assert set(points[0]) == {"time", "ts", "count", "marked", "v", "a", "w"} and set(points[0]["v"]) == {"min", "mean", "max"}


FIELDS = ("min", "mean", "max", "marked_min", "marked_max")
COLUMNS = [f"{name}_{field}_{unit}" for name, unit in (("voltage", "v"), ("power", "w")) for field in FIELDS]
HEADER = ",".join(["time,device,count,marked", *COLUMNS])


def test_buckets_come_as_csv_too(client: httpx.Client) -> None:
    lines = client.get("/api/history", params={"points": 10, "format": "csv", "channels": "w,v"}).text.splitlines()
    assert lines[0] == HEADER
    assert len(lines) == 11 and lines[1].startswith(f"2023-11-14T22:13:20.000000Z,{DEVICE},20,0,")


def test_csv_is_an_attachment_named_after_board_and_span(client: httpx.Client, monitor: FakeMonitor) -> None:
    answer = client.get(
        "/api/history",
        params={"format": "csv", "delimiter": "semicolon", "decimal": "comma", "from": 1700000000, "to": 1700000001},
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    name = f"powermon_{DEVICE}_20231114T221320Z_20231114T221321Z.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert len(answer.text.splitlines()) == 11
    options = monitor.calls[0][2]
    assert (monitor.calls[0][1], options.delimiter, options.decimal) == ("csv", ";", ",")


def test_some_channels_leave_out_the_others(client: httpx.Client) -> None:
    row = client.get("/api/history", params={"channels": "w"}).json()["readings"][0]
    assert "w" in row and "v" not in row and "a" not in row


def test_statistics_say_what_they_rest_on(client: httpx.Client, monitor: FakeMonitor) -> None:
    body = client.get("/api/stats", params={"from": T0_US / 1e6}).json()
    assert body["count"] == 200 and body["coverage_s"] == 20.0 and body["counts"]["completeness"] == 1.0
    assert body["v"]["max"] == monitor.stored.v.max() and set(body["v"]) == {"min", "mean", "max", "std"}


def test_gaps_events_and_rejected_lines_are_listed(client: httpx.Client) -> None:
    gap = client.get("/api/gaps").json()["gaps"][0]
    assert (gap["first"], gap["last"], gap["state"], gap["recovered"]) == (
        (FIRST_SEQ + 5) % 2**32,
        (FIRST_SEQ + 6) % 2**32,
        "recovered",
        2,
    )
    events = client.get("/api/events", params={"limit": 1}).json()["events"]
    assert [event["kind"] for event in events] == ["reboot"]
    line = client.get("/api/rejected").json()["rejected"][0]
    assert line["line"] == '<b>{"v":' and line["reason"] == "not_json" and line["seq"] == 4


def test_an_export_is_estimated_before_it_is_made(client: httpx.Client) -> None:
    assert client.get("/api/export/estimate", params={"format": "parquet"}).json() == {
        "rows": 200,
        "bytes": 14000,
        "seconds": 0.002,
    }


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\t=x"])
def test_no_spreadsheet_runs_a_name_in_the_csv_of_buckets(client: httpx.Client, monitor: FakeMonitor, name: str) -> None:
    monitor.boards = [name]
    rows = list(csv.reader(client.get("/api/history", params={"format": "csv", "points": 5, "device": name}).text.splitlines()))
    assert {row[1] for row in rows[1:]} == {"'" + name}


def test_a_replay_is_said_in_the_file_s_name(client: httpx.Client, monitor: FakeMonitor) -> None:
    measured = monitor.info
    monitor.info = lambda device: msgspec.structs.replace(measured(device), replay=True)  # type: ignore[method-assign]
    for more in ({}, {"points": 5}):
        asked = {"device": DEVICE, "from": T0_US / 1e6, "to": T0_US / 1e6 + 60, "format": "csv"} | more
        answer = client.get("/api/history", params=asked)
        assert f'filename="powermon_{DEVICE}_REPLAY_2023' in answer.headers["content-disposition"]
