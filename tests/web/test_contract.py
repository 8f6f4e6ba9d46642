"""schemathesis asks the running program whatever its description allows, and much that it does not: no 5xx, no broken promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.web.program import TOKEN, program

CONFIG = Path(__file__).with_name("schemathesis.toml")
SEED, EXAMPLES = "20261124", "25"


def test_the_api_keeps_what_its_description_promises(tmp_path: Path) -> None:
    demo = {"ports": (), "mock": "normal", "mock_args": ("--interval-ms", "50")}
    with program(tmp_path, token=TOKEN, **demo) as running:  # type: ignore[arg-type]
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"),
            *(f"http://{running.address}/api/openapi.json", "-H", f"Authorization: Bearer {TOKEN}"),
            *("--seed", SEED, "--max-examples", EXAMPLES, "--no-color", "--suppress-health-check", "all"),
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)
        assert len(running.monitor.devices()) < 16  # it may connect boards, not fill the program with them
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: " in done.stdout
