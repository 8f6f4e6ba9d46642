"""`python -m tests.settings_docs` writes the table of options into docs/settings.md (`make docs`)."""

from __future__ import annotations

from pathlib import Path

from services.options import markdown_table

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
BEGIN, END = "<!-- table: written by `make docs` from services/options.py -->\n", "<!-- end of table -->\n"


def with_table(text: str) -> str:
    """The page with the table as it must be."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{markdown_table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
