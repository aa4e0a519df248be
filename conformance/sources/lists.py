"""Documents to Kubernetes objects: what is an object, and what a `List` holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.kube.object import Document, Location, Object, Origin, Rejected
from conformance.kube.path import Path
from conformance.sources.origin import FileOrigin


@dataclass(frozen=True, slots=True)
class ElementOrigin:
    """Origin of an element of a list that was not read from a file."""

    origin: Origin
    prefix: Path

    @property
    def path(self) -> str:
        """That of the list."""
        return self.origin.path

    def locate(self, path: Path) -> Location:
        """Place of a field of the element in the list."""
        return self.origin.locate((*self.prefix, *path))


def is_object(raw: Any) -> bool:
    """Whether a document is meant for Kubernetes: it has apiVersion and kind, both of them text.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/#required-fields
    """
    if raw.__class__ is not dict:
        return False
    version, kind = raw.get("apiVersion"), raw.get("kind")
    return version.__class__ is str and kind.__class__ is str and version != "" and kind != ""


def expand(document: Document, namespace: str | None = None) -> Iterator[Object | Document | Rejected]:
    """The objects of a document; the document itself when it is not meant for Kubernetes.

    Lists are `v1 List` and every typed one (`DeploymentList`, `CustomResourceDefinitionList`): a kind that ends in
    List, with `items` that are mappings. Elements of a typed list may leave out apiVersion and kind, as in API answers.
    `namespace` is that of objects which name none.
    """
    raw = document.raw
    if not is_object(raw):
        wrong = _mistyped(document)
        yield document if wrong is None else wrong
    elif _is_list(raw):
        yield from _elements(document, namespace)
    else:
        yield Object(raw, document.origin, namespace)


def _mistyped(document: Document) -> Rejected | None:
    """A document that has both fields, but one that Kubernetes could not read."""
    raw = document.raw
    if not isinstance(raw, dict) or raw.get("apiVersion") is None or raw.get("kind") is None:
        return None
    field = "kind" if isinstance(raw["apiVersion"], str) and raw["apiVersion"] else "apiVersion"
    return Rejected(document.locate((field,)), f"{field} must be text, not {_told(raw[field])}", "document")


def _told(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "empty" if value == "" else str(value).lower() if isinstance(value, bool) else str(value)


def _is_list(raw: dict[str, Any]) -> bool:
    kind, items = raw["kind"], raw.get("items")
    if kind == "List":
        return items is None or isinstance(items, list)
    if not kind.endswith("List") or not isinstance(items, list):
        return False
    return all(isinstance(item, dict) for item in items)


def _elements(document: Document, namespace: str | None) -> Iterator[Object | Document | Rejected]:
    raw = document.raw
    prefix = raw["kind"][: -len("List")]
    for index, item in enumerate(raw.get("items") or ()):
        place: Path = ("items", index)
        if not isinstance(item, dict):
            yield Rejected(document.locate(place), f"element {index} of this List is no object", "element")
            continue
        if prefix:
            item = {"apiVersion": raw["apiVersion"], "kind": prefix, **item}
        if is_object(item):
            yield from expand(Document(item, _within(document.origin, place)), namespace)
        else:
            reason = f"element {index} of this List has no apiVersion and kind"
            yield Rejected(document.locate(place), reason, "element")


def _within(origin: Origin, place: Path) -> Origin:
    if isinstance(origin, FileOrigin):
        return FileOrigin(origin.file, origin.number, (*origin.prefix, *place))
    return ElementOrigin(origin, place)
