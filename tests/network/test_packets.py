"""What policies allow, judged by real packets between pods of a kind cluster and containers outside of it.

Runs where PLUMBLINE_KIND_IMAGE names an image of a node and PLUMBLINE_TOOLS_IMAGE one with busybox (`sh`, `nc`,
`httpd`, `nslookup`, `ip`), and has to run where PLUMBLINE_REQUIRE_KIND is 1. Whether an ipBlock also means pods differs
between CNIs, and Kubernetes leaves it open, so every block here leaves out the addresses of pods.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.network import world
from tests.network.cluster import OUTSIDE, Cluster, Probe, cluster, unavailable
from tests.network.generated import LISTENING, NAMESPACES, PODS, PROBED, Policies, Raw, namespaces, pod

SETS = 42
PODS_OF_ALL = [f"{space}/{name}" for space in NAMESPACES for name in PODS]
#: how long a disagreement may last before it is one: a policy takes effect some time after it was created
SETTLED = 12.0


def probes() -> list[Probe]:
    """Every ordered pair of pods, and every pod with each container outside, on every port."""
    inside = [(one, other) for one in PODS_OF_ALL for other in PODS_OF_ALL if one != other]
    found = [(*ends, *port) for ends in inside for port in PROBED]
    for far in OUTSIDE:
        found += [(far, each, *port) for each in PODS_OF_ALL for port in PROBED]
        found += [(each, far, "TCP", port) for each in PODS_OF_ALL for port in (53, *LISTENING)]
    return found


def blocks(made: Cluster) -> list[Raw]:
    """ipBlocks of the outside: one of its addresses, all but one, everything, and where nobody is."""
    first, second = (made.addresses[each] for each in OUTSIDE)
    near = first.rpartition(".")[0].rpartition(".")[0] + ".0.0/16"
    return [
        {"cidr": f"{first}/32"},
        {"cidr": near, "except": [f"{first}/32"]},
        {"cidr": "0.0.0.0/0", "except": [made.pod_subnet]},
        {"cidr": "0.0.0.0/0", "except": [f"{second}/32", made.pod_subnet]},
        {"cidr": "192.0.2.0/24"},
    ]


def computed(policies: list[Raw], addresses: dict[str, str]) -> dict[Probe, bool]:
    """What the engine says of every probe: pairs of pods by its edges, the outside by its answers."""
    container = {"name": "tools", "image": "tools"}
    pods = [pod(space, name, [container]) for space in NAMESPACES for name in PODS]
    found = world.connectivity(*namespaces(), *pods, *policies)
    assert found.unreadable == []
    edges = {(edge.source, edge.target): edge.ports for edge in found.edges()}
    answers = {}
    for source, target, protocol, port in probes():
        ends = _end(source, addresses), _end(target, addresses)
        if source in OUTSIDE or target in OUTSIDE:
            answers[source, target, protocol, port] = found.allows(*ends, protocol, port).allowed
        else:
            ports = edges.get(ends)
            answers[source, target, protocol, port] = ports is not None and ports.has(protocol, port)
    return answers


def _end(end: str, addresses: dict[str, str]) -> str:
    return f"external:{addresses[end]}" if end in OUTSIDE else end.replace("/", "/Pod/")


def gate(number: int) -> Raw:
    """A policy whose effect tells that all policies before it have theirs: it opens 80 or 81 of one pod."""
    rule = {"ports": [{"port": 80 + number % 2}]}
    spec = {"podSelector": {"matchLabels": {"app": "keeper"}}, "policyTypes": ["Ingress"], "ingress": [rule]}
    metadata = {"name": f"gate-{number}", "namespace": "gate"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def wait_for_gate(made: Cluster, number: int) -> None:
    """Until the new policy of the gate has its effect, and the old one has lost it."""
    wanted = {("gate/watcher", "gate/keeper", "TCP", port): port == 80 + number % 2 for port in (80, 81)}
    end = time.monotonic() + 60
    while made.probe(wanted) != wanted:
        assert time.monotonic() < end, "policies take no effect in this cluster"


def disagreements(made: Cluster, expected: dict[Probe, bool]) -> tuple[list[Probe], dict[Probe, bool]]:
    """Probes that answer otherwise than computed, and go on doing so; new connections each time."""
    observed = made.probe(expected)
    wrong = [each for each, answer in observed.items() if answer != expected[each]]
    end = time.monotonic() + SETTLED
    while wrong and time.monotonic() < end:
        again = made.probe(wrong, seconds=2, at_once=4)
        observed |= again
        wrong = [each for each in wrong if again[each] != expected[each]]
    return wrong, observed


@pytest.mark.kind
def test_packets_pass_exactly_where_policies_are_computed_to_let_them(tmp_path: Path) -> None:
    reason = unavailable()
    if reason and os.environ.get("PLUMBLINE_REQUIRE_KIND") == "1":
        pytest.fail(f"{reason}, and PLUMBLINE_REQUIRE_KIND=1")
    if reason:
        pytest.skip(reason)
    told: list[str] = []
    seen: Counter[bool] = Counter()
    with cluster(tmp_path) as made:
        everything = dict.fromkeys(probes(), True)
        assert disagreements(made, everything)[0] == [], "without a policy everything must be open"
        before: list[Raw] = []
        for number in range(SETS):
            policies = Policies(number, blocks(made)).make()
            named = [{**each, "metadata": {**each["metadata"], "name": f"s{number}-{each['metadata']['name']}"}}
                     for each in policies]  # fmt: skip
            made.apply([*named, gate(number)])
            if before:
                made.delete(before)
            before = [*named, gate(number)]
            wait_for_gate(made, number)
            expected = computed(named, made.addresses)
            wrong, observed = disagreements(made, expected)
            seen.update(observed.values())
            told += [_told(number, each, expected[each], named) for each in wrong[:3]]
        made.delete(before)
        assert disagreements(made, everything)[0] == [], "the listeners answer to the end"
    assert not told, "\n".join(told)
    # A CNI that enforces nothing, or closes everything, would agree with too little.
    assert min(seen[True], seen[False]) > 0.15 * seen.total(), seen


def _told(number: int, probe: Probe, expected: bool, policies: list[Raw]) -> str:
    words = "open" if expected else "closed"
    return f"set {number}: {probe} is computed to be {words}, and is not, under\n{yaml.safe_dump_all(policies)}"


BLOCKS: list[Raw] = [{"cidr": "192.0.2.1/32"}, {"cidr": "192.0.0.0/16", "except": ["192.0.2.1/32"]}]


def test_the_sets_are_the_same_every_time_and_use_every_feature() -> None:
    sets = [Policies(number, BLOCKS).make() for number in range(SETS)]
    assert sets == [Policies(number, BLOCKS).make() for number in range(SETS)]
    features: Counter[str] = Counter()
    for policy in (policy for each in sets for policy in each):
        spec = policy["spec"]
        features["policyTypes absent"] += "policyTypes" not in spec
        features["empty podSelector"] += spec["podSelector"] == {}
        for field, side in (("ingress", "from"), ("egress", "to")):
            features[f"{field} absent"] += field not in spec
            features[f"{field} empty"] += spec.get(field) == []
            for rule in spec.get(field, ()):
                features["empty rule"] += rule == {}
                _count(features, rule.get(side, ()), rule.get("ports", ()))
    assert {name for name, count in features.items() if count < 3} == set()
    assert len(features) == 17


def _count(features: Counter[str], peers: list[Any], ports: list[Any]) -> None:
    for peer in peers:
        features["peer " + " and ".join(sorted(peer))] += 1
        features["except"] += "except" in peer.get("ipBlock", ())
        features["all namespaces"] += peer.get("namespaceSelector") == {}
    for port in ports:
        features["port by name"] += isinstance(port.get("port"), str)
        features["range"] += "endPort" in port
        features["protocol alone"] += "port" not in port
        features["UDP"] += port.get("protocol") == "UDP"


def test_what_is_computed_is_neither_all_open_nor_all_closed() -> None:
    addresses = dict(zip(OUTSIDE, ("192.0.2.1", "192.0.2.2"), strict=True))
    answers = Counter(
        answer
        for number in range(0, SETS, 6)
        for answer in computed(Policies(number, BLOCKS).make(), addresses).values()
    )
    assert min(answers.values()) > 0.2 * answers.total()
