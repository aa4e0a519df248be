"""Sidecars that Istio injects: what they may use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from conformance.check import NotApplicable, Said, Unjudged, check
from conformance.declared import same
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Document, FieldTypeError, Node
from conformance.kube.podspec import PodSpec
from conformance.mesh import Mesh
from conformance.mesh.membership import PROXY, Dataplane
from conformance.mesh.reason import UnreadableError


@check
def test_proxy_resources(
    pod: PodSpec, inventory: Inventory, *, requests: dict[str, str], limits: dict[str, str]
) -> Iterator[Said]:
    """An injected sidecar requests and may use the documented amounts.

    They come from the container, where it is written out; else from the pod's `sidecar.istio.io/proxy…` annotations,
    and one of these drops all of the injector's defaults; else from those defaults (`global.proxy.resources` of the
    chart's values, which are 100m, 128Mi, 2 and 1Gi where nothing is said).
    https://istio.io/latest/docs/reference/config/annotations/
    """
    try:
        member = Mesh(inventory).member(pod)
    except UnreadableError as error:
        yield Unjudged(pod.owner, error.reason.path, error.reason.text)
        return
    if member.dataplane != Dataplane.SIDECAR:
        yield NotApplicable("no sidecar is injected")
        return
    wanted = {("requests", key): value for key, value in requests.items()}
    wanted |= {("limits", key): value for key, value in limits.items()}
    for owner, places in _amounts(pod, inventory):
        for (part, resource), amount in wanted.items():
            node = places.get((part, resource))
            if node is None:
                near = sorted(places, key=lambda key: key[0] != part)
                place = places[near[0]].path[:-1] if near else ()
                yield Finding(owner, place, f"the sidecar has no {part} of {resource}", amount)
            elif not same(node.raw, amount):
                yield Finding(owner, node.path, f"{part} of the sidecar", amount, node.raw)


_ANNOTATIONS = {
    ("requests", "cpu"): "sidecar.istio.io/proxyCPU",
    ("requests", "memory"): "sidecar.istio.io/proxyMemory",
    ("limits", "cpu"): "sidecar.istio.io/proxyCPULimit",
    ("limits", "memory"): "sidecar.istio.io/proxyMemoryLimit",
}
_DEFAULTS = {("requests", "cpu"): "100m", ("requests", "memory"): "128Mi"}
_DEFAULTS |= {("limits", "cpu"): "2", ("limits", "memory"): "1Gi"}
Amounts = Mapping[tuple[str, str], Node]


def _amounts(pod: PodSpec, inventory: Inventory) -> Iterator[tuple[Document, Amounts]]:
    """Where the amounts stand, and what they are."""
    for container in pod.containers:
        if container.name == PROXY and container.get("resources") is not None:
            yield pod.owner, _written(container.at("resources"))
            return
    path = (*pod.metadata_path, "annotations")
    said = {
        key: Node(pod.annotations[name], (*path, name)) for key, name in _ANNOTATIONS.items() if name in pod.annotations
    }
    if said:
        yield pod.owner, said
        return
    values = list(_injector_defaults(inventory))
    yield from values
    if not values:
        yield pod.owner, {key: Node(value, pod.metadata_path) for key, value in _DEFAULTS.items()}


def _written(node: Node) -> Amounts:
    parts = ((part, node.at(part)) for part in ("requests", "limits"))
    return {
        (part, key): Node(value, (*found.path, key))
        for part, found in parts
        if isinstance(found.raw, dict)
        for key, value in found.raw.items()
    }


def _injector_defaults(inventory: Inventory) -> Iterator[tuple[Document, Amounts]]:
    for document in inventory.documents:
        if isinstance(document.raw, dict) and isinstance(document.raw.get("global"), dict):
            found = Node(document.raw["global"], ("global",))
            if isinstance(found.raw.get("proxy"), dict) and found.get("proxy.resources") is not None:
                yield document, _written(found.at("proxy.resources"))
    for operator in inventory.of_kind("IstioOperator"):
        if operator.get("spec.values.global.proxy.resources") is not None:
            yield operator, _written(operator.at("spec.values.global.proxy.resources"))
    for config in inventory.of_kind("ConfigMap", ""):
        if config.name.startswith("istio-sidecar-injector") and config.get("data.values") is not None:
            try:
                node = Node(json.loads(config.text("data.values")), ("data", "values"))
            except ValueError as error:
                raise FieldTypeError(("data", "values"), f"JSON ({error})", config.text("data.values")) from None
            amounts = _written(node.at("global.proxy.resources"))
            yield config, {key: Node(each.raw, node.path) for key, each in amounts.items()}
