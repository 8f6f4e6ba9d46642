"""What a board's chain says of its board and link: put together for pages and API. Not locked: its device's lock is held."""

from __future__ import annotations

from services.clock import Clock
from services.device.boot_identity import BoardIdentity
from services.device.live_state import LiveState
from services.device.liveness import Liveness
from services.link.reader import Link
from services.live_model import ClockHealth, DeviceInfo


def device_info(
    name: str, link: Link, identity: BoardIdentity, liveness: Liveness, live: LiveState, clock: Clock, *, sensor: str, demo: bool
) -> DeviceInfo:
    """The board as it said it is, and how its link and its lines are now. `sensor`: its last status word."""
    hello, boot, next_at_s = identity.hello, identity.boot, link.next_try_at_s
    return DeviceInfo(
        device=name,
        url=link.url,
        state=liveness.state,
        state_since_us=liveness.since_us,
        problem=link.problem or liveness.trouble,
        next_try_s=None if next_at_s is None else max(0.0, next_at_s - clock.monotonic_s()),
        demo=demo,
        replay=hello.replay if hello else False,
        level=None if boot is None else 1 if boot.wire is not None else 0,
        tracked=boot.tracked if boot is not None else True,
        firmware=hello.fw if hello else "",
        board_id=hello.id if hello else "",
        boot=boot.number if boot is not None else None,
        interval_ms=round(boot.interval_us / 1e3, 3) if boot is not None else None,
        rate_hz=live.rate_hz(clock.now_us()),
        last_reading_us=live.last.time_us if live.last else None,
        sensor=sensor,
        clock=boot.timebase.health() if boot is not None and boot.last_ms is not None else ClockHealth(),
        buffer=hello.buffer if hello else None,
        bytes_here=liveness.lines.bytes,
        lines_here=liveness.lines.lines,
    )
