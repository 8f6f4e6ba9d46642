"""Who asks more often than a page does is served one request at a time, so that the others do not wait for it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from starlette.types import Message, Send

RATE, BURST = 20.0, 200.0  # requests a second for as long as one likes, and at once; a page asks 2 a second, and 40 to begin with
MOST_ASKERS = 4_096
HOLD_S = 0.25  # a request that takes longer to answer goes on, and the next one begins


class _Bucket(msgspec.Struct):
    left: float
    seen_s: float


class Pace:
    """How often each asker asks. `now_s` is a monotonic clock."""

    def __init__(self, now_s: Callable[[], float], rate: float = RATE, burst: float = BURST) -> None:
        self._now_s, self._rate, self._burst = now_s, rate, burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def exceeded(self, asker: str) -> bool:
        """Counts one request; True when there were too many."""
        now_s = self._now_s()
        bucket = self._buckets.setdefault(asker, _Bucket(self._burst, now_s))
        self._buckets.move_to_end(asker)
        if len(self._buckets) > MOST_ASKERS:
            self._buckets.popitem(last=False)
        bucket.left = min(self._burst, bucket.left + (now_s - bucket.seen_s) * self._rate)
        bucket.seen_s = now_s
        if bucket.left < 1.0:
            return True
        bucket.left -= 1.0
        return False


class Lane:
    """One at a time, in the order they came, each until its answer begins or HOLD_S are over."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def enter(self, send: Send) -> tuple[Send, Callable[[], None]]:
        """Waits for its turn. The turn ends with the answer's first piece, or when what is returned beside `send` is called."""
        await self._lock.acquire()
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                timer.cancel()
                self._lock.release()

        timer = asyncio.get_running_loop().call_later(HOLD_S, leave)

        async def sending(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body":
                leave()

        return sending, leave
