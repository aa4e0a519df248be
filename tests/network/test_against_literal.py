"""Generated clusters: the engine and the literal reading of the specification agree on every connection."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.network.literal import Cluster
from tests.network.world import connectivity

Raw = dict[str, Any]
KEYS, VALUES, SPACES = ["app", "tier"], ["a", "b"], ["one", "two"]
PORTS = [79, 80, 85, 90, 91, 443]
ADDRESSES = ["10.0.0.1", "10.1.0.1", "192.0.2.1", "2001:db8::1"]

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2)
expression = st.one_of(
    st.builds(
        lambda key, operator, values: {"key": key, "operator": operator, "values": values},
        st.sampled_from(KEYS), st.sampled_from(["In", "NotIn"]), st.lists(st.sampled_from(VALUES), min_size=1),
    ),
    st.builds(
        lambda key, operator: {"key": key, "operator": operator},
        st.sampled_from(KEYS), st.sampled_from(["Exists", "DoesNotExist"]),
    ),
)  # fmt: skip
selector = st.fixed_dictionaries(
    {}, optional={"matchLabels": labels, "matchExpressions": st.lists(expression, max_size=1)}
)
space_labels = st.dictionaries(st.sampled_from(["team", "app"]), st.sampled_from(VALUES), max_size=2)
space_selector = st.one_of(
    st.just({}),
    st.builds(lambda found: {"matchLabels": found}, space_labels),
    st.builds(lambda name: {"matchLabels": {"kubernetes.io/metadata.name": name}}, st.sampled_from(SPACES)),
)
blocks = st.sampled_from(
    [
        {"cidr": "10.0.0.0/8"},
        {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/16", "192.0.2.0/24"]},
        {"cidr": "10.0.0.0/15", "except": ["10.1.0.0/16"]},
        {"cidr": "2001:db8::/32"},
    ]
)
peer = st.one_of(
    st.builds(lambda s: {"podSelector": s}, selector),
    st.builds(lambda s: {"namespaceSelector": s}, space_selector),
    st.builds(lambda n, s: {"namespaceSelector": n, "podSelector": s}, space_selector, selector),
    st.builds(lambda b: {"ipBlock": b}, blocks),
)
port = st.one_of(
    st.just({}),
    st.just({"protocol": "UDP"}),
    st.builds(lambda number: {"port": number}, st.sampled_from(PORTS)),
    st.builds(lambda number: {"port": number, "protocol": "UDP"}, st.sampled_from(PORTS)),
    st.just({"port": 80, "endPort": 90}),
    st.builds(lambda name: {"port": name}, st.sampled_from(["http", "sql"])),
)


def rules(side: str) -> st.SearchStrategy[list[Raw]]:
    rule: st.SearchStrategy[Raw] = st.fixed_dictionaries(
        {}, optional={side: st.lists(peer, max_size=2), "ports": st.lists(port, max_size=2)}
    )
    return st.lists(rule, max_size=2)


spec = st.fixed_dictionaries(
    {"podSelector": selector},
    optional={
        "policyTypes": st.lists(st.sampled_from(["Ingress", "Egress"]), max_size=2, unique=True),
        "ingress": rules("from"),
        "egress": rules("to"),
    },
)


@st.composite
def clusters(draw: st.DrawFn) -> list[Raw]:
    names = draw(st.lists(st.sampled_from(SPACES), unique=True))
    metadata = [{"name": name, "labels": draw(space_labels)} for name in names]
    objects: list[Raw] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": each} for each in metadata]
    for index in range(draw(st.integers(2, 5))):
        listed = [
            {"name": name, "containerPort": draw(st.sampled_from(PORTS))}
            for name in draw(st.lists(st.sampled_from(["http", "sql"]), unique=True))
        ]
        template = {
            "metadata": {"labels": draw(labels)},
            "spec": {
                "hostNetwork": draw(st.sampled_from([False, False, False, True])),
                "containers": [{"name": "c", "ports": listed}],
            },
        }
        place = {"name": f"w{index}", "namespace": draw(st.sampled_from(SPACES))}
        objects.append(
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": place, "spec": {"template": template}}
        )
    for index, each in enumerate(draw(st.lists(spec, max_size=4))):
        place = {"name": f"p{index}", "namespace": draw(st.sampled_from(SPACES))}
        api = "networking.k8s.io/v1"
        objects.append({"apiVersion": api, "kind": "NetworkPolicy", "metadata": place, "spec": each})
    return objects


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(clusters())
def test_every_connection_is_judged_alike(objects: list[Raw]) -> None:
    world, literal = connectivity(*objects), Cluster(objects)
    assert world.unreadable == []
    ports = {(edge.source, edge.target): edge.ports for edge in world.edges()}
    ids = {each.rpartition("/")[2]: each for each in world.endpoints}
    hosts = {name for name, each in literal.pods.items() if each["spec"]["template"]["spec"]["hostNetwork"]}
    for source in ids:
        for target in ids:
            if {source, target} & hosts and any(
                "ipBlock" in each for policy in literal.policies for each in _peers(policy)
            ):
                continue  # whether a block has a node's address is known to nobody
            for protocol, number in [("TCP", each) for each in PORTS] + [("UDP", 80)]:
                wanted = literal.connects(source, target, protocol, number)
                where = (source, target, protocol, number)
                assert world.allows(ids[source], ids[target], protocol, number).allowed == wanted, where
                open_ports = ports.get((ids[source], ids[target]))
                assert (open_ports is not None and open_ports.has(protocol, number)) == wanted, where
    for name in ids:
        for address in ADDRESSES:
            for number in PORTS:
                outward = world.allows(ids[name], f"external:{address}", "TCP", number)
                assert outward.allowed == literal.connects(name, address, "TCP", number), (name, address, number)
                inward = world.allows(f"external:{address}", ids[name], "TCP", number)
                assert inward.allowed == literal.connects(address, name, "TCP", number), (address, name, number)


def _peers(policy: Raw) -> list[Raw]:
    spec = policy["spec"]
    rules = [*spec.get("ingress", []), *spec.get("egress", [])]
    return [each for rule in rules for each in [*rule.get("from", []), *rule.get("to", [])]]
