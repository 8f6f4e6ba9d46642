"""`python -m tests.web.serve_fake [options]`: the real server and settings around the fake façade, as a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from services import logs
from services.errors import DatabaseTooNew
from services.settings import load_settings
from services.web.api import create_api
from services.web.serve import serve
from tests.web.fake_monitor import FakeMonitor


class Recording(FakeMonitor):
    """Leaves a file behind when it was stopped in order."""

    def stop(self) -> None:
        self.settings.database.with_name("stopped").touch()


def main() -> int:
    settings = load_settings(sys.argv[1:], {}, Path.cwd())
    logs.configure(settings)
    monitor = Recording(settings, count=300_000)
    if os.environ.get("TEST_TOO_NEW"):
        monitor.fail_start = DatabaseTooNew("the database is newer than this program")
    return serve(create_api(monitor), settings)


if __name__ == "__main__":
    sys.exit(main())
