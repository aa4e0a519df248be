"""DestinationRules: by which policy a Service is called, and that there is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from conformance.check import Said, check
from conformance.declared import compare, validate
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.mesh import Mesh
from conformance.mesh.host import resolve


@check
def test_traffic_policy(
    rule: Object,
    inventory: Inventory,
    *,
    host: str,
    policy: Annotated[dict[str, Any], validate],
    subsets: list[str] = [],  # noqa: B006
) -> Iterator[Said]:
    """A DestinationRule is for this host, has these subsets and no others, and its policy counts for all of them.

    Settings of a single port inherit nothing from those of the host, a subset's replace them field by field.
    https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy-PortTrafficPolicy
    """
    settings = Mesh(inventory).settings
    if resolve(rule.text("spec.host"), rule.namespace, settings.domain) != resolve(
        host, rule.namespace, settings.domain
    ):
        yield Finding(rule, "spec.host", "is for another host", host, rule.get("spec.host"))
    own = [each.text("name") for each in rule.sequence("spec.subsets")]
    if subsets and sorted(own) != sorted(subsets):
        yield Finding(rule, "spec.subsets", "has other subsets", subsets, own)
    node = rule.at("spec.trafficPolicy")
    yield from _differs(rule, node, policy)
    levels = node.sequence("portLevelSettings") if node.raw is not None else []
    for each in rule.sequence("spec.subsets"):
        nested = each.at("trafficPolicy")
        if nested.raw is not None:
            yield from _differs(rule, nested, {key: value for key, value in policy.items() if key in nested.mapping()})
            levels += nested.sequence("portLevelSettings")
    for each in levels:
        yield from _differs(rule, each, policy)


def _differs(rule: Object, node: Node, policy: Mapping[str, Any]) -> Iterator[Finding]:
    for key, wanted in policy.items():
        value = node.raw.get(key) if isinstance(node.raw, dict) else None
        for each in compare(Node(value, (*node.path, key)), wanted):
            yield Finding(rule, each.path, each.message, each.expected, each.observed)


@check
def test_one_rule_per_host(rules: list[Object], inventory: Inventory, *, hosts: list[str]) -> Iterator[Said]:
    """Each of these hosts (`service.namespace`) has exactly one DestinationRule: of several, Istio takes the first
    trafficPolicy and adds up the subsets. A rule for some client workloads only stands beside it.
    """
    mesh = Mesh(inventory)
    for name in hosts:
        host = f"{name}.svc.{mesh.settings.domain}"
        found = [each.subject for each in mesh.rules.rules if each.host == host and each.selector is None]
        if not found:
            yield Finding(None, "", f"no DestinationRule for {name}")
        for each in found[1:]:
            yield Finding(each, "spec.host", f"{found[0]} is for this host as well", "one rule", each.get("spec.host"))
