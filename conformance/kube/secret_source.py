"""What makes a Secret: itself, a SealedSecret, or an ExternalSecret; and which keys it will have."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object

_KINDS = (("Secret", ""), ("SealedSecret", "bitnami.com"), ("ExternalSecret", "external-secrets.io"))


def sources_of(inventory: Inventory, namespace: str | None, name: str) -> list[Object]:
    """The objects that make a Secret. An ExternalSecret names it in `spec.target.name`, else it is its own name."""
    return [
        each
        for kind, group in _KINDS
        for each in inventory.of_kind(kind, group)
        if each.namespace == namespace and _made_by(each) == name
    ]


def _made_by(source: Object) -> str:
    if source.kind == "ExternalSecret":
        return source.text("spec.target.name") or source.name
    if source.kind == "SealedSecret":
        return source.text("spec.template.metadata.name") or source.name
    return source.name


def keys_of(sources: Sequence[Object]) -> set[str] | None:
    """The keys that the Secret will have; None where only a store knows them (`dataFrom`, or a template)."""
    found: set[str] = set()
    for each in sources:
        if each.kind == "Secret":
            found |= {*each.mapping("data"), *each.mapping("stringData")}
        elif each.kind == "SealedSecret":
            found |= {*each.mapping("spec.encryptedData"), *each.mapping("spec.template.data")}
        elif each.sequence("spec.dataFrom"):
            return None
        else:
            found |= {*each.mapping("spec.target.template.data")} or {
                one.text("secretKey") for one in each.sequence("spec.data")
            }
    return found
