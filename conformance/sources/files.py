"""Paths to files: what is found below them, what each file is, and its bytes.

Directories of version control and package managers are not entered (`SKIPPED`), nor a Python environment, whatever its
name. Every other directory is, hidden ones included. A symbolic link to something inside the given paths is read where
it really stands, once; one that leads out of them is refused, so that a change to a manifest cannot show another file.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from conformance.kube.inventory import path_matches
from conformance.kube.object import Document, Location, Rejected, TextFile
from conformance.sources.fault import Fault

#: yaml: parsed (JSON too); template: below a chart's templates/, never parsed as YAML; text: everything else
Form = Literal["yaml", "template", "text"]

#: directories that hold no manifests of the tree's owner
SKIPPED = frozenset(
    (
        *(".git", ".hg", ".svn", ".bzr", ".jj"),
        *("node_modules", ".venv", ".tox", ".nox", "__pycache__", ".terraform", ".terragrunt-cache", ".direnv"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"),
    )
)
#: larger files are refused; the largest manifests in use, bundles of CRDs, have a few MiB
SIZE_CAP = 64 * 1024 * 1024

_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(slots=True)
class SourceFile:
    """One file that was found, with the documents read from it."""

    #: as findings show it: relative to the working directory when below it, with "/" between the parts
    path: str
    #: what to open
    real: str
    form: Form
    #: in file order, `List` kinds not expanded; empty for templates and texts
    documents: list[Document] = field(default_factory=list)
    #: digest of the bytes that were read, so that no line of a changed file is shown
    stamp: bytes = b""

    @property
    def is_json(self) -> bool:
        """Whether the name says that the file holds JSON."""
        return self.path.lower().endswith(".json")


def read_bytes(real: str, cap: int = SIZE_CAP) -> bytes:
    """Content of a regular file. Raises `Fault` with line 0.

    Pipes, sockets and devices are never read: they are opened without waiting and closed again.
    """
    try:
        descriptor = os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise Fault(f"cannot be read: {_cause(error)}", 0, 0) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Fault("a pipe, socket or device, not a file", 0, 0)
        if status.st_size > cap:
            raise Fault(f"{status.st_size} bytes, above the limit of {cap}", 0, 0)
        data = os.read(descriptor, status.st_size + 1)
        while len(data) < status.st_size and (more := os.read(descriptor, status.st_size - len(data))):
            data += more
        return data
    except OSError as error:
        raise Fault(f"cannot be read: {_cause(error)}", 0, 0) from None
    finally:
        os.close(descriptor)


def text_file(file: SourceFile, cap: int = SIZE_CAP) -> TextFile:
    """A file as text, read when a check asks for it. Asking raises OSError for a file that cannot be read."""
    return TextFile(file.path, partial(_read_text, file.real, cap))


def _read_text(real: str, cap: int) -> str:
    try:
        return read_bytes(real, cap).decode("utf-8", "replace").removeprefix("\ufeff")
    except Fault as fault:
        raise OSError(f"{real}: {fault.reason}") from None


def _cause(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def is_yaml(name: str) -> bool:
    """Whether a file of this name is parsed as YAML or JSON."""
    return name.lower().endswith(_SUFFIXES) or name.rpartition("/")[2] == "Kustomization"


class Walk:
    """Finds files. `files` has them by shown path, sorted; `rejected` what is in the way."""

    def __init__(self, paths: Sequence[str | os.PathLike[str]], exclude: Sequence[str] = ()) -> None:
        """`exclude` are globs for the end of a shown path; a directory that matches is not entered.

        Raises FileNotFoundError for a given path that does not exist.
        """
        self._exclude = tuple(exclude)
        self.rejected: list[Rejected] = []
        #: every path seen, as shown
        self.seen: list[str] = []
        self._files: dict[str, SourceFile] = {}
        self._folders: set[str] = set()
        self._links: list[tuple[str, str, bool]] = []
        self._roots = [os.path.realpath(path) for path in paths]
        for path, root in zip(paths, self._roots, strict=True):
            self._start(os.fspath(path), root)
        while self._links:
            links, self._links = self._links, []
            for link, shown, is_template in links:
                self._follow(link, shown, is_template)
        self.files = {file.path: file for file in sorted(self._files.values(), key=lambda file: file.path)}
        self.seen.sort()

    def _start(self, path: str, root: str) -> None:
        place = Path(root)
        if place.is_dir():
            self._enter(root, show(path), _below_templates(place))
        elif os.path.lexists(root):
            self._add(root, show(path), _below_templates(place.parent))
        else:
            raise FileNotFoundError(f"{path}: no such file or directory")

    def _enter(self, root: str, shown: str, is_template: bool) -> None:
        pending = [(root, shown, is_template)]
        while pending:
            folder, prefix, below_templates = pending.pop()
            if folder in self._folders:
                continue
            self._folders.add(folder)
            entries = self._list(folder, prefix)
            names = {entry.name for entry in entries}
            if "pyvenv.cfg" in names:
                continue
            is_chart = "Chart.yaml" in names
            for entry in entries:
                name = entry.name
                place = f"{prefix}/{name}" if prefix else name
                template = below_templates or (is_chart and name == "templates")
                if any(path_matches(place, pattern) for pattern in self._exclude):
                    continue
                if entry.is_symlink():
                    self._links.append((entry.path, place, template))
                elif entry.is_dir(follow_symlinks=False):
                    if name not in SKIPPED:
                        pending.append((entry.path, place, template))
                else:
                    self._add(entry.path, place, template)

    def _list(self, folder: str, shown: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._reject(shown or ".", f"cannot be read: {_cause(error)}", "directory")
            return []

    def _add(self, real: str, shown: str, is_template: bool) -> None:
        shown = printable(shown)
        self.seen.append(shown)
        if real not in self._files:
            form: Form = "template" if is_template else "yaml" if is_yaml(shown) else "text"
            self._files[real] = SourceFile(shown, real, form)

    def _follow(self, link: str, shown: str, is_template: bool) -> None:
        target = os.path.realpath(link)
        try:
            is_folder = stat.S_ISDIR(Path(link).stat().st_mode)
        except OSError as error:
            if is_yaml(shown):
                loop = "a symbolic link that leads back to itself"
                self._reject(shown, loop if _is_loop(error) else "a symbolic link to nothing", "file")
            return
        if not any(_is_inside(target, root) for root in self._roots):
            if is_folder or is_yaml(shown):
                where = "a symbolic link that leads out of the given paths"
                self._reject(shown, where, "directory" if is_folder else "file")
        elif is_folder:
            if Path(target).name not in SKIPPED:
                self._enter(target, shown, is_template)
        else:
            self._add(target, shown, is_template)

    def _reject(self, shown: str, reason: str, what: str) -> None:
        shown = printable(shown)
        self.seen.append(shown)
        self.rejected.append(Rejected(Location(shown), reason, what))

    def texts(self, cap: int) -> Iterator[TextFile]:
        """The files that are no YAML, templates of charts included."""
        for file in self.files.values():
            if file.form != "yaml":
                yield text_file(file, cap)


def show(path: str) -> str:
    """A given path as findings show it; empty for the working directory itself."""
    absolute = os.path.normpath(Path.cwd() / path)
    here = str(Path.cwd())
    if absolute == here:
        return ""
    prefix = here.rstrip(os.sep) + os.sep
    shown = absolute[len(prefix) :] if absolute.startswith(prefix) else os.path.normpath(path)
    return shown.replace(os.sep, "/")


def printable(path: str) -> str:
    """A path that every report can hold: bytes of a name that are no UTF-8 are written as `\\xe9`."""
    if path.isascii():
        return path
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _below_templates(folder: Path) -> bool:
    return any(
        place.name == "templates" and (place.parent / "Chart.yaml").exists() for place in (folder, *folder.parents)
    )


def _is_inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _is_loop(error: OSError) -> bool:
    return error.errno == errno.ELOOP
