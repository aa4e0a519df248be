"""Files of a tree by absolute path."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.trees import places, write


def test_files_are_found_by_absolute_path(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.yaml": "a: 1\n", "b/y.yaml": "b: 1\n", "a/sub/z.yaml": "c: 1\n"})
    here = places(tmp_path)
    assert here.top == tmp_path
    assert {path.relative_to(tmp_path).as_posix() for path, _ in here.below(tmp_path / "a")} == {
        "a/x.yaml",
        "a/sub/z.yaml",
    }
    file = here.get(tmp_path / "a/x.yaml")
    assert file is not None
    assert file.path == "a/x.yaml"
    assert here.get(tmp_path / "a/gone.yaml") is None


def test_a_linked_directory_is_where_it_leads_to(tmp_path: Path) -> None:
    write(tmp_path, {"real/x.yaml": "a: 1\n"})
    (tmp_path / "link").symlink_to("real")
    here = places(tmp_path / "link")
    assert here.get(tmp_path / "real/x.yaml") is not None


def test_files_outside_the_tree_are_read_when_asked_for(tmp_path: Path) -> None:
    write(tmp_path, {"tree/x.yaml": "a: 1\n", "base/y.yaml": "b: 1\n"})
    here = places(tmp_path / "tree")
    file = here.read(tmp_path / "base/y.yaml")
    assert file is not None
    assert [document.raw for document in file.documents] == [{"b": 1}]
    assert here.read(tmp_path / "base/gone.yaml") is None


def test_a_text_file_is_parsed_when_something_takes_it_for_yaml(tmp_path: Path) -> None:
    write(tmp_path, {"patch": "a: 1\n"})
    file = places(tmp_path).read(tmp_path / "patch")
    assert file is not None
    assert [document.raw for document in file.documents] == [{"a": 1}]


def test_paths_are_shown_as_the_tree_shows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"tree/a/x.yaml": "a: 1\n"})
    here = places(tmp_path / "tree")
    assert here.shown(tmp_path / "tree/a/x.yaml") == "a/x.yaml"
    assert here.shown(tmp_path / "tree/a") == "a"
    monkeypatch.chdir(tmp_path)
    assert here.shown(tmp_path / "base/y.yaml") == "base/y.yaml"
    assert here.shown(Path("/elsewhere/y.yaml")) == "/elsewhere/y.yaml"
