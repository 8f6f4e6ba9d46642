"""The program's words as JSON-able dicts. Pure.

Public routes give times as ISO 8601 text; the page's own routes give milliseconds since 1970, which is what charts want.
Sequence numbers are those of the wire (uint32), not our extended ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from services.alert_model import AlertStatus
from services.analysis.marks import marked, statuses
from services.live_model import DeviceInfo, Health, PortInfo, Snapshot
from services.model import CHANNELS, I64, Counts, Curve, Event, Flag, Gap, Reading, Readings, Rejected, SpanStats

WIRE_MASK = 0xFFFF_FFFF
Time = Callable[[int], Any]


def iso(time_us: int) -> str:
    """2026-01-31T12:00:00.125000Z"""
    return str(np.datetime_as_string(np.datetime64(time_us, "us"), timezone="UTC"))


def iso_column(time_us: I64) -> list[str]:
    """Each of many times as `iso` writes it; numpy does all at once."""
    texts: list[str] = np.datetime_as_string(time_us.astype("datetime64[us]"), timezone="UTC").tolist()
    return texts


def ms(time_us: int) -> float:
    """Milliseconds since 1970."""
    return time_us / 1000


def wire_seq(seq: int) -> int:
    """The number as the board sent it."""
    return seq & WIRE_MASK


def or_none(time: Time, time_us: int | None) -> Any:
    """A time that may not have come yet."""
    return None if time_us is None else time(time_us)


def reading(row: Reading) -> dict[str, Any]:
    """One reading as the history gives it."""
    return {
        "time": iso(row.time_us),
        "ts": row.time_us / 1e6,
        "device": row.device,
        "boot": row.boot,
        "seq": wire_seq(row.seq),
        "v": row.v,
        "a": row.a,
        "w": row.w,
        "status": row.status,
        "recovered": bool(row.flags & Flag.RECOVERED),
    }


def reading_rows(
    device: str, page: Readings, channels: tuple[str, ...] = CHANNELS, words: Callable[[], Sequence[str]] = tuple
) -> list[dict[str, Any]]:
    """A page of readings, row by row. `words`: the boards' own for what is wrong, asked for where a reading has one."""
    columns = [iso_column(page.time_us), (page.time_us / 1e6).tolist(), page.boot.tolist(), (page.seq & WIRE_MASK).tolist()]
    flags = (page.flags & Flag.RECOVERED).astype(bool).tolist()
    status = statuses(page.flags, words() if marked(page.flags).any() else ())
    values = [getattr(page, channel).tolist() for channel in channels]
    return [
        {"time": time, "ts": ts, "device": device, "boot": boot, "seq": seq}
        | dict(zip(channels, numbers, strict=True))
        | {"status": said, "recovered": recovered}
        for time, ts, boot, seq, said, recovered, *numbers in zip(*columns, status, flags, *values, strict=True)
    ]


def counts(account: Counts) -> dict[str, Any]:
    """The account with its sums."""
    fields: dict[str, Any] = msgspec.to_builtins(account)
    return fields | {"expected": account.expected, "completeness": account.completeness}


def stats_1m(stats: SpanStats) -> dict[str, Any]:
    """min/max/avg by channel, and what they rest on."""
    result: dict[str, Any] = {
        name: {channel: getattr(getattr(stats, channel), field) for channel in CHANNELS}
        for name, field in (("min", "min"), ("max", "max"), ("avg", "mean"))
    }
    return result | {"coverage_s": stats.coverage_s, "count": stats.count, "marked": stats.marked}


def span_stats(device: str, stats: SpanStats) -> dict[str, Any]:
    """Everything known of a span."""
    result = {
        "device": device,
        "from": iso(stats.t0_us),
        "to": iso(stats.t1_us),
        "span_s": (stats.t1_us - stats.t0_us) / 1e6,
        "count": stats.count,
        "marked": stats.marked,
        "coverage_s": stats.coverage_s,
        "energy_wh": stats.energy_wh,
        "charge_mah": stats.charge_mah,
        "counts": None if stats.counts is None else counts(stats.counts),
    }
    return result | {channel: msgspec.to_builtins(getattr(stats, channel)) for channel in CHANNELS}


def device_info(info: DeviceInfo, time: Time) -> dict[str, Any]:
    """A board and its link; times without `_us` in their names, formatted by `time`."""
    result: dict[str, Any] = msgspec.to_builtins(info)
    result["state_since"] = time(result.pop("state_since_us"))
    result["last_reading"] = or_none(time, result.pop("last_reading_us"))
    return result


def snapshot(state: Snapshot, time: Time) -> dict[str, Any]:
    """A device's live state: the board's fields and, beside them, what was measured."""
    last = state.last
    return device_info(state.info, time) | {
        "last": None
        if last is None
        else {"v": last.v, "a": last.a, "w": last.w, "seq": wire_seq(last.seq), "time": time(last.time_us)},
        "stats_1m": stats_1m(state.stats_1m),
        "moving": msgspec.to_builtins(state.moving),
        "energy_wh": state.energy_wh,
        "charge_mah": state.charge_mah,
        "energy_since": time(state.energy_since_us),
        "counts": counts(state.counts),
        "completeness": state.counts.completeness,
        "levels": msgspec.to_builtins(state.levels),
        "alerts": [alert_status(one, time) for one in state.alerts],
        "health": msgspec.to_builtins(state.health),
        "residual_w": state.residual_w,
        "version": state.version,
        "marked": [msgspec.to_builtins(kind) | {"newest": time(kind.newest_us)} for kind in state.marked],
    }


def alert_status(one: AlertStatus, time: Time) -> dict[str, Any]:
    """How a rule stands that is not normal."""
    rule = one.rule
    told: dict[str, Any] = {"rule": rule.id, "channel": rule.channel.value, "severity": rule.severity.value}
    told |= {"state": one.state.value, "episode": one.episode, "acknowledged": one.acknowledged}
    return told | {"since": time(one.since_us), "peak": one.peak, "readings": one.readings}


DECIMALS = {"drift_ppm": 1, "jitter_ms": 1, "coverage_s": 3, "energy_wh": 9, "charge_mah": 6, "residual_w": 6}
VALUE_DECIMALS = 6
ONE_LEAF = "last"  # changes as one; other dicts of a snapshot change by their members


def gap(item: Gap, time: Time) -> dict[str, Any]:
    """A run of numbers that did not come in their turn."""
    return {
        "device": item.device,
        "boot": item.boot,
        "first": wire_seq(item.first),
        "last": wire_seq(item.last),
        "t0": time(item.t0_us),
        "t1": time(item.t1_us),
        "state": item.state.value,
        "missing": item.missing,
        "recovered": item.recovered,
        "lost": item.lost,
    }


def event(item: Event, time: Time) -> dict[str, Any]:
    """A line of the event log."""
    return {
        "id": item.id,
        "device": item.device,
        "time": time(item.time_us),
        "kind": item.kind.value,
        "text": item.text,
        "data": item.data,
    }


def rejected(item: Rejected) -> dict[str, Any]:
    """A line that was not accepted."""
    return {
        "device": item.device,
        "time": iso(item.time_us),
        "reason": item.reason.value,
        "detail": item.detail,
        "line": item.line,
        "boot": item.boot,
        "seq": None if item.seq is None else wire_seq(item.seq),
    }


def port(item: PortInfo) -> dict[str, Any]:
    """A serial port of this machine."""
    result: dict[str, Any] = msgspec.to_builtins(item)
    return result


def health(state: Health) -> dict[str, Any]:
    """Readiness with reasons."""
    storage = msgspec.to_builtins(state.storage)
    storage["last_commit"] = or_none(iso, storage.pop("last_commit_us"))
    return {
        "status": state.status,
        "reasons": list(state.reasons),
        "version": state.version,
        "uptime_s": state.uptime_s,
        "storage": storage,
        "devices": [device_info(info, iso) for info in state.devices],
        "latency_ms": state.latency_ms,
        "found_ports": [port(item) for item in state.found_ports],
    }


FIELDS = ("min", "mean", "max", "marked_min", "marked_max")


def curve_points(curve: Curve, channels: tuple[str, ...]) -> orjson.Fragment:
    """A curve point by point, for people who read JSON: already written, for twenty thousand may be asked for at once."""
    values = {(channel, field): rounded(getattr(curve, f"{channel}_{field}")) for channel in channels for field in FIELDS}
    plain, marked_too = (_point_template(channels, FIELDS[:count]) for count in (3, 5))
    heads = (iso_column(curve.time_us), *map(_written, (curve.time_us / 1e6, curve.count, curve.marked)))
    rows = zip(*heads, *(_written(values[channel, field]) for channel in channels for field in FIELDS[:3]), strict=True)
    points = [plain % row for row in rows]
    for at in np.flatnonzero(curve.marked).tolist():
        here = (_written(column[at : at + 1])[0] for column in values.values())
        points[at] = marked_too % (*(head[at] for head in heads), *here)
    return orjson.Fragment(f"[{','.join(points)}]")


def _written(column: NDArray[Any]) -> list[str]:
    """Each number as JSON has it; null where there is none."""
    text = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return text[1:-1].split(",") if len(column) else []


def _point_template(channels: tuple[str, ...], fields: tuple[str, ...]) -> str:
    several = "".join(f',"{channel}":{{{",".join(f"{chr(34)}{field}{chr(34)}:%s" for field in fields)}}}' for channel in channels)
    return '{"time":"%s","ts":%s,"count":%s,"marked":%s' + several + "}"


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Six decimals: finer than any sensor here, and half the bytes of a full double."""
    return np.round(values, 6)
