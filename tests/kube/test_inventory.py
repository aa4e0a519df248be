"""Selecting by path agrees with asking every path, and by object with the parts of a match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.kube.inventory import Inventory, Match, PathIndex, path_matches
from conformance.kube.object import TextFile
from tests.kube.no_file import obj

paths = st.lists(st.text("ab./", min_size=1, max_size=8), max_size=8)
patterns = st.text("ab./*?[]", min_size=1, max_size=6)


@given(paths, patterns)
def test_the_index_finds_what_asking_every_path_finds(found: list[str], pattern: str) -> None:
    expected = sorted({each for each in found if path_matches(each, pattern)})
    assert PathIndex(found).select(Match(paths=(pattern,))) == expected


@pytest.mark.parametrize(
    ("path", "pattern", "matches"),
    [
        ("addons/a.yaml", "addons/*.yaml", True),
        ("repo/addons/a.yaml", "addons/*.yaml", True),
        ("myaddons/a.yaml", "addons/*.yaml", False),
        ("addons/a.yml", "addons/*.yaml", False),
        ("a.sh", "*.sh", True),
        ("deep/er/a.sh", "*.sh", True),
        ("a.shx", "*.sh", False),
        ("x/values-prod.yaml", "values-[dp]*.yaml", True),
        ("x/values-test.yaml", "values-[dp]*.yaml", False),
    ],
)
def test_a_glob_matches_the_end_of_a_path(path: str, pattern: str, matches: bool) -> None:
    assert path_matches(path, pattern) is matches


def test_every_part_of_a_match_must_hold() -> None:
    one = obj("apps/v1", "Deployment", metadata={"name": "web-1", "namespace": "shop", "labels": {"tier": "front"}})
    two = obj("example.com/v1", "Deployment", metadata={"name": "web-2"})
    world = Inventory([one, two])

    def names(**parts: tuple[str, ...] | tuple[tuple[str, str], ...]) -> list[str]:
        return [each.name for each in world.select(Match(**parts))]  # type: ignore[arg-type]

    assert names(kinds=("Deployment",)) == ["web-1", "web-2"]
    assert names(kinds=("Deployment",), groups=("apps",)) == ["web-1"]
    assert names(names=("web-*",), namespaces=("sh*",)) == ["web-1"]
    assert names(namespaces=("*",)) == ["web-1"]
    assert names(labels=(("tier", "f*"),)) == ["web-1"]
    assert names(kinds=("Pod",)) == []


def test_texts_are_selected_by_path() -> None:
    world = Inventory(texts=[TextFile("ops/backup.sh", lambda: "x"), TextFile("README.md", lambda: "y")])
    assert [each.path for each in world.select_texts(Match(paths=("*.sh",)))] == ["ops/backup.sh"]
    assert len(list(world.select_texts(Match()))) == 2


def test_lookup_by_key_does_not_mistake_unresolved_for_default() -> None:
    unresolved = obj("v1", "Service", metadata={"name": "a"})
    default = obj("v1", "Service", metadata={"name": "a", "namespace": "default"})
    world = Inventory([unresolved, default])
    assert world.find("", "Service", None, "a") is unresolved
    assert world.find("", "Service", "default", "a") is default
    assert world.find("", "Service", "other", "a") is None
    assert world.find("apps", "Service", "default", "a") is None
