"""Small worlds of pods and policies, written as YAML."""

from __future__ import annotations

from typing import Any

import yaml

from conformance.kube.inventory import Inventory
from conformance.kube.object import Location, Object
from conformance.kube.path import Path, render
from conformance.network.connectivity import Connectivity


class NoFile:
    """An origin that names the field instead of a line."""

    path = "world.yaml"

    def locate(self, path: Path) -> Location:
        return Location(f"world.yaml#{render(path)}")


def inventory(*texts: str | dict[str, Any]) -> Inventory:
    raws: list[Any] = []
    for text in texts:
        raws += list(yaml.safe_load_all(text)) if isinstance(text, str) else [text]
    objects = [Object(raw, NoFile()) for raw in raws if raw]
    for each in objects:
        if each.kind in (
            "Namespace",
            "CiliumClusterwideNetworkPolicy",
            "AdminNetworkPolicy",
            "ClusterNetworkPolicy",
            "BaselineAdminNetworkPolicy",
        ):
            each.namespace = ""
    return Inventory(objects)


def connectivity(*texts: str | dict[str, Any]) -> Connectivity:
    return Connectivity(inventory(*texts))


def deployment(
    name: str, namespace: str = "shop", ports: dict[str, int] | None = None, host: bool = False, **labels: str
) -> dict[str, Any]:
    listed = [{"name": each, "containerPort": number} for each, number in (ports or {}).items()]
    spec = {"hostNetwork": host, "containers": [{"name": "app", "image": "app:1", "ports": listed}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"not": "these"}},
        "spec": {"template": {"metadata": {"labels": labels or {"app": name}}, "spec": spec}},
    }


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def policy(name: str = "p", namespace: str = "shop", spec: str = "{}") -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": yaml.safe_load(spec),
    }


def short(name: str) -> str:
    return name.rpartition("/")[2]


def edges(world: Connectivity) -> dict[tuple[str, str], str]:
    """Open edges by the short names of their ends; `any` for every port."""
    found = {}
    for edge in world.edges():
        text = str(edge.ports)
        found[short(edge.source), short(edge.target)] = "any" if text == "every port" else text
    return found


def into(world: Connectivity, name: str) -> dict[str, str]:
    return {source: ports for (source, target), ports in edges(world).items() if target == name}


def out_of(world: Connectivity, name: str) -> dict[str, str]:
    return {target: ports for (source, target), ports in edges(world).items() if source == name}
