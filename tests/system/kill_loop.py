"""`python -m tests.system.kill_loop --count 200`: kill -9 at random moments while a board goes on at 200 readings/s.

Afterwards: what the board was told to forget is in the database, nothing is in it twice, and what the board still held came.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
from pathlib import Path

from tests.mock.serving import mock, wait_for
from tests.system.running import Program, agrees, record, stored


def killed(folder: Path, count: int, seed: int, interval_ms: str = "5") -> dict[str, int]:
    """The account after `count` kills. Raises AssertionError when a promise is broken."""
    link, truth_file = folder / "board", folder / "record"
    chance, pause = random.Random(seed), threading.Event()
    port = ("--port", f"bench={link}", "--no-demo")
    with mock("--out", f"pty:{link}", "--interval-ms", interval_ms, "--buffer", "60000", "--record", str(truth_file)) as board:
        for _ in range(count):
            running = Program(folder, *port).ready()
            pause.wait(chance.uniform(0.0, 2.0))
            running.kill()
        running = Program(folder, *port).ready()
        wait_for(lambda: running.counts()["received"] > 100 and running.counts()["missing"] == 0, 60)
        board.process.terminate()
        board.process.wait(20)
        wait_for(lambda: running.json("/api/health")["storage"]["queued"] == 0, 20)
        lost = running.counts()["lost"]
        assert running.stop() == 0
    return compared(folder, count, lost)


def compared(folder: Path, count: int, lost: int) -> dict[str, int]:
    """What the record and the database say of each other."""
    truth = {(entry["boot"], entry["seq"]): entry for entry in record(folder / "record")}
    acked = max((entry["ack"] if "ack" in entry else entry["seq"] for entry in record(folder / "record", "ack")), default=-1)
    rows = stored(folder / "powermon.db")
    keys = [row[:2] for row in rows]
    known = set(keys)
    first = min(seq for _, seq in known)
    missing_acked = [key for key in truth if first <= key[1] <= acked and key not in known]
    newest = max(seq for _, seq in known)
    missing = [key for key in truth if key[1] <= newest and key not in known]
    result = {
        "kills": count,
        "measured": len(truth),
        "stored": len(rows),
        "acknowledged up to": acked,
        "acknowledged and missing": len(missing_acked),
        "measured and missing": len(missing),
        "twice": len(keys) - len(known),
        "different": sum(not agrees(row, truth[row[0], row[1]]) for row in rows if (row[0], row[1]) in truth),
        "lost": lost,
    }
    broken = {name: result[name] for name in ("acknowledged and missing", "measured and missing", "twice", "different", "lost")}
    assert not any(broken.values()), result
    assert acked > 0
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, value in killed(Path(folder), options.count, options.seed).items():
            print(f"{name:>26}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
