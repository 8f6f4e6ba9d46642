"""The power fails at any write: what was acknowledged is there, and the file is whole."""

from __future__ import annotations

import random

from tests.storage.power_cuts import cut_power
from tests.storage.recording_vfs import Disk, Step


def test_no_power_cut_takes_what_was_acknowledged_or_breaks_the_file() -> None:
    assert cut_power(1500, seed=7) == {"ok": 1500}


def test_without_flushing_each_commit_the_same_test_sees_losses_but_no_damage() -> None:
    found = cut_power(200, seed=7, synchronous="NORMAL")
    assert found["lost"] > 20 and found["ok"] + found["lost"] == 200


def test_without_any_flushing_it_sees_damage() -> None:
    assert cut_power(100, seed=7, synchronous="OFF")["corrupt"] > 20


def test_the_disk_keeps_what_was_flushed_and_any_part_of_the_rest() -> None:
    disk, seen = Disk(), set()
    for step in (Step("write", "a", 0, b"1" * 1024), Step("sync", "a"), Step("write", "a", 512, b"2" * 1024)):
        disk.do(step)
    for seed in range(200):
        data = disk.after_power_cut(random.Random(seed))["a"]
        assert data[:512] == b"1" * 512
        seen.add(data[512:])
    assert {b"1" * 512, b"2" * 1024} <= seen
    assert b"2" * 512 in seen  # torn
