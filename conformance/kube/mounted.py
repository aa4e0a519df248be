"""Which key of which ConfigMap or Secret a file inside a container is.

https://kubernetes.io/docs/concepts/configuration/configmap/#using-configmaps-as-files-from-a-pod
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import normpath

from conformance.kube.coverage import coverage
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.path import Path
from conformance.kube.podspec import Container
from conformance.kube.relations import relations


@dataclass(frozen=True, slots=True)
class File:
    """A file that a ConfigMap or Secret becomes in a container; `path` is where the source is named."""

    kind: str
    name: str
    key: str
    path: Path
    optional: bool


def mounted_file(container: Container, path: str) -> File | None:
    """The key behind a file; None where another volume, or none, lies there, or `items` leave the file out.

    The longest mount path wins. With `subPath` the mount is one file, or a directory below the volume's root.
    """
    found = coverage(container, path)
    if found.volume is None or found.inside is None:
        return None
    for kind, source, name in _sources(found.volume):
        key = _key(source, found.inside)
        if key:
            return File(kind, name, key, source.path, source.flag("optional") is True)
    return None


def source_of(container: Container, file: File, inventory: Inventory) -> Object | None:
    """The ConfigMap or Secret, if a manifest shows it."""
    return relations(inventory).named(file.kind, file.name, container.pod.owner, "")


def mounted_text(container: Container, path: str, inventory: Inventory) -> str | None:
    """The text of a file that comes from a ConfigMap; None where it comes from elsewhere."""
    file = mounted_file(container, path)
    config = source_of(container, file, inventory) if file is not None and file.kind == "ConfigMap" else None
    value = config.get(("data", file.key)) if config is not None and file is not None else None
    return value if isinstance(value, str) else None


def _sources(volume: Node) -> Iterator[tuple[str, Node, str]]:
    """A Secret volume names its Secret by `secretName`, a projected source by `name`. Later sources win."""
    for source in (volume, *reversed(volume.sequence("projected.sources"))):
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            found = source.at(field)
            if found.raw is not None:
                yield kind, found, found.text("name") or found.text("secretName")


def _key(source: Node, inside: str) -> str:
    items = source.sequence("items")
    if not items:
        return inside if "/" not in inside else ""
    return next((each.text("key") for each in items if normpath(each.text("path")) == inside), "")
