"""The files of a tree by absolute path, for everything that names files relative to something else."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path

from conformance.sources.load import SourceFile, Tree


class Places:
    """Finds files of the tree by absolute path, symbolic links of directories resolved.

    `read` parses a file outside the tree, given what to open and how to show it; it answers None for a file that does
    not load.
    """

    def __init__(self, tree: Tree, read: Callable[[Path, str], SourceFile | None]) -> None:
        self._read = read
        self._outside: dict[Path, SourceFile | None] = {}
        self._folders: dict[Path, dict[str, SourceFile]] = {}
        real: dict[str, Path] = {}
        for file in tree.files.values():
            folder, _, name = file.real.rpartition("/")
            if folder not in real:
                real[folder] = Path(os.path.realpath(folder if file.real.startswith("/") or folder else "."))
            self._folders.setdefault(real[folder], {})[name] = file

    @cached_property
    def top(self) -> Path:
        """The common directory of all files; the working directory when there is none."""
        return Path(os.path.commonpath(self._folders)) if self._folders else Path.cwd()

    def __iter__(self) -> Iterator[tuple[Path, SourceFile]]:
        """Every file of the tree with its absolute path."""
        return iter(self._all)

    @cached_property
    def _all(self) -> list[tuple[Path, SourceFile]]:
        return [(folder / name, file) for folder, files in self._folders.items() for name, file in files.items()]

    def named(self, names: Iterable[str]) -> Iterator[tuple[Path, SourceFile]]:
        """The files of these names, in every directory."""
        wanted = list(names)
        for folder, files in self._folders.items():
            for name in wanted:
                if name in files:
                    yield folder / name, files[name]

    def below(self, directory: Path) -> Iterator[tuple[Path, SourceFile]]:
        """The files of the tree in a directory and those below it."""
        prefix = f"{directory}/".replace("//", "/")
        for name, folder in self._sorted[bisect_left(self._sorted, (prefix, Path())) :]:
            if not name.startswith(prefix):
                return
            for each, file in self._folders[folder].items():
                yield folder / each, file

    @cached_property
    def _sorted(self) -> list[tuple[str, Path]]:
        return sorted((f"{folder}/".replace("//", "/"), folder) for folder in self._folders)

    def get(self, path: Path) -> SourceFile | None:
        """A file of the tree; None for any other."""
        return self._folders.get(path.parent, {}).get(path.name)

    def read(self, path: Path) -> SourceFile | None:
        """A file, parsed, in the tree or not, whatever its name; None when it does not load."""
        found = self.get(path)
        if found is not None and found.form != "text":
            return found
        if path not in self._outside:
            self._outside[path] = self._read(path, self.shown(path))
        return self._outside[path]

    def shown(self, path: Path) -> str:
        """A path as findings show it: like the tree's own files, else relative to the working directory if below it."""
        file = self.get(path)
        if file is not None:
            return file.path
        inside = next(iter(self._folders.get(path, {}).values()), None)
        if inside is not None:
            return inside.path.rpartition("/")[0] or "."
        here = Path.cwd()
        return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()
