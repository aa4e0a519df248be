"""How the kustomizations of a tree use each other, and what building one of them reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from conformance.kube.object import Document
from conformance.sources.kustomize import (
    FILE_NAMES,
    Kustomization,
    Reference,
    Use,
    chart_home,
    read_kustomization,
    resolve,
)
from conformance.sources.load import SourceFile

# Fields that name files with the configuration of generators and transformers, and what these name files with.
_CONFIGURED = frozenset({"generators", "transformers", "validators"})
_SETTINGS = ("files", "envs", "env", "path", "paths", "repo", "chartRepoUrl", "valuesFile", "additionalValuesFiles")


@dataclass(slots=True)
class Closure:
    """Everything that building one kustomization reads. Files and directories are absolute, links resolved."""

    kustomizations: list[Kustomization] = field(default_factory=list)
    #: rendered into objects
    resources: set[Path] = field(default_factory=set)
    #: patches and configuration, never objects
    inputs: set[Path] = field(default_factory=set)
    #: directories of which any file may be read, because generators or charts name files in their own words
    folders: set[Path] = field(default_factory=set)
    #: what kustomize would fetch, with the document that names it
    remote: list[tuple[Document, Reference]] = field(default_factory=list)
    missing: list[tuple[Kustomization, Reference]] = field(default_factory=list)


class Graph:
    """The kustomizations of a tree and how they use each other.

    `read` gives the file at an absolute path, parsed, also when it lies outside the tree: an overlay may be checked
    without its base.
    """

    def __init__(self, kustomizations: Iterable[Kustomization], read: Callable[[Path], SourceFile | None]) -> None:
        self._read = read
        self._resolved: dict[tuple[Path, str], Path] = {}
        self._by_directory: dict[Path, Kustomization | None] = {k.directory: k for k in kustomizations}
        self._closures: dict[Path, Closure] = {}
        self.kustomizations = [k for k in self._by_directory.values() if k]

    def at(self, directory: Path) -> Kustomization | None:
        """The kustomization of a directory, in the tree or not."""
        if directory not in self._by_directory:
            files = [self._read(directory / name) for name in sorted(FILE_NAMES) if (directory / name).is_file()]
            found = [read_kustomization(file, directory) for file in files if file]
            self._by_directory[directory] = next((k for k in found if k), None)
        return self._by_directory[directory]

    @cached_property
    def roots(self) -> list[Kustomization]:
        """Kustomizations that nothing else in the tree uses, and one of each cycle, so that none is lost.

        A Component is never a root: without a kustomization that uses it, there is nothing it could change.
        """
        used = {target.directory for k in self.kustomizations for target in self._uses(k) if target is not k}
        roots = [k for k in self.kustomizations if k.directory not in used and not k.is_component]
        reached = {k.directory for root in self.kustomizations if root.directory not in used for k in self.reach(root)}
        for left in self.kustomizations:
            if left.directory not in reached and not left.is_component:
                roots.append(left)
                reached.update(k.directory for k in self.reach(left))
        return roots

    def reach(self, root: Kustomization) -> list[Kustomization]:
        """A kustomization and all that it is built from."""
        return self.closure(root).kustomizations

    def closure(self, root: Kustomization) -> Closure:
        """All that building `root` reads, each kustomization once."""
        if root.directory not in self._closures:
            self._closures[root.directory] = self._collect(root)
        return self._closures[root.directory]

    def namespaces(self, root: Kustomization) -> Iterator[tuple[Path, str | None]]:
        """Each plain resource with the namespace kustomize would give it: the outermost `namespace:` wins."""
        todo: list[tuple[Kustomization, str | None]] = [(root, root.namespace)]
        seen: set[tuple[Path, str | None]] = set()
        while todo:
            kustomization, namespace = todo.pop()
            if (kustomization.directory, namespace) in seen:
                continue
            seen.add((kustomization.directory, namespace))
            for reference in kustomization.references:
                target, path = self._target(kustomization, reference), self.resolve(kustomization, reference)
                if target is not None:
                    todo.append((target, namespace or target.namespace))
                elif reference.use is Use.RESOURCE and path.is_file():
                    yield path, namespace

    def directly_below(
        self, users: Mapping[Path, str | None], known: Collection[Path]
    ) -> list[tuple[Kustomization, set[str | None]]]:
        """What `users` are directly built from, unless `known`, each with the namespaces that its users give it.

        `users` are directories, each with the namespace that is laid over it already and so wins. What uses its user
        in turn is left out: the cycle is told already.
        """
        found: dict[Path, set[str | None]] = {}
        for directory, outer in users.items():
            user = self.at(directory)
            for child in self._uses(user) if user else ():
                if child.directory not in known and not child.is_component and user not in self.reach(child):
                    found.setdefault(child.directory, set()).add(outer or (user.namespace if user else None))
        return [(below, namespaces) for at, namespaces in found.items() if (below := self.at(at))]

    def resolve(self, user: Kustomization, reference: Reference) -> Path:
        """The absolute path that a reference means; asked of the file system once."""
        key = user.directory, reference.text
        if key not in self._resolved:
            self._resolved[key] = resolve(user, reference)
        return self._resolved[key]

    def _uses(self, kustomization: Kustomization) -> Iterator[Kustomization]:
        for reference in kustomization.references:
            target = self._target(kustomization, reference)
            if target is not None:
                yield target

    def _collect(self, root: Kustomization) -> Closure:
        found = Closure()
        todo = [(root, False)]
        seen: set[tuple[Path, bool]] = set()
        while todo:
            kustomization, as_input = todo.pop()
            if (kustomization.directory, as_input) in seen:
                continue
            if (kustomization.directory, not as_input) not in seen:
                found.kustomizations.append(kustomization)
            seen.add((kustomization.directory, as_input))
            found.folders.update(_open_folders(kustomization))
            for reference in kustomization.references:
                target = self._follow(kustomization, reference, found, as_input)
                if target is not None:
                    todo.append((target, as_input or reference.use is Use.INPUT))
        return found

    def _follow(
        self, user: Kustomization, reference: Reference, found: Closure, as_input: bool
    ) -> Kustomization | None:
        path = self.resolve(user, reference)
        if not reference.has_scheme and path.is_file():
            plain = reference.use is Use.RESOURCE and not as_input
            (found.resources if plain else found.inputs).add(path)
            if as_input or reference.field[0] in _CONFIGURED:
                found.remote.extend(self._remote_settings(path))
            return None
        if reference.is_remote:
            found.remote.append((user.document, reference))
            return None
        target = self._target(user, reference)
        if target is None and not (path.is_dir() and reference.use is Use.INPUT):
            found.missing.append((user, reference))
        return target

    def _remote_settings(self, path: Path) -> Iterator[tuple[Document, Reference]]:
        """URLs in the configuration of a builtin generator or transformer."""
        file = self._read(path)
        for document in file.documents if file else ():
            raw = document.raw if isinstance(document.raw, dict) else {}
            for key in _SETTINGS:
                value = raw.get(key)
                for index, text in enumerate(value if isinstance(value, list) else [value]):
                    place = (key, index) if isinstance(value, list) else (key,)
                    reference = Reference(Use.INPUT, text.rpartition("=")[2], place) if isinstance(text, str) else None
                    if reference is not None and reference.is_remote:
                        yield document, reference

    def _target(self, user: Kustomization, reference: Reference) -> Kustomization | None:
        """The kustomization that a reference means, if it means one here."""
        local = not reference.has_scheme and not reference.is_remote
        return self.at(self.resolve(user, reference)) if local else None


def _open_folders(kustomization: Kustomization) -> Iterator[Path]:
    if any(kustomization.raw.get(name) for name in _CONFIGURED):
        yield kustomization.directory
    if kustomization.charts:
        yield chart_home(kustomization)
