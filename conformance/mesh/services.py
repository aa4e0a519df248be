"""The Services of a mesh: their host names, ports, and the container ports that these lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Node, Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.kube.selecting import known_labels, selector_of
from conformance.kube.selector import Selector, map_selector
from conformance.kube.workload import is_controlled
from conformance.mesh.host import service_host
from conformance.mesh.reason import reading


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service; `node` is its place in it."""

    service: Object
    number: int
    name: str
    protocol: str
    node: Node

    def target(self, pod: PodSpec) -> int | None:
        """The container port that it leads to in a pod; None where the pod opens no port of that name.

        Absent means the same number. A name is looked up in each pod by itself, in ordinary containers and native
        sidecars; a number needs no declared container port.
        """
        value = self.node.get("targetPort")
        if value is None:
            return self.number
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if not isinstance(value, str):
            raise FieldTypeError((*self.node.path, "targetPort"), "a number or a name", value)
        for container in pod.containers:
            if container.kind != "container" and not container.sidecar:
                continue
            for each in container.sequence("ports"):
                if each.text("name") == value and each.text("protocol", "TCP") == self.protocol:
                    return each.number("containerPort")
        return None


class Services:
    """The Services of a tree."""

    def __init__(self, inventory: Inventory, domain: str) -> None:
        self._relations = relations(inventory)
        self._domain = domain
        self.all = list(inventory.of_kind("Service", ""))

    def host(self, service: Object) -> str:
        """Its full host name."""
        return service_host(service.name, service.namespace, self._domain)

    @cached_property
    def by_host(self) -> Mapping[str, list[Object]]:
        """Services by host name; more than one only where namespaces are not known, or something is declared twice."""
        index: dict[str, list[Object]] = {}
        for each in self.all:
            index.setdefault(self.host(each), []).append(each)
        return index

    def ports(self, service: Object) -> list[ServicePort]:
        """The ports of a Service in its order; raises UnreadableError."""
        with reading(service):
            found = [(each, each.number("port")) for each in service.sequence("spec.ports")]
            return [
                ServicePort(service, number, each.text("name"), each.text("protocol", "TCP"), each)
                for each, number in found
                if number is not None
            ]

    def of(self, pod: PodSpec) -> list[Object]:
        """The Services that select a workload's pods."""
        return self._relations.services_of(pod.owner)

    def pods(self, service: Object, labels: Node | None = None) -> list[PodSpec]:
        """The workloads behind it, or behind a subset with these labels. Raises UnreadableError for the
        Service, and FieldTypeError for the labels.

        Labels that Argo Rollouts and other controllers add are in no template and not asked for. Objects that another
        object made (live ReplicaSets and Pods) stand behind their owner.
        """
        with reading(service):
            found = self._relations.selected(service, selector_of(service))
        subset = known_labels(map_selector(labels)) if labels is not None and labels.raw else Selector({})
        return [each for each in found if subset.matches(each.labels) and not is_controlled(each.owner)]

    def may_have_unseen_pods(self, service: Object) -> bool:
        """Whether operators or charts that are not rendered may put pods behind it that no manifest shows."""
        return self._relations.has_unseen_pods(service)


def is_headless(service: Object) -> bool:
    """Whether clients connect to pods directly (`clusterIP: None`)."""
    return service.text("spec.clusterIP") == "None"
