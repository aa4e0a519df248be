"""Who takes part: pods in groups that no policy can tell apart, the nodes, the API server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.place import rendering
from conformance.kube.podspec import PodSpec
from conformance.kube.workload import is_release_test
from conformance.network.labels import LabelIndex
from conformance.network.ports import PROTOCOLS, PortSet, span
from conformance.network.region import Mask, bits

#: Set by Kubernetes itself on every namespace.
NAME_LABEL = "kubernetes.io/metadata.name"
Key = tuple[object, ...]


@dataclass(slots=True)
class Group:
    """Pods that no policy can tell apart: same namespace, labels, named ports and service account."""

    namespace: str
    labels: Mapping[str, str]
    #: port name -> ports of each protocol that has it
    named: Mapping[str, PortSet]
    account: str
    #: on the network of their node, where no policy for pods reaches
    host: bool
    members: list[PodSpec] = field(default_factory=list)


class Population:
    """Everyone in the cluster who can talk, as bits: the groups of pods, then the nodes, then the API server."""

    def __init__(self, inventory: Inventory) -> None:
        self.groups: list[Group] = []
        #: pods whose labels or ports have wrong types, with the error
        self.unreadable: list[tuple[Object, FieldTypeError]] = []
        self._namespaces: dict[str, Mapping[str, str]] = {}
        for space in inventory.of_kind("Namespace", ""):
            try:
                self._namespaces[space.name] = space.labels
            except FieldTypeError as error:
                self.unreadable.append((space, error))
        known: dict[Key, Group] = {}
        for pod in _pods(inventory):
            try:
                self._join(pod, known)
            except FieldTypeError as error:
                self.unreadable.append((pod.owner, error))
        self.node = 1 << len(self.groups)
        self.api_server = self.node << 1
        #: pods that policies can select
        self.pods: Mask = self._having(lambda group: not group.host)
        #: the nodes, and the pods on their network
        self.nodes: Mask = self._having(lambda group: group.host) | self.node
        #: everyone inside the cluster
        self.inside: Mask = self.pods | self.nodes | self.api_server

    def _join(self, pod: PodSpec, known: dict[Key, Group]) -> None:
        named = named_ports(pod)
        account = pod.text("serviceAccountName") or "default"
        host = pod.flag("hostNetwork") is True
        namespace = namespace_of(pod.owner)
        key = namespace, frozenset(pod.labels.items()), frozenset(named.items()), account, host
        group = known.get(key)
        if group is None:
            group = known[key] = Group(namespace, pod.labels, named, account, host)
            self.groups.append(group)
        group.members.append(pod)

    def _having(self, wanted: Callable[[Group], bool]) -> Mask:
        return sum(1 << index for index, group in enumerate(self.groups) if wanted(group))

    def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        """Labels of a namespace, the one that Kubernetes adds included. Those of a namespace that is not among the
        manifests are not known but for that one.
        """
        own = {NAME_LABEL: namespace} if not namespace.startswith("?") else {}
        return {**self._namespaces.get(namespace, {}), **own}

    @cached_property
    def by_namespace(self) -> Mapping[str, Mask]:
        """Pods of each namespace."""
        found: dict[str, Mask] = defaultdict(int)
        for index, group in enumerate(self.groups):
            if not group.host:
                found[group.namespace] |= 1 << index
        return dict(found)

    @cached_property
    def labels(self) -> LabelIndex:
        """Pods by their labels."""
        return LabelIndex((1 << index, each.labels) for index, each in self._policed())

    @cached_property
    def namespaces(self) -> LabelIndex:
        """Pods by the labels of their namespaces."""
        return LabelIndex((mask, self.namespace_labels(name)) for name, mask in self.by_namespace.items())

    def _policed(self) -> Iterator[tuple[int, Group]]:
        return ((index, each) for index, each in enumerate(self.groups) if not each.host)

    @cached_property
    def named(self) -> Mapping[str, Mapping[PortSet, Mask]]:
        """Port name -> what it stands for -> pods that mean that by it."""
        found: dict[str, dict[PortSet, Mask]] = defaultdict(lambda: defaultdict(int))
        for index, group in enumerate(self.groups):
            for name, ports in group.named.items():
                found[name][ports] |= 1 << index
        return {name: dict(each) for name, each in found.items()}

    def members(self, mask: Mask) -> Iterator[tuple[int, PodSpec]]:
        """The pods behind the bits of groups."""
        for index in bits(mask & ((1 << len(self.groups)) - 1)):
            for pod in self.groups[index].members:
                yield index, pod


def _pods(inventory: Inventory) -> Iterable[PodSpec]:
    """Pods that may run side by side: without Helm's tests, PodTemplates, and live pods that their owner stands for."""
    for pod in inventory.pods():
        owner = pod.owner
        if owner.kind == "PodTemplate" or (owner.group == "serving.knative.dev" and owner.kind == "Revision"):
            continue
        try:
            left_out = is_release_test(owner) or _stood_for(owner, inventory)
        except FieldTypeError:
            left_out = False
        if not left_out:
            yield pod


def _stood_for(owner: Object, inventory: Inventory) -> bool:
    """Whether the controller of a live object is in the inventory too, so that it stands for it."""
    for each in owner.sequence("metadata.ownerReferences"):
        group = each.text("apiVersion").rpartition("/")[0]
        if each.flag("controller") is True and inventory.find(
            group, each.text("kind"), owner.namespace, each.text("name")
        ):
            return True
    return False


def namespace_of(obj: Object) -> str:
    """The namespace, or a mark for "not known", the same for all that one chart or kustomization rendered.

    Plain files that name no namespace are taken to be meant for one and the same.
    """
    return obj.namespace if obj.namespace is not None else f"?{rendering(obj)}"


def workload_id(pod: PodSpec) -> str:
    """`namespace/Kind/name`, with `-` for a namespace that is not known."""
    owner = pod.owner
    return f"{owner.namespace or '-'}/{owner.kind}/{owner.name}"


def named_ports(pod: PodSpec) -> dict[str, PortSet]:
    """Port names of the containers that keep running, native sidecars among them.

    Kubernetes asks for unique names in a pod; where one is given twice it stands for both ports here.
    """
    found: dict[str, PortSet] = {}
    for container in pod.containers:
        if container.kind == "ephemeralContainer" or (container.kind == "initContainer" and not container.sidecar):
            continue
        for port in container.sequence("ports"):
            name, number = port.text("name"), port.number("containerPort")
            protocol = port.text("protocol", "TCP")
            if name and number is not None and protocol in PROTOCOLS:
                found[name] = found.get(name, PortSet()) | span(protocol, number, number)
    return found
