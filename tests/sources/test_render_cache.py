"""Kept renderings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conformance.sources.render_cache import RenderCache, digest, is_secret
from tests.sources.trees import write


def test_what_was_kept_is_found(tmp_path: Path) -> None:
    RenderCache(tmp_path).put("key", [{"kind": "Pod"}])
    assert RenderCache(tmp_path).get("key") == [{"kind": "Pod"}]
    assert RenderCache(tmp_path).get("other") is None


def test_without_a_directory_nothing_is_kept() -> None:
    cache = RenderCache(None)
    cache.put("key", [])
    cache.prune()
    assert cache.get("key") is None


def test_a_damaged_file_is_no_answer(tmp_path: Path) -> None:
    RenderCache(tmp_path).put("key", [])
    (tmp_path / "rendered/key").write_text("{")
    assert RenderCache(tmp_path).get("key") is None


def test_a_directory_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "rendered").write_text("a file")
    cache = RenderCache(tmp_path)
    cache.put("key", [])
    cache.prune()
    assert cache.get("key") is None


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    RenderCache(tmp_path / "new").put("key", [])
    assert (tmp_path / "new/rendered").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new/rendered/key").stat().st_mode & 0o077 == 0


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = RenderCache(tmp_path, total_cap=250)
    for number, key in enumerate(("old", "used", "new")):
        cache.put(key, "x" * 98)
        os.utime(tmp_path / "rendered" / key, (number, number))
    cache.get("used")
    cache.prune()
    assert sorted(place.name for place in (tmp_path / "rendered").iterdir()) == ["new", "used"]


def test_the_key_is_the_content_of_every_input(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.yaml": "1", "a/y.yaml": "2", "b/x.yaml": "1", "b/y.yaml": "2"})

    def key(folder: str, *names: str, facts: object = "v1") -> str:
        return digest(facts, [tmp_path / folder / name for name in names], tmp_path / folder)

    same = key("a", "x.yaml", "y.yaml")
    assert same == key("a", "y.yaml", "x.yaml", "x.yaml")
    assert same == key("b", "x.yaml", "y.yaml"), "another checkout of the same files"
    assert same != key("a", "x.yaml")
    assert same != key("a", "x.yaml", "y.yaml", facts="v2")
    write(tmp_path, {"a/y.yaml": "3"})
    assert same != key("a", "x.yaml", "y.yaml")


def test_a_file_that_is_gone_counts_as_absent(tmp_path: Path) -> None:
    assert digest("", [tmp_path / "gone"], tmp_path) == digest("", [], tmp_path)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"kind": "Secret", "data": {"a": "b"}}, True),
        ({"kind": "Secret", "stringData": {"a": "b"}}, True),
        ({"kind": "Secret"}, False),
        ({"kind": "ConfigMap", "data": {"a": "b"}}, False),
        ([], False),
    ],
)
def test_secrets_are_told(raw: object, expected: bool) -> None:
    assert is_secret(raw) is expected
