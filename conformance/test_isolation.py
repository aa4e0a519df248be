"""Policies one by one: whom they select, whom they leave out, and which names outside they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Literal

from conformance.check import NotApplicable, Said, Unjudged, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.podspec import PodSpec
from conformance.network.cilium import specs
from conformance.network.connectivity import connectivity
from conformance.network.gaps import gaps, selector_path

_OUTSIDE = {"all", "world", "world-ipv4", "world-ipv6"}


@check
def test_policy_subjects(policies: list[Object], inventory: Inventory, *, subjects: dict[str, str]) -> Iterator[Said]:
    """Each of these policies selects the pods of exactly its workload, and every peer that it names is some workload.

    What counts are the labels of pod templates (a CronJob's lie two levels down); a selector for peers without a
    namespace means the policy's own. An empty selector is the whole namespace.
    https://docs.cilium.io/en/stable/security/policy/intro/#endpoint-selector
    """
    world = connectivity(inventory)
    for thing, error in world.unreadable:
        if thing in policies:
            yield Unjudged(thing, error.path, str(error))
    for name, workload in subjects.items():
        sections = [each for each in world.sections if each.policy.name == name and each.policy in policies]
        if not sections:
            yield Finding(None, "", f"there is no policy {name} that isolates anything", workload)
            continue
        selected = {pod.owner.name for each in sections for _, pod in world.population.members(each.subjects)}
        if selected != {workload}:
            message = f"selects {', '.join(sorted(selected)) or 'no pod'}"
            yield Finding(sections[0].policy, selector_path(sections[0]), message, workload, sorted(selected))
    for gap in gaps(world):
        if gap.policy in policies and gap.text.startswith("its peers"):
            yield Finding(gap.policy, gap.path, gap.text)


@check
def test_pod_isolated(
    pod: PodSpec,
    inventory: Inventory,
    *,
    directions: list[Literal["ingress", "egress"]] = ["ingress", "egress"],  # noqa: B006
) -> Iterator[Said]:
    """Some policy isolates the pods of a workload in each direction, so that what no rule allows is denied.

    Policies of Cilium count as well as NetworkPolicies, and for Cilium a direction without a rule is not isolated.
    https://kubernetes.io/docs/concepts/services-networking/network-policies/
    """
    world = connectivity(inventory)
    own = {index for index, member in world.population.members(world.population.inside) if member is pod}
    if not own:
        yield NotApplicable("no pod of its own")
        return
    for direction in directions:
        isolated = [each for each in world.sections if each.direction == direction and each.isolates]
        if not all(any(each.subjects >> index & 1 for each in isolated) for index in own):
            place = (*pod.metadata_path, "labels")
            yield Finding(pod.owner, place, f"no policy isolates its {direction}", "default deny")


@check
def test_outside_by_name(policy: Object, *, names: list[str], ports: list[int]) -> Iterator[Said]:
    """What a CiliumNetworkPolicy allows outside is allowed by name (`toFQDNs`), for these names and ports alone, and
    Cilium sees the lookups.

    `world` and 0.0.0.0/0 are everything, `matchPattern: "*"` too. Addresses of names are learned only from lookups that
    a rule with `rules.dns` lets through. The names are globs.
    https://docs.cilium.io/en/stable/security/policy/language/#dns-based
    """
    rules = [rule for spec in specs(policy) for rule in spec.sequence("egress") if isinstance(rule.raw, dict)]
    by_name = [each for each in rules if each.get("toFQDNs")]
    if not by_name:
        yield Finding(policy, "spec.egress", "allows nothing outside by name", names)
    for rule in rules:
        entities = {str(each.raw) for each in rule.sequence("toEntities")}
        if entities & _OUTSIDE or rule.get("toCIDR") or rule.get("toCIDRSet"):
            yield Finding(policy, rule.path, "leads outside, not by name", names)
    for rule in by_name:
        for each in rule.sequence("toFQDNs"):
            said = each.text("matchName") or each.text("matchPattern")
            if not any(fnmatchcase(said, pattern) for pattern in names):
                yield Finding(policy, each.path, "is another name", names, said)
        own = _ports(rule)
        if own != {str(each) for each in ports}:
            yield Finding(policy, (*rule.path, "toPorts"), "opens other ports", ports, sorted(own))
    if by_name and not any(each.get("rules.dns") for rule in rules for each in rule.sequence("toPorts")):
        yield Finding(
            policy, by_name[0].path, "no rule lets Cilium see lookups, so the names have no address", "rules.dns"
        )


def _ports(rule: Node) -> set[str]:
    return {str(port.get("port")) for each in rule.sequence("toPorts") for port in each.sequence("ports")} or {"any"}
