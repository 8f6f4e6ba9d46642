"""Completeness of the last minute, from an account that only counts since the start. Pure."""

from __future__ import annotations

from collections import deque

SPAN_US = 60_000_000


class RecentShare:
    """What came of what was expected in the last minute; call about once a second."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, float, int]] = deque()

    def add(self, now_us: int, expected: int, share: float | None) -> float | None:
        """`expected` and `share` since the start; the share of the last minute, None while nothing was expected in it."""
        came = expected * (share if share is not None else 0.0)
        while len(self._seen) > 1 and self._seen[1][0] <= now_us - SPAN_US:
            self._seen.popleft()
        if self._seen and self._seen[-1][2] > expected:  # counted anew
            self._seen.clear()
        self._seen.append((now_us, came, expected))
        _, came_before, expected_before = self._seen[0]
        if expected <= expected_before:
            return None
        return min(1.0, max(0.0, (came - came_before) / (expected - expected_before)))
