"""Every word of the page, in every language it speaks. Pure. Keys are `place.what`; `{name}` stands for a value."""

from __future__ import annotations

from components.text_en import EN
from components.text_ko import KO

LANGUAGES: dict[str, dict[str, str]] = {"en": EN, "ko": KO}

__all__ = ["EN", "KO", "LANGUAGES", "words"]


def words(language: str) -> dict[str, str]:
    """The words of a language; English for one we do not speak."""
    return LANGUAGES.get(language, EN)
