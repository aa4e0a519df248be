"""The administrator's policies: order, passing on, the baseline."""

from __future__ import annotations

from typing import Any

import yaml

from tests.network.world import connectivity, deployment, edges, into, namespace, out_of, policy

DB = deployment("db", ports={"sql": 5432})
WEB = deployment("web")
FAR = deployment("far", "other")
SPACES = (namespace("shop", team="a"), namespace("other", team="b"))
GROUP = "policy.networking.k8s.io"


def anp(spec: str, name: str = "a", kind: str = "AdminNetworkPolicy", version: str = "v1alpha1") -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": metadata, "spec": yaml.safe_load(spec)}


def subject(rules: str, priority: int = 10, name: str = "a") -> dict[str, Any]:
    return anp(f"{{priority: {priority}, subject: {{namespaces: {{matchLabels: {{team: a}}}}}}, {rules}}}", name)


def db_in(*policies: dict[str, Any]) -> dict[str, str]:
    world = connectivity(DB, WEB, FAR, *SPACES, *policies)
    assert world.unreadable == []
    return into(world, "db")


OTHER = "from: [{namespaces: {matchLabels: {team: b}}}]"
SELF = "from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}]"


def test_a_deny_of_the_administrator_wins_over_a_networkpolicy() -> None:
    allow = policy(spec="{podSelector: {}, ingress: [{}]}")
    found = db_in(allow, subject(f"ingress: [{{action: Deny, {OTHER}}}]"))
    assert set(found) == {"web", "db", "external"}


def test_an_allow_of_the_administrator_wins_over_isolation() -> None:
    isolate = policy(spec="{podSelector: {}}")
    rule = f"{{action: Allow, {OTHER}, ports: [{{portNumber: {{protocol: TCP, port: 5432}}}}]}}"
    assert db_in(isolate, subject(f"ingress: [{rule}]")) == {"far": "TCP/5432"}


def test_what_no_rule_speaks_of_is_left_to_networkpolicies() -> None:
    assert set(db_in(subject(f"ingress: [{{action: Allow, {OTHER}}}]"))) == {"web", "far", "db", "external"}


def test_the_first_rule_that_matches_decides() -> None:
    allow = f"{{action: Allow, {OTHER}, ports: [{{portRange: {{protocol: TCP, start: 1, end: 9}}}}]}}"
    assert db_in(subject(f"ingress: [{allow}, {{action: Deny, {OTHER}}}]"))["far"] == "TCP/1-9"


def test_the_smaller_priority_is_asked_first() -> None:
    deny = subject(f"ingress: [{{action: Deny, {OTHER}}}]", 5, "deny")
    allow = subject(f"ingress: [{{action: Allow, {OTHER}}}]", 6, "allow")
    assert "far" not in db_in(allow, deny)
    assert "far" in db_in(allow, subject(f"ingress: [{{action: Deny, {OTHER}}}]", 7, "deny"))


def test_passing_on_skips_the_administrators_later_rules() -> None:
    rules = f"ingress: [{{action: Pass, {SELF}}}, {{action: Deny, from: [{{namespaces: {{}}}}]}}]"
    assert set(db_in(subject(rules))) == {"web", "external"}
    assert set(db_in(subject(rules), policy(spec="{podSelector: {}}"))) == set()


def baseline(rules: str) -> dict[str, Any]:
    return anp(f"{{subject: {{namespaces: {{}}}}, {rules}}}", "default", "BaselineAdminNetworkPolicy")


def test_the_baseline_decides_where_no_networkpolicy_isolates() -> None:
    assert set(db_in(baseline(f"ingress: [{{action: Deny, {OTHER}}}]"))) == {"web", "db", "external"}
    allow = policy(spec="{podSelector: {matchLabels: {app: db}}, ingress: [{}]}")
    assert "far" in db_in(baseline(f"ingress: [{{action: Deny, {OTHER}}}]"), allow)


def test_egress_to_networks_nodes_and_names() -> None:
    agent = deployment("agent", "other", host=True)
    allow = "{action: Allow, to: [{domainNames: ['*.example.com']}]}"
    rules = f"egress: [{allow}, {{action: Deny, to: [{{networks: [0.0.0.0/0]}}]}}]"
    world = connectivity(DB, WEB, FAR, agent, *SPACES, subject(rules))
    assert world.allows("db", "external:a.example.com", "TCP", 1).allowed
    assert not world.allows("db", "external:192.0.2.1", "TCP", 1).allowed
    assert world.allows("db", "external:2001:db8::1", "TCP", 1).allowed
    # The agent is on a node's network; of IPv6 nothing is said, and of names only those that are allowed.
    assert set(out_of(world, "db")) == {"external"}
    world = connectivity(DB, agent, *SPACES, subject("egress: [{action: Deny, to: [{nodes: {matchLabels: {a: b}}}]}]"))
    assert "agent" not in out_of(world, "db")


def test_a_network_means_pods_as_well_when_it_has_all_addresses_that_they_may_have() -> None:
    def open_to(network: str, before: str = "") -> set[str]:
        return set(
            out_of(connectivity(DB, WEB, FAR, *SPACES, subject(f"egress: [{before}{{action: Deny, {network}}}]")), "db")
        )

    assert open_to("to: [{networks: [10.0.0.0/8, 172.16.0.0/12]}]") == {"web", "far", "db", "external"}
    assert open_to("to: [{networks: [0.0.0.0/0]}]") == {"external"}
    assert open_to("to: [{networks: [0.0.0.0/0]}]", "{action: Pass, to: [{namespaces: {}}]}, ") == {
        "web", "far", "db", "external"
    }  # fmt: skip


def test_a_named_port_is_that_of_each_pod() -> None:
    rules = f"ingress: [{{action: Deny, {OTHER}, ports: [{{namedPort: sql}}]}}]"
    assert db_in(subject(rules))["far"].startswith("TCP/1-5431, TCP/5433-65535")


def test_the_successor_of_both_says_its_tier() -> None:
    rule = f"{{action: Deny, {OTHER}, protocols: [{{tcp: {{destinationPort: {{number: 22}}}}}}, {{udp: {{}}}}]}}"
    for tier, still_denied in (("Admin", True), ("Baseline", False)):
        spec = f"{{tier: {tier}, priority: 1, subject: {{namespaces: {{}}}}, ingress: [{rule}]}}"
        own = anp(spec, "c", "ClusterNetworkPolicy", "v1alpha2")
        assert db_in(own)["far"] == "TCP/1-21, TCP/23-65535, SCTP/1-65535"
        allow = policy(spec="{podSelector: {}, ingress: [{}]}")
        assert (db_in(own, allow)["far"] != "any") == still_denied


def successor(rules: str, tier: str = "Baseline") -> dict[str, Any]:
    return anp(
        f"{{tier: {tier}, priority: 1, subject: {{namespaces: {{}}}}, {rules}}}",
        "c",
        "ClusterNetworkPolicy",
        "v1alpha2",
    )


def test_the_fields_of_the_successor() -> None:
    ports = "{tcp: {destinationPort: {range: {start: 1, end: 9}}}}, {sctp: {destinationPort: {number: 7}}}"
    rule = f"{{action: Deny, {OTHER}, protocols: [{ports}, {{destinationNamedPort: sql}}]}}"
    assert db_in(successor(f"ingress: [{rule}]"))["far"] == (
        "TCP/10-5431, TCP/5433-65535, UDP/1-65535, SCTP/1-6, SCTP/8-65535"
    )


def test_a_baseline_of_the_successor_may_pass_on_to_the_default() -> None:
    rules = f"ingress: [{{action: Pass, {SELF}}}, {{action: Deny, from: [{{namespaces: {{}}}}]}}]"
    assert set(db_in(successor(rules))) == {"web", "external"}
    world = connectivity(DB, WEB, FAR, *SPACES, successor(rules))
    verdict = world.allows("web", "db", "TCP", 1)
    assert verdict.allowed
    assert "ClusterNetworkPolicy c passes on it by spec.ingress[0]" in [each.text for each in verdict.because]
    assert not world.allows("far", "db", "TCP", 1).allowed


def test_each_kind_has_its_own_word_for_allowing() -> None:
    for policy_, word in ((successor, "Allow"), (subject, "Accept"), (baseline, "Accept")):
        world = connectivity(DB, *SPACES, policy_(f"ingress: [{{action: {word}, {OTHER}}}]"))
        assert [error.path for _, error in world.unreadable] == [("spec", "ingress", 0, "action")]


def test_why_names_the_rule_that_decides() -> None:
    world = connectivity(DB, FAR, *SPACES, subject(f"ingress: [{{action: Deny, {OTHER}}}]"))
    (reason,) = world.allows("far", "db", "TCP", 1).because
    assert (reason.policy is not None and reason.policy.name, reason.path) == ("a", ("spec", "ingress", 0))


def test_a_pass_in_the_baseline_is_refused() -> None:
    world = connectivity(DB, baseline(f"ingress: [{{action: Pass, {OTHER}}}]"))
    ((_, error),) = world.unreadable
    assert error.path == ("spec", "ingress", 0, "action")
    assert ("db", "db") in edges(world)


def test_pods_without_a_pod_selector_are_all_of_the_namespaces() -> None:
    peer = "from: [{pods: {namespaceSelector: {matchLabels: {team: b}}}}]"
    assert "far" not in db_in(subject(f"ingress: [{{action: Deny, {peer}}}]"))
