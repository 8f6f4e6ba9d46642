"""A reader in a hurry: gestures at random without a pause, and then the page must say one thing in all its parts.

`python -m tests.components.hurried_reader [--seconds 300] [--seed N]` plays with the real program and a simulated board.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Page

from tests.components.looking import choose, drag, on_chart, shown, state, view
from tests.load.rig import attached, chromium, live_page

KEYS = ("+", "-", "1", "2", "3", "a", "l", "s", "Escape", "Backspace", "ArrowLeft", "ArrowRight", "Shift+ArrowLeft")
SPANS = ("10", "60", "300", "3600", "172800")
SIZES = ((1440, 900), (1024, 768), (1280, 720))
CONTROLS = """() => {
    const chosen = (id) => document.querySelector(`#${id} input:checked`)?.value ?? null;
    const gd = document.querySelector('#chart .js-plotly-plot');
    const traces = gd._fullData.filter((trace) => trace.showlegend);
    return {
        span: chosen('span'), tool: chosen('tool'), drag: gd._fullLayout.dragmode,
        live: document.querySelector('#live-switch').checked,
        options: [...document.querySelectorAll('#options input:checked')].map((input) => input.value).sort(),
        hidden: traces.filter((trace) => trace.visible !== true).map((trace) => trace.legendgroup).sort(),
        theme: document.documentElement.getAttribute('data-bs-theme'), board: document.querySelector('#board-select').value,
        address: window.location.search, zone: document.querySelector('#zone-button').innerText,
    };
}"""
LIMIT_S = 30.0
PATIENCE_MS = 1500.0
SLACK_MS = 100.0
Gesture = Callable[[Page, random.Random], None]


def _click(page: Page, selector: str) -> None:
    found = page.locator(selector)
    if found.count() and found.first.is_visible():
        found.first.click(timeout=PATIENCE_MS)


def _typed(page: Page, rng: random.Random) -> None:
    page.fill("#typed-from", rng.choice(["00:00:00", "nonsense", "12:34:56.789", "2026-11-24 01:00"]))
    page.keyboard.press("Enter")


def _option(page: Page, rng: random.Random) -> None:
    choose(page, "options", rng.choice(["overlaid", "zero", "locked"]))


def _drawer(page: Page, rng: random.Random) -> None:
    _click(page, ".offcanvas.show .btn-close" if rng.random() < 0.5 else f"#open-{rng.choice(['events', 'alerts', 'settings'])}")


def _board(page: Page, rng: random.Random) -> None:
    boards = page.locator("#board-select option").evaluate_all("(all) => all.map((one) => one.value)")
    if boards:
        page.select_option("#board-select", rng.choice(boards))


def _wheel(page: Page, rng: random.Random) -> None:
    page.mouse.move(*on_chart(page, rng.random()))
    page.mouse.wheel(0, rng.choice([-120, 120]))


GESTURES: tuple[Gesture, ...] = (
    lambda page, rng: page.keyboard.press(rng.choice(KEYS)),
    lambda page, rng: page.keyboard.press(rng.choice(KEYS)),
    lambda page, rng: choose(page, "span", rng.choice(SPANS)),
    lambda page, rng: choose(page, "tool", rng.choice(["zoom", "select", "pan"])),
    lambda page, rng: drag(page, rng.uniform(0.1, 0.5), rng.uniform(0.5, 0.9)),
    lambda page, rng: page.mouse.dblclick(*on_chart(page, rng.uniform(0.1, 0.9))),
    lambda page, rng: _click(page, rng.choice(["#theme-button", "#zone-button"])),
    lambda page, rng: page.locator("#live-switch").click(),
    lambda page, rng: page.locator("#chart .legendtoggle").nth(rng.randrange(3)).click(timeout=PATIENCE_MS),
    lambda page, rng: page.set_viewport_size(dict(zip(("width", "height"), rng.choice(SIZES), strict=True))),  # type: ignore[arg-type]
    lambda page, rng: page.go_back(wait_until="commit") and None,
    lambda page, rng: page.wait_for_timeout(rng.choice([0, 50, 300, 700])),
    _typed, _option, _drawer, _board, _wheel,
)  # fmt: skip


def hurry(page: Page, rng: random.Random, count: int) -> list[int]:
    """So many gestures; which ones. What lies under a drawer cannot be clicked: then nothing happens."""
    made = []
    for _ in range(count):
        at = rng.randrange(len(GESTURES))
        made.append(at)
        try:
            GESTURES[at](page, rng)
        except Error as error:
            if "Timeout" not in str(error):
                raise
    return made


def differences(page: Page) -> list[str]:
    """Where the parts of the page say different things about what is looked at."""
    kept, here = view(page), page.evaluate(CONTROLS)
    live = kept["range_us"] is None
    address = f"span={kept['span_s']}" if live else "from="
    wanted: dict[str, Any] = {
        "span": str(kept["span_s"]) if live else None,
        "tool": kept["tool"],
        "drag": kept["tool"],
        "live": live,
        "options": sorted(name for name in ("overlaid", "zero", "locked") if kept[name]),
        "hidden": sorted(kept["hidden"]),
        "theme": kept["theme"],
        "board": kept["device"],
    }
    found = [f"{name}: {here[name]!r}, not {value!r}" for name, value in wanted.items() if here[name] != value]
    if address not in here["address"]:
        found.append(f"address: {here['address']} for {kept['range_us'] or kept['span_s']}")
    if not live:
        ends = shown(page)
        width_ms = (kept["range_us"][1] - kept["range_us"][0]) / 1000
        if abs(ends[1] - ends[0] - width_ms) > max(SLACK_MS, 0.01 * width_ms):
            found.append(f"chart shows {ends[1] - ends[0]:.0f} ms, not {width_ms:.0f}")
    return found


def at_rest(page: Page, limit_s: float = LIMIT_S) -> list[str]:
    """The differences that stay."""
    end, found = time.monotonic() + limit_s, ["not looked at"]
    while found and time.monotonic() < end:
        page.wait_for_timeout(200)
        found = differences(page)
    return found


def main() -> int:
    """Plays until the time is over or something stays wrong; says the seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng, until = random.Random(args.seed), time.monotonic() + args.seconds
    with (
        tempfile.TemporaryDirectory() as folder,
        attached(Path(folder), "--interval-ms", "50") as (running, _),
        chromium() as browser,
    ):
        page = live_page(browser, running.address)
        troubles: list[str] = []
        page.on("response", lambda answer: troubles.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
        page.on("pageerror", lambda error: troubles.append(f"{error} {error.stack}"))
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.set_default_timeout(PATIENCE_MS)
        rounds = 0
        while time.monotonic() < until:
            made = hurry(page, rng, 12)
            left = at_rest(page)
            rounds += 1
            if left or troubles:
                page.screenshot(path=str(Path(tempfile.gettempdir()) / "hurried.png"))
                print(f"round {rounds}, gestures {made}: {left} {troubles} {view(page)} {page.evaluate(CONTROLS)} {state(page)}")
                return 1
        print(f"{rounds} rounds of 12 gestures, seed {args.seed}: the page agrees with itself")
    return 0


if __name__ == "__main__":
    sys.exit(main())
