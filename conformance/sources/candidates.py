"""Which objects of a tree deliver others, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.kube.object import FieldTypeError, Object, Origin
from conformance.kube.scope import GroupKind
from conformance.sources import argocd, flux
from conformance.sources.delivery import Delivery, Surroundings, Target
from conformance.sources.repository import Repository

_READERS = {**argocd.READERS, **flux.READERS}
#: Kinds that Argo CD and Flux objects refer to.
_REFERRED = frozenset(
    {
        ("", "ConfigMap"),
        ("", "Secret"),
        ("source.toolkit.fluxcd.io", "GitRepository"),
        ("source.extensions.fluxcd.io", "ArtifactGenerator"),
    }
)


def delivers(raw: Any) -> bool:
    """Whether a document is an Argo CD or Flux object that delivers something."""
    return isinstance(raw, dict) and group_kind(raw) in _READERS


def group_kind(raw: Mapping[str, Any]) -> GroupKind:
    """Group and kind of an object; both empty for anything else."""
    version, kind = raw.get("apiVersion"), raw.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return "", ""
    return version.rpartition("/")[0], kind


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object, rendered or as it stands in a file."""

    raw: dict[str, Any]
    target: Target
    #: the file in which it is declared, for paths relative to its repository
    file: Path
    origin: Callable[[], Origin]


def read_deliveries(
    candidates: Iterable[Candidate], repository: Repository, documents: Callable[[Path], Iterable[Any]]
) -> list[Delivery]:
    """All that the given objects deliver; one with wrong types delivers nothing, which the schema check reports."""
    declared_in: dict[int, Path] = {}
    objects: list[Object] = []
    for candidate in candidates:
        if matters(candidate.raw):
            objects.append(Object(candidate.raw, candidate.origin(), candidate.target.namespace))
            declared_in[id(objects[-1])] = candidate.file
    around = Surroundings(repository, lambda obj: declared_in[id(obj)], _by_name(objects), documents)
    found: list[Delivery] = []
    for obj in objects:
        reader = _READERS.get((obj.group, obj.kind))
        try:
            found.extend(reader(obj, around) if reader else ())
        except FieldTypeError:
            continue
    return found


def _by_name(objects: Iterable[Object]) -> dict[tuple[str, str, str], list[Object]]:
    found: dict[tuple[str, str, str], list[Object]] = {}
    for obj in objects:
        found.setdefault((obj.kind, obj.namespace or "", obj.name), []).append(obj)
    return found


def is_object(raw: Any) -> bool:
    """Whether a document has apiVersion and kind."""
    return isinstance(raw, dict) and group_kind(raw) != ("", "")


def matters(raw: Mapping[str, Any]) -> bool:
    """Whether an object delivers something, or may be referred to by one that does."""
    kind = group_kind(raw)
    return kind in _READERS or kind in _REFERRED
