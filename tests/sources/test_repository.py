"""The repository a tree belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.sources.repository import Repository, git_root, name_of, remote_names
from tests.sources.trees import write

CONFIG = """
[core]
	bare = false
[remote "origin"]
	url = git@github.com:me/Shop.git
	fetch = +refs/heads/*:refs/remotes/origin/*
[branch "main"]
	remote = origin
"""


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/org/shop.git", "shop"),
        ("https://github.com/org/Shop/", "shop"),
        ("git@github.com:org/shop.git", "shop"),
        ("git@host:shop", "shop"),
        ("ssh://git@host:2222/org/shop", "shop"),
        ("", ""),
    ],
)
def test_the_name_in_a_url(url: str, name: str) -> None:
    assert name_of(url) == name


def repository(tmp_path: Path, *names: str) -> Repository:
    write(tmp_path, {f"{name}/x.yaml": "a: 1\n" for name in names})
    return Repository(tmp_path)


def test_remotes_are_read_without_git(tmp_path: Path) -> None:
    write(tmp_path, {".git/config": CONFIG})
    assert remote_names(tmp_path) == {"shop"}


def test_a_linked_worktree_has_the_remotes_of_its_repository(tmp_path: Path) -> None:
    write(tmp_path, {"main/.git/config": CONFIG, "main/.git/worktrees/a/commondir": "../..\n"})
    write(tmp_path, {"a/.git": f"gitdir: {tmp_path}/main/.git/worktrees/a\n"})
    assert remote_names(tmp_path / "a") == {"shop"}


@pytest.mark.parametrize("config", ["[remote", "\udc80"])
def test_an_unreadable_configuration_tells_nothing(tmp_path: Path, config: str) -> None:
    write(tmp_path, {".git/HEAD": ""})
    (tmp_path / ".git/config").write_bytes(config.encode("utf-8", "surrogateescape"))
    assert remote_names(tmp_path) == frozenset()


def test_the_root_is_above_the_judged_directory(tmp_path: Path) -> None:
    write(tmp_path, {".git/config": "", "clusters/prod/app.yaml": "", "apps/web/x.yaml": ""})
    here = Repository(tmp_path / "clusters")
    declared_in = tmp_path / "clusters/prod/app.yaml"
    assert git_root(declared_in.parent) == tmp_path
    assert here.find("./apps/web/", declared_in) == tmp_path / "apps/web"
    assert here.find("/apps/web", declared_in) == tmp_path / "apps/web"
    assert here.root(declared_in) == tmp_path


def test_without_git_the_judged_directory_may_be_below_the_root(tmp_path: Path) -> None:
    repository(tmp_path, "repo/clusters/prod/web", "repo/clusters/other")
    here = Repository(tmp_path / "repo/clusters/prod")
    declared_in = tmp_path / "repo/clusters/prod/app.yaml"
    assert here.find("clusters/prod/web", declared_in) == tmp_path / "repo/clusters/prod/web"
    assert here.find("web", declared_in) == tmp_path / "repo/clusters/prod/web"
    assert here.find("clusters/other", declared_in) is None


def test_a_path_never_leads_out(tmp_path: Path) -> None:
    here = repository(tmp_path, "repo/apps", "secret")
    (tmp_path / "repo/.git").mkdir()
    (tmp_path / "repo/link").symlink_to(tmp_path / "secret")
    declared_in = tmp_path / "repo/app.yaml"
    assert here.find("../secret", declared_in) is None
    assert here.find("link", declared_in) is None
    assert here.find("a\0b", declared_in) is None
    assert here.inside(tmp_path / "repo/apps/../../secret/x.yaml", declared_in) is None
    assert here.inside(tmp_path / "repo/apps/x.yaml", declared_in) == tmp_path / "repo/apps/x.yaml"
    assert here.inside(tmp_path / "repo/apps/gone.yaml", declared_in) is None


def test_another_repository_is_told_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, {".git/config": CONFIG})
    here, declared_in = Repository(tmp_path), tmp_path / "app.yaml"
    assert here.is_foreign("https://github.com/org/other", declared_in)
    assert not here.is_foreign("https://gitlab.example.com/fork/shop.git", declared_in)
    assert here.is_own("https://gitlab.example.com/fork/shop.git", declared_in)
    assert not here.is_own("", declared_in)


def test_without_remotes_no_url_is_surely_foreign_or_own(tmp_path: Path) -> None:
    here, declared_in = Repository(tmp_path), tmp_path / "app.yaml"
    assert not here.is_foreign("https://github.com/org/other", declared_in)
    assert not here.is_own("https://github.com/org/other", declared_in)
