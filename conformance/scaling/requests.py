"""What a pod asks of a node, with what the API server and the namespace's LimitRanges fill in.

https://kubernetes.io/docs/concepts/policy/limit-range/
https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from conformance.kube import demand, quantity
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Node, Object
from conformance.kube.path import Path
from conformance.kube.place import together
from conformance.kube.podspec import Container, PodSpec
from conformance.kube.workload import keeps_running

Amounts = dict[str, Decimal]
PROXY = "istio-proxy"
_PROXY_ANNOTATIONS = {
    "requests": {"cpu": "sidecar.istio.io/proxyCPU", "memory": "sidecar.istio.io/proxyMemory"},
    "limits": {"cpu": "sidecar.istio.io/proxyCPULimit", "memory": "sidecar.istio.io/proxyMemoryLimit"},
}


def amount(node: Node, field: str | Path) -> Decimal:
    """A quantity field; nothing when absent. Raises FieldTypeError for what is no quantity."""
    return parsed(node.get(field), node.at(field).path)


def parsed(value: Any, path: Path) -> Decimal:
    """A quantity that stands at a path; nothing when absent. Raises FieldTypeError for what is no quantity."""
    try:
        return quantity.parse(0 if value is None else value)
    except quantity.QuantityError:
        raise FieldTypeError(path, "a quantity", value) from None


class LimitRanges:
    """The LimitRanges of an object's namespace, as far as they are known."""

    def __init__(self, inventory: Inventory, near: Object) -> None:
        self.objects = [each for each in inventory.of_kind("LimitRange", "") if together(each, near)]

    def items(self, kind: str) -> Iterator[tuple[Object, Node]]:
        """The entries for `Container`, `Pod` or `PersistentVolumeClaim`."""
        for each in self.objects:
            for item in each.sequence("spec.limits"):
                if item.text("type") == kind:
                    yield each, item

    def default(self, part: str, resource: str) -> Any:
        """What a container gets that says nothing of a resource, as written; None when nothing is filled in.

        A `max` stands in for a missing `default`, that for a missing `defaultRequest`, and a `min` after it.
        Source: SetDefaults_LimitRangeItem.
        """
        fields = ("default", "max") if part == "limits" else ("defaultRequest", "default", "max", "min")
        for _, item in self.items("Container"):
            for field in fields:
                value = item.mapping(field).get(resource)
                if value is not None:
                    return value
        return None


def container_amount(container: Container, part: str, resource: str, ranges: LimitRanges) -> Any:
    """The request or the limit of a container that counts, as written; None where there is none.

    The API server takes a limit for the request first; only then is a LimitRange asked.
    """
    said = demand.requested if part == "requests" else demand.limited
    value = said(container, resource)
    return ranges.default(part, resource) if value is None else value


def pod_requests(
    pod: PodSpec, ranges: LimitRanges, sidecar: Mapping[str, Any] | None = None, part: str = "requests"
) -> Amounts:
    """What one pod counts for, by resource: to the scheduler and to quotas.

    Ordinary containers and native sidecars run together. An init container runs with the sidecars that stand before it
    only, so the pod counts for the larger of the two. Resources of the whole pod stand in for those of its containers.
    `sidecar` is what an injector adds and no manifest shows. Overhead comes on top.
    Source: resourcehelper.PodRequests.
    """
    names = set(_names(pod, part)) | {n for n in ("cpu", "memory") if ranges.default(part, n) is not None}
    names |= set(sidecar or ()) | set(pod.mapping("overhead"))
    found: Amounts = {}
    for name in sorted(names):
        of = partial(_container, part=part, resource=name, ranges=ranges)
        total = _sum(pod, of, _injected(pod, part, name, sidecar))
        found[name] = _whole(pod, part, name, total) + amount(pod, ("overhead", name))
    return found


def _names(pod: PodSpec, part: str) -> Iterator[str]:
    parts = ("requests", "limits") if part == "requests" else (part,)
    for node in (pod, *pod.containers):
        for each in parts:
            yield from node.mapping(("resources", each))


def _container(container: Container, part: str, resource: str, ranges: LimitRanges) -> Decimal:
    """What is the container's own: resources of the whole pod replace the sum, not its parts."""
    for each in ("requests", "limits") if part == "requests" else (part,):
        value = container.mapping(("resources", each)).get(resource)
        if value is not None:
            return parsed(value, (*container.path, "resources", each, resource))
    return parsed(ranges.default(part, resource), container.path)


def _sum(pod: PodSpec, of: Callable[[Container], Decimal], injected: Decimal) -> Decimal:
    running, starting = injected, Decimal(0)
    for each in pod.containers:
        if each.kind == "container" or each.sidecar:
            running += of(each)
        if each.kind == "initContainer":
            before = sum((of(other) for other in _sidecars_before(pod, each)), Decimal(0))
            starting = max(starting, before + of(each))
    return max(running, starting)


def _sidecars_before(pod: PodSpec, container: Container) -> Iterator[Container]:
    for each in pod.containers:
        if each is container:
            return
        if each.sidecar:
            yield each


def _injected(pod: PodSpec, part: str, resource: str, sidecar: Mapping[str, Any] | None) -> Decimal:
    """The injected proxy: what annotations of the pod say, else what is documented; a written one is counted already.

    Istio's template takes either its annotations or the configured resources, never some of each.
    """
    if sidecar is None or any(each.name == PROXY for each in pod.containers):
        return Decimal(0)
    names = {name for each in _PROXY_ANNOTATIONS.values() for name in each.values()}
    if not names & set(pod.annotations):
        return parsed(sidecar.get(resource), ())
    for each in ("requests", "limits") if part == "requests" else (part,):
        annotation = _PROXY_ANNOTATIONS[each].get(resource, "")
        if annotation in pod.annotations:
            return parsed(pod.annotations[annotation], (*pod.metadata_path, "annotations", annotation))
    return Decimal(0)


def _whole(pod: PodSpec, part: str, resource: str, total: Decimal) -> Decimal:
    parts = ("requests", "limits") if part == "requests" else (part,)
    for each in parts:
        if pod.mapping(("resources", each)).get(resource) is not None:
            return amount(pod, ("resources", each, resource))
    return total


def largest(amounts: Mapping[str, Decimal], capacity: Mapping[str, Decimal]) -> list[str]:
    """The resources of which more is asked for than there is, where anything is known of it."""
    return [name for name, each in amounts.items() if name in capacity and each > capacity[name]]


def unrequested(pod: PodSpec, resource: str, only: str, ranges: LimitRanges) -> Iterator[tuple[str, Path]]:
    """The containers that run as long as the pod and request none of a resource: their names, and where it is missing.

    `only` means one container. An injected proxy is looked at where annotations say what it gets.
    """
    for each in pod.containers:
        runs = keeps_running(each) and only in ("", each.name)
        if runs and container_amount(each, "requests", resource, ranges) is None:
            yield each.name, (*each.path, "resources", "requests")
    proxied = only in ("", PROXY) and all(each.name != PROXY for each in pod.containers)
    said = [name for part in _PROXY_ANNOTATIONS.values() for name in part.values() if name in pod.annotations]
    answers = [_PROXY_ANNOTATIONS[part].get(resource) in pod.annotations for part in ("requests", "limits")]
    if proxied and said and not any(answers) and ranges.default("requests", resource) is None:
        yield PROXY, (*pod.metadata_path, "annotations", said[0])
