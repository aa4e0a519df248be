"""Istio's AuthorizationPolicy: what the proxy at the destination lets in, after the network has.

https://istio.io/latest/docs/reference/config/security/authorization-policy/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from conformance.kube.object import Node, Object
from conformance.kube.selector import SelectorError, map_selector
from conformance.network.addresses import EVERYWHERE, Addresses, block
from conformance.network.population import Group, Population, namespace_of
from conformance.network.ports import LAST, PortSet, span, union
from conformance.network.region import Mask
from conformance.network.rule import NOBODY, Action, Peers, PortChoice, Rule, Section, Tier, anyone

GROUP = "security.istio.io"
#: where a policy is for the whole mesh, unless the mesh says otherwise
ROOT = "istio-system"
_ACTIONS = {"ALLOW": Action.ALLOW, "DENY": Action.DENY}
#: what only a request shows; the connection may be open all the same
_OF_REQUESTS = (
    "requestPrincipals", "notRequestPrincipals", "remoteIpBlocks", "notRemoteIpBlocks",
    "hosts", "notHosts", "methods", "notMethods", "paths", "notPaths",
)  # fmt: skip


def passed_over(policy: Object) -> str:
    """Why a policy has no part in connectivity; empty where it has one."""
    action = policy.text("spec.action", "ALLOW")
    if action == "CUSTOM":
        return f"the provider {policy.text('spec.provider.name')} decides, which no manifest tells"
    if action == "AUDIT":
        return "it only writes a log"
    if policy.get("spec.targetRef") is not None or policy.get("spec.targetRefs") is not None:
        return "it is for a gateway or waypoint, not for pods"
    return ""


def sections(policy: Object, population: Population) -> Iterator[Section]:
    """Its rules, at the ingress of the pods it selects; without a selector all of its namespace, in the root namespace
    all of the mesh. Every such pod is taken to have a proxy, and every client to have its own identity.

    ALLOW without rules allows nothing, DENY without rules denies nothing; a rule that is empty matches everything.
    A DENY rule that asks for more than the connection, such as a method, closes no port.
    """
    if passed_over(policy):
        return
    name = policy.text("spec.action", "ALLOW")
    action = _ACTIONS.get(name)
    if action is None:
        raise SelectorError(("spec", "action"), f"is {name!r}, not ALLOW, DENY, AUDIT or CUSTOM")
    rules = [each for node in policy.sequence("spec.rules") for each in _rules(node, action, population)]
    field = "rules" if policy.get("spec.rules") is not None else "action"
    allows = action is Action.ALLOW
    yield Section(policy, "ingress", ("spec", field), _subjects(policy, population), tuple(rules), Tier.MESH, allows)


def _subjects(policy: Object, population: Population) -> Mask:
    found = population.pods
    if policy.namespace != ROOT:
        found = population.by_namespace.get(namespace_of(policy), 0)
    labels = policy.at("spec.selector.matchLabels")
    return found & population.labels.select(map_selector(labels)) if labels.raw else found


def _rules(node: Node, action: Action, population: Population) -> Iterator[Rule]:
    """`from`, `to` and `when` are AND; the elements of each are OR."""
    sources = [each.at("source") for each in node.sequence("from")] if node.raw else []
    operations = [each.at("operation") for each in node.sequence("to")] if node.raw else []
    conditions = [f"{each.text('key')}" for each in node.sequence("when")] if node.raw else []
    for source in sources or [Node({}, node.path)]:
        peers = _peers(source, population)
        for operation in operations or [Node({}, node.path)]:
            words = [*_words(source), *_words(operation), *(f"when {key}" for key in conditions)]
            if action is Action.DENY and words:
                continue
            limits = (" ".join(words),) if words else ()
            yield Rule(node.path, peers, PortChoice(_ports(operation)), action, limits)


def _peers(source: Node, population: Population) -> Peers:
    """All fields of a source must hold. Whoever has an identity is in the mesh; the outside has none."""
    found = anyone(population.inside)
    if source.raw is None:
        return found
    for field, of in (("principals", _principal), ("namespaces", _namespace), ("serviceAccounts", _account)):
        if source.sequence(field):
            found = Peers(found.inside & _matching(source, field, of, population))
        refused = f"not{field[0].upper()}{field[1:]}"
        if source.sequence(refused):
            found = Peers(found.inside & ~_matching(source, refused, of, population), found.outside, found.names)
    if source.sequence("ipBlocks"):
        found = Peers(0, found.outside & _blocks(source, "ipBlocks"))
    if source.sequence("notIpBlocks"):
        found = Peers(found.inside, found.outside - _blocks(source, "notIpBlocks"))
    return found if found else NOBODY


def _principal(group: Group) -> str:
    return f"cluster.local/ns/{group.namespace}/sa/{group.account}"


def _namespace(group: Group) -> str:
    return group.namespace


def _account(group: Group) -> str:
    return f"{group.namespace}/{group.account}"


def _matching(source: Node, field: str, of: Callable[[Group], str], population: Population) -> Mask:
    patterns = [str(each.raw) for each in source.sequence(field)]
    return sum(
        1 << index
        for index, group in enumerate(population.groups)
        if not group.host and any(_fits(of(group), each) for each in patterns)
    )


def _fits(text: str, pattern: str) -> bool:
    """A whole value, `prefix*`, `*suffix`, or `*` for any."""
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    return text.endswith(pattern[1:]) if pattern.startswith("*") else text == pattern


def _blocks(source: Node, field: str) -> Addresses:
    found = Addresses()
    for each in source.sequence(field):
        try:
            found = found | block(str(each.raw))
        except ValueError as error:
            raise SelectorError(each.path, f"is no CIDR block: {error}") from None
    return found & EVERYWHERE


def _ports(operation: Node) -> PortSet:
    """Ports of the workload, not of its Service; TCP only, for that is what a proxy sees."""
    if operation.raw is None:
        return span("TCP")
    wanted = [_number(each) for each in operation.sequence("ports")]
    refused = [_number(each) for each in operation.sequence("notPorts")]
    return (union(wanted) if wanted else span("TCP")) - union(refused)


def _number(node: Node) -> PortSet:
    text = str(node.raw)
    if not text.isdigit() or not 1 <= int(text) <= LAST:
        raise SelectorError(node.path, f"is {text!r}, which is no port")
    return span("TCP", int(text), int(text))


def _words(node: Node) -> list[str]:
    found = []
    for field in _OF_REQUESTS if node.raw else ():
        values = [str(each.raw) for each in node.sequence(field)]
        if values:
            found.append(f"{'HTTP ' if field == 'methods' else field + ' '}{'|'.join(values)}")
    return found
