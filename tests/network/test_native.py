"""Kubernetes' own NetworkPolicy: what naive readings get wrong, one by one."""

from __future__ import annotations

from tests.network.world import connectivity, deployment, into, namespace, out_of, policy

DB = deployment("db", ports={"sql": 5432})
WEB = deployment("web", ports={"http": 8080}, app="web", tier="front")
FAR = deployment("far", "other", app="web")
SPACES = (namespace("shop", team="a"), namespace("other", team="b"))


def db_in(rules: str, **also: str) -> dict[str, str]:
    """Who gets to the database under ingress rules."""
    world = connectivity(DB, WEB, FAR, *SPACES, policy(spec=f"{{podSelector: {{matchLabels: {{app: db}}}}, {rules}}}"))
    assert world.unreadable == []
    return into(world, "db")


def test_without_a_policy_everything_is_open() -> None:
    world = connectivity(DB, WEB)
    assert into(world, "db") == {"web": "any", "db": "any", "external": "any"}
    assert out_of(world, "db") == {"web": "any", "db": "any", "external": "any"}


def test_selectors_of_one_peer_are_and() -> None:
    rules = "ingress: [{from: [{namespaceSelector: {matchLabels: {team: b}}, podSelector: {matchLabels: {app: web}}}]}]"
    assert db_in(rules) == {"far": "any"}


def test_two_peers_are_or() -> None:
    rules = (
        "ingress: [{from: [{namespaceSelector: {matchLabels: {team: b}}}, {podSelector: {matchLabels: {app: web}}}]}]"
    )
    assert db_in(rules) == {"far": "any", "web": "any"}


def test_an_empty_namespace_selector_means_all_namespaces() -> None:
    assert db_in("ingress: [{from: [{namespaceSelector: {}}]}]") == {"web": "any", "far": "any", "db": "any"}


def test_an_absent_namespace_selector_means_the_policys_own_namespace() -> None:
    assert db_in("ingress: [{from: [{podSelector: {}}]}]") == {"web": "any", "db": "any"}


def test_kubernetes_names_namespaces_by_a_label_of_its_own() -> None:
    rules = "ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]}]"
    assert db_in(rules) == {"far": "any"}


def test_a_namespace_that_is_not_among_the_manifests_has_its_name() -> None:
    rule = "{matchLabels: {kubernetes.io/metadata.name: other}}"
    world = connectivity(
        DB, FAR, policy(spec=f"{{podSelector: {{}}, ingress: [{{from: [{{namespaceSelector: {rule}}}]}}]}}")
    )
    assert into(world, "db") == {"far": "any"}


def test_labels_and_expressions_are_and() -> None:
    peer = "{podSelector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [back]}]}}"
    assert db_in(f"ingress: [{{from: [{peer}]}}]") == {}


def test_an_expression_alone_does_not_select_everything() -> None:
    peer = "{podSelector: {matchExpressions: [{key: tier, operator: Exists}]}}"
    assert db_in(f"ingress: [{{from: [{peer}]}}]") == {"web": "any"}


def test_the_labels_of_the_workload_itself_do_not_count() -> None:
    assert db_in("ingress: [{from: [{podSelector: {matchLabels: {not: these}}}]}]") == {}


def test_absent_policy_types_mean_ingress_always() -> None:
    world = connectivity(DB, WEB, policy(spec="{podSelector: {matchLabels: {app: db}}}"))
    assert into(world, "db") == {}
    assert set(out_of(world, "db")) == {"web", "external"}


def test_absent_policy_types_mean_egress_only_with_rules() -> None:
    world = connectivity(DB, WEB, policy(spec="{podSelector: {}, egress: [{to: [{podSelector: {}}]}]}"))
    assert out_of(world, "db") == {}
    assert into(world, "db") == {}
    world = connectivity(DB, WEB, policy(spec="{podSelector: {}, ingress: [{}], egress: []}"))
    assert set(out_of(world, "db")) == {"web", "db", "external"}


def test_egress_alone_isolates_no_ingress() -> None:
    spec = "{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: []}"
    world = connectivity(DB, WEB, policy(spec=spec))
    assert out_of(world, "db") == {}
    assert set(into(world, "db")) == {"web", "external"}


def test_rules_of_a_direction_that_is_not_listed_count_for_nothing() -> None:
    spec = "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{}], egress: [{to: []}]}"
    world = connectivity(DB, WEB, policy(spec=spec))
    assert set(out_of(world, "db")) == {"web", "db", "external"}


def test_no_rules_allow_nothing_and_an_empty_rule_everything() -> None:
    assert db_in("ingress: []") == {}
    assert set(db_in("ingress: [{}]")) == {"web", "far", "db", "external"}
    assert set(db_in("ingress: [{from: []}]")) == {"web", "far", "db", "external"}


def test_both_sides_must_allow() -> None:
    closed = policy("closed", spec="{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}")
    opened = policy("opened", spec="{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}]}]}")
    assert "web" not in into(connectivity(DB, WEB, closed, opened), "db")
    assert "web" in into(connectivity(DB, WEB, opened), "db")


def test_policies_add_up() -> None:
    one = policy("one", spec="{podSelector: {}, ingress: [{ports: [{port: 1}]}]}")
    two = policy(
        "two", spec="{podSelector: {}, ingress: [{ports: [{port: 2, endPort: 3}, {port: 53, protocol: UDP}]}]}"
    )
    assert into(connectivity(DB, WEB, one, two), "db")["web"] == "TCP/1-3, UDP/53"


def test_a_port_without_a_number_is_every_port_of_its_protocol() -> None:
    assert db_in("ingress: [{ports: [{protocol: UDP}]}]")["web"] == "UDP/1-65535"
    assert db_in("ingress: [{ports: [{}]}]")["web"] == "TCP/1-65535"


def test_a_named_port_is_that_of_each_pod_connected_to() -> None:
    one, two = deployment("one", ports={"http": 80}), deployment("two", ports={"http": 8080})
    out = policy(
        spec="{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}"
    )
    world = connectivity(one, two, DB, WEB, out)
    assert out_of(world, "web") == {"one": "TCP/80", "two": "TCP/8080", "web": "TCP/8080"}
    inward = policy(spec="{podSelector: {}, ingress: [{ports: [{port: http}]}]}")
    world = connectivity(one, two, DB, inward)
    assert into(world, "one")["db"] == "TCP/80"
    assert into(world, "two")["external"] == "TCP/8080"
    assert into(world, "db") == {}


def test_a_named_port_has_a_protocol() -> None:
    assert db_in("ingress: [{ports: [{port: sql}]}]")["web"] == "TCP/5432"
    assert db_in("ingress: [{ports: [{port: sql, protocol: UDP}]}]") == {}


def test_an_ip_block_speaks_of_the_outside_only() -> None:
    assert db_in("ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]") == {"external": "any"}


def test_except_takes_addresses_away() -> None:
    peer = "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}"
    world = connectivity(DB, policy(spec=f"{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{peer}]}}]}}"))
    assert world.allows("db", "external:10.2.0.1", "TCP", 443).allowed
    assert not world.allows("db", "external:10.1.0.1", "TCP", 443).allowed
    assert not world.allows("db", "external:192.0.2.1", "TCP", 443).allowed
    (edge,) = [each for each in world.edges() if each.source.endswith("db")]
    assert "10.1.0.0/16" not in edge.outside[0].addresses.words()
    assert edge.outside[0].addresses.has("10.200.0.1")


def test_pods_on_the_network_of_their_node_are_not_selected() -> None:
    agent = deployment("agent", host=True)
    world = connectivity(agent, DB, policy(spec="{podSelector: {}, policyTypes: [Ingress, Egress]}"))
    assert set(out_of(world, "agent")) == {"agent", "external"}
    assert "external" in into(world, "agent")
    by_label = policy(spec="{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: agent}}}]}]}")
    assert into(connectivity(agent, DB, by_label), "db") == {}


def test_a_policy_without_a_pod_selector_selects_all_pods() -> None:
    assert into(connectivity(DB, WEB, policy(spec="{ingress: []}")), "db") == {}


def test_a_policy_selects_pods_of_its_own_namespace_only() -> None:
    world = connectivity(DB, FAR, policy(namespace="other", spec="{podSelector: {}}"))
    assert set(into(world, "db")) == {"far", "db", "external"}
    assert into(world, "far") == {}


def test_a_policy_with_wrong_types_is_named_and_not_half_understood() -> None:
    world = connectivity(DB, WEB, policy(spec="{podSelector: {}, ingress: [{from: [{podSelector: 3}]}]}"))
    ((found, error),) = world.unreadable
    assert found.name == "p"
    assert error.path == ("spec", "ingress", 0, "from", 0, "podSelector")


def test_why_not_names_the_policy_that_isolates_and_what_it_does_allow() -> None:
    rules = "ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]"
    world = connectivity(DB, WEB, FAR, policy("guard", spec=f"{{podSelector: {{matchLabels: {{app: db}}}}, {rules}}}"))
    yes, no = world.allows("web", "db", "TCP", 5432), world.allows("web", "db", "TCP", 22)
    assert yes.allowed
    assert [str(each) for each in yes.because] == [
        "egress: no policy isolates the egress",
        "ingress: NetworkPolicy shop/guard allows it by spec.ingress[0] (world.yaml#spec.ingress[0])",
    ]
    assert not no.allowed
    assert [each.text for each in no.because] == [
        "NetworkPolicy shop/guard isolates the ingress; allows TCP/5432 between the two"
    ]
    assert no.because[0].path == ("spec", "ingress")
    stranger = world.allows("far", "db", "TCP", 5432)
    assert stranger.because[0].text.endswith("no rule of it names the other side")


def test_why_not_names_the_policy_to_change_before_the_one_that_denies_by_default() -> None:
    default = policy("a-default", spec="{podSelector: {}, policyTypes: [Ingress, Egress]}")
    rules = "ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]"
    own = policy("own", spec=f"{{podSelector: {{matchLabels: {{app: db}}}}, {rules}}}")
    open_out = policy("out", spec="{podSelector: {}, policyTypes: [Egress], egress: [{}]}")
    reasons = connectivity(DB, WEB, default, own, open_out).allows("web", "db", "TCP", 22).because
    assert [each.policy.name for each in reasons if each.policy] == ["own", "a-default"]
