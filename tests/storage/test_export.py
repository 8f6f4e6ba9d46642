"""CSV round-trips exactly, looks as asked, and runs in no spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.errors import BadRequest
from services.model import Readings
from services.storage.export import ExportOptions, cell, csv_rows, estimate, export, parquet
from tests.storage.storing import T0, readings

MICROS = st.one_of(
    st.integers(-24_000_000, 24_000_000), st.integers(-(10**12), 10**12), st.sampled_from([0, 1, -1, 10**6, -(10**6), 999_999])
)


@st.composite
def page(draw: st.DrawFn) -> Readings:
    n = draw(st.integers(1, 12))

    def column(what: st.SearchStrategy[int]) -> list[int]:
        return draw(st.lists(what, min_size=n, max_size=n))

    v, a, w = (np.array(column(MICROS)) / 1e6 for _ in "vaw")
    seq, boot, flags = column(st.integers(0, 2**32 - 1)), column(st.integers(-1, 2**40)), column(st.integers(0, 15))
    return readings(sorted(column(st.integers(0, 4 * 10**15))), seq, v=v, a=a, w=w, boot=boot, flags=flags)


@settings(max_examples=100, deadline=None)
@given(
    parts=st.lists(page(), max_size=3), delimiter=st.sampled_from(",;\t|"), decimal=st.sampled_from(".,"),
    zone=st.sampled_from(["UTC", "Asia/Seoul", "Europe/Berlin", "America/St_Johns"]), device=st.text(min_size=1, max_size=12),
)  # fmt: skip
@example(parts=[], delimiter=",", decimal=".", zone="UTC", device='=1+1",')
def test_csv_round_trips_exactly(parts: list[Readings], delimiter: str, decimal: str, zone: str, device: str) -> None:
    if delimiter == decimal:
        delimiter = ";"
    device = device.encode("utf-8", "replace").decode()
    options = ExportOptions(delimiter=delimiter, decimal=decimal, zone=zone)
    text = b"".join(csv_rows(device, parts, options)).decode()
    head, *lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    assert head == ["time", "device", "boot", "seq", "voltage_v", "current_a", "power_w", "status", "recovered"]
    wanted = [
        row for part in parts for row in zip(*(getattr(part, name).tolist() for name in part.__struct_fields__), strict=True)
    ]
    assert len(lines) == len(wanted)
    for line, (boot, seq, time_us, _, v, a, w, flags) in zip(lines, wanted, strict=True):
        moment = datetime.fromisoformat(line[0])
        assert (moment - datetime.fromtimestamp(0, ZoneInfo("UTC"))) // datetime.resolution == time_us
        assert line[1].removeprefix("'") == device.replace("\0", "").removeprefix("'")
        assert [int(line[2]), int(line[3]), int(line[8])] == [boot, seq, flags & 1]
        assert [float(text.replace(decimal, ".")) for text in line[4:7]] == [v, a, w]
        assert line[7] == "ok"


def csv_of(rows: Readings, device: str = "bench", **options: object) -> list[str]:
    return b"".join(csv_rows(device, [rows], ExportOptions(**options))).decode().split("\r\n")  # type: ignore[arg-type]


def test_csv_looks_like_this() -> None:
    rows = readings(
        [T0 + 1, T0 + 1_000_000], [2**32 + 122, 124], v=[5.02, 12.0], a=[0.245, -0.000001], w=[1.23, 0.0], flags=[0, 1], boot=17
    )
    assert csv_of(rows) == [
        "time,device,boot,seq,voltage_v,current_a,power_w,status,recovered",
        "2023-11-14T22:13:20.000001Z,bench,17,122,5.02,0.245,1.23,ok,0",
        "2023-11-14T22:13:21.000000Z,bench,17,124,12.0,-0.000001,0.0,ok,1",
        "",
    ]


def test_delimiter_decimal_zone_channels_and_header_are_as_asked() -> None:
    rows = readings([T0], [1], v=5.5, w=0.05)
    lines = csv_of(rows, delimiter=";", decimal=",", zone="Asia/Seoul", channels=("v", "w"), header_units=False)
    assert lines[:2] == [
        "time;device;boot;seq;voltage;power;status;recovered",
        "2023-11-15T07:13:20.000000+09:00;bench;1;1;5,5;0,05;ok;0",
    ]


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    rows = readings([1_698_537_600_000_000, 1_698_541_200_000_000])
    assert [line[:25] + line[26:32] for line in csv_of(rows, zone="Europe/Berlin")[1:3]] == [
        "2023-10-29T02:00:00.00000+02:00",
        "2023-10-29T02:00:00.00000+01:00",
    ]


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_defused(name: str) -> None:
    assert next(csv.reader([cell(name, ",")], strict=True))[0].startswith("'")


@pytest.mark.parametrize(
    "wrong",
    [
        {"delimiter": "x"},
        {"decimal": "'"},
        {"decimal": ","},
        {"zone": "Mars/Olympus"},
        {"zone": "../etc"},
        {"zone": ""},
        {"channels": ("x",)},
        {"channels": ()},
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRequest) as refused:
        ExportOptions(**wrong)  # type: ignore[arg-type]
    assert refused.value.field in wrong


def test_an_unknown_format_is_refused() -> None:
    for ask in (lambda: export("bench", [], "xlsx", ExportOptions()), lambda: estimate(1, "xlsx")):
        with pytest.raises(BadRequest):
            ask()


def test_an_estimate_is_close_to_what_comes_out() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    rows = readings(
        T0 + np.arange(n) * 100_000, v=5 + rng.normal(0, 0.01, n), a=rng.normal(0.25, 0.01, n), w=rng.normal(1.2, 0.1, n)
    )
    size = sum(map(len, csv_rows("bench", [rows], ExportOptions())))
    assert 0.8 < estimate(n, "csv").bytes / size < 1.2
    size = sum(map(len, parquet("bench", [rows], ExportOptions())))
    assert 0.5 < estimate(n, "parquet").bytes / size < 2.0


def test_parquet_holds_the_same_readings_with_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.storage.export.ROW_GROUP", 150)
    parts = [readings(T0 + np.arange(100) + 100 * k, np.arange(100) + 100 * k, v=k + 0.5, flags=[1] + [0] * 99) for k in range(4)]
    data = b"".join(export("bench", parts, "parquet", ExportOptions(zone="Asia/Seoul", channels=("v", "a"))))
    table = pq.read_table(io.BytesIO(data))
    assert pq.ParquetFile(io.BytesIO(data)).num_row_groups == 2
    assert table.column_names == ["time", "device", "boot", "seq", "voltage_v", "current_a", "status", "recovered"]
    assert table["time"].cast("int64").to_pylist() == [T0 + n for n in range(400)]
    assert table["voltage_v"].to_pylist() == [n // 100 + 0.5 for n in range(400)]
    assert table["recovered"].to_pylist() == [n % 100 == 0 for n in range(400)]
    assert (
        set(table["device"].to_pylist()) == {"bench"} and str(table.schema.field("time").type) == "timestamp[us, tz=Asia/Seoul]"
    )


def test_parquet_of_nothing_is_still_a_table() -> None:
    data = b"".join(parquet("bench", [], ExportOptions()))
    assert pq.read_table(io.BytesIO(data)).num_rows == 0


def test_the_first_bytes_of_parquet_come_before_any_reading_is_asked_for() -> None:
    def never() -> Iterator[Readings]:
        raise AssertionError("a page was read")
        yield

    assert next(parquet("bench", never(), ExportOptions())) == b"PAR1"
