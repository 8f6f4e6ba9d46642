"""docs/where-things-are.md: every file of the program with the first sentence that it says of itself. `make docs` writes it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "where-things-are.md"
ROOMS = {
    ".": "The start",
    "components": "The page: a Dash application",
    "components/panels": "Panels of the page: `layout`, `render`, and callbacks of their own",
    "components/figures": "Frames → figures (pure)",
    "components/look": "How things look and are written",
    "components/words": "What is said, in English and Korean",
    "components/assets": "What only a browser can do",
    "services": "The program",
    "services/web": "HTTP, WebSocket, access",
    "services/actions": "What alerts do",
    "services/device": "One board's chain, and what is believed of it",
    "services/link": "Ports, and the threads that read them",
    "services/storage": "The record",
    "services/wire": "Bytes ↔ messages",
    "services/analysis": "Arithmetic on readings (pure)",
    "mock": "The simulated board",
    "firmware/powermon": "The board's program",
}
HEAD = """# Where things are

Every file, with what it says of itself in its first sentence. Made by `make docs`; a test holds it complete.
Which way they may import each other, and where a new line belongs: [CONTRIBUTING.md](../CONTRIBUTING.md).
"""


def files(room: str) -> list[Path]:
    """The files of a room that are ours, without the empty ones that only make a package."""
    folder = ROOT / room
    found = [folder / "app.py"] if room == "." else sorted(path for path in folder.iterdir() if path.is_file())
    kinds = (".py", ".js", ".css", ".h", ".ino", ".html")
    return [path for path in found if path.suffix in kinds and ".min." not in path.name and path.name != "__init__.py"]


def sentence(path: Path) -> str:
    """The first sentence of a file: of its docstring, or of the comment at its top."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        said = ast.get_docstring(ast.parse(text)) or ""
    else:
        lines = [re.sub(r"^\s*(<!--|/\*)", "//", line).strip() for line in text.splitlines()]
        top = [line for line in lines if line not in ('"use strict";', "<!doctype html>", "")]
        said = "\n".join(_comment(top)).replace("*/", "").replace("-->", "")
    return re.split(r"(?<=[.?!])\s", " ".join(said.split()) + " ")[0]


def _comment(lines: list[str]) -> list[str]:
    """The lines of the comment that a file begins with."""
    block = []
    for line in lines:
        if not (line.startswith("//") or (block and not block[-1].endswith(("*/", "-->", ".")))):
            break
        block.append(line.lstrip("/ "))
    return block


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for room, title in ROOMS.items():
        rows = [f"| `{path.relative_to(ROOT).as_posix()}` | {sentence(path)} |" for path in files(room)]
        parts.append("\n".join([f"## {title}", "| File | |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
