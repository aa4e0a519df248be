"""Objects by the names that people write."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.kube.object import Object


def full_name(thing: Object) -> str:
    """`namespace/Kind/name`; `?` for a namespace that is not known, none for objects of the whole cluster."""
    where = "?/" if thing.namespace is None else f"{thing.namespace}/" if thing.namespace else ""
    return f"{where}{thing.kind}/{thing.name}"


def means(wanted: str, thing: Object) -> bool:
    """Whether `[NAMESPACE/][KIND/]NAME` may mean that object; `?` is a namespace that is not known.

    Each part is a glob; capitals do not count.
    """
    return fits(wanted, thing.namespace or "?", thing.kind, thing.name)


def fits(wanted: str, namespace: str, kind: str, name: str) -> bool:
    """The same for an object that is known by these three names."""
    parts = wanted.lower().split("/")
    namespace, kind, name = namespace.lower(), kind.lower(), name.lower()
    forms = [name], [kind, name], [namespace, name], [namespace, kind, name]
    return any(len(form) == len(parts) and all(map(fnmatchcase, form, parts)) for form in forms)
