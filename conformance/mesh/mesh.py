"""The effective encryption between every client and every port of a Service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.kube.workload import is_controlled, is_release_test
from conformance.mesh.capture import PREFIX as TRAFFIC
from conformance.mesh.egress import Sidecars
from conformance.mesh.judge import Call, Judge
from conformance.mesh.membership import DATAPLANE_MODE, OUTSIDE, Dataplane, Membership, membership
from conformance.mesh.peer import PeerAuthentications
from conformance.mesh.reason import Problem, Reason, UnreadableError, read_each, reading
from conformance.mesh.routes import Routes
from conformance.mesh.rules import DestinationRules
from conformance.mesh.services import ServicePort, Services
from conformance.mesh.settings import mesh_settings
from conformance.mesh.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Edge:
    """One cell of the matrix. A client of None is any outside the mesh; `subset` is one that is routed to, or empty."""

    client: PodSpec | None
    port: ServicePort
    subset: str
    verdict: Verdict


class Mesh:
    """Answers for one inventory. `root_namespace` is taken from the mesh's own configuration unless it is given.

    `unseen_injected` takes namespaces that the tree does not show as labelled for injection, so that what the platform
    labels is not unknown.
    """

    def __init__(self, inventory: Inventory, root_namespace: str = "", *, unseen_injected: bool = False) -> None:
        self._unseen_injected = unseen_injected
        self._inventory = inventory
        self._relations = relations(inventory)
        self.settings = mesh_settings(inventory, root_namespace)
        self.peers = PeerAuthentications(inventory, self.settings.root_namespace)
        self.rules = DestinationRules(inventory, self.settings)
        self.services = Services(inventory, self.settings.domain)
        self.routes = Routes(inventory, self.settings.domain)
        self.sidecars = Sidecars(inventory, self.settings)
        self._odd: list[UnreadableError] = []
        self._members: dict[int, Membership] = {}
        self._classes: dict[int, object] = {}
        self._known: dict[tuple[object, ...], Verdict] = {}

    @cached_property
    def clients(self) -> list[PodSpec]:
        """Every workload that may start a connection; what another object made stands behind its owner."""
        found = []
        for each in self._inventory.pods():
            try:
                with reading(each.owner):
                    _ = each.labels, each.annotations
                    if not is_controlled(each.owner) and not is_release_test(each.owner):
                        found.append(each)
            except UnreadableError as error:
                self._odd.append(error)
        return found

    @cached_property
    def _ports(self) -> Mapping[int, list[ServicePort]]:
        """Ports by `id` of the Service; an ExternalName leads out of the mesh and has none."""

        def of(service: Object) -> tuple[int, list[ServicePort]]:
            external = service.text("spec.type") == "ExternalName"
            return id(service), [] if external else self.services.ports(service)

        return dict(read_each(self.services.all, of, self._odd))

    def member(self, pod: PodSpec | None) -> Membership:
        """How a workload takes part in the mesh; None is a client outside of it. Raises UnreadableError."""
        if pod is None:
            return OUTSIDE
        if id(pod) not in self._members:
            namespace = self._relations.namespace(pod.owner.namespace)
            with reading(pod.owner):
                self._members[id(pod)] = membership(
                    pod, namespace, ambient_in_use=self._ambient_in_use, unseen_injected=self._unseen_injected
                )
        return self._members[id(pod)]

    def dataplane(self, pod: PodSpec) -> Dataplane:
        """What carries a workload's traffic; UNKNOWN where its labels cannot be read, too."""
        try:
            return self.member(pod).dataplane
        except UnreadableError:
            return Dataplane.UNKNOWN

    def verdict(self, client: PodSpec | None, service: Object, port: int | str, subset: str = "") -> Verdict:
        """What becomes of a connection to a port of a Service, by number or name; the worst of its workloads.

        A client of None stands for any outside the mesh. What cannot be read, or is not shown by the tree, is UNKNOWN
        with the field as the reason; nothing is raised.
        """
        try:
            found = [each for each in self.services.ports(service) if port in (each.number, each.name)]
        except UnreadableError as error:
            return Verdict(Outcome.UNKNOWN, (error.reason,))
        if not found:
            return Verdict(Outcome.UNKNOWN, (Reason(f"{service} has no port {port}", service, ("spec", "ports")),))
        return self._verdict(client, found[0], subset)

    def matrix(
        self, clients: Sequence[PodSpec | None] | None = None, services: Sequence[Object] | None = None
    ) -> Iterator[Edge]:
        """Every client against every port of every Service, and against each subset that is routed to."""
        for service in self.services.all if services is None else services:
            subsets = self.routes.subsets(self.services.host(service)) or [""]
            for port in self._ports.get(id(service), ()):
                for client in self.clients if clients is None else clients:
                    for subset in subsets:
                        yield Edge(client, port, subset, self._verdict(client, port, subset))

    def problems(self) -> Iterator[Problem]:
        """Everything that cannot work as written: routes to nothing, ambiguous policies, modes in conflict."""
        from conformance.mesh.problems import problems

        return problems(self, self._inventory)

    @cached_property
    def unreadable(self) -> list[UnreadableError]:
        """What could not be read at all, so that it is missing from the matrix or had no say."""
        _ = self.rules.rules, self.peers.policies, self.routes.services, self.clients, self._ports
        return [*self.rules.unreadable, *self.peers.unreadable, *self.routes.unreadable, *self._odd]

    @cached_property
    def _ambient_in_use(self) -> bool:
        """Whether anything is labelled for ambient mode, or ztunnel itself is in the tree."""
        labelled = [each.raw.get("metadata") for each in self._inventory.of_kind("Namespace", "")]
        labelled += [pod.owner.get(pod.metadata_path, None) for pod in self.clients]
        found = [each.get("labels") for each in labelled if isinstance(each, dict)]
        ambient = any(isinstance(each, dict) and each.get(DATAPLANE_MODE) == "ambient" for each in found)
        return ambient or any(pod.owner.name == "ztunnel" for pod in self.clients)

    @cached_property
    def _judge(self) -> Judge:
        alternatives = (Dataplane.SIDECAR, Dataplane.NONE, *([Dataplane.AMBIENT] if self._ambient_in_use else []))
        return Judge(self.settings, self.peers, self.rules, self.services, self.sidecars, self.member, alternatives)

    def _verdict(self, client: PodSpec | None, port: ServicePort, subset: str) -> Verdict:
        try:
            member = self.member(client)
            key = (self._class(client, member), id(port.service), port.number, port.protocol, subset)
            if key not in self._known:
                self._known[key] = self._judge.verdict(Call(client, member, port, subset))
            return self._known[key].after(member.told("client"))
        except UnreadableError as error:
            return Verdict(Outcome.UNKNOWN, (error.reason,))

    def _class(self, client: PodSpec | None, member: Membership) -> object:
        """Clients of one class are sent the same: same namespace, same proxy, same exceptions and selecting labels."""
        if client is None or client.owner.namespace is None or member.dataplane == Dataplane.UNKNOWN:
            return id(client)
        if id(client) not in self._classes:
            self._classes[id(client)] = self._described(client, member)
        return self._classes[id(client)]

    def _described(self, client: PodSpec, member: Membership) -> object:
        with reading(client.owner):
            traffic = tuple(sorted(each for each in client.annotations.items() if each[0].startswith(TRAFFIC)))
            selected = tuple(sorted(client.labels.items())) if self._selects_clients else ()
        return client.owner.namespace, member.dataplane, traffic, selected

    @cached_property
    def _selects_clients(self) -> bool:
        return self.sidecars.exist or any(each.selector is not None for each in self.rules.rules)
