"""What all tests share: one real browser, because a process can hold only one of Playwright's loops; and which are quick.

`make check` runs those not marked `outside`: they need no browser, no simulator and no child process.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]

HERE = Path(__file__).parent
OUTSIDE = (
    "system/", "firmware/", "load/", "mock/test_mock_process", "web/test_serve", "web/test_contract", "test_layers",
    "test_private_files", "test_requirements",
    "link/test_simulated_board", "storage/test_process_end", "storage/test_repair",
    "storage/test_disk_trouble.py::test_a_disk_that_is_really", "storage/test_file_identity.py::test_killed",
    "storage/test_file_lock.py::test_the_lock_of_a_killed_process", "link/test_ports.py::test_who_holds_a_port",
    "device/test_boards.py::test_beside_the_demo", "device/test_boards.py::test_a_port_that_another_program_has",
    "web/test_page_callbacks",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs a browser, a simulator or a child process."""
    for item in items:
        place = item.path.relative_to(HERE).as_posix() + "::" + item.name
        if place.startswith(OUTSIDE) or "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.outside)


@pytest.fixture(autouse=True)
def _no_child_process_unless_marked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("outside") is None:

        def refused(*_: object, **__: object) -> None:
            pytest.fail("this test starts a child process: name its file in OUTSIDE of tests/conftest.py")

        monkeypatch.setattr(subprocess.Popen, "__init__", refused)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()
