"""Everything one run judges, indexed; the same for files, rendered charts and live snapshots."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase, translate
from functools import cached_property, lru_cache

from conformance.kube.object import Document, Object, Rejected, TextFile
from conformance.kube.podspec import PodSpec, pod_spec

Patterns = tuple[str, ...]


def path_matches(path: str, pattern: str) -> bool:
    """Whether the end of a path matches a glob: `addons/*.yaml` matches `repo/addons/a.yaml` but not `myaddons/a.yaml`.

    Requirements name files from the root of a repository, while a run may be started above or below that root.
    """
    return _pattern(pattern)(path) is not None


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(f"(?:.*/)?{translate(pattern)}", re.DOTALL).match


def _any(value: str | None, patterns: Patterns) -> bool:
    return value is not None and any(fnmatchcase(value, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Match:
    """Which things a requirement speaks of; every part that is given must hold. Names and paths are globs.

    `group` tells apart kinds of the same name (a `Certificate` of cert-manager from one of another operator).
    `labels` are those of the object itself.
    """

    kinds: Patterns = ()
    groups: Patterns = ()
    names: Patterns = ()
    namespaces: Patterns = ()
    paths: Patterns = ()
    labels: tuple[tuple[str, str], ...] = ()

    def selects(self, thing: Object) -> bool:
        """Whether an object is meant; its kind is looked up by index, so it is not compared again here."""
        if self.groups and thing.group not in self.groups:
            return False
        if self.names and not _any(thing.name, self.names):
            return False
        if self.namespaces and not _any(thing.namespace, self.namespaces):
            return False
        if self.labels and not all(_any(thing.labels.get(k), (v,)) for k, v in self.labels):
            return False
        return not self.paths or self.selects_path(thing.origin.path)

    def selects_path(self, path: str) -> bool:
        """Whether a file is meant."""
        return not self.paths or any(path_matches(path, pattern) for pattern in self.paths)

    def __str__(self) -> str:
        """What is looked for, in words, for "nothing matched" messages."""
        words = ["/".join(self.kinds) or ("file" if self.paths else "object")]
        words += [" or ".join(self.names)] if self.names else []
        words += [f"in namespace {' or '.join(self.namespaces)}"] if self.namespaces else []
        words += ["labelled " + ",".join(f"{k}={v}" for k, v in self.labels)] if self.labels else []
        words += [" or ".join(self.paths)] if self.paths else []
        return " ".join(words)


class NotListedError(LookupError):
    """What was asked for could not be listed, and why: whoever asks cannot be judged, and must not pass."""


class Inventory:
    """An index over loaded things. Nothing in it may be changed: aliases in YAML share their identity.

    Lookup by namespace treats None (unresolved) as a namespace of its own, never as "default".
    """

    def __init__(
        self,
        objects: Sequence[Object] = (),
        documents: Sequence[Document] = (),
        texts: Sequence[TextFile] = (),
        rejected: Sequence[Rejected] = (),
        files: Sequence[str] = (),
        as_of: date | None = None,
        kube_version: str = "",
        schemas: str = "",
    ) -> None:
        self._objects = objects
        self.documents = documents
        self.texts = texts
        self.rejected = rejected
        #: every file that was seen, as shown to people
        self.files = files
        #: the day to judge ages against; None where nobody said, and then no age is judged
        self.as_of = as_of
        #: the Kubernetes version to judge for, such as "1.34"; empty for the newest that is known
        self.kube_version = kube_version
        #: a file of schemas taken from a cluster, to be used instead of those of a version
        self.schemas = schemas

    @property
    def objects(self) -> Sequence[Object]:
        """Every object, in loading order. A cluster has no such list: ask for kinds. Raises NotListedError there."""
        return self._objects

    @property
    def live(self) -> bool:
        """Whether this is a cluster: defaults are filled in, and controllers have made what they make."""
        return False

    @property
    def taken(self) -> datetime | None:
        """When a cluster was looked at, to judge ages in it; None for manifests."""
        return None

    @cached_property
    def by_kind(self) -> Mapping[str, list[Object]]:
        """Objects of each kind, of whatever group, in loading order."""
        index: dict[str, list[Object]] = defaultdict(list)
        for each in self._objects:
            index[each.kind].append(each)
        return dict(index)

    @cached_property
    def pod_specs(self) -> Mapping[int, PodSpec]:
        """Pod specs by `id()` of the object that carries them, in loading order."""
        specs = ((each, pod_spec(each)) for each in self.carriers())
        return {id(each): spec for each, spec in specs if spec is not None}

    def carriers(self) -> Iterable[Object]:
        """Objects that may carry a pod spec."""
        return self._objects

    def lacks(self, kind: str) -> bool:
        """Whether a cluster does not know a kind at all; never so for manifests."""
        return False

    def of_kind(self, kind: str, group: str | None = None) -> Iterator[Object]:
        """Objects of one kind; `group=""` is the core group, None any group."""
        return (each for each in self.by_kind.get(kind, ()) if group is None or each.group == group)

    def find(self, group: str, kind: str, namespace: str | None, name: str) -> Object | None:
        """The object of that key, or None. For cluster-scoped kinds the namespace is ""."""
        if kind not in self._names:
            index = self._names[kind] = defaultdict(list)
            for each in self.by_kind.get(kind, ()):
                index[each.group, each.name].append(each)
        found = self._names[kind].get((group, name), ())
        return next((each for each in found if each.namespace == namespace), None)

    @cached_property
    def _names(self) -> dict[str, dict[tuple[str, str], list[Object]]]:
        return {}

    def pods(self) -> Iterable[PodSpec]:
        """Every pod spec: of Pods and of the templates of workloads."""
        return self.pod_specs.values()

    def pod_spec(self, thing: Object) -> PodSpec | None:
        """The pod spec that an object of this inventory carries."""
        return self.pod_specs.get(id(thing))

    def candidates(self, match: Match) -> Iterator[Object]:
        """Objects of the kinds that a match names, or all; the rest of the match is still to be asked."""
        if not match.kinds:
            yield from self.everything()
        for kind in match.kinds:
            yield from self.by_kind.get(kind, ())

    def everything(self) -> Iterable[Object]:
        """Every object, for a match that names no kind."""
        return self._objects

    def with_objects(self, more: Sequence[Object]) -> Inventory:
        """This inventory with more objects in it, for what-if questions."""
        return Inventory([*self._objects, *more], self.documents, self.texts, self.rejected, self.files, self.as_of)

    def select(self, match: Match) -> Iterator[Object]:
        """Objects that a match means, in loading order within each kind."""
        return (each for each in self.candidates(match) if match.selects(each))

    def select_documents(self, match: Match) -> Iterator[Document]:
        """YAML and JSON documents by path; Kubernetes objects are documents too."""
        return (each for path in self._paths.select(match) for each in self._documents_by_path.get(path, ()))

    def select_texts(self, match: Match) -> Iterator[TextFile]:
        """Text files by path."""
        return (self._texts_by_path[path] for path in self._paths.select(match) if path in self._texts_by_path)

    @cached_property
    def _documents_by_path(self) -> Mapping[str, list[Document]]:
        index: dict[str, list[Document]] = defaultdict(list)
        for group in (self.documents, self._objects):
            for each in group:
                index[each.origin.path].append(each)
        return dict(index)

    @cached_property
    def _texts_by_path(self) -> Mapping[str, TextFile]:
        return {each.path: each for each in self.texts}

    @cached_property
    def _paths(self) -> PathIndex:
        return PathIndex([*self._documents_by_path, *self._texts_by_path])


class PathIndex:
    """Paths by glob. Most globs end in a plain file name, so that 10,000 paths need not be compared one by one."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = sorted(set(paths))
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in self._paths:
            self._by_name[path.rpartition("/")[2]].append(path)

    def select(self, match: Match) -> list[str]:
        """Paths that a match means, sorted; all of them when it names none."""
        if not match.paths:
            return self._paths
        found = {path for pattern in match.paths for path in self._candidates(pattern) if path_matches(path, pattern)}
        return sorted(found)

    def _candidates(self, pattern: str) -> Sequence[str]:
        name = pattern.rpartition("/")[2]
        if not any(character in name for character in "*?") and "[" not in pattern:  # a set may hold the last slash
            return self._by_name.get(name, ())
        # A set of characters makes what follows it uncertain; then only what stands before it is asked for.
        literal = max(re.split(r"[*?]", pattern.partition("[")[0]), key=len)
        return [path for path in self._paths if literal in path]
