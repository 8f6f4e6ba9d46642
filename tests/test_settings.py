"""Settings: four places, one order, every problem at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mock.scenarios import SCENARIOS as KNOWN_SCENARIOS
from services.alert_model import Level
from services.analysis.alert_rules import Limit
from services.analysis.validation import Limits
from services.errors import SettingsError
from services.options import OPTIONS, SCENARIOS, nearest, split_port
from services.settings import Settings, load_settings, program_version

HERE = Path("/somewhere")


def load(*argv: str, **env: str) -> Settings:
    return load_settings(argv, env, HERE)


def problems(*argv: str, cwd: Path = HERE, **env: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(argv, env, cwd)
    return caught.value.problems


def test_with_nothing_said_the_defaults_hold() -> None:
    settings = load()
    assert settings == Settings(database=HERE / "data/powermon.db", log_file=HERE / "data/powermon.log")
    assert settings.ports == ("auto",) and settings.limits == Limits() and settings.demo and settings.host == "127.0.0.1"
    assert (settings.synchronous, settings.commit_s) == ("FULL", 1.0)


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "powermon.toml").write_text("baud = 1\nbaud = 2", encoding="utf-8")
    assert "no valid TOML" in problems(cwd=tmp_path)[0]
    (tmp_path / "powermon.toml").write_text("baud = 9600\nhttp_port = 1111\nretention_h = 1\n", encoding="utf-8")
    settings = load_settings(["--baud", "57600"], {"POWERMON_BAUD": "19200", "POWERMON_HTTP_PORT": "2222"}, tmp_path)
    assert (settings.baud, settings.http_port, settings.retention_h, settings.interval_ms) == (57600, 2222, 1.0, 500)


def test_a_file_can_be_named_by_option_or_environment(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('port = "COM3"\nno_such = 1\n', encoding="utf-8")
    assert problems("--config", "other.toml", cwd=tmp_path) == ["other.toml: unknown key 'no_such'"]
    (tmp_path / "other.toml").write_text('port = "COM3"\nallow-host = ["a.b", "c"]\n', encoding="utf-8")
    settings = load_settings([], {"POWERMON_CONFIG": "other.toml"}, tmp_path)
    assert settings.ports == ("COM3",) and settings.allow_host == ("a.b", "c")
    assert "cannot be read" in problems("--config", "missing.toml", cwd=tmp_path)[0]


def test_all_problems_are_reported_together_with_the_nearest_names(tmp_path: Path) -> None:
    (tmp_path / "powermon.toml").write_text('retenton_h = 5\nbaud = "fast"\n', encoding="utf-8")
    found = problems(
        "--durabilty",
        "full",
        "--http-port",
        "web",
        "--host",
        "http://x",
        cwd=tmp_path,
        POWERMON_BUAD="9600",
        POWERMON_DEMO="perhaps",
    )
    assert found == [
        "--durabilty: unknown option; did you mean --durability?",
        "--host 'http://x': must be a host name or an IP address, without http:// and without a port",
        "--http-port 'web': must be a whole number from 0 to 65535",
        "POWERMON_BUAD: unknown setting; did you mean POWERMON_BAUD?",
        "POWERMON_DEMO 'perhaps': must be yes or no",
        "powermon.toml: unknown key 'retenton_h'; did you mean retention_h?",
        "powermon.toml: baud 'fast': must be a whole number from 300 to 12000000",
    ]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--baud"], "--baud: needs a value"),
        (["--port"], "--port: needs a value"),
        (["--config"], "--config: needs a value"),
        (["bakcup"], "'bakcup': unexpected word; did you mean backup?"),
        (["--no-demo=3"], "ignored explicit argument"),
        (["--retention-h", "nan"], "must be a number"),
        (["--retention-h", "0"], "must be a number"),
        (["--mock", "nosie"], "did you mean noise?"),
        (["--mock-args", "'"], "split as a shell does"),
        (["--port", "sokcet://h:1"], "did you mean socket?"),
        (["--port", "demo=COM3"], "'demo'"),
        (["--port", "a=COM3", "--port", "a=COM4"], "the name 'a' is given more than once"),
        (["--port", "a=COM3", "--port", "COM3"], "the port 'COM3' is given more than once"),
        (["--port", "x=auto"], "'auto'"),
        (["--port", ""], "must be auto"),
        (["--voltage-min", "30"], "must be less than --voltage-max"),
        (["--compact-days", "1"], "must be longer than --retention-h"),
        (["--token", "abc"], "8 to 200"),
        (["--token", "same-token", "--viewer-token", "same-token"], "must differ"),
        (["--warn", "w>10:11"], "good side"),
        (["--warn", "x>10"], "must look like"),
        (["--warn", "w=10"], "must look like"),
        (["--danger", "v<4:4.5:-1"], "must be a number from 0 to 86400"),
        (["--log-level", "loud"], "must be one of"),
    ],
)
def test_what_makes_no_sense_is_said(argv: list[str], words: str) -> None:
    assert words in "\n".join(problems(*argv))


def test_a_wrong_token_is_not_shown() -> None:
    assert "s3cret" not in "\n".join(problems("--token", "s3cret", POWERMON_VIEWER_TOKEN="s3cret"))


def test_an_empty_environment_variable_is_none() -> None:
    assert load(POWERMON_TOKEN="", POWERMON_BAUD="", POWERMON_CONFIG="") == load()


def test_ports_may_be_several_and_named() -> None:
    settings = load("--port", "supply=/dev/ttyACM0", "--port", "socket://10.0.0.7:5000?logging=debug")
    assert settings.named_ports() == [("supply", "/dev/ttyACM0"), ("", "socket://10.0.0.7:5000?logging=debug")]
    assert load(POWERMON_PORT="a=COM1, COM2").ports == ("a=COM1", "COM2")
    assert split_port("loop://?x=1") == ("", "loop://?x=1")


def test_mock_alone_means_the_normal_scenario() -> None:
    assert load("--mock").mock == "normal" and load("--mock", "spike").mock == "spike" and load().mock is None
    assert load("--mock", "--mock-args", "--interval-ms 10 --id 'my board'").mock_args == (
        "--interval-ms",
        "10",
        "--id",
        "my board",
    )


def test_the_scenarios_are_those_of_the_simulated_board() -> None:
    assert set(SCENARIOS) == set(KNOWN_SCENARIOS)


def test_switches_can_be_turned_off_in_every_place(tmp_path: Path) -> None:
    assert not load("--no-demo").demo and not load(POWERMON_DEMO="no").demo and not load(POWERMON_NO_DEMO="1").demo
    (tmp_path / "powermon.toml").write_text("demo = false\ndtr = false\n", encoding="utf-8")
    settings = load_settings(["--dtr"], {}, tmp_path)
    assert not settings.demo and settings.dtr


def test_negative_numbers_are_values_not_options() -> None:
    assert load("--current-min", "-2.5", "--power-min=-5").limits == Limits(a_min=-2.5, w_min=-5.0)


def test_thresholds_are_written_short() -> None:
    settings = load("--warn", "w>10:9", "--warn", "voltage < 4.5 : 4.7 : 2", "--danger", "a>2")
    assert settings.thresholds == (
        Limit("w", Level.WARNING, 10.0, 9.0, 0.0, True),
        Limit("v", Level.WARNING, 4.5, 4.7, 2.0, False),
        Limit("a", Level.DANGER, 2.0, 1.96, 0.0, True),
    )


def test_thresholds_stand_in_the_file_by_channel(tmp_path: Path) -> None:
    (tmp_path / "powermon.toml").write_text(
        'warn = "a>1:0.9"\n[thresholds.w]\nwarning = {on = 10, off = 9}\n'
        "danger = [{on = 15, hold_s = 2}, {on = 1, above = false}]\n",
        encoding="utf-8",
    )
    assert load_settings([], {}, tmp_path).thresholds == (
        Limit("a", Level.WARNING, 1.0, 0.9, 0.0, True),
        Limit("w", Level.WARNING, 10.0, 9.0, 0.0, True),
        Limit("w", Level.DANGER, 15.0, 14.7, 2.0, True),
        Limit("w", Level.DANGER, 1.0, 1.02, 0.0, False),
    )
    assert load_settings(["--warn", "v>6:5"], {}, tmp_path).thresholds[0].channel == "v"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("thresholds = 3", "must be a table"),
        ("[thresholds.watts]\n", "unknown channel"),
        ("[thresholds.w]\nwarnin = {on = 1}", "did you mean warning?"),
        ("[thresholds.w]\nwarning = {onn = 1}", "did you mean on?"),
        ("[thresholds.w]\nwarning = {off = 1}", "must be a number"),
        ("[thresholds.w]\nwarning = 10", "must be a table"),
        ("[thresholds.w]\nwarning = {on = 1, off = 2, above = true}", "good side"),
        ("[thresholds.w]\nwarning = {on = 1, above = 2}", "'above'"),
        ("port = [3]", "must be auto"),
        ("baud = true", "whole number"),
        ("baud = 9600.5", "whole number"),
        ("retention_h = true", "must be a number"),
        ("database = 5", "must be a text"),
        ("demo = 7", "must be yes or no"),
    ],
)
def test_what_makes_no_sense_in_the_file_is_said(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "powermon.toml").write_text(text, encoding="utf-8")
    assert words in "\n".join(problems(cwd=tmp_path))


def test_durability_says_how_to_commit() -> None:
    profiles = [load("--durability", name) for name in ("full", "normal", "sd-card")]
    assert [(p.synchronous, p.commit_s) for p in profiles] == [("FULL", 1.0), ("NORMAL", 1.0), ("FULL", 10.0)]


def test_paths_are_absolute_and_the_log_lies_beside_the_database() -> None:
    settings = load("--database", "x/y.db")
    assert settings.database == HERE / "x/y.db" and settings.log_file == HERE / "x/powermon.log"
    assert load("--database", "/d.db", "--log-file", "l.txt").log_file == HERE / "l.txt"
    assert load("--log-file", "off").log_file is None


def test_help_lists_every_option_and_version_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--help", "--version"):
        with pytest.raises(SystemExit) as ended:
            load(option)
        assert ended.value.code == 0
    out = capsys.readouterr().out
    assert all(option.flag in out for option in OPTIONS)
    assert f"powermon {program_version()}" in out and all(len(line) <= 120 for line in out.splitlines())


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        load().baud = 1  # type: ignore[misc]


def test_the_nearest_name_is_given_only_when_it_is_near() -> None:
    assert nearest("bauds", ["baud", "port"]) == "; did you mean baud?" and nearest("zzz", ["baud"]) == ""


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.sampled_from([option.flag for option in OPTIONS]), st.text(max_size=12).filter(lambda t: t not in ("-h", "--help"))
        ),
        max_size=6,
    ),
    st.dictionaries(st.sampled_from([option.variable for option in OPTIONS]), st.text(max_size=12), max_size=4),
)
def test_nothing_anyone_types_makes_it_fall_over(argv: list[str], env: dict[str, str]) -> None:
    try:
        load_settings(argv, env, HERE)
    except SettingsError as error:
        assert error.problems and all(error.problems)
    except SystemExit as ended:
        assert ended.code == 0
