"""A connection that fails when it is told to."""

from __future__ import annotations

import sqlite3
from typing import Any


class Failing(sqlite3.Connection):
    """Fails COMMIT, or whatever else begins like `on`, while `failing` is above zero."""

    failing = 0
    on = "COMMIT"
    code = sqlite3.SQLITE_IOERR

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if type(self).failing > 0 and sql.startswith(type(self).on):
            type(self).failing -= 1
            error = sqlite3.OperationalError("injected")
            error.sqlite_errorcode = type(self).code
            raise error
        return super().execute(sql, *values)
