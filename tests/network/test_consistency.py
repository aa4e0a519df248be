"""Edges are computed for all at once and verdicts for one connection at a time, by different code: they agree, whatever
kinds of policies meet.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.network.connectivity import Connectivity
from conformance.network.ports import NONE
from tests.network.world import connectivity, deployment, namespace

Raw = dict[str, Any]
NUMBERS = [80, 90, 443]
WORKLOADS = [
    deployment("a", "one", {"http": 80}, app="a"),
    deployment("b", "one", {"http": 90}, app="b"),
    deployment("c", "two", app="a"),
    deployment("h", "two", host=True),
    namespace("one", team="x"),
]
labels = st.sampled_from([{}, {"app": "a"}, {"app": "b"}])
spaces = st.sampled_from([{}, {"team": "x"}, {"kubernetes.io/metadata.name": "two"}])
selectors = labels.map(lambda found: {"matchLabels": found})

cilium_peers: st.SearchStrategy[Raw] = st.one_of(
    st.just({}),
    st.lists(selectors, max_size=2).map(lambda found: {"Endpoints": found}),
    st.sampled_from(["all", "world", "cluster", "host"]).map(lambda name: {"Entities": [name]}),
    st.just({"CIDRSet": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}]}),
)
cilium_ports = st.lists(
    st.sampled_from([{"port": "80", "protocol": "TCP"}, {"port": "http"}, {"port": "80", "endPort": 90}]),
    min_size=1,
    max_size=2,
).map(lambda found: [{"ports": found}])


@st.composite
def cilium(draw: st.DrawFn) -> Raw:
    spec: Raw = {"endpointSelector": draw(selectors)}
    for field, side in (("ingress", "from"), ("ingressDeny", "from"), ("egress", "to"), ("egressDeny", "to")):
        if draw(st.booleans()):
            rule = {f"{side}{name}": value for name, value in draw(cilium_peers).items()}
            if draw(st.booleans()):
                rule["toPorts"] = draw(cilium_ports)
            spec[field] = [rule]
    if draw(st.booleans()):
        spec["enableDefaultDeny"] = {"ingress": draw(st.booleans()), "egress": draw(st.booleans())}
    metadata = {"name": "c", "namespace": draw(st.sampled_from(["one", "two"]))}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata, "spec": spec}


admin_ports = st.sampled_from([[], [{"portNumber": {"protocol": "TCP", "port": 80}}], [{"namedPort": "http"}]])


@st.composite
def admin(draw: st.DrawFn) -> Raw:
    kind = draw(st.sampled_from(["AdminNetworkPolicy", "BaselineAdminNetworkPolicy"]))
    actions = ["Allow", "Deny", "Pass"] if kind[0] == "A" else ["Allow", "Deny"]
    spec: Raw = {"priority": draw(st.integers(0, 3)), "subject": {"namespaces": {"matchLabels": draw(spaces)}}}
    for field, side in (("ingress", "from"), ("egress", "to")):
        spec[field] = [
            {
                "action": draw(st.sampled_from(actions)),
                side: [{"namespaces": {"matchLabels": draw(spaces)}}],
                "ports": draw(
                    st.sampled_from([[], [{"portNumber": {"protocol": "TCP", "port": 80}}], [{"namedPort": "http"}]])
                ),
            }
            for _ in range(draw(st.integers(0, 3)))
        ]
    metadata = {"name": f"a{draw(st.integers(0, 99))}"}
    return {"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


@st.composite
def istio(draw: st.DrawFn) -> Raw:
    sources = st.sampled_from([{"namespaces": ["one"]}, {"notNamespaces": ["one"]}, {"ipBlocks": ["10.0.0.0/8"]}])
    rule: Raw = {}
    if draw(st.booleans()):
        rule["from"] = [{"source": draw(sources)}]
    if draw(st.booleans()):
        rule["to"] = [{"operation": {"ports": ["80"]}}]
    spec = {"action": draw(st.sampled_from(["ALLOW", "DENY"])), "rules": [rule] * draw(st.integers(0, 1))}
    metadata = {"name": "z", "namespace": "one"}
    return {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": metadata, "spec": spec}


@st.composite
def native(draw: st.DrawFn) -> Raw:
    peer = st.one_of(selectors.map(lambda s: {"podSelector": s}), st.just({"ipBlock": {"cidr": "10.0.0.0/15"}}))
    spec: Raw = {"podSelector": draw(selectors)}
    for field, side in (("ingress", "from"), ("egress", "to")):
        if draw(st.booleans()):
            ports = draw(st.sampled_from([[], [{"port": "http"}], [{"port": 443}]]))
            spec[field] = [{side: draw(st.lists(peer, max_size=2)), "ports": ports}]
    metadata = {"name": "n", "namespace": "one"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


policies = st.lists(st.one_of(cilium(), admin(), native(), istio()), max_size=5)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies)
def test_edges_and_verdicts_agree(found: list[Raw]) -> None:
    world = connectivity(*WORKLOADS, *found)
    assert world.unreadable == []
    edges = {(edge.source, edge.target): edge for edge in world.edges()}
    for source in world.endpoints:
        for target in world.endpoints:
            edge = edges.get((source, target))
            for protocol, number in [("TCP", each) for each in NUMBERS] + [("UDP", 80)]:
                shown = (edge.ports if edge else NONE).has(protocol, number)
                verdict = world.allows(source, target, protocol, number)
                assert verdict.allowed == shown, (source, target, protocol, number, verdict)
                assert verdict.because
    for each in world.endpoints:
        for address in ("10.0.0.1", "10.1.0.1", "192.0.2.1"):
            for ends in ((each, "external"), ("external", each)):
                _outside(world, edges, ends, each, address)


def _outside(world: Connectivity, edges: Any, ends: tuple[str, str], own: str, address: str) -> None:
    edge = edges.get(ends)
    for number in NUMBERS:
        shown = (
            any(part.addresses.has(address) and part.ports.has("TCP", number) for part in edge.outside)
            if edge
            else False
        )
        named = tuple(f"external:{address}" if end == "external" else end for end in ends)
        assert world.allows(named[0], named[1], "TCP", number).allowed == shown, (named, number)
