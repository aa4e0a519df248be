"""Fields of any type: what cannot be read is named, nothing raises."""

from __future__ import annotations

import copy
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.network.connectivity import Connectivity
from conformance.network.gaps import gaps
from tests.network.world import connectivity, deployment, inventory, namespace, policy

Raw = dict[str, Any]
PORTS = "[{port: '80', protocol: TCP, endPort: 81}]"
SEEDS: list[Raw] = [
    deployment("db", ports={"sql": 5432}),
    namespace("shop", team="a"),
    policy(
        spec="{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress, Egress], "
        "ingress: [{from: [{podSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}, "
        "namespaceSelector: {matchLabels: {a: b}}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], "
        "ports: [{port: sql, protocol: TCP}, {port: 1, endPort: 2}]}]}"
    ),
    yaml.safe_load(
        "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: c, namespace: shop}, spec: "
        "{endpointSelector: {matchLabels: {k8s:app: db}}, enableDefaultDeny: {ingress: true}, "
        "ingress: [{fromEndpoints: [{matchLabels: {a: b}}], fromEntities: [world], fromCIDRSet: [{cidr: 10.0.0.0/8, "
        f"except: [10.1.0.0/16]}}], toPorts: [{{ports: {PORTS}, "
        "rules: {http: [{method: GET, headers: [a]}]}}]}], "
        "egressDeny: [{toServices: [{k8sService: {serviceName: a, namespace: shop}}], toNodes: [{}], icmps: [{}]}], "
        "egress: [{toFQDNs: [{matchName: a.example}], toGroups: [{aws: {}}]}]}}"
    ),
    yaml.safe_load(
        "{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: a}, spec: "
        "{priority: 1, subject: {pods: {namespaceSelector: {}, podSelector: {}}}, ingress: [{action: Deny, name: x, "
        "from: [{namespaces: {}}], ports: [{portNumber: {protocol: TCP, port: 1}}, {portRange: {start: 1, end: 2}}]}], "
        "egress: [{action: Pass, to: [{networks: [10.0.0.0/8]}, {nodes: {}}, {domainNames: [a]}]}]}}"
    ),
    yaml.safe_load(
        "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: z, namespace: shop}, spec: "
        "{selector: {matchLabels: {app: db}}, action: ALLOW, rules: [{from: [{source: {principals: ['*'], "
        "ipBlocks: [10.0.0.0/8]}}], to: [{operation: {ports: ['80'], methods: [GET]}}], when: [{key: a}]}]}}"
    ),
]
odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, 3, -1, "x", "", True, [], {}, [None], [3], [[]], {"a": 3}, {"a": None}, "10.0.0.0/99"]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place below the head of an object."""
    found = [path] if path and path[0] not in ("apiVersion", "kind") and path not in (("metadata",),) else []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    else:
        steps = []
    return found + [each for step, below in steps for each in places(below, (*path, step))]


@st.composite
def damaged(draw: st.DrawFn, seeds: list[Raw] = SEEDS) -> list[Raw]:
    objects = copy.deepcopy(seeds)
    for _ in range(draw(st.integers(1, 3))):
        target = draw(st.sampled_from(objects))
        known = places(target)
        if not known:
            continue
        *parents, last = draw(st.sampled_from(known))
        value: Any = target
        for step in parents:
            value = value[step]
        value[last] = copy.deepcopy(draw(odd))
    return objects


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_nothing_raises(objects: list[Raw]) -> None:
    own = inventory(*objects)
    world = Connectivity(own)
    assert all(error.path or thing for thing, error in world.unreadable)
    for edge in list(world.edges()):
        assert world.explain(edge.source, edge.target, edge.ports).allowed
    assert all(str(each) for each in (*gaps(world), *gaps(world, own)))


def test_the_seeds_themselves_are_read() -> None:
    world = connectivity(*SEEDS)
    assert world.unreadable == []
    assert {section.policy.kind for section in world.sections} == {
        "NetworkPolicy",
        "CiliumNetworkPolicy",
        "AdminNetworkPolicy",
        "AuthorizationPolicy",
    }
