"""The quick way to a field's place agrees with the marks of libyaml wherever it dares to answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conformance.kube.path import Path
from conformance.sources import block_place, yaml_block
from conformance.sources.marks import Marks

ROOT = File(__file__).parent.parent.parent
FILES = sorted(
    [*ROOT.glob("manifests/**/*.yaml"), *ROOT.glob("policies/**/*.yaml"), *ROOT.glob("tests/fixtures/**/*.yaml")]
)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every path of a document, and for each container one that is absent."""
    if path:
        yield path
    if isinstance(value, dict):
        yield (*path, "absent")
        for key, each in value.items():
            yield from paths(each, (*path, key))
    elif isinstance(value, list):
        yield (*path, len(value))
        for index, each in enumerate(value):
            yield from paths(each, (*path, index))
    else:
        yield (*path, "below a scalar")


def compare(text: str) -> tuple[int, int]:
    """How many places were found the quick way, and how many there are."""
    built = yaml_block.build(text)
    if built is None:
        return 0, 0
    marks, quick, total = Marks(text), 0, 0
    for path in paths(built[0]):
        found = block_place.find(text, path)
        total += 1
        if found is not None:
            quick += 1
            place = marks.find(path)
            assert place is not None
            assert found == (place.line, place.column), (path, text)
    return quick, total


@pytest.mark.parametrize("topic", sorted({str(each.relative_to(ROOT).parent) for each in FILES}))
def test_on_every_document_of_this_repository(topic: str) -> None:
    for file in FILES:
        if str(file.relative_to(ROOT).parent) == topic:
            for text in file.read_text(encoding="utf-8").split("\n---\n"):
                compare(text)


def test_most_places_are_found_the_quick_way() -> None:
    texts = [text for file in FILES for text in file.read_text(encoding="utf-8").split("\n---\n")]
    found = [compare(text) for text in texts[:200]]
    assert sum(quick for quick, _ in found) > 0.7 * sum(total for _, total in found)


words = st.text("abc-: #'\"\n", max_size=6)
trees = st.recursive(
    words | st.integers(-9, 9) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "y", "1"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), trees, min_size=1), st.booleans(), st.integers(2, 4))
def test_on_whatever_is_dumped(tree: Any, flow: bool, indent: int) -> None:
    compare(yaml.safe_dump(tree, default_flow_style=None if flow else False, indent=indent))


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("a:\n- b: 1\n  c: 2\n- d: 3\ne: 4\n", ("a", 1, "d"), (3, 2)),
        ("a:\n  - b: 1\n    c: 2\n", ("a", 0, "c"), (2, 4)),
        ("# head\n\na:\n  b: |\n    c: 1\n    d: 2\n  c: 3\n", ("a", "c"), (6, 2)),
        ("a:\n  b: 1\n", ("a", "z", "y"), (0, 0)),
        ("a:\n  # only a comment\nb: 1\n", ("a", "x"), (0, 0)),
        ("a:\n  - x\n  # between\n\n  - y\n", ("a", 1), (4, 4)),
        ("'a': 1\n\"b\": 2\n", ("b",), (1, 0)),
        ("yes: 1\n", ("true",), (0, 0)),
    ],
)
def test_places(text: str, path: Path, place: tuple[int, int]) -> None:
    assert block_place.find(text, path) == place


@pytest.mark.parametrize("text", ["a: {b: 1}\n", "a: &x\n  b: 1\n", "a: [\n  1\n]\n"])
def test_other_styles_are_left_to_the_marks(text: str) -> None:
    assert block_place.find(text, ("a", "b")) is None
