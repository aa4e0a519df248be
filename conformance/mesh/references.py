"""Routes and rules that lead to nothing: hosts, subsets and ports that do not exist.

What lies outside the tree is not accused: a namespace of which the tree shows no Service, or in which operators and
charts that are not rendered may make some.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from conformance.kube import duration
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.relations import relations
from conformance.mesh.host import covers, is_wildcard
from conformance.mesh.reason import Problem
from conformance.mesh.routes import Destination, Route
from conformance.mesh.rules import DestinationRules, Rule
from conformance.mesh.services import Services


class References:
    """What hosts mean, as far as a tree shows."""

    def __init__(self, inventory: Inventory, services: Services, rules: DestinationRules, domain: str) -> None:
        self._inventory = inventory
        self._services = services
        self._rules = rules
        self._suffix = f".svc.{domain}"

    def of_route(self, route: Route) -> Iterator[Problem]:
        """Destinations and mirrors of a route that lead to no host, subset or port."""
        for each in route.all_destinations():
            yield from self._destination(route, each)

    def _destination(self, route: Route, to: Destination) -> Iterator[Problem]:
        path = to.node.path
        if not to.host:
            if to.node.raw is not None:
                yield Problem("route-host", route.subject, path, "the destination has no host")
            return
        missing = self._missing(to.host, route.subject)
        if missing:
            yield Problem(missing[0].format("route"), route.subject, (*path, "host"), missing[1])
            return
        if to.subset and not self._has_subset(to.host, to.subset):
            text = f"no DestinationRule for {to.host} defines subset {to.subset}"
            yield Problem("route-subset", route.subject, (*path, "subset"), text)
        yield from _shared([list(self._port(route, to, each)) for each in self._services.by_host.get(to.host, ())])

    def _port(self, route: Route, to: Destination, service: Object) -> Iterator[Problem]:
        if service.text("spec.type") == "ExternalName":
            return
        numbers = [each.number for each in self._services.ports(service)]
        if to.port is not None and to.port not in numbers:
            text = f"{service} has no port {to.port}; routes name service ports"
            yield Problem("route-port", route.subject, (*to.node.path, "port", "number"), text)
        if to.port is None and len(numbers) > 1:
            text = f"{service} has several ports, and the destination names none"
            yield Problem("route-port-needed", route.subject, to.node.path, text)

    def of_rule(self, rule: Rule) -> Iterator[Problem]:
        """A DestinationRule for a host or ports that do not exist, and subsets that no pod belongs to."""
        if is_wildcard(rule.host):
            return
        missing = self._missing(rule.host, rule.subject)
        if missing:
            yield Problem(missing[0].format("rule"), rule.subject, ("spec", "host"), missing[1])
            return
        services = self._services.by_host.get(rule.host, ())
        yield from _shared([[*self._rule_ports(rule, each), *self._subsets(rule, each)] for each in services])

    def _subsets(self, rule: Rule, service: Object) -> Iterator[Problem]:
        if not self._services.pods(service) or self._services.may_have_unseen_pods(service):
            return
        for each in rule.subject.sequence("spec.subsets"):
            labels = each.at("labels")
            if labels.raw and not self._services.pods(service, labels):
                text = f"no pod of {service} has the labels of subset {each.text('name')}"
                yield Problem("subset-empty", rule.subject, labels.path, text)

    def _rule_ports(self, rule: Rule, service: Object) -> Iterator[Problem]:
        numbers = {each.number for each in self._services.ports(service)}
        policies = [rule.subject.at("spec.trafficPolicy")]
        policies += [each.at("trafficPolicy") for each in rule.subject.sequence("spec.subsets")]
        for policy in policies:
            for each in policy.sequence("portLevelSettings") if policy.raw is not None else ():
                number = each.number("port.number")
                if number is not None and number not in numbers:
                    text = f"{service} has no port {number}; port settings are by service port"
                    yield Problem("rule-port", rule.subject, (*each.path, "port", "number"), text)

    def _has_subset(self, host: str, name: str) -> bool:
        rules = [each.subject for each in self._rules.rules if covers(each.host, host)]
        return any(each.text("name") == name for rule in rules for each in rule.sequence("spec.subsets"))

    def _missing(self, host: str, near: Object) -> tuple[str, str] | None:
        """Sort and words of what is wrong with a host; None where it exists, or where the tree cannot tell."""
        if host in self._services.by_host or any(covers(each, host) for each in self._entries) or is_wildcard(host):
            return None
        if not host.endswith(self._suffix):
            full = self._full_names.get(host)
            if full is not None:
                return "{}-host", f"{host} is no short name and means no Service; write {full}"
            return "{}-external", f"no ServiceEntry declares {host}"
        namespace = host.removesuffix(self._suffix).partition(".")[2]
        if namespace not in (near.namespace, "?") and namespace not in self._seen:
            return None
        witness = self._seen.get(namespace, near)
        if relations(self._inventory).has_unseen_pods(witness):
            return None
        return "{}-host", f"there is no Service {host}"

    @cached_property
    def _seen(self) -> Mapping[str | None, Object]:
        return {each.namespace: each for each in self._services.all}

    @cached_property
    def _full_names(self) -> Mapping[str, str]:
        names: dict[str, str] = {}
        for host in self._services.by_host:
            short = host.removesuffix(self._suffix)
            names |= {short: host, f"{short}.svc": host}
        return names

    @cached_property
    def _entries(self) -> list[str]:
        entries = self._inventory.of_kind("ServiceEntry", "networking.istio.io")
        return [each.raw for entry in entries for each in entry.sequence("spec.hosts") if isinstance(each.raw, str)]


def timing(route: Route) -> Iterator[Problem]:
    """Retries that the route's own timeout cuts off: (attempts + 1) × perTryTimeout is longer than `timeout`."""
    retries = route.retries
    if retries is None or not retries.per_try_timeout or not route.timeout:
        return
    try:
        total, single = duration.parse_go(route.timeout), duration.parse_go(retries.per_try_timeout)
    except duration.DurationError as error:
        yield Problem("route-duration", route.subject, route.node.path, str(error))
        return
    if total and (retries.attempts + 1) * single > total:
        text = f"{retries.attempts} retries of {retries.per_try_timeout} do not fit into the timeout {route.timeout}"
        yield Problem("retry-timeout", route.subject, (*retries.path, "perTryTimeout"), text)


def weights(route: Route) -> Iterator[Problem]:
    """Several destinations whose weights are all 0, which Istio refuses."""
    if len(route.destinations) > 1 and not any(each.weight for each in route.destinations):
        yield Problem("route-weights", route.subject, (*route.node.path, "route"), "no destination has a weight")


def mirrors(route: Route) -> Iterator[Problem]:
    """Mirrors of nothing (0 %), and mirrors to where all the traffic goes anyway."""
    served = {(each.destination.host, each.destination.subset) for each in route.destinations if each.weight != 0}
    for each in route.mirrors:
        if not each.percentage:
            yield Problem("mirror-nothing", route.subject, each.path, "mirrors 0 % of the traffic")
        if served == {(each.destination.host, each.destination.subset)}:
            text = f"mirrors to {each.destination.host}, which already serves the traffic: everything happens twice"
            yield Problem("mirror-self", route.subject, each.path, text)


def _shared(found: Sequence[list[Problem]]) -> Iterator[Problem]:
    """What is wrong with every Service of a host.

    Several have one host only where a tree holds variants of a system, each with a Service of that name, and what fits
    one of them is meant for that one.
    """
    places = [{(each.code, each.field) for each in problems} for problems in found]
    for each in found[0] if found else ():
        if all((each.code, each.field) in others for others in places):
            yield each
