"""Objects against the API schemas of Kubernetes and of the custom resources defined beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from weakref import WeakKeyDictionary

from conformance.check import check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.schema import SchemaSet

_SETS: WeakKeyDictionary[Inventory, SchemaSet] = WeakKeyDictionary()


def _schemas(inventory: Inventory) -> SchemaSet:
    """The schemas of the asked version and of the CRDs in the tree, kept while the inventory lives."""
    if inventory not in _SETS:
        if inventory.schemas:
            known = SchemaSet.read(Path(inventory.schemas))
        else:
            known = SchemaSet.load(inventory.kube_version or None)
        _SETS[inventory] = known.with_crds(inventory.of_kind("CustomResourceDefinition", "apiextensions.k8s.io"))
    return _SETS[inventory]


@check
def test_schema_valid(things: list[Object], inventory: Inventory) -> Iterator[Finding]:
    """What the API server's strict mode refuses: unknown, missing and mistyped fields, kinds that are not served.

    A kind without a schema is not judged here beyond its metadata; `kinds_known` names it.
    https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
    """
    schemas = _schemas(inventory)
    for thing in things:
        for problem in schemas.judge(thing).problems:
            yield Finding(thing, problem.path, problem.message, problem.expected or None, problem.observed or None)


@check
def test_kinds_known(things: list[Object], inventory: Inventory) -> Iterator[Finding]:
    """One finding for each kind that nobody could validate, at its first object."""
    schemas = _schemas(inventory)
    unknown: dict[tuple[str, str], list[Object]] = {}
    for thing in things:
        if not schemas.covers(thing):
            unknown.setdefault((thing.api_version, thing.kind), []).append(thing)
    for (api_version, kind), found in unknown.items():
        count = f"{len(found)} object{'s' if len(found) > 1 else ''}"
        yield Finding(found[0], "kind", f"{count} not validated: there is no schema of {api_version} {kind}")
