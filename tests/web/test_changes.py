"""What changed since when: a client that merges what it is sent has what there is."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.web.changes import Changes, Leaves

PATHS = st.sampled_from([("last",), ("counts", "received"), ("counts", "lost"), ("gaps", "1-7")])
TREES = st.dictionaries(PATHS, st.integers(0, 3) | st.none(), min_size=1)


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """New over old, one level down too."""
    both = {name: old[name] | value for name, value in new.items() if isinstance(value, dict) and isinstance(old.get(name), dict)}
    return old | new | both


def told(changes: Changes, word: str) -> tuple[bool, dict[str, Any]]:
    everything, tree = changes.since(word)
    return everything, orjson.loads(orjson.dumps(tree))


def value_at(tree: dict[str, Any], path: tuple[str, ...]) -> Any:
    return tree[path[0]] if len(path) == 1 else tree[path[0]][path[1]]


@given(st.lists(st.tuples(TREES, st.booleans()), min_size=1, max_size=12))
def test_a_client_that_merges_has_every_leaf_however_seldom_it_asks(story: list[tuple[Leaves, bool]]) -> None:
    changes = Changes()
    mine: dict[str, Any] = {}
    word = ""
    for leaves, asks in story:
        changes.update(leaves)
        if asks:
            everything, tree = told(changes, word)
            assert everything == (word == "")
            mine, word = tree if everything else merge(mine, tree), changes.word
            assert {path: value_at(mine, path) for path in leaves} == leaves


def test_what_has_not_changed_is_not_told_again() -> None:
    changes = Changes()
    changes.update({("a",): 1, ("b",): 1})
    word = changes.word
    changes.update({("a",): 1, ("b",): 2})
    assert told(changes, word) == (False, {"b": 2})
    word = changes.word
    changes.update({("a",): 1, ("b",): 2})
    assert changes.word == word and told(changes, word) == (False, {})


def test_a_word_of_another_run_is_not_believed() -> None:
    changes, restarted = Changes(), Changes()
    for each in (changes, restarted):
        each.update({("a",): 1})
    assert told(restarted, changes.word)[0] is (changes.word != restarted.word)
    assert told(changes, changes.word.replace("-1", "-2"))[0] is True
