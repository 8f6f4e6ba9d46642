"""Recordings of our own and of other loggers, mapped by their headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from mock.columns import find_layout
from mock.patterns import Sample
from mock.replay import ReplayError, ReplaySource

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def replay(tmp_path: Path, text: str, speed: float = 1.0, voltage: float | None = None) -> list[Sample]:
    path = tmp_path / "recording.csv"
    path.write_text(text, encoding="utf-8")
    return everything(ReplaySource(path, speed, voltage))


def everything(source: ReplaySource) -> list[Sample]:
    found = []
    while (sample := source.next(0)) is not None:
        found.append(sample)
    return found


def test_our_own_export(tmp_path: Path) -> None:
    found = replay(
        tmp_path,
        "time,device,boot,seq,voltage_v,current_a,power_w,status,recovered\n"
        "2024-04-05T18:54:38.125000Z,b,17,120,5.02,0.245,1.23,ok,0\n"
        "2024-04-05T18:54:38.225500Z,b,17,121,5.016,0.25,1.254,ok,1\n",
    )
    assert found == [Sample(5.02, 0.245, 1.23, "ok", 100_500), Sample(5.016, 0.25, 1.254, "ok", None)]


@pytest.mark.parametrize(
    "text",
    [
        "Voltage(V),Current(A),Time(s)\n5.0,0.2,0\n4.0,0.1,0.5\n",
        "Timestamp;Spannung [mV];Strom [mA]\n1712345678;5000;200\n1712345678,5;4000,0;100\n",
        "V\tA\tW\tms\n5,0\t0,2\t1,0\t0\n4,0\t0,1\t0,4\t500\n",
        "#time,current,voltage\n0.0,0.2,5.0\n0.5,0.1,4.0\n",
        "t | mV | mA\n1712345678000 | 5000 | 200\n1712345678500 | 4000 | 100\n",
        "timestamp sample voltage_V current_A\n1712345678.0 0 5.0 0.2\n1712345678.5 1 4.0 0.1\n",
        "Date,Time,Bus Voltage,Current_mA\n2024-01-01,10:00:00.0,5.0,200\n2024-01-01,10:00:00.5,4.0,100\n",
        "time,voltage_v,current_a\n05.04.2024 18:00:00.0,5,0.2\n05.04.2024 18:00:00.5,4,0.1\n",
        'log of a meter\n\n"time (us)","U","I"\n"0","5,0","0,2"\n"500000","4,0","0,1"\n',
        "\ufefftime,V,uA\n2024-04-05 18:00:00,5,200000\n2024-04-05 18:00:00.500,4,100000\n",
        "시간(s),전압(V),전류(mA)\n1,5,200\n1.5,4,100\n",
    ],
)
def test_layouts_of_other_loggers(text: str, tmp_path: Path) -> None:
    first, second = replay(tmp_path, text)
    assert (first.v, first.a, first.w, first.status, first.wait_us) == (5.0, 0.2, 1.0, "ok", 500_000)
    assert (second.v, second.a) == (4.0, 0.1)


def test_speed_divides_the_spacing(tmp_path: Path) -> None:
    assert replay(tmp_path, "t,V,A\n0,5,1\n10,5,1\n", speed=20)[0].wait_us == 500_000


def test_the_usual_spacing_is_known_before_the_first_reading(tmp_path: Path) -> None:
    """A reading stands for the board's interval: one that is ten times too short would make energy ten times too small."""
    path = tmp_path / "recording.csv"
    path.write_text("time_s,V,A\n0,5,1\n1,5,1\nrubbish\n2,5,1\n9,5,1\n10,5,1\n", encoding="utf-8")
    source = ReplaySource(path, 2.0)
    assert source.interval_us == 500_000
    assert len(everything(source)) == 5
    assert source.skipped == 1
    path.write_text("V,A\n5,1\n5,1\n", encoding="utf-8")
    assert ReplaySource(path).interval_us is None


def test_without_times_the_boards_interval_is_kept(tmp_path: Path) -> None:
    assert [found.wait_us for found in replay(tmp_path, "V,A\n5,1\n5,1\n")] == [None, None]


def test_a_recording_of_the_current_alone_needs_a_voltage(tmp_path: Path) -> None:
    text = "Timestamp(ms),Current(uA)\n0,1000\n10,2000\n"
    assert [(found.v, found.a, found.w) for found in replay(tmp_path, text, voltage=3.3)] == [
        (3.3, 0.001, 0.0033),
        (3.3, 0.002, 0.0066),
    ]
    with pytest.raises(ReplayError, match=r"Timestamp\(ms\),Current\(uA\).*--voltage"):
        replay(tmp_path, text)


def test_rows_without_a_reading_are_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    path.write_text("t,V,A\n0,5,1\nsensor lost\n1,,1\n2,nan,1\n\n3,5,1\n")
    source = ReplaySource(path)
    assert len(everything(source)) == 2
    assert source.skipped == 3


def test_times_that_run_backwards_do_not_stop_it(tmp_path: Path) -> None:
    assert [found.wait_us for found in replay(tmp_path, "t,V,A\n10,5,1\n5,5,1\n6,5,1\n")] == [0, 1_000_000, None]


def test_a_status_is_replayed(tmp_path: Path) -> None:
    assert replay(tmp_path, "V,A,status\n0,0,sensor_error\n")[0].status == "sensor_error"


@pytest.mark.parametrize(
    ("text", "found"),
    [("temperature,humidity\n1,2\n", "temperature,humidity"), ("", "nothing"), ("Current (%),Voltage\n5,5\n", "Current")],
)
def test_a_file_that_cannot_be_mapped_is_refused_with_what_was_found(text: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=found):
        replay(tmp_path, text)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="no row"):
        replay(tmp_path, "V,A\n")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="No such file"):
        ReplaySource(tmp_path / "nothing.csv")


def test_units_of_something_else_are_not_taken() -> None:
    layout = find_layout("time,power (%),power_w,v,a")
    assert layout is not None and layout.columns["w"].index == 2


@pytest.mark.parametrize(
    ("name", "voltage", "rows"), [("powermon-export", None, 120), ("usb-tester", None, 90), ("current-profile", 3.3, 300)]
)
def test_the_samples_can_be_replayed(name: str, voltage: float | None, rows: int) -> None:
    source = ReplaySource(SAMPLES / f"{name}.csv", voltage=voltage)
    assert len(everything(source)) == rows
    assert source.skipped == 0
