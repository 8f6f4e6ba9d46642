"""Settings that are changed while the program runs have their effect, are remembered, and yield to the command line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.errors import BadRequest
from services.live_settings import CHANGEABLE
from services.monitor import Monitor
from services.settings import Settings, load_settings


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Monitor]]:
    made: list[Monitor] = []
    root = logging.getLogger().level

    def build(**options: Any) -> Monitor:
        usual = {"ports": ("bench=loop://",), "demo": False, "database": tmp_path / "p.db", "log_file": None}
        made.append(Monitor(Settings(**(usual | options))))
        made[-1].start()
        return made[-1]

    yield build
    for monitor in made:
        monitor.stop()
    logging.getLogger().setLevel(root)


def test_a_change_has_its_effect_at_once_and_after_a_restart(make: Callable[..., Monitor]) -> None:
    monitor = make()
    wanted = {"interval_ms": 250, "retention_h": 96, "max_db_mb": 500, "log_level": "error"}
    assert monitor.change_settings(wanted) == list(CHANGEABLE)
    for running in (monitor, None):
        if running is None:
            monitor.stop()
            logging.getLogger().setLevel("INFO")
            running = make()
        assert running.settings.interval_ms == 250
        assert running.health().storage.retention_h == 96 and running.settings.max_bytes == 500_000_000
        assert logging.getLogger().level == logging.ERROR
        assert running.changeable() == wanted


def test_what_is_the_same_is_no_change(make: Callable[..., Monitor]) -> None:
    monitor = make(retention_h=24.0)
    assert monitor.change_settings({"retention_h": 24, "max_db_mb": None}) == []


def test_a_limit_can_be_taken_away(make: Callable[..., Monitor]) -> None:
    monitor = make(max_bytes=5_000_000)
    assert monitor.change_settings({"max_db_mb": None}) == ["max_db_mb"]
    assert monitor.settings.max_bytes is None


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"interval_ms": 5}, "interval_ms must be a whole number from 100 to 10000"),
        ({"retention_h": "soon"}, "retention_h must be a number"),
        ({"interval_ms": 250, "host": "0.0.0.0"}, "host cannot be changed while the program runs"),
        ({"retention_h": 72}, "retention_h must be less than the 72 hours of --compact-days"),
    ],
)
def test_one_that_makes_no_sense_changes_nothing(make: Callable[..., Monitor], wanted: dict[str, Any], said: str) -> None:
    monitor = make(compact_days=3.0)
    before = monitor.changeable()
    with pytest.raises(BadRequest, match=said):
        monitor.change_settings(wanted)
    assert monitor.changeable() == before


def test_the_command_line_wins_at_the_next_start(make: Callable[..., Monitor]) -> None:
    monitor = make()
    monitor.change_settings({"retention_h": 96, "interval_ms": 250})
    monitor.stop()
    again = make(retention_h=24.0, given=frozenset({"retention_h"}))
    assert again.settings.retention_h == 24 and again.settings.interval_ms == 250


def test_what_was_given_is_known_by_its_option(tmp_path: Path) -> None:
    settings = load_settings(["--retention-h", "24"], {"POWERMON_LOG_LEVEL": "debug"}, tmp_path)
    assert settings.given == {"retention_h", "log_level"}


def test_a_memory_that_cannot_be_read_is_left_aside(make: Callable[..., Monitor]) -> None:
    monitor = make()
    assert monitor._storage.keep_setting("changed", '{"retention_h": "never"}')
    monitor.stop()
    assert make().settings.retention_h == 48.0


def test_less_is_kept_from_now_on(make: Callable[..., Monitor]) -> None:
    monitor = make()
    monitor.change_settings({"retention_h": 1})
    assert monitor._storage._limits.retention_us == 3_600_000_000
