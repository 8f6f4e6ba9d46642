"""Both languages say everything."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from components import page
from components.words.text import EN, KO, LANGUAGES, words
from services.model import EventKind, LinkState, Reason

COMPONENTS = Path(page.__file__).parent
PLACEHOLDER = re.compile(r"\{(\w+)\}")
HANGUL = re.compile(r"[가-힣]")
DICTIONARIES = {f"{part}{language}.py" for part in ("", "page_", "drawers_") for language in ("en", "ko")}
SAME_IN_BOTH = {
    "fact.residual",
    "ports.name.example",
    "export.format.csv",
    "export.format.parquet",
    "export.zone.utc",
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


def test_every_word_is_said_somewhere() -> None:
    named, made = said_in(path for path in COMPONENTS.rglob("*.py") if path.name not in DICTIONARIES)
    filled = named | said_in((COMPONENTS.parent / "services").rglob("*.py"))[0]  # kinds, states and reasons are the program's
    fits = (pattern.fullmatch(key) for key in EN for pattern in made)
    constructed = {fit.string for fit in fits if fit and all(part in filled or part.isdigit() for part in fit.groups())}
    assert sorted(set(EN) - named - constructed) == []


def said_in(paths: Iterable[Path]) -> tuple[set[str], list[re.Pattern[str]]]:
    """Every text in these files, and patterns of the keys that are put together: `place.{…}`, one word for each brace."""
    texts: set[str] = set()
    made: list[re.Pattern[str]] = []
    for node in (node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"(\w+)" for part in node.values]
            if re.match(r"[a-z]+\\\.", parts[0]):
                made.append(re.compile("".join(parts)))
    return texts, made


def test_an_unknown_language_is_english() -> None:
    assert words("tlh") is EN
    assert set(LANGUAGES) == {"en", "ko"}
