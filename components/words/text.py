"""Every word of the page, in every language it speaks. Pure. Keys are `place.what`; `{name}` stands for a value."""

from __future__ import annotations

from components.words import drawers_en, drawers_ko, en, ko, page_en, page_ko

EN: dict[str, str] = en.EN | page_en.WORDS | drawers_en.WORDS
KO: dict[str, str] = ko.KO | page_ko.WORDS | drawers_ko.WORDS
LANGUAGES: dict[str, dict[str, str]] = {"en": EN, "ko": KO}


def words(language: str) -> dict[str, str]:
    """The words of a language; English for one we do not speak."""
    return LANGUAGES.get(language, EN)
