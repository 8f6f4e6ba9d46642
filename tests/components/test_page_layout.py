"""The page as a whole, without a browser."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from plotly.utils import PlotlyJSONEncoder

from components import ids, page
from tests.components.fakes import FakeMonitor

ASSETS = Path(page.__file__).parent / "assets"
SCRIPTS = sorted(ASSETS.glob("*.js"))


def elements(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "props" in node:
            yield node
        for value in node.values():
            yield from elements(value)
    elif isinstance(node, list):
        for value in node:
            yield from elements(value)


@pytest.fixture
def tree() -> list[dict[str, Any]]:
    layout = page.layout(FakeMonitor())  # type: ignore[arg-type]
    return list(elements(json.loads(json.dumps(layout, cls=PlotlyJSONEncoder))))


def test_ids_are_unique(tree: list[dict[str, Any]]) -> None:
    found = Counter(node["props"]["id"] for node in tree if "id" in node["props"])
    assert [name for name, count in found.items() if count > 1] == []


def test_every_documented_id_stands_in_the_page(tree: list[dict[str, Any]]) -> None:
    found = {node["props"].get("id") for node in tree}
    named = {value for name, value in vars(ids).items() if name.isupper() and isinstance(value, str)}
    for channel in "vaw":
        named |= {
            ids.card(channel),
            ids.value(channel),
            ids.unit(channel),
            ids.level(channel),
            ids.coverage(channel),
            ids.curve_button(channel),
        }
        named |= {ids.stat(channel, name) for name in ids.CHANNEL_STATS} | {
            ids.moving(channel, minutes) for minutes in (1, 5, 15)
        }
    named |= {ids.count(name) for name in ids.COUNT_NAMES} | {ids.range_button(name) for name in ids.RANGES}
    assert named - found == set()


def test_no_asset_names_another_host() -> None:
    for path in ASSETS.iterdir():
        if path.is_file():
            found = re.findall(r"https?://[^\s\"')]+", path.read_text(encoding="utf-8"))
            assert [url for url in found if "w3.org" not in url] == [], path.name


def test_two_pages_in_one_process_are_independent() -> None:
    one, two = FakeMonitor(), FakeMonitor()
    two.settings.interval_ms = 500
    first, second = page.create_page(FastAPI(), one), page.create_page(FastAPI(), two)  # type: ignore[arg-type]
    assert first.callback_map.keys() == second.callback_map.keys()
    assert first.callback_map is not second.callback_map
    texts = [json.dumps(app.layout, cls=PlotlyJSONEncoder) for app in (first, second)]
    assert '"interval_ms": 100' in texts[0] and '"interval_ms": 500' in texts[1]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_small_and_never_write_markup(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)


def test_no_inline_handlers(tree: list[dict[str, Any]]) -> None:
    assert [name for node in tree for name in node["props"] if name.lower().startswith("on")] == []


def test_every_control_has_a_name(tree: list[dict[str, Any]]) -> None:
    for node in tree:
        if node["type"] == "Button":
            props = node["props"]
            assert (
                props.get("aria-label")
                or "data-t" in json.dumps(props.get("children", ""))
                or isinstance(props.get("children"), str)
            ), props
