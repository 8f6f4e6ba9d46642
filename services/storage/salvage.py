"""Reading back what can be read of a damaged file, in small helpings, into the new one."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from services.model import Write
from services.storage.backlog import Backlog
from services.storage.database import Connection, open_reader
from services.storage.fetch import Rows, Run
from services.storage.schema import SEQ_BITS

log = logging.getLogger(__name__)

HELPING = 2000
FEW = 20_000  # helpings wait while more readings than this do: those of the board come first
_COLUMNS = "SELECT id, time_us, v_uv, a_ua, w_uw, hold_us, flags FROM readings WHERE id >= ? AND id < ?"
_UP = " ".join((_COLUMNS, "ORDER BY id LIMIT ?"))
_DOWN = " ".join((_COLUMNS, "ORDER BY id DESC LIMIT ?"))
_RUNS = "SELECT d.name, r.run_id, r.boot, r.t0_us FROM runs AS r JOIN devices AS d USING (device_id) ORDER BY r.run_id DESC"


class Salvage:
    """From both ends of each boot up to where the file is broken; only readings are taken. A bounded step at a time."""

    def __init__(self, damaged: Path, backlog: Backlog) -> None:
        self._damaged = damaged
        self._backlog = backlog
        self._writes = self._read()
        self.readings = 0

    def step(self, _: Connection) -> bool:
        """One helping into the backlog; True when there is nothing more to be had."""
        if self._backlog.readings > FEW:
            return False
        write = next(self._writes, None)
        if write is None or write.readings is None:
            log.warning("%d readings were read back from %s", self.readings, self._damaged.name)
            return True
        if self._backlog.append(write):
            self.readings += len(write.readings)
        return False

    def _read(self) -> Iterator[Write]:
        try:
            conn = open_reader(self._damaged)
        except sqlite3.Error:
            return
        try:
            runs = conn.execute(_RUNS).fetchall()
            for device, run_id, boot, t0_us in runs:
                yield from _run(conn, device, Run(run_id, boot, t0_us, 0))
        except sqlite3.Error as error:
            log.debug("the damaged file gives no more: %s", error)
        finally:
            conn.close()


def _run(conn: Connection, device: str, run: Run) -> Iterator[Write]:
    low, high = run.run_id << SEQ_BITS, run.end_id
    try:
        while len(rows := _helping(conn, _UP, low, high, run)):
            low = int(rows.id[-1]) + 1
            yield Write(device, rows.readings({run.run_id: run.boot}))
        return
    except sqlite3.Error:
        log.debug("broken above %d of boot %d", low, run.boot)
    try:
        while len(rows := _helping(conn, _DOWN, low, high, run)):
            high = int(rows.id[-1])
            yield Write(device, rows.readings({run.run_id: run.boot}))
    except sqlite3.Error:
        log.debug("broken below %d of boot %d", high, run.boot)


def _helping(conn: Connection, statement: str, low: int, high: int, run: Run) -> Rows:
    found = chain.from_iterable(conn.execute(statement, (low, high, HELPING)))
    table = np.fromiter(found, np.int64).reshape(-1, 7).T
    return Rows(table[0], table[1] + run.t0_us, *table[2:])
