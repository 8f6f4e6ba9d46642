"""`python -m tests.newer_pins STAMP`: says which pinned packages have a newer version, once a day at most; offline it is quiet.

The lock is made anew with pip-tools: `pip-compile --generate-hashes --strip-extras --allow-unsafe --no-header
--no-emit-index-url --no-emit-find-links -o requirements.lock requirements.txt`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
DAY_S, LIMIT_S = 86_400.0, 90.0
ASK = (sys.executable, "-m", "pip", "list", "--outdated", "--format", "json", "--disable-pip-version-check", "--retries", "0")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def pins(text: str) -> dict[str, str]:
    """Version by name, as a lock or a list of requirements has them."""
    return {normal(name): version for name, version in PIN.findall(re.sub(r"\[[^]]*\]", "", text))}


def normal(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def newer(outdated: str, pinned: dict[str, str]) -> list[str]:
    """Sentences about what pip calls outdated, as far as it is pinned."""
    found = [(normal(item["name"]), item["latest_version"]) for item in json.loads(outdated)]
    return [f"{name} {pinned[name]} is pinned, {latest} is there" for name, latest in found if pinned.get(name, latest) != latest]


def main() -> int:
    stamp = Path(sys.argv[1])
    if stamp.exists() and time.time() - stamp.stat().st_mtime < DAY_S:
        return 0
    try:
        asked = subprocess.run(ASK, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        lines = newer(asked.stdout if asked.returncode == 0 else "", pins(LOCK.read_text(encoding="utf-8")))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return 0
    print("\n".join(lines), end="\n" if lines else "")
    stamp.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
