"""The whole program on a free port, in this process: real monitor, real database, real page, real guard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from dash import Dash
from fastapi import FastAPI

from components.page import CHANGING, create_page
from services.monitor import Monitor
from services.settings import Settings
from services.web.api import create_api
from services.web.callbacks import callback_rules
from tests.web.serving import serving

TOKEN, LOOK = "operator-token-1", "viewer-token-22"


class Program:
    """What runs, and clients for it."""

    def __init__(self, address: str, app: FastAPI, page: Dash, monitor: Monitor) -> None:
        self.address, self.app, self.page, self.monitor = address, app, page, monitor

    def client(self, token: str = "", **headers: str) -> httpx.Client:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.Client(base_url=f"http://{self.address}", timeout=20, headers=headers)


@contextmanager
def program(
    folder: Path,
    extend: Callable[[Dash, Monitor], tuple[str, ...]] | None = None,
    *,
    ports: tuple[str, ...] = ("bench=loop://",),
    **settings: object,
) -> Iterator[Program]:
    """Serves as app.py does. `extend` may add callbacks, and names those that change something."""
    given = Settings(**({"demo": False} | settings), ports=ports, database=folder / "powermon.db", log_file=None)  # type: ignore[arg-type]
    monitor = Monitor(given)
    app = create_api(monitor)
    page = create_page(app, monitor)
    changing = (*CHANGING, *(extend(page, monitor) if extend is not None else ()))
    with serving(app, given, hashes=page.csp_hashes(), callbacks=callback_rules(page.callback_map, changing)) as address:
        yield Program(address, app, page, monitor)
