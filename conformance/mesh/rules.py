"""What a client sends: the DestinationRule that counts for a client and a Service, and its TLS settings.

Source: istio model.PushContext.destinationRule (where rules are looked for), mergeDestinationRule (several rules of one
host), util.MergeSubsetTrafficPolicy and endpoints.tlsModeForDestinationRule (which setting counts).
https://istio.io/latest/docs/reference/config/networking/destination-rule/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.place import together
from conformance.kube.podspec import PodSpec
from conformance.mesh.host import most_specific, resolve
from conformance.mesh.reason import UnreadableError, read_each, reading
from conformance.mesh.settings import MeshSettings

GROUP = "networking.istio.io"


@dataclass(frozen=True, slots=True)
class Rule:
    """One DestinationRule with its host resolved."""

    subject: Object
    host: str
    export: frozenset[str]
    selector: Mapping[str, str] | None
    #: `metadata.creationTimestamp`, which only live objects have
    created: str

    @property
    def order(self) -> tuple[bool, str, str, str]:
        """Rules with a workload selector first, then the oldest, then by name."""
        return self.selector is None, self.created, self.subject.name, self.subject.namespace or ""


@dataclass(slots=True)
class Merged:
    """Rules of one host and one audience, which Istio makes one: the first trafficPolicy counts, subsets add up."""

    rules: list[Rule] = field(default_factory=list)

    @property
    def export(self) -> frozenset[str]:
        """Namespaces that may use it, of the first rule."""
        return self.rules[0].export

    @property
    def selector(self) -> Mapping[str, str] | None:
        """Client pods that it is for; None for all."""
        return self.rules[0].selector

    def selects(self, client: PodSpec) -> bool:
        """Whether its workloadSelector means a client, which is then of the rule's own namespace."""
        near = together(self.rules[0].subject, client.owner)
        return near and all(client.labels.get(key) == value for key, value in (self.selector or {}).items())

    def policies(self) -> list[tuple[Rule, Node]]:
        """The trafficPolicy of every rule that has one; the first counts."""
        found = []
        for rule in self.rules:
            with reading(rule.subject):
                node = rule.subject.at("spec.trafficPolicy")
                if node.mapping() if node.raw is not None else False:
                    found.append((rule, node))
        return found

    def subset(self, name: str) -> tuple[Rule, Node] | None:
        """A subset by name, of the first rule that defines it."""
        for rule in self.rules:
            with reading(rule.subject):
                for each in rule.subject.sequence("spec.subsets"):
                    if each.text("name") == name:
                        return rule, each
        return None


@dataclass(slots=True)
class _Pool:
    """Rules that one place offers, by host."""

    by_host: dict[str, list[Merged]] = field(default_factory=dict)

    def find(self, host: str) -> list[Merged]:
        """Those of the most specific host; more general ones do not add to them."""
        pattern = most_specific(self.by_host, host)
        return self.by_host[pattern] if pattern is not None else []

    def add(self, rule: Rule) -> None:
        """A further rule of a host joins those of the same audience, or stands beside them.

        A rule for more namespaces than an earlier one joins it and stands by itself too.
        """
        known = self.by_host.setdefault(rule.host, [])
        separately = True
        for merged in known:
            if rule.export != merged.export and not (merged.export and rule.export > merged.export):
                continue
            if rule.selector == merged.selector:
                merged.rules.append(rule)
                separately = separately and rule.export != merged.export
        if separately:
            known.append(Merged([rule]))


class DestinationRules:
    """The rules of a tree, and where a client looks for them."""

    def __init__(self, inventory: Inventory, settings: MeshSettings) -> None:
        self._objects = list(inventory.of_kind("DestinationRule", GROUP))
        self._settings = settings
        self.unreadable: list[UnreadableError] = []

    @cached_property
    def rules(self) -> list[Rule]:
        """Every rule whose host, audience and selector can be read, in Istio's order."""
        found = read_each(self._objects, self._read, self.unreadable)
        return sorted(found, key=lambda each: each.order)

    def find(self, client: PodSpec | None, namespace: str | None, service: Object, host: str) -> Merged | None:
        """The rule that counts for a client: of its own namespace, else of the Service's, else of the root namespace.

        The first of these places that has a rule for the host decides, even if that rule is then for other workloads.
        Rules with a workloadSelector are for clients of their own namespace only.
        """
        found = self._local(client, namespace).find(host)
        if not found:
            found = self._exported_from(service, host, namespace)
        if not found:
            found = self._audible(self._exported_by(self._settings.root_namespace).find(host), namespace)
        return _for_workload(found, client)

    def for_host(self, host: str) -> list[Rule]:
        """Every rule that is for a host, wherever it is and for whomever."""
        pattern = most_specific({each.host for each in self.rules}, host)
        return [each for each in self.rules if each.host in (host, pattern)]

    def _read(self, subject: Object) -> Rule:
        host = resolve(subject.text("spec.host"), subject.namespace, self._settings.domain)
        created = subject.text("metadata.creationTimestamp")
        selector = subject.at("spec.workloadSelector")
        if selector.raw is not None:
            return Rule(subject, host, frozenset({"."}), selector.mapping("matchLabels"), created)
        export = frozenset(str(each.raw) for each in subject.sequence("spec.exportTo"))
        return Rule(subject, host, export, None, created)

    def _is_private(self, rule: Rule) -> bool:
        if not rule.export:
            return self._settings.private_rules
        return len(rule.export) == 1 and bool(rule.export & {".", rule.subject.namespace})

    def _local(self, client: PodSpec | None, namespace: str | None) -> _Pool:
        """A client's own rules. In the root namespace only private ones: its others are for all, and come last."""
        if namespace != self._settings.root_namespace:
            if namespace is not None or client is None:
                return self._locals.get(namespace, _Pool())
            pool = _Pool()
            for each in self.rules:
                if together(each.subject, client.owner) and self._is_local(each):
                    pool.add(each)
            return pool
        return self._root_private

    def _is_local(self, rule: Rule) -> bool:
        return not rule.export or bool(rule.export & {"*", ".", rule.subject.namespace})

    @cached_property
    def _root_private(self) -> _Pool:
        pool = _Pool()
        for each in self.rules:
            if each.subject.namespace == self._settings.root_namespace and self._is_private(each):
                pool.add(each)
        return pool

    @cached_property
    def _locals(self) -> Mapping[str | None, _Pool]:
        pools: dict[str | None, _Pool] = {}
        for each in self.rules:
            if self._is_local(each) and each.subject.namespace is not None:
                pools.setdefault(each.subject.namespace, _Pool()).add(each)
        return pools

    @cached_property
    def _exported(self) -> Mapping[str | None, _Pool]:
        pools: dict[str | None, _Pool] = {}
        for each in self.rules:
            if not self._is_private(each):
                pools.setdefault(each.subject.namespace, _Pool()).add(each)
        return pools

    def _exported_by(self, namespace: str | None) -> _Pool:
        return self._exported.get(namespace, _Pool())

    def _exported_from(self, service: Object, host: str, namespace: str | None) -> list[Merged]:
        found = self._audible(self._exported_by(service.namespace).find(host), namespace)
        if service.namespace is None:
            return [each for each in found if together(each.rules[0].subject, service)]
        return found

    def _audible(self, found: list[Merged], namespace: str | None) -> list[Merged]:
        return [each for each in found if not each.export or each.export & {"*", namespace}]


def _for_workload(found: list[Merged], client: PodSpec | None) -> Merged | None:
    everybody = None
    for each in found:
        if each.selector is None:
            everybody = each
        elif client is not None and each.selects(client):
            return each
    return everybody
