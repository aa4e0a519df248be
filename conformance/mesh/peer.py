"""What a server accepts: the PeerAuthentication that counts for a workload's port.

Mesh < namespace < workload < port; UNSET and absent inherit. Source: istio authn.ComposePeerAuthentication and
model.AuthenticationPolicies. https://istio.io/latest/docs/reference/config/security/peer_authentication/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.place import together
from conformance.kube.podspec import PodSpec
from conformance.mesh.reason import Problem, Reason, UnreadableError, read_each, word

GROUP = "security.istio.io"
_MODES = ("DISABLE", "PERMISSIVE", "STRICT", "UNSET")


class Mode(StrEnum):
    """What a server accepts: PERMISSIVE both plaintext and mTLS."""

    DISABLE = "DISABLE"
    PERMISSIVE = "PERMISSIVE"
    STRICT = "STRICT"


@dataclass(frozen=True, slots=True)
class Peer:
    """The mode that counts, and every policy that had a say, from the widest; None where nobody can tell."""

    mode: Mode | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """One PeerAuthentication. Ports are those of the workload, never of a Service."""

    subject: Object
    selector: Mapping[str, str]
    mode: str
    ports: Mapping[int, str]
    #: `metadata.creationTimestamp`, which only live objects have
    created: str

    def applies(self, pod: PodSpec) -> bool:
        """Whether its selector means the pods, in its own namespace."""
        return together(pod.owner, self.subject) and all(pod.labels.get(k) == v for k, v in self.selector.items())

    def key(self, port: int) -> str | int:
        """How a port of `portLevelMtls` is written: as text in JSON, as a number in most YAML."""
        keys = self.subject.mapping("spec.portLevelMtls")
        return next(key for key in keys if _port(key) == port)


_DEFAULT = Reason("no PeerAuthentication says otherwise, and PERMISSIVE is Istio's default")


def _port(key: object) -> int:
    return int(key) if isinstance(key, str) and key.isascii() and key.isdigit() else key if isinstance(key, int) else -1


def read_policy(subject: Object) -> Policy:
    """Raises FieldTypeError for wrong types and for words that are no mode. An empty selector is none."""
    selector = subject.mapping("spec.selector.matchLabels")
    ports = subject.at("spec.portLevelMtls")
    keys = ports.mapping() if ports.raw is not None else {}
    return Policy(
        subject,
        selector,
        word(subject.at("spec.mtls"), "mode", _MODES, "UNSET"),
        {_port(key): word(Node(value, (*ports.path, key)), "mode", _MODES, "UNSET") for key, value in keys.items()},
        subject.text("metadata.creationTimestamp"),
    )


class PeerAuthentications:
    """The policies of a tree, by the namespace that they speak of."""

    def __init__(self, inventory: Inventory, root_namespace: str) -> None:
        self._objects = list(inventory.of_kind("PeerAuthentication", GROUP))
        self._root = root_namespace
        self.unreadable: list[UnreadableError] = []

    @cached_property
    def policies(self) -> list[Policy]:
        """Every policy that can be read; the others are in `unreadable`."""
        return read_each(self._objects, read_policy, self.unreadable)

    def mode(self, pod: PodSpec, port: int | None) -> Peer:
        """What a workload's port accepts; `port` None asks for ports that nothing is said about."""
        blocked = self._unreadable_near(pod.owner)
        if blocked is not None:
            return Peer(None, (blocked.reason,))
        peer = self.namespace_mode(pod.owner)
        own = self._workload_level(pod)
        if not own:
            return peer
        chosen = _oldest(own)
        if chosen is None:
            return Peer(None, (_ambiguous(own, "workload"),))
        peer = _refined(peer, chosen, chosen.mode, ("spec", "mtls", "mode"), "workload")
        if port is not None and port in chosen.ports:
            path = ("spec", "portLevelMtls", chosen.key(port), "mode")
            peer = _refined(peer, chosen, chosen.ports[port], path, f"port {port}")
        return peer

    def namespace_mode(self, near: Object) -> Peer:
        """The mode of a namespace: its own policy, else that of the mesh, else PERMISSIVE.

        This alone, and not the policies of single workloads, makes clients switch auto-mTLS off.
        """
        blocked = self._unreadable_near(near)
        if blocked is not None:
            return Peer(None, (blocked.reason,))
        peer, said = Peer(Mode.PERMISSIVE, ()), False
        for scope, found in (("mesh", self._mesh_level), ("namespace", self._namespace_level(near))):
            if not found:
                continue
            chosen = _oldest(found)
            if chosen is None:
                peer = Peer(None, (_ambiguous(found, scope),))
            else:
                peer = _refined(peer, chosen, chosen.mode, ("spec", "mtls", "mode"), scope)
                said = said or chosen.mode != "UNSET"
        return peer if said or peer.mode is None else Peer(peer.mode, (_DEFAULT, *peer.reasons))

    def problems(self, pods: Iterable[PodSpec]) -> Iterator[Problem]:
        """Policies that do nothing, or of which nobody can say which one counts."""
        pods = list(pods)
        for each in self.policies:
            yield from self._useless(each)
            if each.selector and each.subject.namespace != self._root and not any(each.applies(pod) for pod in pods):
                yield Problem("peer-selector", each.subject, ("spec", "selector"), "selects no pod of its namespace")
        for policy, rivals in self._rivalries(pods):
            names = ", ".join(each.subject.name for each in rivals if each is not policy)
            message = f"ambiguous: {names} speaks of the same, and the oldest counts"
            yield Problem("peer-ambiguous", policy.subject, ("metadata", "name"), message)

    def _useless(self, policy: Policy) -> Iterator[Problem]:
        if policy.selector and policy.subject.namespace == self._root:
            message = f"a policy with a selector in the root namespace {self._root} is ignored"
            yield Problem("peer-root-selector", policy.subject, ("spec", "selector"), message)
        if policy.ports and not policy.selector:
            message = "portLevelMtls without a selector is ignored"
            yield Problem("peer-port-without-selector", policy.subject, ("spec", "portLevelMtls"), message)

    def _rivalries(self, pods: Iterable[PodSpec]) -> Iterator[tuple[Policy, list[Policy]]]:
        groups = [self._mesh_level]
        groups += [self._namespace_level(each.subject) for each in self.policies if not each.selector]
        groups += [self._workload_level(pod) for pod in pods]
        seen: set[int] = set()
        for group in groups:
            for each in group if _oldest(group) is None and len(group) > 1 else ():
                if id(each.subject) not in seen:
                    seen.add(id(each.subject))
                    yield each, group

    @cached_property
    def _mesh_level(self) -> list[Policy]:
        return [each for each in self.policies if each.subject.namespace == self._root and not each.selector]

    def _namespace_level(self, near: Object) -> list[Policy]:
        """A namespace's own policy; for the root namespace that of the mesh is its own."""
        if near.namespace == self._root:
            return []
        return [each for each in self._near(near) if not each.selector]

    def _workload_level(self, pod: PodSpec) -> list[Policy]:
        """Policies with a selector that means the pods; those in the root namespace are ignored altogether."""
        if pod.owner.namespace == self._root:
            return []
        return [each for each in self._near(pod.owner) if each.selector and each.applies(pod)]

    def _near(self, near: Object) -> Iterator[Policy]:
        return (each for each in self._by_namespace.get(near.namespace, ()) if together(each.subject, near))

    @cached_property
    def _by_namespace(self) -> Mapping[str | None, list[Policy]]:
        index: dict[str | None, list[Policy]] = {}
        for each in self.policies:
            index.setdefault(each.subject.namespace, []).append(each)
        return index

    def _unreadable_near(self, near: Object) -> UnreadableError | None:
        _ = self.policies
        for each in self.unreadable:
            subject = each.reason.subject
            if subject is not None and (subject.namespace == self._root or together(subject, near)):
                return each
        return None


def _oldest(policies: list[Policy]) -> Policy | None:
    """The one that counts in one scope; None where a file cannot tell, because it has no time of creation."""
    if len(policies) == 1:
        return policies[0]
    if not policies or any(not each.created for each in policies):
        return None
    return min(policies, key=lambda each: (each.created, each.subject.name))


def _ambiguous(policies: list[Policy], scope: str) -> Reason:
    names = " and ".join(each.subject.name for each in policies)
    text = f"ambiguous: {names} both speak of one {scope}, and without creationTimestamp nobody knows the oldest"
    return Reason(text, policies[-1].subject, ("metadata", "name"))


def _refined(peer: Peer, policy: Policy, mode: str, path: tuple[str | int, ...], scope: str) -> Peer:
    where = f"PeerAuthentication {policy.subject.namespace}/{policy.subject.name}"
    if mode == "UNSET":
        return Peer(
            peer.mode, (*peer.reasons, Reason(f"{where} leaves the mode of the {scope} unset", policy.subject, path))
        )
    return Peer(Mode(mode), (*peer.reasons, Reason(f"{where} makes the {scope} {mode}", policy.subject, path)))
