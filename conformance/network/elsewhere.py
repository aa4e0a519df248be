"""Whether pods that a policy means may be there without any manifest showing them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.kube.selector import label_selector
from conformance.kube.workload import SYSTEM_NAMESPACES
from conformance.network.connectivity import Connectivity
from conformance.network.population import namespace_of
from conformance.network.region import bits

#: last parts of the labels by which policies of every kind name namespaces
_NAMES = ("io.kubernetes.pod.namespace", "kubernetes.io/metadata.name")


class Elsewhere:
    """Answers for one inventory. A namespace of which the tree shows no pod may have any, and so may those of the
    platform, and one in which operators, or charts that are not rendered, make some; `making` are pods that may make
    others in their namespace.
    """

    def __init__(self, world: Connectivity, inventory: Inventory, making: Iterable[PodSpec] = ()) -> None:
        self._made = {namespace_of(each.owner) for each in making}
        self._population = world.population
        self._relations = relations(inventory)

    def subjects(self, policy: Object) -> bool:
        """Whether pods that a policy selects may be elsewhere."""
        return self._may_have_more(policy, namespace_of(policy))

    def peers(self, policy: Object, rule: Node) -> bool:
        """Whether peers of a rule may be: in a namespace that it names, or chooses by labels that none here has."""
        spaces = set(_named(rule.raw))
        for each in (*_sequence(rule, "from"), *_sequence(rule, "to")):
            chosen = each.at("namespaceSelector") if isinstance(each.raw, dict) else each
            if chosen.raw is not None:
                mask = self._population.namespaces.select(label_selector(chosen))
                if not mask:
                    return True
                spaces |= {self._population.groups[index].namespace for index in bits(mask)}
        return any(self._may_have_more(policy, space) for space in spaces or {namespace_of(policy)})

    def _may_have_more(self, policy: Object, space: str) -> bool:
        own = space == namespace_of(policy)
        witness = policy if own else self._witness(space)
        shown = bool(self._population.by_namespace.get(space)) or policy.namespace == ""
        return (
            not shown
            or space in SYSTEM_NAMESPACES
            or space in self._made
            or (witness is not None and self._relations.has_unseen_pods(witness))
        )

    def _witness(self, space: str) -> Object | None:
        return next((each.members[0].owner for each in self._population.groups if each.namespace == space), None)


def _sequence(rule: Node, field: str) -> list[Node]:
    value = rule.raw.get(field) if isinstance(rule.raw, dict) else None
    return rule.sequence(field) if isinstance(value, list) else []


def _named(raw: Any) -> Iterator[str]:
    """Namespaces that a rule names, however deep: by label, or in the lists of an AuthorizationPolicy."""
    if isinstance(raw, list):
        for each in raw:
            yield from _named(each)
    elif isinstance(raw, dict):
        for key, value in raw.items():
            if isinstance(key, str) and (key.endswith(_NAMES) or key == "namespaces"):
                values = value if isinstance(value, list) else [value]
                yield from (each for each in values if isinstance(each, str))
            yield from _named(value)
