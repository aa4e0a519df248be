"""An Istio mesh: who is in it, what is encrypted, and what in its configuration leads to nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from conformance.check import NotApplicable, Said, Unjudged, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import PodSpec
from conformance.mesh import Edge, Mesh, Outcome, Verdict
from conformance.mesh.membership import Dataplane
from conformance.mesh.problems import decisive
from conformance.mesh.reason import CODES, UnreadableError
from conformance.network.connectivity import connectivity
from conformance.network.rule import Rule, Section

_MESHED = (Dataplane.SIDECAR, Dataplane.GATEWAY, Dataplane.AMBIENT)
#: Problems of references: what a host, subset, port or gateway names is not there.
_REFERENCES = (
    "gateway-host", "route-external", "route-gateway", "route-gateway-host", "route-host", "route-port",
    "route-port-needed", "route-subset", "rule-external", "rule-host", "rule-port", "subset-empty",
)  # fmt: skip


@check
def test_mutual_tls(inventory: Inventory, *, edges: list[dict[str, Any]]) -> Iterator[Said]:
    """Each documented connection is mTLS, or plaintext, as the document says: by what the client sends, what the server
    accepts and who has a proxy at all, not by the mode of a PeerAuthentication alone.

    An edge is `{from, to, port, mode}`: a workload, or `outside`; a Service; the number or name of its port; `mtls` or
    `plaintext`. All subsets count. PERMISSIVE says nothing by itself: the client decides.
    https://istio.io/latest/docs/tasks/security/authentication/mtls-migration/
    """
    mesh = Mesh(inventory)
    for entry in edges:
        text = f"{entry.get('from')} -> {entry.get('to')}:{entry.get('port')}"
        found = list(_edges(mesh, entry))
        if not found:
            yield Finding(None, "", f"there is no connection {text} to judge", entry.get("mode"))
        verdicts = {(each.verdict.outcome, each.verdict.why): each for each in found}
        for edge in verdicts.values():  # each verdict once: subsets mostly share it
            yield from _held(edge.verdict, edge.port.service, text, str(entry.get("mode")))


def _edges(mesh: Mesh, entry: Mapping[str, Any]) -> Iterator[Edge]:
    services = [each for each in mesh.services.all if _is(each, entry.get("to"))]
    clients: list[PodSpec | None] = [each for each in mesh.clients if _is(each.owner, entry.get("from"))]
    if entry.get("from") == "outside":
        clients = [None]
    return (each for each in mesh.matrix(clients, services) if entry.get("port") in (each.port.number, each.port.name))


def _is(thing: Object, name: object) -> bool:
    return name in (thing.name, f"{thing.namespace}/{thing.name}", f"{thing.namespace}/{thing.kind}/{thing.name}")


def _held(verdict: Verdict, service: Object, text: str, mode: str) -> Iterator[Said]:
    if verdict.outcome == mode:
        return
    reason = decisive(verdict.reasons)
    subject, path = (reason.subject, reason.path) if reason is not None else (service, ("metadata", "name"))
    if verdict.outcome == Outcome.UNKNOWN:
        yield Unjudged(subject, path, f"{text}: {verdict.why}")
    else:
        yield Finding(subject, path, f"{text} is {verdict.outcome}: {verdict.why}", mode, verdict.outcome.value)


@check
def test_peer_mode(
    policy: Object, inventory: Inventory, *, mode: Literal["DISABLE", "PERMISSIVE", "STRICT"]
) -> Iterator[Said]:
    """A PeerAuthentication sets the mode of its whole namespace, and no other policy overrides it for a workload there.

    UNSET inherits from the mesh. A policy with a selector wins over that of the namespace, its ports over both.
    https://istio.io/latest/docs/reference/config/security/peer_authentication/
    """
    if policy.get("spec.selector.matchLabels"):
        yield Finding(policy, "spec.selector", "speaks of some workloads only", "no selector")
    if policy.get("spec.mtls.mode") != mode:
        message = "sets another mode for the namespace"
        yield Finding(policy, "spec.mtls.mode", message, mode, policy.get("spec.mtls.mode"))
    yield from _readable(_overrides(policy, Mesh(inventory), mode))


def _readable(found: Iterable[Said]) -> Iterator[Said]:
    """What is found until something cannot be read, which is said at its own object."""
    try:
        yield from found
    except UnreadableError as error:
        yield Unjudged(error.reason.subject, error.reason.path, error.reason.text)


def _overrides(policy: Object, mesh: Mesh, mode: str) -> Iterator[Finding]:
    told = set()
    for pod in mesh.clients:
        if pod.owner.namespace != policy.namespace or mesh.dataplane(pod) not in _MESHED:
            continue
        targets = [port.target(pod) for service in mesh.services.of(pod) for port in mesh.services.ports(service)]
        for port in (None, *targets):
            peer = mesh.peers.mode(pod, port)
            reason = decisive(peer.reasons)
            other = reason is not None and reason.subject is not policy
            if peer.mode != mode and reason is not None and other and (id(reason.subject), reason.path) not in told:
                told.add((id(reason.subject), reason.path))
                yield Finding(reason.subject, reason.path, f"{pod.owner}: {reason.text}", mode, peer.mode)


@check
def test_mesh_members(
    inventory: Inventory,
    *,
    namespace: str,
    outside: list[str],
    unsaid: list[str] = [],  # noqa: B006
) -> Iterator[Said]:
    """In a namespace exactly the listed workloads are outside of the mesh, and every other one is in it.

    What counts is the pod template: a label of the workload itself, or a boolean, keeps no sidecar away. Of `unsaid`
    the document says nothing.
    https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy
    """
    mesh, judged = Mesh(inventory), False
    for error in mesh.unreadable:
        subject = error.reason.subject
        if subject is not None and subject.namespace == namespace and inventory.pod_spec(subject) is not None:
            judged = True
            yield Unjudged(subject, error.reason.path, error.reason.text)
    for pod in mesh.clients:
        if pod.owner.namespace != namespace or pod.owner.name in unsaid:
            continue
        judged = True
        yield from _readable(_membership(pod, mesh, pod.owner.name in outside))
    if not judged:
        yield NotApplicable(f"no workload in namespace {namespace}")


def _membership(pod: PodSpec, mesh: Mesh, outside: bool) -> Iterator[Said]:
    member = mesh.member(pod)
    reason = member.reasons[-1]
    place = (reason.subject, reason.path) if reason.subject is pod.owner else (pod.owner, pod.metadata_path)
    if member.dataplane == Dataplane.UNKNOWN:
        yield Unjudged(*place, reason.text)
    elif (member.dataplane in _MESHED) == outside:
        wanted = "outside the mesh" if outside else "in the mesh"
        yield Finding(*place, f"is not {wanted}: {reason.text}", wanted, member.dataplane.value)


@check
def test_http_rules_plaintext(policy: Object, inventory: Inventory) -> Iterator[Said]:
    """Cilium's HTTP rules stand only where the connection is plaintext: inside mTLS its proxy sees no request, and
    breaks or passes everything.

    https://docs.cilium.io/en/stable/network/servicemesh/istio/
    """
    world, mesh = connectivity(inventory), Mesh(inventory)
    rules = [
        (section, rule)
        for section in world.sections
        for rule in section.rules
        if section.policy is policy and policy.get((*rule.path, "rules", "http")) is not None
    ]
    if not rules:
        yield NotApplicable("it has no HTTP rules")
    for section, rule in rules:
        selected = [pod for _, pod in world.population.members(section.subjects)]
        peers = [pod for _, pod in world.population.members(rule.mask)]
        clients, servers = (peers, selected) if section.direction == "ingress" else (selected, peers)
        for edge in _through(mesh, clients, servers, rule, section):
            if edge.verdict.outcome == Outcome.MTLS:
                reason = decisive(edge.verdict.reasons)
                subject, path = policy, rule.path
                if reason is not None and reason.subject is not None and reason.subject.kind == "DestinationRule":
                    subject, path = reason.subject, reason.path
                text = f"{edge.port.service.name}:{edge.port.number} is mTLS, so {policy} cannot see HTTP there"
                yield Finding(subject, path, text, "plaintext", edge.verdict.outcome.value)
                return


def _through(
    mesh: Mesh, clients: list[PodSpec], servers: list[PodSpec], rule: Rule, section: Section
) -> Iterator[Edge]:
    """Connections of these clients to Services of these servers, on ports that a rule speaks of."""
    known = [each for each in clients if each in mesh.clients]
    for server in servers:
        for edge in mesh.matrix(known, mesh.services.of(server)):
            target = edge.port.target(server)
            if target is not None and rule.ports.fixed.has(edge.port.protocol, target) and section.isolates:
                yield edge


def _known_codes(codes: list[str]) -> list[str]:
    unknown = sorted(set(codes) - CODES)
    if unknown:
        raise ValueError(f"there is no problem {', '.join(unknown)}; there are {', '.join(sorted(CODES))}")
    return codes


@check
def test_mesh_references(
    things: list[Object],
    inventory: Inventory,
    *,
    codes: Annotated[list[str], _known_codes] = list(_REFERENCES),  # noqa: B006
) -> Iterator[Said]:
    """What mesh objects name is there: hosts, subsets, ports and gateways.

    `codes` chooses among the problems of `plumbline mtls`. Short names are of the object's own namespace; a name with
    one dot means no Service; `ns/name` is a Gateway of another namespace.
    https://istio.io/latest/docs/ops/common-problems/network-issues/
    """
    meant = {id(each) for each in things}
    for problem in Mesh(inventory).problems():
        if id(problem.subject) in meant and problem.code == "unreadable":
            yield Unjudged(problem.subject, problem.path, problem.message)
        elif id(problem.subject) in meant and problem.code in codes:
            yield Finding(problem.subject, problem.path, problem.message)
