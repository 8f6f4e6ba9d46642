"""A mark and the board's own word survive in a reading's flags."""

from __future__ import annotations

import numpy as np

from services.analysis.marks import CURRENT, MOST_WORDS, OTHER, StatusWords, flags_of, mark_of, parted, status_of, statuses
from services.model import Flag
from tests.analysis.making import Row, columns


def test_a_mark_stands_beside_all_other_flags() -> None:
    flags = flags_of(CURRENT) | Flag.RECOVERED | Flag.DERIVED | Flag.LATE | Flag.UNTRACKED
    assert mark_of(flags) == CURRENT
    assert status_of(flags) == "current_range"
    assert status_of(int(Flag.RECOVERED)) == "ok"


def test_words_of_a_board_come_back_as_they_were_said() -> None:
    words = StatusWords()
    said = ["overflow", "hot", "sensor_error", "brownout", "hot"]
    flags = np.array([words.mark_flags(word) for word in said] + [0], np.uint16)
    assert statuses(flags, words.known) == [*said, "ok"]
    assert statuses(flags) == ["overflow", "status", "sensor_error", "status", "status", "ok"]


def test_a_board_with_ever_new_words_fills_no_memory() -> None:
    words = StatusWords()
    for number in range(1000):
        words.mark_flags(f"word {number}")
    assert len(words.known) == MOST_WORDS
    assert status_of(words.mark_flags("word 3"), words.known) == "word 3"
    assert status_of(words.mark_flags("one more"), words.known) == OTHER


def test_marked_readings_are_parted_from_the_others() -> None:
    rows = columns([Row(1, 1, 1, 1, 1, 0), Row(2, 1, 9, 9, 9, 1, flags_of(CURRENT)), Row(3, 1, 2, 2, 2, 2)])
    good, marked = parted(rows)
    assert marked is not None
    assert (good.seq.tolist(), marked.seq.tolist()) == ([0, 2], [1])
    assert parted(good) == (good, None)
