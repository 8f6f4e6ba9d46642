"""The orders that the simulated board knows, with their limits (tests/golden/replies.jsonl)."""

from __future__ import annotations

from typing import Protocol

from services.wire.messages import Command, Reply

MIN_INTERVAL_MS, MAX_INTERVAL_MS = 2, 60_000
MAX_BEEP_MS, MAX_BEEPS = 5_000, 10
FIRST_EPOCH_MS = 10**12  # 2001-09-09: before that a time stamp means "no clock"


class Obedient(Protocol):
    """What orders ask of a board."""

    def set_interval(self, value_us: int, now_us: int) -> None: ...
    def set_wall_clock(self, epoch_us: int, now_us: int) -> None: ...


class Orders:
    """Each order returns what was wrong with it, or nothing."""

    def __init__(self, board: Obedient, level: int) -> None:
        self._board = board
        self._level = level

    def obey(self, command: Command, now_us: int) -> Reply:
        error = self._error(command, now_us)
        return Reply(command.seq, "error", error) if error else Reply(command.seq, "ok")

    def _error(self, command: Command, now_us: int) -> str:
        if command.cmd == "set_interval":
            return self._set_interval(command, now_us)
        if not self._level:
            return "unknown command"
        if command.cmd == "set_time":
            return self._set_time(command, now_us)
        if command.cmd == "buzzer":
            return self._buzzer(command)
        return "" if command.cmd in ("ping", "hello", "reset_energy") else "unknown command"

    def _set_interval(self, command: Command, now_us: int) -> str:
        value = command.args.get("value_ms")
        if not _within(value, MIN_INTERVAL_MS, MAX_INTERVAL_MS):
            return f"value_ms must be {MIN_INTERVAL_MS}..{MAX_INTERVAL_MS}"
        assert isinstance(value, int)
        self._board.set_interval(value * 1000, now_us)
        return ""

    def _set_time(self, command: Command, now_us: int) -> str:
        value = command.args.get("epoch_ms")
        if not _within(value, FIRST_EPOCH_MS, 2**53):
            return "epoch_ms must be after 2001"
        assert isinstance(value, int)
        self._board.set_wall_clock(value * 1000, now_us)
        return ""

    def _buzzer(self, command: Command) -> str:
        if not _within(command.args.get("on_ms"), 1, MAX_BEEP_MS):
            return f"on_ms must be 1..{MAX_BEEP_MS}"
        if not _within(command.args.get("times", 1), 1, MAX_BEEPS):
            return f"times must be 1..{MAX_BEEPS}"
        return ""


def _within(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
