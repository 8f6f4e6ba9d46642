"""What one commit writes, inside a transaction that the writer opened."""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.analysis.marks import marked
from services.analysis.validation import LARGEST, NO_LIMIT
from services.model import I64, Event, Gap, Identity, Readings, Rejected, Tally, Write
from services.storage import alert_record, rollups
from services.storage.counts import gaps_by_boot, write_gaps
from services.storage.database import Connection
from services.storage.overlaps import Overlaps
from services.storage.rows import Rows
from services.storage.schema import SEQ_BITS, SEQ_MASK
from services.storage.status_words import FileWords
from services.storage.store import Durable

log = logging.getLogger(__name__)

REJECTED_KEPT = 1000  # lines per device
EVENTS_KEPT = 20_000
SLACK = 1.2  # tables are trimmed when they are this much over, so that not every commit deletes
MICRO = 1e6
MAX_TIME_US = 10**16  # the year 2286
MAX_HOLD_US = 1 << 40
RATE_MEMORY = 64  # readings over which the mean hold is smoothed
_EXISTS = "SELECT 1 FROM readings WHERE id = ?"
_BEFORE = "SELECT time_us FROM readings WHERE id < ? AND id >= ? ORDER BY id DESC LIMIT 1"
_AFTER = "SELECT time_us FROM readings WHERE id > ? AND id <= ? ORDER BY id LIMIT 1"
_LAST = "SELECT id, hold_us FROM readings WHERE id >= ? AND id <= ? ORDER BY id DESC LIMIT 1"
_DEVICE = "SELECT device_id, horizon_us, longest_gap_us FROM devices WHERE name = ?"

# What a row may be refused for; anything else is the disk's or the file's trouble and stops the whole commit.
ROW_ERRORS = (
    *(sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError),
    *(OverflowError, ValueError, TypeError),
)


class RunState(msgspec.Struct):
    """What the writer remembers of a run between commits."""

    run_id: int
    t0_us: int
    first_us: int
    last_us: int
    disorder_us: int
    last_seq: int = -1
    peak_us: int = 0  # the latest time among all numbers so far
    hold_us: float = 0.0  # how far apart readings are lately
    fresh: bool = True  # no reading yet


class DeviceState(msgspec.Struct):
    """What the writer remembers of a device between commits."""

    device_id: int
    name: str
    horizon_us: int
    longest_gap_us: int
    rejected: int
    overlaps: Overlaps
    runs: dict[int, RunState] = {}


class _Table:
    """Columns as rows, made one at a time: a list of all of them costs a third of what storing them does."""

    def __init__(self, columns: Iterable[I64]) -> None:
        self._columns = [column.tolist() for column in columns]

    def __len__(self) -> int:
        return len(self._columns[0])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return zip(*self._columns, strict=True)


class Ingest:
    """Puts writes into the tables. After a transaction that failed, make a new one: it remembers what was rolled back."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._devices: dict[str, DeviceState] = {}
        self._words = FileWords(conn)
        self._events = int(conn.execute("SELECT count(*) FROM events").fetchone()[0])
        self.stored = 0  # readings that were new
        self.refused = 0  # rows that no table would take

    def store(self, writes: Sequence[Write]) -> list[Durable]:
        """Write everything; returns what is durable once the transaction is committed."""
        durable: dict[tuple[str, int], int] = {}
        for device in dict.fromkeys(write.device for write in writes):
            mine = [write for write in writes if write.device == device]
            self._device_writes(device, mine)
            for write in mine:
                if write.ack is not None and write.boot is not None:
                    at = (device, write.boot)
                    durable[at] = max(write.ack, durable.get(at, write.ack))
        self._store_events([event for write in writes for event in write.events])
        if episodes := [episode for write in writes for episode in write.episodes]:
            self._each(alert_record.UPSERT, list(map(alert_record.row, episodes)))
            alert_record.trim(self._conn)
        if rules := [write.rules for write in writes if write.rules is not None]:
            alert_record.save(self._conn, rules[-1])
        return [Durable(device, boot, ack) for (device, boot), ack in durable.items()]

    def _device_writes(self, name: str, writes: list[Write]) -> None:
        readings = [self._readings_of(write) for write in writes if write.readings is not None and len(write.readings)]
        rejected = [line for write in writes for line in write.rejected]
        gaps = [gap for write in writes for gap in write.gaps]
        tallies = [tally for write in writes for tally in write.tallies]
        identities = {write.boot: write.identity for write in writes if write.identity is not None}
        if not (readings or rejected or gaps or tallies):
            if name in self._devices:
                self._store_identities(self._devices[name], identities)
            return
        device = self._device(name)
        if readings:
            self._store_readings(device, readings)
        self._store_rejected(device, rejected)
        self._store_gaps(device, gaps)
        self._store_tallies(device, tallies)
        self._store_identities(device, identities)

    def _readings_of(self, write: Write) -> Readings:
        assert write.readings is not None
        return self._words.renumbered(write.readings, write.words) if write.words else write.readings

    # --- devices and runs

    def _device(self, name: str) -> DeviceState:
        if name not in self._devices:
            self._conn.execute("INSERT OR IGNORE INTO devices (name) VALUES (?)", (name,))
            row = self._conn.execute(_DEVICE, (name,)).fetchone()
            kept = self._conn.execute("SELECT count(*) FROM rejected_lines WHERE device_id = ?", row[:1]).fetchone()[0]
            self._devices[name] = DeviceState(row[0], name, row[1], row[2], kept, Overlaps(self._conn, row[0], name))
        return self._devices[name]

    def horizon_moved(self, device_id: int, horizon_us: int) -> None:
        """Retention deletes what is before it: nothing is added there any more."""
        for device in self._devices.values():
            if device.device_id == device_id:
                device.horizon_us = horizon_us

    def forget_runs(self) -> None:
        """Retention may have deleted some."""
        for device in self._devices.values():
            device.runs.clear()

    def _run(self, device: DeviceState, boot: int, time_us: int) -> RunState:
        run = device.runs.get(boot)
        if run is None:
            run = device.runs[boot] = self._load_run(device, boot, time_us)
        return run

    def _load_run(self, device: DeviceState, boot: int, time_us: int) -> RunState:
        conn, who = self._conn, (device.device_id, boot)
        conn.execute(
            "INSERT OR IGNORE INTO runs (device_id, boot, t0_us, first_us, last_us) VALUES (?, ?, ?, ?, ?)",
            (*who, time_us, time_us, time_us),
        )
        conn.execute("UPDATE devices SET highest_boot = max(highest_boot, ?) WHERE device_id = ?", (boot, device.device_id))
        found = "SELECT run_id, t0_us, first_us, last_us, disorder_us FROM runs WHERE device_id = ? AND boot = ?"
        run = RunState(*conn.execute(found, who).fetchone())
        low = run.run_id << SEQ_BITS
        last = conn.execute(_LAST, (low, low | SEQ_MASK)).fetchone()
        if last is not None:
            run.last_seq, run.hold_us = last[0] & SEQ_MASK, float(last[1])
            run.peak_us, run.fresh = run.last_us, False
        return run

    # --- readings

    def _store_readings(self, device: DeviceState, parts: list[Readings]) -> None:
        sane = _sane(parts)
        self.refused += sum(map(len, parts)) - len(sane)
        boots = sane.boot
        for boot in [int(boots[0])] if len(boots) and (boots == boots[0]).all() else dict.fromkeys(boots.tolist()):
            self._store_run(device, boot, sane.take(boots == boot))

    def _store_run(self, device: DeviceState, boot: int, readings: Readings) -> None:
        run = self._run(device, boot, int(readings.time_us.min()))
        rows = _in_order(_rows(readings, run))
        rows = rows.take(np.flatnonzero(rows.time_us >= device.horizon_us))
        rows = self._unknown(rows, run)
        if not len(rows):
            return
        rows = self._insert(rows, run)
        if not len(rows):
            return
        self._store_events(device.overlaps.note(self._conn, rows))
        self._note_times(run, rows)
        hold_us = self._note_rate(run, rows)
        rollups.add(self._conn, device.device_id, rows, hold_us)
        self.stored += len(rows)

    def _unknown(self, rows: Rows, run: RunState) -> Rows:
        """Those that are not in the table yet: each reading is counted once however often it comes."""
        seqs = rows.id & SEQ_MASK
        old = int(np.searchsorted(seqs, run.last_seq, side="right"))
        if not old:
            return rows
        known = [self._conn.execute(_EXISTS, (number,)).fetchone() is not None for number in rows.id[:old].tolist()]
        keep = np.ones(len(rows), bool)
        keep[:old] = ~np.array(known)
        return rows.take(np.flatnonzero(keep))

    def _insert(self, rows: Rows, run: RunState) -> Rows:
        columns = (rows.id, rows.time_us - run.t0_us, rows.v_uv, rows.a_ua, rows.w_uw, rows.hold_us, rows.flags)
        refused = self._each("INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?)", _Table(columns))
        return rows.take(np.delete(np.arange(len(rows)), refused)) if refused else rows

    def _note_times(self, run: RunState, rows: Rows) -> None:
        """Keep the run's span and how far its times are out of order, on which finding readings by time rests."""
        seqs, times = rows.id & SEQ_MASK, rows.time_us
        old = 0 if run.fresh else int(np.searchsorted(seqs, run.last_seq))
        late = zip(rows.id[:old].tolist(), times[:old].tolist(), strict=True)
        disorder = max([run.disorder_us, *(self._disorder(run, *row) for row in late)])
        if old < len(seqs):
            peaks = np.maximum.accumulate(times[old:])
            if not run.fresh:
                peaks = np.maximum(peaks, run.peak_us)
            disorder = max(disorder, int((peaks - times[old:]).max()))
            run.last_seq = int(seqs[-1])
        first, last = int(times.min()), int(times.max())
        run.first_us = first if run.fresh else min(run.first_us, first)
        run.last_us = run.peak_us = last if run.fresh else max(run.last_us, last)
        run.disorder_us, run.fresh = disorder, False
        self._conn.execute(
            "UPDATE runs SET first_us = ?, last_us = ?, disorder_us = ? WHERE run_id = ?",
            (run.first_us, run.last_us, run.disorder_us, run.run_id),
        )

    def _disorder(self, run: RunState, number: int, time_us: int) -> int:
        """How far a late reading is out of order, judged by its neighbours, which are out by the run's disorder at most."""
        low, time_us = run.run_id << SEQ_BITS, time_us - run.t0_us
        before = self._conn.execute(_BEFORE, (number, low)).fetchone()
        after = self._conn.execute(_AFTER, (number, low | SEQ_MASK)).fetchone()
        highest_before = before[0] + run.disorder_us if before else time_us
        lowest_after = after[0] - run.disorder_us if after else time_us
        return int(max(0, highest_before - time_us, time_us - lowest_after))

    def _note_rate(self, run: RunState, rows: Rows) -> float:
        mean = float(rows.hold_us.mean())
        weight = min(1.0, len(rows) / RATE_MEMORY) if run.hold_us else 1.0
        run.hold_us += weight * (mean - run.hold_us)
        return run.hold_us

    # --- everything else

    def _store_rejected(self, device: DeviceState, lines: list[Rejected]) -> None:
        if not lines:
            return
        ids = [
            (self._run(device, line.boot, line.time_us).run_id << SEQ_BITS | line.seq,)
            for line in lines
            if line.boot is not None and line.seq is not None and 0 <= line.seq <= SEQ_MASK
        ]
        self._each("INSERT OR IGNORE INTO rejected_seqs VALUES (?)", ids)
        kept = lines[-REJECTED_KEPT:]
        self._each(
            "INSERT INTO rejected_lines (device_id, time_us, reason, line, detail, boot, seq) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(device.device_id, line.time_us, str(line.reason), line.line, line.detail, line.boot, line.seq) for line in kept],
        )
        device.rejected += len(kept)
        if device.rejected > REJECTED_KEPT * SLACK:
            self._conn.execute(
                """DELETE FROM rejected_lines WHERE device_id = ?1 AND id <= (
                    SELECT id FROM rejected_lines WHERE device_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)""",
                (device.device_id, REJECTED_KEPT),
            )
            device.rejected = REJECTED_KEPT

    def _store_gaps(self, device: DeviceState, gaps: list[Gap]) -> None:
        if not gaps:
            return
        for boot, ranges in gaps_by_boot(gaps).items():
            run = self._run(device, boot, next(iter(ranges)).value.t0_us)
            write_gaps(self._conn, device.device_id, run.run_id, ranges)
        longest = max(gap.t1_us - gap.t0_us for gap in gaps)
        if longest > device.longest_gap_us:
            device.longest_gap_us = longest
            self._conn.execute("UPDATE devices SET longest_gap_us = ? WHERE device_id = ?", (longest, device.device_id))

    def _store_identities(self, device: DeviceState, identities: dict[int | None, Identity]) -> None:
        self._conn.executemany(
            "UPDATE runs SET board_id = ?, wire_boot = ?, last_ms = ? WHERE run_id = ?",
            [
                (*msgspec.structs.astuple(identity), run.run_id)
                for boot, identity in identities.items()
                if boot is not None and (run := device.runs.get(boot)) is not None
            ],
        )

    def _store_tallies(self, device: DeviceState, tallies: Iterable[Tally]) -> None:
        sums: Counter[tuple[int, str]] = Counter()
        for tally in tallies:
            sums[tally.second_us, tally.kind] += tally.count
        self._each(
            """INSERT INTO tallies VALUES (?, ?, ?, ?)
            ON CONFLICT (device_id, second_us, kind) DO UPDATE SET count = count + excluded.count""",
            [(device.device_id, second_us, kind, count) for (second_us, kind), count in sums.items()],
        )

    def _store_events(self, events: list[Event]) -> None:
        if not events:
            return
        kept = events[-EVENTS_KEPT:]
        self._each(
            "INSERT INTO events (time_us, device, kind, text, data) VALUES (?, ?, ?, ?, ?)",
            [(event.time_us, event.device, str(event.kind), event.text, _json(event.data)) for event in kept],
        )
        self._events += len(kept)
        if self._events > EVENTS_KEPT * SLACK:
            oldest = "SELECT id FROM events ORDER BY id DESC LIMIT 1 OFFSET ?"
            self._conn.execute(" ".join(("DELETE FROM events WHERE id <= (", oldest, ")")), (EVENTS_KEPT,))
            self._events = EVENTS_KEPT

    def _each(self, statement: str, rows: list[tuple[Any, ...]] | _Table) -> list[int]:
        """Run it for all rows; when one is refused, for each by itself, so that a bad row never costs a good one.

        Returns the places of the refused rows.
        """
        if not rows:
            return []
        self._conn.execute("SAVEPOINT rows")
        try:
            self._conn.executemany(statement, rows)
        except ROW_ERRORS:
            self._conn.execute("ROLLBACK TO rows")
            return self._one_by_one(statement, rows)
        finally:
            if self._conn.in_transaction:
                self._conn.execute("RELEASE rows")
        return []

    def _one_by_one(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> list[int]:
        refused = []
        for place, row in enumerate(rows):
            try:
                self._conn.execute(statement, row)
            except ROW_ERRORS as error:
                refused.append(place)
                log.warning("a row was refused by the database (%s): %.200r", error, row)
        self.refused += len(refused)
        return refused


def _json(data: dict[str, Any]) -> str:
    return msgspec.json.encode(data, enc_hook=str).decode()


def _sane(parts: list[Readings]) -> Readings:
    """All in one, without rows that cannot be stored as they are."""
    names = Readings.__struct_fields__
    whole = parts[0]
    if len(parts) > 1:
        whole = Readings(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    good: NDArray[np.bool_] = (whole.seq >= 0) & (whole.seq <= SEQ_MASK) & (whole.time_us >= 0) & (whole.time_us < MAX_TIME_US)
    good &= (whole.hold_us >= 0) & (whole.hold_us <= MAX_HOLD_US)
    largest = np.maximum(np.maximum(np.abs(whole.v), np.abs(whole.a)), np.abs(whole.w))
    good &= largest <= np.where(marked(whole.flags), LARGEST, NO_LIMIT)  # false for NaN
    if good.all():
        return whole
    log.warning("%d readings could not be stored: number, time or value beyond all bounds", int((~good).sum()))
    return whole.take(good)


def _rows(readings: Readings, run: RunState) -> Rows:
    """As they are stored: whole µV, µA, µW; a reading stands for at least a microsecond, so that means always exist."""
    v, a, w = (np.rint(values * MICRO).astype(np.int64) for values in (readings.v, readings.a, readings.w))
    ids = readings.seq | run.run_id << SEQ_BITS
    return Rows(ids, readings.time_us, v, a, w, np.maximum(readings.hold_us, 1), readings.flags.astype(np.int64))


def _in_order(rows: Rows) -> Rows:
    """Ascending in number, the first of those that came twice."""
    if (np.diff(rows.id) > 0).all():
        return rows
    _, first = np.unique(rows.id, return_index=True)
    return rows.take(first)
