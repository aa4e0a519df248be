"""Pods that a document names and no manifest need show: those of the platform, or of a stranger who tries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from conformance.kube.inventory import Inventory
from conformance.kube.object import Location, Object
from conformance.kube.path import Path
from conformance.network.connectivity import Connectivity, connectivity
from conformance.network.population import workload_id

_FIELDS = {"namespace", "labels", "ports", "serviceAccount"}
_KNOWN: WeakKeyDictionary[Inventory, dict[str, Connectivity]] = WeakKeyDictionary()


class AssumedError(ValueError):
    """A description of pods that cannot be understood."""


class _Nowhere:
    """The origin of what is only assumed: no file."""

    path = ""

    def locate(self, path: Path) -> Location:
        return Location("")


def with_ends(inventory: Inventory, ends: Mapping[str, Mapping[str, Any]]) -> Connectivity:
    """The connectivity of an inventory in which more ends have names: `{namespace, labels, ports, serviceAccount}`.

    A name stands for every pod of that namespace that has the labels. Where the inventory has none, one is taken to be
    there, with these labels, named ports and service account, so that policies that select it, or let it in, have
    their effect. Raises AssumedError; computed once.
    """
    if not ends:
        return connectivity(inventory)
    known = _KNOWN.setdefault(inventory, {})
    key = repr(sorted((name, repr(each)) for name, each in ends.items()))
    if key not in known:
        known[key] = _world(inventory, ends)
    return known[key]


def _world(inventory: Inventory, ends: Mapping[str, Mapping[str, Any]]) -> Connectivity:
    shown = connectivity(inventory)
    assumed = [_pod(name, each) for name, each in ends.items() if not _having(shown, _read(name, each))]
    world = Connectivity(inventory.with_objects(assumed) if assumed else inventory)
    world.ends.aliases = {name: _having(world, each) for name, each in ends.items()}
    return world


def _read(name: str, described: Mapping[str, Any]) -> Mapping[str, Any]:
    labels, ports = described.get("labels"), described.get("ports", {})
    if set(described) - _FIELDS or not isinstance(described.get("namespace"), str) or not _strings(labels):
        raise AssumedError(f"the end {name} has namespace, labels, and may have ports and serviceAccount")
    if not isinstance(ports, dict) or any(type(each) is not int for each in ports.values()):
        raise AssumedError(f"the ports of the end {name} are name: number")
    return described


def _strings(labels: Any) -> bool:
    # Without labels a name would stand for every pod of the namespace.
    return isinstance(labels, dict) and bool(labels) and all(isinstance(each, str) for each in labels.values())


def _having(world: Connectivity, described: Mapping[str, Any]) -> list[str]:
    wanted, found = described["labels"].items(), set[str]()
    for group in world.population.groups:
        if group.namespace == described["namespace"] and wanted <= group.labels.items():
            found |= {workload_id(pod) for pod in group.members}
    return sorted(found)


def _pod(name: str, described: Mapping[str, Any]) -> Object:
    ports = [{"name": each, "containerPort": number} for each, number in described.get("ports", {}).items()]
    spec: dict[str, Any] = {"containers": [{"name": "assumed", "image": "assumed", "ports": ports}]}
    if "serviceAccount" in described:
        spec["serviceAccountName"] = described["serviceAccount"]
    metadata = {"name": name, "namespace": described["namespace"], "labels": described["labels"]}
    return Object({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, _Nowhere())
