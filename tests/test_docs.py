"""What the documents say is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from components.page import DRAWERS
from components.words.text import words
from services.options import OPTIONS
from services.settings import load_settings
from services.web.api import create_api
from tests.settings_docs import PAGE, with_table
from tests.web.fake_monitor import FakeMonitor

DOCS = PAGE.parent
ROOT = DOCS.parent
BLOCK = re.compile(r"^```\n(.*?)^```", re.DOTALL | re.MULTILINE)
SUFFIXES = (".py", ".md", ".yaml", ".service")


def test_the_table_of_options_is_the_programs_own() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_table(text), "run: make docs"


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_each_option_is_documented_in_all_its_three_forms(option) -> None:  # type: ignore[no-untyped-def]
    text = PAGE.read_text(encoding="utf-8")
    for name in (f"`{option.flag}", f"`{option.variable}`", f"`{option.name}`"):
        assert name in text


def test_the_settings_files_shown_are_valid(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        (tmp_path / "powermon.toml").write_text(example, encoding="utf-8")
        load_settings([], {}, tmp_path)


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml", "docs/powermon.service"])
def test_the_ways_to_run_it_set_what_exists(file: str) -> None:
    text = (DOCS.parent / file).read_text(encoding="utf-8")
    named = set(re.findall(r"POWERMON_[A-Z_]+", text))
    assert named and named <= {option.variable for option in OPTIONS} | {"POWERMON_CONFIG"}


def test_each_route_is_documented_and_each_documented_route_exists() -> None:
    paths = set(create_api(FakeMonitor()).openapi()["paths"])  # type: ignore[arg-type]
    named = set(re.findall(r"`(?:GET|POST|PUT|DELETE) (/[^`?]*)", (DOCS / "api.md").read_text(encoding="utf-8")))
    assert named == paths


def documents() -> list[Path]:
    """Everything that is written for readers, wherever it stands."""
    return [*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / name / "README.md" for name in ("components", "data", "firmware"))]


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_both_readmes_lead_to_each_other_and_give_the_same_commands() -> None:
    english, korean = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md"))
    assert "(README.ko.md)" in english and "(README.md)" in korean
    assert re.findall(BLOCK, english) == re.findall(BLOCK, korean) != []
    assert set(re.findall(r"\]\((docs/[^)]*\.md)\)", english)) == set(re.findall(r"\]\((docs/[^)]*\.md)\)", korean))


def test_the_korean_readme_calls_drawers_by_the_words_of_the_page() -> None:
    korean, said = (ROOT / "README.ko.md").read_text(encoding="utf-8"), words("ko")
    assert all(f"*{said[f'drawer.{name}']}*" in korean for name in DRAWERS)


def test_the_readme_calls_drawers_by_the_words_of_the_page() -> None:
    english, said = (ROOT / "README.md").read_text(encoding="utf-8"), words("en")
    assert all(f"*{said[f'drawer.{name}']}*" in english for name in DRAWERS)


@pytest.mark.parametrize("page", ["requirements.md", "promises.md"])
def test_each_file_that_is_named_as_a_proof_exists(page: str) -> None:
    named = re.findall(r"`([^` *]+)`", (DOCS / page).read_text(encoding="utf-8"))
    files = {name for name in named if not name.startswith("/") and (name.endswith(SUFFIXES) or "/" in name)}
    assert len(files) > 30
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []


def test_each_line_of_the_requirements_names_a_file_and_a_test_or_says_that_it_is_not_there() -> None:
    rows = [line for line in (DOCS / "requirements.md").read_text(encoding="utf-8").splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(rows) == 14 + 15
    for row in rows:
        _, _, what, where, shown, not_so, _ = row.split("|")
        if "Not there" not in not_so:
            assert re.search(r"`[^`]+`", where) and re.search(r"`(tests/|\.ci/)[^`]+`", shown), what
