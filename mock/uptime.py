"""The board's clock, seen from the host: it starts at a boot, may run fast or slow, and may leap."""

from __future__ import annotations

MILLION = 1_000_000


class Uptime:
    """Integer microseconds throughout, so that a schedule does not drift by rounding."""

    def __init__(self, start_us: int, first_ms: int = 0, ppm: int = 0) -> None:
        self._host_us = start_us
        self._board_us = 0
        self._ppm = ppm
        self._shown_us = first_ms * 1000

    @property
    def ppm(self) -> int:
        return self._ppm

    def board_us(self, host_us: int) -> int:
        """Time since the boot, as the board counts it."""
        return self._board_us + (host_us - self._host_us) * (MILLION + self._ppm) // MILLION

    def host_us(self, board_us: int) -> int:
        """When the host's clock will read this board time."""
        return self._host_us + (board_us - self._board_us) * MILLION // (MILLION + self._ppm)

    def ms(self, board_us: int) -> int:
        """What the board prints as `ms`: uint32, rolls over after 49.7 days."""
        return (self._shown_us + board_us) // 1000 % 2**32

    def drift(self, host_us: int, ppm: int) -> None:
        """From now on it runs fast by so many millionths."""
        self._board_us = self.board_us(host_us)
        self._host_us = host_us
        self._ppm = ppm

    def jump(self, seconds: float) -> None:
        """What it prints leaps; the schedule does not."""
        self._shown_us += round(seconds * MILLION)
