"""A hostile host against the sketch, for a bounded time, under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import json
import subprocess

from tests.firmware.uno import ROOT

SECONDS = "10"
SEED = "20240405"


def seeds() -> bytes:
    lines = []
    for name in ("host_lines.jsonl", "replies.jsonl"):
        for row in (ROOT / "tests/golden" / name).read_text(encoding="utf-8").splitlines():
            lines.append(json.loads(row).get("line", "").encode())
    return b"\n".join(line for line in lines if line) + b"\n"


def test_no_line_of_a_hostile_host_harms_the_board() -> None:
    command = [str(ROOT / "build/firmware-tests/fuzz"), SECONDS, SEED]
    done = subprocess.run(command, input=seeds(), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert int(done.stdout.split()[0]) > 0
