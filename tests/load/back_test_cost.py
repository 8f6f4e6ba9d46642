"""`python -m tests.load.back_test_cost`: what trying a rule costs on 48 h of noisy readings, ten a second.

CPU of the asking thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import msgspec
import numpy as np

from services.alert_model import AlertChannel, AlertRule, Level
from services.clock import Clock
from services.model import Readings
from services.storage.storage import Storage
from tests.load import generate

TRIES = 3
NOISE_W = 0.05
RULES = {
    "above everything but spikes": AlertRule("x", AlertChannel.W, Level.WARNING, 5.0, 4.9),
    "at the top of a slow wave": AlertRule("x", AlertChannel.W, Level.WARNING, 2.3, 2.2),
    "in the noise, no hold": AlertRule("x", AlertChannel.W, Level.WARNING, 1.5, 1.5),
    "in the noise, held for 1 s": AlertRule("x", AlertChannel.W, Level.WARNING, 1.5, 1.45, hold_s=1, clear_s=1),
    "residual, above its noise": AlertRule("x", AlertChannel.RESIDUAL, Level.WARNING, 0.5, 0.1),
    "residual, in its noise all the time": AlertRule("x", AlertChannel.RESIDUAL, Level.WARNING, 0.15, 0.1),
    "3 s without a reading": AlertRule("x", AlertChannel.AGE, Level.WARNING, 3, 3),
}
_calm = generate.batch


def noisy(first: int, count: int, t0_us: int, step_us: int) -> Readings:
    """The usual history, with a power that is not quite v·a."""
    rows = _calm(first, count, t0_us, step_us)
    noise = np.random.default_rng(first).normal(0, NOISE_W, count)
    return msgspec.structs.replace(rows, w=np.round(rows.w + noise, 6))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=48.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "noisy.db"
        with patch.object(generate, "batch", noisy):
            generate.generate(file, 10.0, options.hours)
        storage = Storage(file, Clock(), retention_h=options.hours * 2)
        storage.start()
        try:
            t0_us, t1_us = storage.extent(generate.DEVICE) or (0, 0)
            for name, rule in RULES.items():
                costs = []
                for _ in range(TRIES):
                    begun_s = time.thread_time()
                    found = storage.back_test(generate.DEVICE, rule, t0_us, t1_us + 1)
                    costs.append((time.thread_time() - begun_s) * 1e3)
                told = f"{len(found.episodes):6} × in {found.judged} readings, {found.read} of them read"
                print(f"{name:36} {sorted(costs)[TRIES // 2]:6.0f} ms  {told}")
        finally:
            storage.stop(60)


if __name__ == "__main__":
    main()
