"""What Argo CD and Flux objects in the tree say about the rest of it: its namespace, release and values.

Sources: https://argo-cd.readthedocs.io/en/stable/user-guide/application-specification/ and
https://fluxcd.io/flux/components/ (Kustomization v1, HelmRelease v2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from conformance.kube.object import Object
from conformance.sources.repository import Repository

#: One source of Helm values, in the order in which later ones win: a file, YAML text, or `name=value` of the options
#: of the same name. `unknown` says why values that belong here are not to be had, so that nothing can be rendered.
ValuesPart = tuple[Literal["file", "text", "set", "set-string", "set-file", "unknown"], str]


class TextReplacement(Protocol):
    """Changes rendered text, one object at a time. Hashable; its `repr` says all that it puts in."""

    def replace(self, text: str) -> str:
        """The text of one object as it is applied."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One directory of the tree, as one Argo CD or Flux object delivers it."""

    #: the object, as messages name it: `Application argocd/web`
    by: str
    #: absolute, symbolic links resolved
    directory: Path
    #: namespace of what names none; None when the object does not say it, or says it with a template
    namespace: str | None
    #: Helm release name; None: the name of the chart
    release: str | None = None
    values: tuple[ValuesPart, ...] = ()
    #: fields of a kustomization laid over the delivered one, e.g. Flux `spec.patches`
    overlay: Mapping[str, Any] = field(default_factory=dict)
    #: replaces text in what was rendered, before it is parsed: Flux `postBuild`
    variables: TextReplacement | None = None


@dataclass(slots=True)
class Surroundings:
    """What readers of delivering objects may look at."""

    repository: Repository
    #: absolute path of the file in which an object is declared
    declared_in: Callable[[Object], Path]
    #: by kind, namespace and name; a tree may declare several clusters, so a name need not be unique
    objects: Mapping[tuple[str, str, str], Sequence[Object]]
    #: documents of a file of the tree; none when it could not be read
    documents: Callable[[Path], Iterable[Any]]

    def find(self, by: Object, kind: str, namespace: str | None, name: str) -> Object | None:
        """The object that another one refers to; of several, the one declared nearest to it.

        One whose namespace is not known fits any.
        """
        found = self.objects.get((kind, namespace or "", name)) or self.objects.get((kind, "", name)) or ()
        return next(iter(self._nearest(by, found)), None)

    def of_kind(self, by: Object, kind: str) -> list[Object]:
        """The objects of one kind, those declared nearest to `by` first."""
        return self._nearest(by, [obj for (each, _, _), same in self.objects.items() if each == kind for obj in same])

    def _nearest(self, by: Object, objects: Iterable[Object]) -> list[Object]:
        here = self.declared_in(by).parts

        def steps_away(obj: Object) -> int:
            there = self.declared_in(obj).parts
            common = next((at for at, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), len(here))
            return len(here) + len(there) - 2 * common

        return sorted(objects, key=steps_away)

    def name_of(self, obj: Object) -> str:
        """How messages name a delivering object: with its file where several clusters have one of that name."""
        same = self.objects.get((obj.kind, obj.namespace or "", obj.name), ())
        return f"{obj} of {obj.origin.path}" if len(same) > 1 else str(obj)

    def locate(self, obj: Object, url: str, path: str) -> Path | None:
        """The directory or file that an object names, when it is in the tree's own repository.

        The root of a repository is believed only when the repository is surely this one: otherwise an Application of
        some other repository would claim every file here.
        """
        declared_in = self.declared_in(obj)
        if self.repository.is_foreign(url, declared_in):
            return None
        if not path.strip("./") and not self.repository.is_own(url, declared_in):
            return None
        return self.repository.find(path, declared_in)

    def locate_root(self, obj: Object, url: str) -> Path | None:
        """The root of the repository in which an object is declared, unless a URL names another one."""
        declared_in = self.declared_in(obj)
        return None if self.repository.is_foreign(url, declared_in) else self.repository.root(declared_in)

    def root_of(self, obj: Object) -> Path:
        """The root of the repository in which an object is declared."""
        return self.repository.root(self.declared_in(obj))

    def values_file(self, obj: Object, directory: Path, text: str) -> ValuesPart:
        """A values file named relative to a directory, or with a leading `/` to the repository's root.

        One outside the repository is refused: its content would end up in rendered objects and reports.
        """
        if "://" in text:
            return "unknown", f"{obj} needs the network for values file {text}"
        if text.startswith("/"):
            found = self.repository.find(text, self.declared_in(obj))
        else:
            found = self.repository.inside(directory / text, self.declared_in(obj))
        return (
            ("file", str(found)) if found else ("unknown", f"{obj} names values file {text}, which is not in the tree")
        )


@dataclass(frozen=True, slots=True)
class Target:
    """Namespace of objects that name none, or why it is not known."""

    namespace: str | None
    reason: str = ""


class Targets:
    """Namespaces of directories, by the deliveries that cover them; the longest path decides."""

    def __init__(self, deliveries: Iterable[Delivery]) -> None:
        self._by_directory: dict[Path, list[Delivery]] = {}
        for delivery in deliveries:
            self._by_directory.setdefault(delivery.directory, []).append(delivery)
        self._known: dict[Path, Target] = {}

    def of(self, directory: Path) -> Target:
        """The target namespace of what lies in a directory. Never "default": that would be a guess."""
        if directory not in self._known:
            self._known[directory] = self._decide(directory)
        return self._known[directory]

    def _decide(self, directory: Path) -> Target:
        here = self._by_directory.get(directory, [])
        return agree(here) if here or directory.parent == directory else self.of(directory.parent)


def agree(deliveries: Iterable[Delivery]) -> Target:
    """The namespace on which all agree."""
    by_namespace: dict[str | None, str] = {}
    for delivery in deliveries:
        by_namespace.setdefault(delivery.namespace, delivery.by)
    if not by_namespace:
        return Target(None, "no Argo CD or Flux object in the tree delivers it")
    if len(by_namespace) == 1:
        namespace, by = by_namespace.popitem()
        return Target(namespace, "" if namespace else f"{by} does not say the namespace")
    said = ", ".join(f"{by} says {namespace or 'nothing'}" for namespace, by in list(by_namespace.items())[:3])
    return Target(None, f"several deliver it: {said}")
