"""A stranger finds every file in one page, and every file says in its first sentence what it is."""

from __future__ import annotations

import subprocess

import pytest

from tests.where_things_are import PAGE, ROOMS, ROOT, files, page, sentence


def test_the_page_is_what_the_files_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make docs"


@pytest.mark.outside
def test_no_room_is_left_out() -> None:
    command = ["git", "ls-files", "*.py", "*.js", "*.h", "*.ino"]
    tracked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    ours = {name for name in tracked if not name.startswith("tests/") and not name.endswith("__init__.py")}
    listed = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in files(room)}
    assert ours and ours <= listed


@pytest.mark.parametrize("room", ROOMS)
def test_every_file_says_what_it_is(room: str) -> None:
    for path in files(room):
        assert len(sentence(path)) >= 15, path
