"""What the documents say is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.options import OPTIONS
from services.settings import load_settings
from services.web.api import create_api
from tests.settings_docs import PAGE, with_table
from tests.web.fake_monitor import FakeMonitor

DOCS = PAGE.parent


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


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]:
        if page.exists():
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
