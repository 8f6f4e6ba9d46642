"""Both languages say everything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from components import page
from components.words.text import EN, KO, LANGUAGES, words
from services.model import EventKind, LinkState, Reason

COMPONENTS = Path(page.__file__).parent
PLACEHOLDER = re.compile(r"\{(\w+)\}")
HANGUL = re.compile(r"[가-힣]")
SAME_IN_BOTH = {
    "fact.residual",
    "ports.name.example",
    "box.span",
    "export.format.csv",
    "export.format.parquet",
    "export.zone.utc",
    "key.arrows",
    "key.zoom",
    "fact.drift",
    "time.ms",
    "language.code",
    "language.other",
    "stat.pp",
    "stat.std",
}


def test_both_languages_have_the_same_keys() -> None:
    assert set(EN) == set(KO)


@pytest.mark.parametrize("key", sorted(EN))
def test_both_languages_show_the_same_values(key: str) -> None:
    assert set(PLACEHOLDER.findall(EN[key])) == set(PLACEHOLDER.findall(KO[key]))


def test_korean_is_korean() -> None:
    assert {key for key, text in KO.items() if not HANGUL.search(text)} <= SAME_IN_BOTH


@pytest.mark.parametrize(("prefix", "names"), [("event", EventKind), ("reason", Reason), ("link", LinkState)])
def test_every_kind_has_its_word(prefix: str, names: type[EventKind]) -> None:
    assert {f"{prefix}.{name.value}" for name in names} <= set(EN)


def test_every_key_that_a_panel_names_exists() -> None:
    panels = "".join(path.read_text(encoding="utf-8") for path in COMPONENTS.rglob("*.py") if path.parent.name != "words")
    named = set(re.findall(r'text\["([\w.]+)"\]', panels))
    assert len(named) > 30
    assert named - set(EN) == set()


def test_an_unknown_language_is_english() -> None:
    assert words("tlh") is EN
    assert set(LANGUAGES) == {"en", "ko"}
