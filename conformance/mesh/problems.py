"""Everything in a mesh's configuration that cannot work as written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.podspec import PodSpec
from conformance.mesh.gateways import GROUP, GatewayHost, gateway_hosts, unbound, unserved
from conformance.mesh.membership import Dataplane
from conformance.mesh.peer import Policy
from conformance.mesh.reason import Problem, Reason, UnreadableError
from conformance.mesh.references import References, mirrors, timing, weights
from conformance.mesh.verdict import Outcome

if TYPE_CHECKING:
    from conformance.mesh.mesh import Mesh


def problems(mesh: Mesh, inventory: Inventory) -> Iterator[Problem]:
    """All problems, each once. A field that cannot be read is a problem of its own: `unreadable`."""
    seen: set[tuple[str, int, object]] = set()
    for subject, sort in _sorts(mesh, inventory):
        for each in _readable(subject, sort):
            key = each.code, id(each.subject), each.path
            if key not in seen:
                seen.add(key)
                yield each


def _sorts(mesh: Mesh, inventory: Inventory) -> Iterator[tuple[Object | None, Iterable[Problem]]]:
    """What is asked of which object; lazily, so that an unreadable one hides no other."""
    yield None, (_unreadable(each) for each in mesh.unreadable)
    yield None, mesh.peers.problems(mesh.clients)
    for policy in mesh.peers.policies:
        yield policy.subject, _peer_ports(mesh, policy)
    references = References(inventory, mesh.services, mesh.rules, mesh.settings.domain)
    for rule in mesh.rules.rules:
        yield rule.subject, references.of_rule(rule)
    for route in mesh.routes.all:
        for check in (references.of_route, timing, weights, mirrors):
            yield route.subject, check(route)
    hosts: list[GatewayHost] = []
    for gateway in inventory.of_kind("Gateway", GROUP):
        yield gateway, _unserved(gateway, hosts, mesh)
    for service in mesh.routes.services:
        yield service.subject, unbound(hosts, service, inventory)
    yield None, conflicts(mesh)


def _unserved(gateway: Object, hosts: list[GatewayHost], mesh: Mesh) -> Iterator[Problem]:
    own = gateway_hosts(gateway)
    hosts += own
    yield from unserved(own, mesh.routes.services)


def conflicts(mesh: Mesh) -> Iterator[Problem]:
    """Connections between workloads of the mesh that break: a rule's mode against the server's, most of all.

    That the outside is refused by STRICT is what STRICT is for, and no problem.
    """
    for edge in mesh.matrix():
        if edge.verdict.outcome != Outcome.BROKEN or edge.verdict.server is None:
            continue
        if mesh.member(edge.client).dataplane not in (Dataplane.SIDECAR, Dataplane.GATEWAY):
            continue
        found = decisive(edge.verdict.reasons)
        if found is not None and found.subject is not None:
            target = f"{edge.port.service.name}:{edge.port.number}"
            text = f"{target} cannot be reached: {found.text}; {edge.verdict.why}"
            yield Problem("tls-conflict", found.subject, found.path, text)


def decisive(reasons: tuple[Reason, ...]) -> Reason | None:
    """What to change: the rule of the client, else an annotation, else the last policy with a say."""
    with_subject = [each for each in reasons if each.subject is not None]
    for kinds in (("DestinationRule",), ("Sidecar",)):
        for each in with_subject:
            if each.subject is not None and each.subject.kind in kinds:
                return each
    for each in with_subject:
        if "annotations" in each.path and "traffic.sidecar.istio.io" in str(each.path[-1]):
            return each
    return with_subject[-1] if with_subject else None


def _peer_ports(mesh: Mesh, policy: Policy) -> Iterator[Problem]:
    """Ports in `portLevelMtls` that no selected workload has: most often the number of the Service's port."""
    pods = [each for each in mesh.clients if policy.applies(each)] if policy.ports else []
    known = {port for pod in pods for port in _workload_ports(mesh, pod)}
    for port in policy.ports if pods else ():
        if port not in known:
            yield _peer_port(mesh, policy, port, pods)


def _peer_port(mesh: Mesh, policy: Policy, port: int, pods: list[PodSpec]) -> Problem:
    numbers = {
        each.number for pod in pods for service in mesh.services.of(pod) for each in mesh.services.ports(service)
    }
    hint = "; it is the number of a service port" if port in numbers else ""
    key = policy.key(port)
    text = f"no workload that it selects has the port {port}{hint}; portLevelMtls is by workload port"
    return Problem("peer-port", policy.subject, ("spec", "portLevelMtls", key), text)


def _workload_ports(mesh: Mesh, pod: PodSpec) -> set[int | None]:
    declared = {each.number("containerPort") for container in pod.containers for each in container.sequence("ports")}
    reached = {port.target(pod) for service in mesh.services.of(pod) for port in mesh.services.ports(service)}
    return (declared | reached) - {None}


def _unreadable(error: UnreadableError) -> Problem:
    subject = error.reason.subject
    assert subject is not None  # an UnreadableError always names its object
    return Problem("unreadable", subject, error.reason.path, error.reason.text)


def _readable(subject: Object | None, found: Iterable[Problem]) -> Iterator[Problem]:
    try:
        yield from found
    except UnreadableError as error:
        yield _unreadable(error)
    except FieldTypeError as error:
        if subject is None:
            raise
        yield Problem("unreadable", subject, error.path, str(error))
