"""Istio AuthorizationPolicies: whom they are for, what they let through, and what they can know of a caller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.path import Path
from conformance.kube.podspec import PodSpec
from conformance.kube.selector import map_selector
from conformance.mesh import Mesh, Outcome
from conformance.mesh.membership import Dataplane
from conformance.mesh.problems import decisive

#: What only a client certificate tells. Source: istio security/pkg/model `isMtlsOnlyField`, AuthorizationPolicy#Source.
_IDENTITY = ("principals", "notPrincipals", "namespaces", "notNamespaces", "serviceAccounts", "notServiceAccounts")
_KEYS = ("source.principal", "source.namespace", "source.serviceAccount")


def _selected(policy: Object, mesh: Mesh) -> list[PodSpec]:
    selector = map_selector(policy.at("spec.selector.matchLabels"))
    own = [each for each in mesh.clients if each.owner.namespace == policy.namespace]
    return own if policy.get("spec.selector.matchLabels") is None else [e for e in own if selector.matches(e.labels)]


@check
def test_authorization(
    policy: Object,
    inventory: Inventory,
    *,
    workloads: list[str],
    action: Literal["ALLOW", "DENY"] = "ALLOW",
    ports: list[str],
    principals: list[str] = [],  # noqa: B006
) -> Iterator[Said]:
    """An AuthorizationPolicy is for exactly these workloads, and every rule of it speaks of these ports, and of these
    principals where some are documented.

    Ports are those of the pods, as text. Without a selector it is for the whole namespace; no rules deny everything to
    an ALLOW policy, and an empty rule lets everything through.
    https://istio.io/latest/docs/reference/config/security/authorization-policy/
    """
    selected = sorted({each.owner.name for each in _selected(policy, Mesh(inventory))})
    if selected != sorted(workloads):
        yield Finding(policy, "spec.selector", "is for other workloads", workloads, selected)
    if policy.text("spec.action", "ALLOW") != action:
        yield Finding(policy, "spec.action", "does something else", action, policy.text("spec.action", "ALLOW"))
    rules = policy.sequence("spec.rules")
    if not rules:
        yield Finding(policy, "spec.rules", "has no rule, which denies everything", f"ports {ports}")
    for rule in rules:
        operations = [each.texts("operation.ports") for each in rule.sequence("to")]
        if not operations or any(sorted(each) != sorted(ports) for each in operations):
            yield Finding(policy, (*rule.path, "to"), "is not about these ports alone", ports, operations)
        sources = [each.texts("source.principals") for each in rule.sequence("from")]
        wrong = [each for each in sources if not each or not set(each) <= set(principals)]
        if principals and (not sources or wrong):
            yield Finding(policy, (*rule.path, "from"), "is not for these principals alone", principals, sources)


@check
def test_identity_needs_mtls(policy: Object, inventory: Inventory) -> Iterator[Said]:
    """A policy asks who the caller is only where callers come by mTLS.

    Over plaintext nobody has an identity: `principals` match nobody, so that ALLOW denies all, and the `not` forms
    match everybody, so that an exception for one is one for all.
    https://istio.io/latest/docs/concepts/security/#dependency-on-mutual-tls
    """
    fields = list(_identity_fields(policy))
    if not fields:
        return
    mesh, judged = Mesh(inventory), False
    clients = [each for each in mesh.clients if mesh.dataplane(each) in (Dataplane.SIDECAR, Dataplane.GATEWAY)]
    for pod in _selected(policy, mesh):
        for edge in mesh.matrix([each for each in clients if each is not pod], mesh.services.of(pod)):
            judged = True
            if edge.verdict.outcome == Outcome.PLAINTEXT and edge.client is not None:
                reason = decisive(edge.verdict.reasons)
                why = f" ({reason.text})" if reason is not None else ""
                target = f"{edge.port.service.name}:{edge.port.number}"
                message = f"{edge.client.owner} reaches {target} without mTLS{why}, so it has no identity there"
                yield from (Finding(policy, path, message, "mTLS", "plaintext") for path in fields)
                return
    if not judged:
        yield NotApplicable("no workload of the mesh calls what it selects")


def _identity_fields(policy: Object) -> Iterator[Path]:
    for rule in policy.sequence("spec.rules"):
        for each in rule.sequence("from"):
            source: Node = each.at("source")
            yield from ((*source.path, field) for field in _IDENTITY if source.raw and source.get(field))
        for each in rule.sequence("when"):
            if each.text("key") in _KEYS:
                yield (*each.path, "key")
