"""Powermon: settings → monitor → API and page → serve.

`python app.py --help` says what it can be told; `make run` sets everything up first.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from components.page import CHANGING, create_page
from services import logs, maintenance
from services.errors import PowermonError, SettingsError
from services.monitor import Monitor
from services.private_files import keep_private
from services.settings import Settings, load_settings
from services.web.api import create_api
from services.web.callbacks import callback_rules
from services.web.serve import serve

ACTIONS = {"backup": 1, "rebuild": 0}  # how many words follow


def main(words: list[str]) -> int:
    """The exit code: 0 done, 1 cannot run, 2 told something that makes no sense."""
    action = words[0] if words and words[0] in ACTIONS else ""
    first_option = 1 + ACTIONS[action] if action else 0
    try:
        settings = load_settings(words[first_option:], os.environ, Path.cwd())
        keep_private(settings)
        if action:
            return act(action, words[1:first_option], settings)
        logs.configure(settings)
        return run(settings)
    except SettingsError as error:
        for problem in error.problems:
            print(f"powermon: {problem}", file=sys.stderr)
        print("powermon: --help lists every option", file=sys.stderr)
        return 2
    except PowermonError as error:
        print(f"powermon: {error}", file=sys.stderr)
        return 1


def run(settings: Settings) -> int:
    """Serves the page until it is told to stop."""
    monitor = Monitor(settings)
    server = create_api(monitor)
    page = create_page(server, monitor)
    return serve(server, settings, page.csp_hashes(), callback_rules(page.callback_map, CHANGING))


def act(action: str, words: list[str], settings: Settings) -> int:
    """Does one thing to the database, and ends."""
    if action == "backup":
        if not words or words[0].startswith("-"):
            raise SettingsError(["backup: needs the name of the file to write"])
        print(maintenance.backup(settings, Path(words[0]).absolute()))
    else:
        print(maintenance.rebuild(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
