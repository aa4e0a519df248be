"""Which repository the judged tree belongs to: Argo CD and Flux name directories relative to a repository's root."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def name_of(url: str) -> str:
    """The last part of a repository URL, without `.git`, in lower case.

    Repositories are compared by this alone: a fork and a mirror have another host and owner, and the same manifests.
    """
    return url.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git").lower()


@cache
def git_root(directory: Path) -> Path | None:
    """The nearest directory at or above that holds `.git`; git itself is not needed."""
    return next((place for place in (directory, *directory.parents) if (place / ".git").exists()), None)


@cache
def remote_names(root: Path) -> frozenset[str]:
    """Names of the repositories that a working tree was cloned from.

    Reads `.git/config`, also that of a linked worktree or submodule. Unreadable files mean that nothing is known.
    """
    return frozenset(name_of(url) for url in _remote_urls(root / ".git"))


def _remote_urls(git: Path) -> Iterator[str]:
    try:
        if git.is_file():
            git = git.parent / git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
            common = git / "commondir"
            git = git / common.read_text(encoding="utf-8").strip() if common.is_file() else git
        parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
        parser.read_string((git / "config").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return
    for section in parser.sections():
        if section.startswith("remote "):
            yield parser.get(section, "url", fallback="") or ""


class Repository:
    """Finds directories that Argo CD and Flux objects name. `top` is the common directory of everything judged."""

    def __init__(self, top: Path) -> None:
        self.top = top

    def is_foreign(self, url: str, declared_in: Path) -> bool:
        """Whether a URL surely names another repository than the one in which a file lies."""
        root = git_root(declared_in.parent)
        names = remote_names(root) if root else frozenset()
        return bool(url) and bool(names - {""}) and name_of(url) not in names

    def is_own(self, url: str, declared_in: Path) -> bool:
        """Whether a URL surely names the repository in which a file lies."""
        root = git_root(declared_in.parent)
        return bool(url) and root is not None and name_of(url) in remote_names(root)

    def find(self, path: str, declared_in: Path) -> Path | None:
        """The file or directory that a path means, relative to the repository's root; None when there is none.

        Without `.git` the root is the judged directory or one above it, if what is named then lies in the judged tree.
        A path never leads out of the root.
        """
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in path:
            return None
        root = git_root(declared_in.parent)
        for place in (root,) if root else (self.top, *self.top.parents):
            found = Path(os.path.realpath(place.joinpath(*parts)))
            inside = place in (root, self.top) or (parts and found.is_relative_to(self.top))
            if inside and found.exists() and found.is_relative_to(place):
                return found
        return None

    def inside(self, path: Path, declared_in: Path) -> Path | None:
        """An existing path with `..` and links resolved, if it lies in the repository; None otherwise."""
        found = Path(os.path.realpath(path))
        return found if found.is_relative_to(self.root(declared_in)) and found.exists() else None

    def root(self, declared_in: Path) -> Path:
        """The root of the repository in which a file lies; without `.git`, the judged directory."""
        return git_root(declared_in.parent) or self.top
