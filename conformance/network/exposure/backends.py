"""Services as routes name them, and the pods behind their ports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.path import Path
from conformance.kube.place import together
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.kube.selecting import selector_of
from conformance.mesh.reason import Problem, Reason
from conformance.mesh.services import ServicePort, Services
from conformance.mesh.settings import mesh_settings
from conformance.network.exposure.exposed import Exposed, Way
from conformance.network.population import Population
from conformance.network.ports import PROTOCOLS, PortSet, span

Behind = tuple[PodSpec, PortSet]


class Backends:
    """The Services of an inventory."""

    def __init__(self, inventory: Inventory, population: Population) -> None:
        self._taking_part = {id(pod) for _, pod in population.members(population.inside)}
        self._relations = relations(inventory)
        self.domain = mesh_settings(inventory).domain
        self.services = Services(inventory, self.domain)

    def behind(self, port: ServicePort) -> Iterator[Behind]:
        """Each workload behind a port of a Service, with the port of its own; none for an ExternalName."""
        if port.service.text("spec.type") == "ExternalName" or port.protocol not in PROTOCOLS:
            return
        for pod in self._pods(port.service):
            target = port.target(pod)
            if target is not None:
                yield pod, span(port.protocol, target, target)

    def _pods(self, service: Object) -> list[PodSpec]:
        """The workloads behind it; of live objects those that stand for others."""
        return [pod for pod in self._relations.selected(service, selector_of(service)) if id(pod) in self._taking_part]

    def exposed(self, way: Way, port: ServicePort) -> Iterator[Exposed]:
        """Each workload behind a port, with the port as the last link of the way."""
        last = Reason(f"{port.service} port {port.number}", port.service, port.node.path)
        longer = replace(way, chain=(*way.chain, last))
        return (Exposed(pod, ports, longer) for pod, ports in self.behind(port))

    def problems(self, port: ServicePort) -> Iterator[Problem]:
        """A named targetPort that none of the pods has."""
        target, pods = port.node.get("targetPort"), self._pods(port.service)
        if isinstance(target, str) and pods and all(port.target(pod) is None for pod in pods):
            text = f"no container of the selected pods has a port named {target}"
            yield Problem("target-port", port.service, (*port.node.path, "targetPort"), text)

    def find(self, name: str, near: Object, namespace: str = "") -> Object | None:
        """A Service by name, in the namespace of another object unless one is said."""
        if namespace and namespace != near.namespace:
            return next((e for e in self.services.all if (e.namespace, e.name) == (namespace, name)), None)
        return self._relations.named("Service", name, near, "")

    def missing(self, name: str, near: Object, path: Path, namespace: str = "") -> Iterator[Problem]:
        """A Service that is not there. A namespace of which the tree shows none, or in which something that no manifest
        shows may make some, is not accused.
        """
        where, other = namespace or near.namespace, namespace not in ("", near.namespace)
        shown = any(each.namespace == namespace if other else together(each, near) for each in self.services.all)
        if shown and (other or not self._relations.has_unseen_pods(near)):
            yield Problem("backend", near, path, f"there is no Service {f'{where}/' if where else ''}{name}")

    def port(self, service: Object, wanted: int | str | None) -> ServicePort | None:
        """One of its ports by number or name."""
        return next((each for each in self.services.ports(service) if wanted in (each.number, each.name)), None)

    def no_port(self, service: Object, wanted: object, near: Object, path: Path) -> Problem:
        """What to say of a port that a Service has not."""
        offered = ", ".join(str(each.number) for each in self.services.ports(service))
        return Problem("backend-port", near, path, f"{service} has no port {wanted}; it has {offered or 'none'}")
