"""The boards' own words for what is wrong, numbered in this file; bits 8 to 15 of a reading's flags name one of them."""

from __future__ import annotations

import msgspec
import numpy as np

from services.analysis.marks import MOST_WORDS, OTHER, WORD_SHIFT
from services.model import Readings
from services.storage.database import Connection


def status_words(conn: Connection) -> tuple[str, ...]:
    """The words of all boards in the order of their numbers: the first is word 1."""
    return tuple(row[0] for row in conn.execute("SELECT word FROM status_words ORDER BY code"))


class FileWords:
    """Gives the words that readings come with the numbers of this file. Writes: only inside the writer's transaction."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._codes = {word: code for code, word in enumerate(status_words(conn), 1)}

    def renumbered(self, rows: Readings, words: tuple[str, ...]) -> Readings:
        """The same readings; `words`: what the numbers in their flags mean."""
        codes = np.zeros(1 << 8, np.uint16)
        codes[1 : len(words) + 1] = [self._code(word) for word in words]
        flags = rows.flags & np.uint16(0xFF) | codes[rows.flags >> WORD_SHIFT] << WORD_SHIFT
        return msgspec.structs.replace(rows, flags=flags.astype(np.uint16))

    def _code(self, word: str) -> int:
        code = self._codes.get(word)
        if code is None:
            code = min(len(self._codes) + 1, MOST_WORDS)
            word = word if code < MOST_WORDS else OTHER
            self._conn.execute("INSERT OR IGNORE INTO status_words VALUES (?, ?)", (code, word))
            self._codes[word] = code
        return code
